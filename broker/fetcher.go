package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// How a generation reads its partitions. One goroutine for each broker asks it again and again, in one request, for
// all partitions that it leads. kafka.Reader and kafka.Client.Fetch know requests for one partition only, and a page
// of the relay goes to most of them. Another goroutine looks, every watchInterval, for who leads what and where the
// partitions end, and tells Kafka how far they are processed. That costs Kafka about as much as all else that it does
// for a page of events. The later Kafka is told, the more comes twice after a crash, which does no harm.
const (
	// fetchWait is how long a broker may hold a request that finds nothing. It delays no message.
	fetchWait = 500 * time.Millisecond
	// fetchBytesMax bounds one answer, partitionBytesMax what is in it of one partition. A single batch that is larger
	// comes whole.
	fetchBytesMax     = 4 << 20
	partitionBytesMax = 1 << 20
	// watchInterval is also how often offsets are committed.
	watchInterval = time.Second
)

// generation is the time from one assignment of partitions to the next.
type generation struct {
	*kafka.Generation

	// partitions stay the same; mu guards what is in them, and what follows.
	partitions map[PartitionID]*partition
	mu         sync.Mutex
	// fetching are the brokers that somebody is asking.
	fetching map[int]bool
	// answers counts those that held messages.
	answers uint64
	// counts are the numbers of partitions of the topics when the group was joined, seen those of now; nil until Kafka
	// has answered.
	counts, seen map[string]int
	// over is closed when the generation has ended.
	over chan struct{}
}

// partition is where a reader stands in one assigned partition.
type partition struct {
	PartitionID
	// leader is the broker to ask, or nobody.
	leader int
	// busy is from when the leader is asked until its answer is on its way. Only whoever set it moves fetched and
	// leader meanwhile.
	busy bool
	// fetched is the offset of the next message to fetch, negative until it is known. processed is that of the next
	// one to commit, end that of the next one to be written.
	fetched, processed, end int64
	// uncommitted says that Kafka is to be told of processed, heard that end came with an answer since somebody last
	// looked.
	uncommitted, heard bool
	// gone says that Kafka does not have the offset fetched. absent says that it did not know the partition at all
	// when it was asked last: the topic may have been made anew.
	gone, absent bool
	// suspect says that a request for this partition failed as a whole, and so for others with it.
	suspect bool
	// served is the generation's count of answers when this partition was last in one.
	served uint64
}

// nobody stands for the leader of a partition that has none, or of which it isn't known.
const nobody = -1

func newGeneration(kg *kafka.Generation, counts map[string]int) *generation {
	g := &generation{
		Generation: kg, partitions: map[PartitionID]*partition{}, fetching: map[int]bool{}, counts: counts, over: make(chan struct{}),
	}
	for topic, assignments := range kg.Assignments {
		for _, a := range assignments {
			id := PartitionID{topic, a.ID}
			g.partitions[id] = &partition{PartitionID: id, leader: nobody, fetched: a.Offset, processed: max(a.Offset, 0)}
		}
	}
	return g
}

// read reads the partitions of a generation until it ends.
func (r *Reader) read(ctx context.Context, g *generation) {
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancel(ctx)
	defer func() {
		cancel()
		wg.Wait()
		r.commit(ctx, g)
	}()
	for {
		if err := errors.Join(r.findLeaders(ctx, g), r.findOffsets(ctx, g)); err != nil && ctx.Err() == nil {
			r.cfg.logger().DebugContext(ctx, "can't find all partitions", "error", err)
		}
		r.commit(ctx, g)
		if ctx.Err() == nil && g.outdated() {
			select {
			case r.changed <- struct{}{}:
			default: // it is told already
			}
			return
		}
		for _, leader := range g.unasked() {
			wg.Go(func() { r.fetchFrom(ctx, g, leader) })
		}
		if backoff.Pause(ctx, watchInterval) != nil {
			return
		}
	}
}

