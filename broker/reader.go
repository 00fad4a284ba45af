package broker

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/segmentio/kafka-go"
)

// Settings of the consumer group. A member that dies is missed after sessionTimeout; its partitions then go to the
// others. It is the shortest that a Kafka broker takes by default (group.min.session.timeout.ms). The views stand
// still so long after a kill -9, and several times as long when several processes die one after the other.
const (
	sessionTimeout    = 6 * time.Second
	heartbeatInterval = 1500 * time.Millisecond
	rebalanceTimeout  = 6 * time.Second
	// joinBackoff is short because an empty cluster has no coordinator at the first attempt.
	joinBackoff = 500 * time.Millisecond
	// generationRest bounds the wait after a generation that did not last as long.
	generationRest = time.Second
	// queueLen bounds the messages fetched and not yet taken.
	queueLen = 4096
)

// Reader reads topics as a member of a consumer group. Fetch and Commit are for one goroutine.
type Reader struct {
	cfg    Config
	topics []string
	client *kafka.Client
	close  func()

	messages chan fetched
	current  atomic.Pointer[generation]
	lost     chan struct{}
	// changed receives when there are other topics or partitions than the group was joined for.
	changed chan struct{}
	cancel  context.CancelFunc
	done    chan struct{}
}

// fetched is a message and the generation in which it was read.
type fetched struct {
	generation *generation
	message    kafka.Message
}

// PartitionID names a partition.
type PartitionID struct {
	Topic     string
	Partition int
}

// Position is how far a reader has come in one of its partitions.
type Position struct {
	PartitionID
	// Processed is the offset of the next message to process, End that of the next one to be written.
	Processed, End int64
}

