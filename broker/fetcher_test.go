package broker_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// What is shown here needs a broker that can be told to do wrong.

// patience is how long a test waits for what takes a second on a machine that is not busy.
const patience = 60 * time.Second

type faultyBundle struct {
	t       *testing.T
	cluster *kfake.Cluster
	config  broker.Config
	writer  *broker.Writer
	// next are the offsets that come next, by partition.
	next map[broker.PartitionID]int64
}

func setupFaulty(t *testing.T, brokers, partitions int) *faultyBundle {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(brokers))
	require.NoError(t, err)
	t.Cleanup(c.Close)
	b := &faultyBundle{t: t, cluster: c, next: map[broker.PartitionID]int64{}}
	b.config = broker.Config{Brokers: c.ListenAddrs(), Partitions: partitions, Replication: 1, Retention: 7 * 24 * time.Hour, Group: "test"}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.config))
	b.writer = broker.NewWriter(b.config)
	t.Cleanup(func() { _ = b.writer.Close() })
	return b
}

func (b *faultyBundle) reader() *broker.Reader {
	b.t.Helper()
	r, err := broker.NewReader(b.config, broker.Topics()...)
	require.NoError(b.t, err)
	b.t.Cleanup(func() { _ = r.Close() })
	return r
}

func (b *faultyBundle) publish(events []domain.Envelope) {
	b.t.Helper()
	require.Eventually(b.t, func() bool { // as the relay does
		var err error
		events, err = b.writer.Publish(b.t.Context(), events)
		return err == nil
	}, patience, 50*time.Millisecond)
}

// fetch reads n messages, each partition's without a gap and none twice.
func (b *faultyBundle) fetch(r *broker.Reader, n int) (all []kafka.Message) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	defer cancel()
	for len(all) < n {
		messages, err := r.Fetch(ctx, n-len(all))
		require.NoError(b.t, err)
		for _, m := range messages {
			id := broker.PartitionID{Topic: m.Topic, Partition: m.Partition}
			require.Equal(b.t, b.next[id], m.Offset, id)
			b.next[id]++
		}
		all = append(all, messages...)
	}
	return all
}

// awaitLost waits until the reader tells that messages may be missing.
func (b *faultyBundle) awaitLost(r *broker.Reader) {
	b.t.Helper()
	select {
	case <-r.Lost():
	case <-time.After(patience):
		require.Fail(b.t, "what may be missing is not told")
	}
}

// onFetch has a function see every fetch request and the broker that it came to; the function may fail it.
func (b *faultyBundle) onFetch(see func(broker int32, request *kmsg.FetchRequest) error) {
	b.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		b.cluster.KeepControl()
		err := see(b.cluster.CurrentNode(), request.(*kmsg.FetchRequest))
		return nil, err, err != nil
	})
}

func partitions(request *kmsg.FetchRequest) (ids []broker.PartitionID) {
	for _, t := range request.Topics {
		for _, p := range t.Partitions {
			ids = append(ids, broker.PartitionID{Topic: t.Topic, Partition: int(p.Partition)})
		}
	}
	return ids
}

func TestOneRequestReadsAllPartitionsOfABroker(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 2, 4)
	led := map[int32]int{}
	for _, topic := range broker.Topics() {
		for p := range int32(4) {
			led[b.cluster.LeaderFor(topic, p)]++
		}
	}
	var mu sync.Mutex
	asked := map[int32][]int{}
	b.onFetch(func(broker int32, request *kmsg.FetchRequest) error {
		mu.Lock()
		defer mu.Unlock()
		asked[broker] = append(asked[broker], len(partitions(request)))
		return nil
	})
	events := eventtest.Lives(41, 200)
	b.publish(events)
	b.fetch(b.reader(), len(events))
	mu.Lock()
	defer mu.Unlock()
	require.Len(t, asked, len(led))
	for broker, counts := range asked {
		require.Equal(t, slices.Repeat([]int{led[broker]}, len(counts)), counts)
	}
}

// Fails without findLeaders in Reader.read.
func TestPartitionsAreFollowedToOtherBrokers(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 3, 4)
	r := b.reader()
	events := eventtest.Lives(42, 300)
	part := len(events) / 3
	b.publish(events[:part])
	b.fetch(r, part)
	for range 2 {
		b.cluster.ShufflePartitionLeaders()
		events = events[part:]
		b.publish(events[:part])
		b.fetch(r, part)
	}
}

// A partition gets another leader while what the old one has answered still waits to be taken.
// Fails without partition.busy: the new leader would be asked as well, and its messages come between those.
func TestASlowReaderKeepsTheOrderOfAMovedPartition(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 2, 1)
	events := eventtest.Lives(44, 2000)
	b.publish(events)
	r := b.reader()
	b.fetch(r, 1)
	other := 1 - b.cluster.LeaderFor("order-events", 0)
	var looked atomic.Int64
	b.cluster.ControlKey(int16(kmsg.ListOffsets), func(request kmsg.Request) (kmsg.Response, error, bool) {
		for _, topic := range request.(*kmsg.ListOffsetsRequest).Topics {
			if topic.Topic == "order-events" && b.cluster.CurrentNode() == other {
				looked.Add(1)
			}
		}
		return nil, nil, false
	})
	require.NoError(t, b.cluster.MoveTopicPartition("order-events", 0, other))
	// The first tells that the client knows the new leader. The second tells that the reader has looked for it since,
	// the third that it has had the time to ask.
	require.Eventually(t, func() bool { return looked.Load() >= 3 }, patience, 50*time.Millisecond)
	b.fetch(r, len(events)-1)
}