// commit tells Kafka how far the partitions are processed. What it can't be told comes again, here or to another
// member.
func (r *Reader) commit(ctx context.Context, g *generation) {
	offsets := map[string]map[int]int64{}
	g.mu.Lock()
	for id, p := range g.partitions {
		if !p.uncommitted {
			continue
		}
		if offsets[id.Topic] == nil {
			offsets[id.Topic] = map[int]int64{}
		}
		offsets[id.Topic][id.Partition] = p.processed
		p.uncommitted = false
	}
	g.mu.Unlock()
	err := g.CommitOffsets(offsets)
	if err == nil {
		return
	}
	r.cfg.logger().InfoContext(ctx, "offsets not committed", "error", err)
	g.mu.Lock()
	defer g.mu.Unlock()
	for topic, partitions := range offsets {
		for partition := range partitions {
			g.partitions[PartitionID{topic, partition}].uncommitted = true
		}
	}
}

// findLeaders says of each partition whom to ask.
func (r *Reader) findLeaders(ctx context.Context, g *generation) error {
	m, err := r.client.Metadata(ctx, &kafka.MetadataRequest{Topics: r.topics})
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	leaders := map[PartitionID]int{}
	absent := map[string]bool{}
	for _, t := range m.Topics {
		absent[t.Name] = errors.Is(t.Error, kafka.UnknownTopicOrPartition)
		for _, p := range t.Partitions {
			if p.Error == nil {
				leaders[PartitionID{t.Name, p.ID}] = p.Leader.ID
			}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for id, p := range g.partitions {
		if p.busy {
			continue
		}
		p.leader = nobody
		if leader, ok := leaders[id]; ok {
			p.leader = leader
		}
		p.absent = p.absent || absent[id.Topic]
	}
	g.seen = countsOf(m)
	return nil
}

// outdated reports whether there are other topics or partitions than when the group was joined. A topic that is gone is
// none: it may be made anew, and what was read of it tells then what may be lost. Only when nothing at all is assigned,
// the group is joined without it.
func (g *generation) outdated() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.seen == nil {
		return false // Kafka has not answered
	}
	for topic, n := range g.seen {
		if g.counts[topic] != n {
			return true
		}
	}
	return len(g.partitions) == 0 && len(g.seen) < len(g.counts)
}

// findOffsets records where the partitions end that no answer has told of lately. A partition that has no position,
// or one that Kafka does not have, gets that of its first message. A topic that was made anew may have a message at
// the position by now; those before it have not been read all the same.
func (r *Reader) findOffsets(ctx context.Context, g *generation) error {
	var errs error
	for _, ids := range g.byLeader() { // one that is away leaves the others alone
		offsets, err := offsetsFrom(ctx, r.client, ids, kafka.FirstOffset, kafka.LastOffset)
		if err != nil {
			errs = errors.Join(errs, err)
			continue
		}
		g.mu.Lock()
		for id, o := range offsets {
			if o.Error != nil {
				errs = errors.Join(errs, o.Error)
				continue
			}
			p := g.partitions[id]
			p.end = o.LastOffset
			if !p.gone && p.fetched >= 0 {
				continue
			}
			if p.gone {
				r.reportLoss("the position is not in the partition any more", p, o.FirstOffset)
				p.uncommitted = true // so that whoever looks at the group's lag is not misled
			}
			p.fetched, p.processed, p.gone = o.FirstOffset, o.FirstOffset, false
		}
		g.mu.Unlock()
	}
	return errs
}

// byLeader returns the partitions whose offsets have to be asked for, by the brokers that lead them.
func (g *generation) byLeader() map[int][]PartitionID {
	g.mu.Lock()
	defer g.mu.Unlock()
	asked := map[int][]PartitionID{}
	for id, p := range g.partitions {
		heard := p.heard
		p.heard = false
		if p.leader == nobody || heard && p.readable() {
			continue
		}
		asked[p.leader] = append(asked[p.leader], id)
	}
	return asked
}

// unasked returns the leaders that have partitions to read and that nobody asks, and counts them as asked.
func (g *generation) unasked() (leaders []int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range g.partitions {
		if p.readable() && !g.fetching[p.leader] {
			g.fetching[p.leader] = true
			leaders = append(leaders, p.leader)
		}
	}
	return leaders
}

func (p *partition) readable() bool { return p.leader != nobody && p.fetched >= 0 && !p.gone }

// fetchFrom reads the partitions that one broker leads, until there are none or the generation ends.
func (r *Reader) fetchFrom(ctx context.Context, g *generation, leader int) {
	b := backoff.New()
	var complaint backoff.Complaint
	for asked := g.begin(leader); len(asked) > 0; asked = g.begin(leader) {
		answer, err := r.fetchNext(ctx, asked)
		if err == nil {
			b.Reset()
			err = r.deliverAnswer(ctx, g, asked, answer)
		}
		if ctx.Err() != nil {
			return
		}
		g.end(asked, err)
		if err != nil {
			if complaint.Due(err) {
				r.cfg.logger().WarnContext(ctx, "can't read from Kafka, trying again", "broker", leader, "partitions", len(asked), "error", err)
			}
			if b.Wait(ctx) != nil {
				return
			}
		}
	}
}

// begin returns what to ask a broker for, or nothing if it leads no partition any more. A suspect comes alone, so that
// one partition that can't be read does not keep the others from being read. Those whose messages came last are at
// the end, since an answer is filled in the order of the request.
func (g *generation) begin(leader int) []*partition {
	g.mu.Lock()
	defer g.mu.Unlock()
	var asked []*partition
	for _, p := range g.partitions {
		if p.leader != leader || !p.readable() {
			continue
		}
		if p.suspect {
			p.busy = true
			return []*partition{p}
		}
		asked = append(asked, p)
	}
	for _, p := range asked {
		p.busy = true
	}
	slices.SortFunc(asked, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.served, b.served), cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition))
	})
	if len(asked) == 0 {
		delete(g.fetching, leader)
	}
	return asked
}