// NewReader returns a reader of these topics in the group of cfg and begins to join it. Topics that do not exist are
// left out until they do.
func NewReader(cfg Config, topics ...string) (*Reader, error) {
	check := groupConfig(cfg, topics)
	if err := check.Validate(); err != nil {
		return nil, fmt.Errorf("join consumer group %s: %w", cfg.Group, err)
	}
	client, closeClient := cfg.client()
	ctx, cancel := context.WithCancel(context.Background()) // ended by Close, as in kafka-go's own Reader
	r := &Reader{
		cfg: cfg, topics: topics, client: client, close: closeClient, messages: make(chan fetched, queueLen),
		lost: make(chan struct{}, 1), changed: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go r.run(ctx)
	return r, nil
}

func groupConfig(cfg Config, topics []string) kafka.ConsumerGroupConfig {
	return kafka.ConsumerGroupConfig{
		ID: cfg.Group, Brokers: cfg.Brokers, Topics: topics, Dialer: cfg.dialer(),
		// Round robin spreads the partitions of all topics over the members. Range gives the first member partition 0
		// of every topic, and nothing to the thirteenth.
		GroupBalancers:    []kafka.GroupBalancer{kafka.RoundRobinGroupBalancer{}},
		HeartbeatInterval: heartbeatInterval, SessionTimeout: sessionTimeout, RebalanceTimeout: rebalanceTimeout,
		JoinGroupBackoff: joinBackoff, StartOffset: kafka.FirstOffset, Timeout: requestTimeout,
		// The reader looks by itself: a topic that is missing would end each generation at once.
		WatchPartitionChanges: false,
		ErrorLogger:           kafkaLogger(cfg, "consumer group"),
	}
}

// Close leaves the group. Messages fetched and not committed go to another member.
func (r *Reader) Close() error {
	r.cancel()
	<-r.done
	r.close()
	return nil
}

// Fetch waits for a message and returns it with those that have arrived as well, at most limit of
// them. The messages of a partition come in order.
func (r *Reader) Fetch(ctx context.Context, limit int) ([]kafka.Message, error) {
	var batch []kafka.Message
	take := func(f fetched) {
		// What an earlier generation has fetched comes again, here or to another member.
		if f.generation == r.current.Load() {
			batch = append(batch, f.message)
		}
	}
	for len(batch) == 0 {
		select {
		case f := <-r.messages:
			take(f)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	for len(batch) < limit {
		select {
		case f := <-r.messages:
			take(f)
		default:
			return batch, nil
		}
	}
	return batch, nil
}

// Commit notes that these messages and all before them in their partitions are done with. Kafka is told within a
// second, and when the reader is closed or loses partitions. After a rebalance it does nothing: the messages then come
// again to whoever has their partition.
func (r *Reader) Commit(messages []kafka.Message) {
	g := r.current.Load()
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, m := range messages {
		if p := g.partitions[PartitionID{m.Topic, m.Partition}]; p != nil {
			p.processed, p.uncommitted = max(p.processed, m.Offset+1), true
		}
	}
}

// Positions returns how far the reader has come in the partitions it has now.
func (r *Reader) Positions() []Position {
	g := r.current.Load()
	if g == nil {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	positions := make([]Position, 0, len(g.partitions))
	for id, p := range g.partitions {
		positions = append(positions, Position{PartitionID: id, Processed: p.processed, End: max(p.end, p.processed)})
	}
	return positions
}

// Lost receives when the reader had to skip to another offset, because Kafka no longer has, or never had, the one it
// wanted. Messages may have been lost, and whoever reads should look for them in the event store.
func (r *Reader) Lost() <-chan struct{} { return r.lost }

// run joins the group again and again and reads what is assigned. Each time it names the topics that there are. With
// one that does not exist, a leader of the group would assign nothing of the others either.
func (r *Reader) run(ctx context.Context) {
	defer close(r.done)
	wait := backoff.New()
	var complaint backoff.Complaint
	for ctx.Err() == nil {
		counts, err := r.partitionCounts(ctx)
		var present, missing []string
		for _, topic := range r.topics {
			if counts[topic] > 0 {
				present = append(present, topic)
			} else {
				missing = append(missing, topic)
			}
		}
		if err == nil && len(present) > 0 {
			wait.Reset()
			if len(missing) > 0 {
				r.cfg.logger().ErrorContext(ctx, "topics are missing, reading the others: \"orderloom setup\" makes them", "topics", missing)
			}
			r.member(ctx, present, counts)
			continue
		}
		if err == nil {
			err = kafka.UnknownTopicOrPartition
		}
		if ctx.Err() == nil && complaint.Due(err) {
			r.cfg.logger().WarnContext(ctx, "can't join the consumer group yet", "group", r.cfg.Group, "missing", missing, "error", err)
		}
		_ = wait.Wait(ctx)
	}
}

// member is a member of the group until ctx ends or there are other topics or partitions to read.
func (r *Reader) member(ctx context.Context, topics []string, counts map[string]int) {
	group, err := kafka.NewConsumerGroup(groupConfig(r.cfg, topics))
	if err != nil {
		r.cfg.logger().ErrorContext(ctx, "can't join the consumer group", "group", r.cfg.Group, "error", err) // it was checked before
		return
	}
	defer func() { _ = group.Close() }()
	select {
	case <-r.changed: // of an earlier membership
	default:
	}
	next, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		defer stop()
		select {
		case <-r.changed:
		case <-next.Done():
		}
	}()
	wait := backoff.Between(backoff.First, generationRest)
	var complaint backoff.Complaint
	for {
		kg, err := group.Next(next)
		begun := time.Now()
		switch {
		case next.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			if complaint.Due(err) {
				r.cfg.logger().WarnContext(ctx, "can't join the consumer group yet", "group", r.cfg.Group, "error", err)
			}
		default:
			complaint.Over()
			r.begin(ctx, kg, counts)
			<-r.ended()
		}
		if err == nil && time.Since(begun) > generationRest {
			wait.Reset()
			continue
		}
		if wait.Wait(next) != nil { // whatever ends generations at once, it does not keep the group busy
			return
		}
	}
}

// partitionCounts asks Kafka for the number of partitions of the topics that there are.
func (r *Reader) partitionCounts(ctx context.Context) (map[string]int, error) {
	m, err := r.client.Metadata(ctx, &kafka.MetadataRequest{Topics: r.topics})
	if err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return countsOf(m), nil
}

func countsOf(m *kafka.MetadataResponse) map[string]int {
	counts := map[string]int{}
	for _, t := range m.Topics {
		if t.Error == nil && len(t.Partitions) > 0 {
			counts[t.Name] = len(t.Partitions)
		}
	}
	return counts
}

// begin starts a generation, in which the assigned partitions are read; see fetcher.go. counts are the numbers of
// partitions that were known when the group was joined.
func (r *Reader) begin(ctx context.Context, kg *kafka.Generation, counts map[string]int) {
	g := newGeneration(kg, counts)
	r.current.Store(g)
	r.cfg.logger().InfoContext(ctx, "partitions assigned", "group", r.cfg.Group, "generation", kg.ID, "partitions", len(g.partitions))
	kg.Start(func(genCtx context.Context) {
		defer close(g.over)
		genCtx, cancel := context.WithCancel(genCtx)
		defer cancel()
		stop := context.AfterFunc(ctx, cancel)
		defer stop()
		r.read(genCtx, g)
	})
}

// ended returns the channel that is closed at the end of the present generation.
func (r *Reader) ended() <-chan struct{} { return r.current.Load().over }

// kafkaLogger passes on what kafka-go says, as debugging information: what matters comes as an error.
func kafkaLogger(cfg Config, part string) kafka.Logger {
	log := cfg.logger()
	return kafka.LoggerFunc(func(format string, args ...any) {
		log.Debug("kafka client", "part", part, "message", fmt.Sprintf(format, args...))
	})
}
