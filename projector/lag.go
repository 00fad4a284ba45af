package projector

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/segmentio/kafka-go"
)

// reportInterval is how often the lag is measured and the parked are counted.
const reportInterval = 2 * time.Second

// pruneInterval is how often old changes of orders are forgotten.
const pruneInterval = 10 * time.Second

// mark is how far a batch has come in one partition.
type mark struct {
	next, end, sequence int64
	at                  *time.Time
}

// after returns the mark after a message; env is zero when the message is no event.
func (c mark) after(m kafka.Message, env domain.Envelope) mark {
	c.next, c.end = m.Offset+1, max(c.end, m.HighWaterMark)
	if env.Sequence > 0 {
		c.sequence, c.at = env.Sequence, &env.Timestamp
	}
	return c
}

// writeMarks queues the statement that records how far a consumer group has come.
func writeMarks(q *pgx.Batch, group string, marks map[broker.PartitionID]mark) {
	ids := slices.SortedFunc(maps.Keys(marks), comparePartitions)
	var topics []string
	var partitions []int32
	var next, end, sequences []int64
	var at []*time.Time
	for _, id := range ids {
		c := marks[id]
		topics, partitions = append(topics, id.Topic), append(partitions, int32(id.Partition))
		next, end, sequences, at = append(next, c.next), append(end, c.end), append(sequences, c.sequence), append(at, c.at)
	}
	Queue(q, `INSERT INTO orderloom.projection_checkpoints AS t (consumer_group, topic, partition, next_offset, end_offset, sequence, event_at)
		SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[], $6::bigint[], $7::timestamptz[])
		ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET next_offset = excluded.next_offset, end_offset = excluded.end_offset,
			sequence = GREATEST(t.sequence, excluded.sequence), event_at = coalesce(excluded.event_at, t.event_at), updated_at = now()`,
		group, topics, partitions, next, end, sequences, at)
}

func comparePartitions(a, b broker.PartitionID) int {
	if c := strings.Compare(a.Topic, b.Topic); c != 0 {
		return c
	}
	return a.Partition - b.Partition
}

// startSideWork starts what goes on beside the reading of Kafka: reporting, sweeping, and trying parked aggregates
// again. It ends with ctx.
func (p *Projector) startSideWork(ctx context.Context, reader *broker.Reader) *sync.WaitGroup {
	var wg sync.WaitGroup
	wg.Go(func() { p.report(ctx, reader) })
	wg.Go(func() { p.retryParked(ctx) })
	wg.Go(func() { p.prune(ctx) })
	if p.opts.Streams != nil {
		wg.Go(func() { p.sweep(ctx, reader.Lost()) })
	}
	return &wg
}

// prune forgets old changes of orders.
func (p *Projector) prune(ctx context.Context) {
	for backoff.Pause(ctx, pruneInterval) == nil {
		if n, err := readmodel.PruneChanges(ctx, p.opts.Pool); err != nil && ctx.Err() == nil {
			p.opts.Logger.WarnContext(ctx, "can't prune the changes of orders", "error", err)
		} else if n > 0 {
			p.opts.Logger.DebugContext(ctx, "old changes of orders pruned", "changes", n)
		}
	}
}

// report refreshes the gauges, and the ends of the partitions in the checkpoints, from which the lag follows.
//
// While the database does not answer, the views stand still: their lag grows by the time that passes. While it takes no
// writes, the gauges are measured all the same.
func (p *Projector) report(ctx context.Context, reader *broker.Reader) {
	measured, told := time.Now(), false
	var last []readmodel.ProjectionStatus
	for backoff.Pause(ctx, reportInterval) == nil {
		written := p.reportOnce(ctx, reader.Positions())
		known, err := p.setGauges(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			measured, last = time.Now(), known
		default:
			p.showLags(last, time.Since(measured))
		}
		if err = errors.Join(written, err); err != nil && !told {
			p.opts.Logger.WarnContext(ctx, "can't report how far the views are, trying again", "error", err)
		}
		told = err != nil
	}
}

// reportOnce writes down where partitions end, and how far they are processed. A batch writes the same. What it has
// written may be newer than these positions, or be put back by an earlier report that was slower: see GREATEST. Topics
// that have lost their messages end earlier than what was processed: see LEAST.
func (p *Projector) reportOnce(ctx context.Context, positions []broker.Position) error {
	// All lock the rows in one order.
	slices.SortFunc(positions, func(a, b broker.Position) int { return comparePartitions(a.PartitionID, b.PartitionID) })
	var topics []string
	var partitions []int32
	var next, end []int64
	for _, pos := range positions {
		topics, partitions = append(topics, pos.Topic), append(partitions, int32(pos.Partition))
		next, end = append(next, pos.Processed), append(end, pos.End)
	}
	_, err := p.opts.Pool.Exec(ctx, `INSERT INTO orderloom.projection_checkpoints AS t
			(consumer_group, topic, partition, next_offset, end_offset, sequence)
		SELECT $1, *, 0 FROM unnest($2::text[], $3::integer[], $4::bigint[], $5::bigint[])
		ON CONFLICT (consumer_group, topic, partition) DO UPDATE SET end_offset = excluded.end_offset, updated_at = now(),
			next_offset = LEAST(GREATEST(t.next_offset, excluded.next_offset), excluded.end_offset)`, p.opts.Broker.Group, topics, partitions, next, end)
	return err
}

// setGauges shows the status of the projections as metrics, and returns it.
func (p *Projector) setGauges(ctx context.Context) ([]readmodel.ProjectionStatus, error) {
	all, err := readmodel.Projections(ctx, p.opts.Pool, p.opts.Backlog)
	if err != nil {
		return nil, err
	}
	m := p.mender.metrics
	for _, s := range all {
		m.lagEvents.WithLabelValues(s.Name).Set(float64(s.LagEvents))
		m.parked.WithLabelValues(s.Name).Set(float64(s.Parked))
		m.parkedAge.WithLabelValues(s.Name).Set(s.ParkedOldestSeconds)
	}
	p.showLags(all, 0)
	return all, nil
}

// showLags shows how old the oldest events are that the views lack. Since they were measured, all views stood still.
func (p *Projector) showLags(all []readmodel.ProjectionStatus, since time.Duration) {
	m := p.mender.metrics
	for _, pr := range p.mender.projections {
		var measured readmodel.ProjectionStatus
		if i := slices.IndexFunc(all, func(s readmodel.ProjectionStatus) bool { return s.Name == pr.Name() }); i >= 0 {
			measured = all[i]
		}
		m.lagSeconds.WithLabelValues(pr.Name()).Set(measured.LagSeconds + since.Seconds())
		m.waitingSeconds.WithLabelValues(pr.Name()).Set(measured.WaitingSeconds + since.Seconds())
	}
}