// end is told how a request has ended.
func (g *generation) end(asked []*partition, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range asked {
		p.busy, p.suspect = false, err != nil
		if err != nil && len(asked) == 1 {
			p.leader = nobody // until somebody looks for it again
		}
	}
}

// fetchNext asks the leader of some partitions for what comes next in each.
func (r *Reader) fetchNext(ctx context.Context, asked []*partition) (*fetch.Response, error) {
	request := &fetch.Request{
		ReplicaID: -1, MaxWaitTime: int32(fetchWait / time.Millisecond), MinBytes: 1, MaxBytes: fetchBytesMax,
		IsolationLevel: int8(kafka.ReadCommitted), SessionEpoch: -1, // no session: each request names all
	}
	if asked[0].suspect {
		request.MaxWaitTime = 0 // others wait
	}
	for _, p := range asked {
		if n := len(request.Topics); n == 0 || request.Topics[n-1].Topic != p.Topic {
			request.Topics = append(request.Topics, fetch.RequestTopic{Topic: p.Topic})
		}
		topic := &request.Topics[len(request.Topics)-1]
		topic.Partitions = append(topic.Partitions, fetch.RequestPartition{
			Partition: int32(p.Partition), CurrentLeaderEpoch: -1, FetchOffset: p.fetched, LogStartOffset: -1, PartitionMaxBytes: partitionBytesMax,
		})
	}
	ctx, cancel := context.WithTimeout(ctx, fetchWait+requestTimeout)
	defer cancel()
	answer, err := r.client.Transport.RoundTrip(ctx, r.client.Addr, request)
	if err != nil {
		return nil, err
	}
	response, ok := answer.(*fetch.Response)
	switch {
	case !ok:
		return nil, fmt.Errorf("fetch answered with %T", answer)
	case response.ErrorCode != 0:
		return nil, kafka.Error(response.ErrorCode)
	}
	return response, nil
}

// deliverAnswer passes on the messages of an answer and moves the positions behind them.
func (r *Reader) deliverAnswer(ctx context.Context, g *generation, asked []*partition, answer *fetch.Response) error {
	var errs error
	for _, t := range answer.Topics {
		for _, a := range t.Partitions {
			p := g.partitions[PartitionID{t.Topic, int(a.Partition)}]
			if !slices.Contains(asked, p) {
				continue
			}
			messages, err := r.readAnswer(ctx, g, p, a)
			errs = errors.Join(errs, err)
			for _, m := range messages {
				select {
				case r.messages <- fetched{g, m}:
				case <-ctx.Done():
					return ctx.Err()
				}
			}
		}
	}
	return errs
}

