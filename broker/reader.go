package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/segmentio/kafka-go"
)

// Settings of the consumer group. A member that dies is missed after sessionTimeout; its partitions
// then go to the others. It is the shortest that a Kafka broker takes by default
// (group.min.session.timeout.ms): so long do the views stand still after a kill -9, and several times as long
// when several processes die one after the other.
const (
	sessionTimeout    = 6 * time.Second
	heartbeatInterval = 1500 * time.Millisecond
	rebalanceTimeout  = 6 * time.Second
	// joinBackoff is short because an empty cluster has no coordinator at the first attempt.
	joinBackoff = 500 * time.Millisecond
	// fetchWait is how long a broker may hold a fetch that finds nothing. It delays no message, only
	// the end of a generation.
	fetchWait = 500 * time.Millisecond
	// fetchBytesMax bounds one fetch of one partition.
	fetchBytesMax = 4 << 20
	// queueLen bounds the messages fetched and not yet taken, per partition and for all together.
	queueLen = 4096
	// watchInterval is how often the ends of the assigned partitions are compared with the positions.
	watchInterval = time.Second
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
	cancel   context.CancelFunc
	done     chan struct{}
}

// fetched is a message and the generation in which it was read.
type fetched struct {
	generation *generation
	message    kafka.Message
}

// generation is the time from one assignment of partitions to the next.
type generation struct {
	*kafka.Generation

	mu         sync.Mutex
	partitions map[PartitionID]*partition
}

// PartitionID names a partition.
type PartitionID struct {
	Topic     string
	Partition int
}

// partition is where a reader stands in one assigned partition.
type partition struct {
	PartitionID
	reader *kafka.Reader
	// fetched is the offset of the next message to fetch, processed of the next one to commit, end that
	// of the next one to be written.
	fetched, processed, end int64
}

// Position is how far a reader has come in one of its partitions.
type Position struct {
	PartitionID
	// Processed is the offset of the next message to process, End that of the next one to be written.
	Processed, End int64
}