// Fails without partition.suspect: no request would be without the partition.
func TestAPartitionThatCantBeReadStopsNoOther(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 4)
	bad := broker.PartitionID{Topic: "order-events", Partition: 1}
	var healed atomic.Bool
	b.onFetch(func(_ int32, request *kmsg.FetchRequest) error {
		if !healed.Load() && slices.Contains(partitions(request), bad) {
			return errors.New("can't read this")
		}
		return nil
	})
	events := eventtest.Lives(43, 200)
	b.publish(events)
	r := b.reader()
	kept := int(b.cluster.PartitionInfo(bad.Topic, int32(bad.Partition)).HighWatermark)
	require.NotZero(t, kept)
	b.fetch(r, len(events)-kept)
	healed.Store(true)
	for _, m := range b.fetch(r, kept) {
		require.Equal(t, bad.Partition, m.Partition)
	}
}

// Fails without the case of protocol.ControlBatch in contentsOf: what ends a transaction would be read as a message.
func TestTransactionsOfOthersAreReadWithoutTheirEnds(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 1)
	other, err := kgo.NewClient(kgo.SeedBrokers(b.config.Brokers...), kgo.TransactionalID("other"), kgo.DefaultProduceTopic("order-events"))
	require.NoError(t, err)
	defer other.Close()
	for _, value := range []string{"1", "2"} {
		require.NoError(t, other.BeginTransaction())
		require.NoError(t, other.ProduceSync(t.Context(), kgo.StringRecord(value)).FirstErr())
		require.NoError(t, other.EndTransaction(t.Context(), kgo.TryCommit))
	}
	r := b.reader()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for _, value := range []string{"1", "2"} {
		m, err := r.Fetch(ctx, 1)
		require.NoError(t, err)
		require.Equal(t, value, string(m[0].Value))
	}
	select {
	case <-r.Lost():
		require.Fail(t, "nothing is lost")
	default:
	}
}

// Kafka was emptied, or came back from a copy: the group's offset lies behind the end. Nothing is out of range any
// more once there are as many messages as before. So the reader begins anew as soon as it is told. Fails without
// p.gone = true in Reader.readAnswer: the reader would wait until then.
func TestAPositionThatKafkaDoesNotHaveGoesBackToTheFirstMessage(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 1)
	b.publish([]domain.Envelope{envelope(1)})
	client, err := kgo.NewClient(kgo.SeedBrokers(b.config.Brokers...))
	require.NoError(t, err)
	defer client.Close()
	admin := kadm.NewClient(client)
	offsets := kadm.Offsets{}
	offsets.AddOffset("order-events", 0, 3, -1)
	_, err = admin.CommitOffsets(t.Context(), b.config.Group, offsets)
	require.NoError(t, err)
	r := b.reader()
	b.fetch(r, 1)
	b.awaitLost(r)
	require.Eventually(t, func() bool {
		committed, err := admin.FetchOffsets(t.Context(), b.config.Group)
		require.NoError(t, err)
		offset, _ := committed.Lookup("order-events", 0)
		return offset.At == 0
	}, patience, 10*time.Millisecond, "whoever looks at the lag is not misled")
}

// Fails without the last r.commit in Reader.read, with a commit in Reader.Commit, and without partition.heard.
func TestOffsetsAreCommittedSeldomAndBeforeAReaderLeaves(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 2)
	var commits, looks atomic.Int64
	count := func(key kmsg.Key, n *atomic.Int64) {
		b.cluster.ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) { n.Add(1); return nil, nil, false })
	}
	count(kmsg.OffsetCommit, &commits)
	count(kmsg.ListOffsets, &looks)
	r := b.reader()
	began := time.Now()
	var version int64
	for commits.Load() < 3 {
		version++
		b.publish([]domain.Envelope{envelope(version)})
		r.Commit(b.fetch(r, 1))
	}
	require.NoError(t, r.Close())
	require.LessOrEqual(t, commits.Load(), int64(time.Since(began)/time.Second)+2, "once a second, and at the end")
	// kafka.Client asks for the first and the last offset of each of the six partitions in a request of its own.
	require.LessOrEqual(t, looks.Load(), int64(2*12), "once, since the answers tell where the partitions end")
	b.publish([]domain.Envelope{envelope(version + 1)})
	b.fetch(b.reader(), 1)
}

// A topic that Kafka did not know for a moment may have been made anew, and filled beyond the position meanwhile.
// Fails without partition.absent: nobody would be told to look for what came before the position.
func TestAPartitionThatWasAwayIsReported(t *testing.T) {
	t.Parallel()
	b := setupFaulty(t, 1, 1)
	r := b.reader()
	b.publish([]domain.Envelope{envelope(1)})
	b.fetch(r, 1)
	b.cluster.ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) { // once
		answer := request.ResponseKind().(*kmsg.FetchResponse)
		answer.Topics = []kmsg.FetchResponseTopic{{
			Topic: "order-events", Partitions: []kmsg.FetchResponseTopicPartition{{ErrorCode: kerr.UnknownTopicOrPartition.Code, RecordBatches: []byte{}}},
		}}
		return answer, nil, true
	})
	b.awaitLost(r)
	b.publish([]domain.Envelope{envelope(2)})
	b.fetch(r, 1)
}