// readAnswer returns the messages of an answer for one partition and moves its position behind them.
func (r *Reader) readAnswer(ctx context.Context, g *generation, p *partition, a fetch.ResponsePartition) ([]kafka.Message, error) {
	read, err := contentsOf(p, a.RecordSet)
	g.mu.Lock()
	defer g.mu.Unlock()
	switch code := kafka.Error(a.ErrorCode); {
	case code == kafka.OffsetOutOfRange:
		p.gone = true
		return nil, nil
	case code != 0:
		p.leader, p.absent = nobody, code == kafka.UnknownTopicOrPartition
		r.cfg.logger().WarnContext(ctx, "can't read a partition, trying again", "topic", p.Topic, "partition", p.Partition, "error", code)
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("%s/%d: %w", p.Topic, p.Partition, err)
	}
	switch {
	case read.skipped:
		r.reportLoss("offsets were left out", p, read.next)
	case p.absent && p.fetched > 0:
		r.reportLoss("the partition was unknown for a while, and may have been made anew", p, read.next)
	}
	if len(read.messages) > 0 {
		g.answers++
		p.served = g.answers
	}
	p.absent, p.fetched, p.end, p.heard = false, read.next, a.HighWatermark, true
	return read.messages, nil
}

// contents are what an answer holds of a partition from its position on.
type contents struct {
	messages []kafka.Message
	// next is the offset after them.
	next int64
	// skipped says that offsets were left out, as retention and compaction do.
	skipped bool
}

func contentsOf(p *partition, set protocol.RecordSet) (contents, error) {
	read := contents{next: p.fetched}
	stream, ok := set.Records.(*protocol.RecordStream)
	if !ok || len(stream.Records) == 0 {
		return read, nil
	}
	for _, batch := range stream.Records {
		_, control := batch.(*protocol.ControlBatch) // the ends of transactions, which are nobody's message
		for {
			record, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return contents{}, fmt.Errorf("read record: %w", err)
			}
			m, err := messageOf(p, record)
			if err != nil {
				return contents{}, err
			}
			if m.Offset < read.next {
				continue // a batch begins before the position
			}
			read.skipped = read.skipped || m.Offset > read.next
			read.next = m.Offset + 1
			if !control {
				read.messages = append(read.messages, m)
			}
		}
	}
	if read.next == p.fetched {
		// A batch reaches over the position, and the record there was compacted away. Where the batch ends is not told.
		read.next++
		read.skipped = true
	}
	return read, nil
}

// messageOf returns a message of its own from a record, whose key and value lie in memory that is used again.
func messageOf(p *partition, record *protocol.Record) (kafka.Message, error) {
	m := kafka.Message{Topic: p.Topic, Partition: p.Partition, Offset: record.Offset, Headers: record.Headers, Time: record.Time}
	var keyErr, valueErr error
	m.Key, keyErr = copyOf(record.Key)
	m.Value, valueErr = copyOf(record.Value)
	if err := errors.Join(keyErr, valueErr); err != nil {
		return kafka.Message{}, fmt.Errorf("read record %d: %w", record.Offset, err)
	}
	return m, nil
}

// copyOf returns what b holds, nil for no b, and closes it.
func copyOf(b protocol.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	copied, err := protocol.ReadAll(b)
	return copied, errors.Join(err, b.Close())
}

// reportLoss says that messages between a partition's position and an offset may have been lost, and why.
func (r *Reader) reportLoss(why string, p *partition, offset int64) {
	r.cfg.logger().Warn("messages from Kafka may be missing", "why", why, "topic", p.Topic, "partition", p.Partition,
		"position", p.fetched, "continuing_at", offset)
	select {
	case r.lost <- struct{}{}:
	default:
	}
}