// NewReader returns a reader of these topics in the group of cfg and begins to join it.
func NewReader(cfg Config, topics ...string) (*Reader, error) {
	client, closeClient := cfg.client()
	group, err := kafka.NewConsumerGroup(kafka.ConsumerGroupConfig{
		ID: cfg.Group, Brokers: cfg.Brokers, Topics: topics, Dialer: cfg.dialer(),
		// Round robin spreads the partitions of all topics over the members; range gives the first
		// member partition 0 of every topic, and nothing to the thirteenth.
		GroupBalancers:    []kafka.GroupBalancer{kafka.RoundRobinGroupBalancer{}},
		HeartbeatInterval: heartbeatInterval, SessionTimeout: sessionTimeout, RebalanceTimeout: rebalanceTimeout,
		JoinGroupBackoff: joinBackoff, StartOffset: kafka.FirstOffset, Timeout: requestTimeout,
		WatchPartitionChanges: true,
		ErrorLogger:           kafkaLogger(cfg, "consumer group"),
	})
	if err != nil {
		closeClient()
		return nil, fmt.Errorf("join consumer group %s: %w", cfg.Group, err)
	}
	ctx, cancel := context.WithCancel(context.Background()) // ended by Close, as in kafka-go's own Reader
	r := &Reader{
		cfg: cfg, topics: topics, client: client, close: closeClient, messages: make(chan fetched, queueLen),
		lost: make(chan struct{}, 1), cancel: cancel, done: make(chan struct{}),
	}
	go r.run(ctx, group)
	return r, nil
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

// Commit tells Kafka that these messages and all before them in their partitions are done with.
// After a rebalance it does nothing: the messages then come again to whoever has their partition.
func (r *Reader) Commit(messages []kafka.Message) error {
	g := r.current.Load()
	if g == nil {
		return nil
	}
	offsets := map[string]map[int]int64{}
	g.mu.Lock()
	for _, m := range messages {
		p := g.partitions[PartitionID{m.Topic, m.Partition}]
		if p == nil {
			continue
		}
		p.processed = max(p.processed, m.Offset+1)
		if offsets[m.Topic] == nil {
			offsets[m.Topic] = map[int]int64{}
		}
		offsets[m.Topic][m.Partition] = m.Offset + 1
	}
	g.mu.Unlock()
	if len(offsets) == 0 {
		return nil
	}
	if err := g.CommitOffsets(offsets); err != nil {
		return fmt.Errorf("commit offsets: %w", err)
	}
	return nil
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

// Lost receives when the reader had to skip to another offset because Kafka no longer has, or never
// had, the one it wanted: messages may have been lost, and whoever reads should look for them in the
// event store.
func (r *Reader) Lost() <-chan struct{} { return r.lost }

// run joins the group again and again and reads what is assigned.
func (r *Reader) run(ctx context.Context, group *kafka.ConsumerGroup) {
	defer close(r.done)
	defer func() { _ = group.Close() }()
	b := backoff.New(firstWait)
	for {
		kg, err := group.Next(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, kafka.ErrGroupClosed):
			return
		case err != nil:
			r.cfg.logger().WarnContext(ctx, "can't join the consumer group yet", "group", r.cfg.Group, "error", err)
			if b.Wait(ctx) != nil {
				return
			}
			continue
		}
		b.Reset()
		r.begin(ctx, kg)
	}
}

// begin starts a generation: one goroutine for each partition and one that watches their ends.
func (r *Reader) begin(ctx context.Context, kg *kafka.Generation) {
	g := &generation{Generation: kg, partitions: map[PartitionID]*partition{}}
	for topic, assignments := range kg.Assignments {
		for _, a := range assignments {
			id := PartitionID{topic, a.ID}
			g.partitions[id] = &partition{PartitionID: id, fetched: a.Offset, processed: max(a.Offset, 0)}
		}
	}
	r.current.Store(g)
	r.cfg.logger().InfoContext(ctx, "partitions assigned", "group", r.cfg.Group, "generation", kg.ID, "partitions", len(g.partitions))
	kg.Start(func(genCtx context.Context) {
		genCtx, cancel := context.WithCancel(genCtx)
		defer cancel()
		stop := context.AfterFunc(ctx, cancel)
		defer stop()
		b := backoff.New(firstWait)
		for r.clamp(genCtx, g) != nil {
			if b.Wait(genCtx) != nil {
				return
			}
		}
		var wg sync.WaitGroup
		for _, p := range g.partitions {
			wg.Go(func() { r.pump(genCtx, g, p) })
		}
		r.watch(genCtx, g)
		wg.Wait()
	})
}

// pump reads one partition until the generation ends.
func (r *Reader) pump(ctx context.Context, g *generation, p *partition) {
	for ctx.Err() == nil {
		if errors.Is(r.readFrom(ctx, g, p), kafka.OffsetOutOfRange) {
			r.startOver(ctx, g, p)
		}
	}
}

// readFrom reads one partition from its position on. It returns when the generation ends, or with
// kafka.OffsetOutOfRange: then kafka-go's reader has ended for good, and would wait for ever.
func (r *Reader) readFrom(ctx context.Context, g *generation, p *partition) error {
	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: r.cfg.Brokers, Topic: p.Topic, Partition: p.Partition, Dialer: r.cfg.dialer(),
		MinBytes: 1, MaxBytes: fetchBytesMax, MaxWait: fetchWait, QueueCapacity: queueLen / 4,
		ReadBackoffMin: 20 * time.Millisecond, ReadBackoffMax: time.Second, ReadLagInterval: -1,
		IsolationLevel: kafka.ReadCommitted, MaxAttempts: 3, OffsetOutOfRangeError: true,
		ErrorLogger: kafkaLogger(r.cfg, "reader"),
	})
	defer func() { _ = reader.Close() }()
	g.mu.Lock()
	p.reader = reader
	err := reader.SetOffset(p.fetched)
	g.mu.Unlock()
	b := backoff.New(firstWait)
	for err == nil {
		m, fetchErr := reader.FetchMessage(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if fetchErr != nil {
			r.cfg.logger().WarnContext(ctx, "can't read from Kafka, trying again", "topic", p.Topic, "partition", p.Partition, "error", fetchErr)
			if errors.Is(fetchErr, kafka.OffsetOutOfRange) {
				return fetchErr
			}
			err = b.Wait(ctx)
			continue
		}
		b.Reset()
		g.mu.Lock()
		if m.Offset > p.fetched {
			// With retention or compaction at work, offsets are skipped.
			r.reportLoss(p, m.Offset)
		}
		p.fetched = m.Offset + 1
		p.end = max(p.end, m.HighWaterMark)
		g.mu.Unlock()
		select {
		case r.messages <- fetched{g, m}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return err
}

// startOver goes back to the first message of a partition that did not have the one at the position. By now it may
// have one there, since a topic that was made anew fills up again: those before it have not been read all the same.
func (r *Reader) startOver(ctx context.Context, g *generation, p *partition) {
	b := backoff.New(firstWait)
	for b.Wait(ctx) == nil {
		response, err := r.client.ListOffsets(ctx, &kafka.ListOffsetsRequest{
			Topics: map[string][]kafka.OffsetRequest{p.Topic: {kafka.FirstOffsetOf(p.Partition)}},
		})
		if err != nil || len(response.Topics[p.Topic]) != 1 || response.Topics[p.Topic][0].Error != nil {
			continue // the topic is being made, or Kafka is away
		}
		first := response.Topics[p.Topic][0].FirstOffset
		g.mu.Lock()
		r.reportLoss(p, first)
		p.fetched, p.processed = first, first
		g.mu.Unlock()
		if err := g.CommitOffsets(map[string]map[int]int64{p.Topic: {p.Partition: first}}); err != nil {
			r.cfg.logger().DebugContext(ctx, "offsets not committed", "error", err)
		}
		return
	}
}

// watch compares the ends of the partitions with the positions until the generation ends. A partition
// that ends before the position was emptied: kafka-go would wait for the messages in between for ever.
func (r *Reader) watch(ctx context.Context, g *generation) {
	t := time.NewTicker(watchInterval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if err := r.clamp(ctx, g); err != nil && ctx.Err() == nil {
				r.cfg.logger().DebugContext(ctx, "can't list offsets", "error", err)
			}
		}
	}
}

// clamp brings the positions of a generation within what Kafka has and records the ends.
func (r *Reader) clamp(ctx context.Context, g *generation) error {
	request := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
	// The positions as they are before Kafka is asked: those afterwards may lie beyond the ends it tells.
	before := map[PartitionID]int64{}
	for id, p := range g.partitions {
		g.mu.Lock()
		before[id] = p.fetched
		g.mu.Unlock()
		request.Topics[id.Topic] = append(request.Topics[id.Topic], kafka.FirstOffsetOf(id.Partition), kafka.LastOffsetOf(id.Partition))
	}
	if len(request.Topics) == 0 {
		return nil
	}
	response, err := r.client.ListOffsets(ctx, request)
	if err != nil {
		return fmt.Errorf("list offsets: %w", err)
	}
	resets := map[string]map[int]int64{}
	g.mu.Lock()
	for topic, offsets := range response.Topics {
		for _, o := range offsets {
			id := PartitionID{topic, o.Partition}
			p := g.partitions[id]
			if o.Error != nil || p == nil {
				err = errors.Join(err, o.Error)
				continue
			}
			p.end = o.LastOffset
			switch position := before[id]; {
			case position == kafka.FirstOffset:
				p.fetched, p.processed = o.FirstOffset, o.FirstOffset
			case p.fetched != position: // has moved on meanwhile
			case position > o.LastOffset, position < o.FirstOffset:
				r.reportLoss(p, o.FirstOffset)
				p.fetched, p.processed = o.FirstOffset, o.FirstOffset
				if resets[topic] == nil {
					resets[topic] = map[int]int64{}
				}
				resets[topic][o.Partition] = o.FirstOffset
				if p.reader != nil {
					err = errors.Join(err, p.reader.SetOffset(p.fetched))
				}
			}
		}
	}
	g.mu.Unlock()
	if len(resets) > 0 { // so that whoever looks at the group's lag is not misled
		err = errors.Join(err, g.CommitOffsets(resets))
	}
	return err
}

func (r *Reader) reportLoss(p *partition, offset int64) {
	r.cfg.logger().Warn("Kafka does not have the message at the position any more", "topic", p.Topic, "partition", p.Partition,
		"position", p.fetched, "continuing_at", offset)
	select {
	case r.lost <- struct{}{}:
	default:
	}
}

// kafkaLogger passes on what kafka-go says, as debugging information: what matters comes as an error.
func kafkaLogger(cfg Config, part string) kafka.Logger {
	log := cfg.logger()
	return kafka.LoggerFunc(func(format string, args ...any) {
		log.Debug("kafka client", "part", part, "message", fmt.Sprintf(format, args...))
	})
}
