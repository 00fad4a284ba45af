package relay

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// withheldInterval is how often the topics of withheld types are tried.
const withheldInterval = time.Second

// refusedTypes returns the aggregate types whose topics take nothing, by the error of a [Publisher]; none for another
// error.
func refusedTypes(err error) map[string]error {
	var refused RefusedTopics
	if errors.As(err, &refused) {
		return refused.RefusedTypes()
	}
	return nil
}

// without returns the events of all types but some, which is the same slice when there are none of those.
func without[V any](events []domain.Envelope, types map[string]V) []domain.Envelope {
	if len(types) == 0 {
		return events
	}
	return slices.DeleteFunc(slices.Clone(events), func(e domain.Envelope) bool { _, left := types[e.AggregateType]; return left })
}

// readWithheld reads what the relay holds back.
func (t *term) readWithheld(ctx context.Context) error {
	all, err := withheld(ctx, t.conn, t.opts.Name)
	if err != nil {
		return err
	}
	t.withheld = map[string]int64{}
	for _, w := range all {
		t.withheld[w.AggregateType] = w.Position
	}
	return nil
}

// tellWithheld tells of types that are withheld from now on.
func (t *term) tellWithheld(ctx context.Context, refused map[string]error) {
	for _, aggregateType := range slices.Sorted(maps.Keys(refused)) {
		t.metrics.failures.Inc()
		t.log.ErrorContext(ctx, "events are withheld until their topic takes them; the others are published", "aggregate_type", aggregateType,
			"after", t.withheld[aggregateType], "error", refused[aggregateType])
	}
}

// releaseWithheld tries, from time to time, to publish what is withheld: a page of each type. What was withheld comes
// before anything later of its type, since nothing of that is published until all has come.
func (t *term) releaseWithheld(ctx context.Context) error {
	if len(t.withheld) == 0 || time.Since(t.triedAt) < withheldInterval {
		return nil
	}
	t.triedAt = time.Now()
	for _, aggregateType := range slices.Sorted(maps.Keys(t.withheld)) {
		more, err := t.release(ctx, aggregateType)
		if err != nil {
			return err
		}
		if more {
			t.triedAt = time.Time{} // the next page at once
		}
	}
	return nil
}

// release publishes the next page of a withheld type. It reports whether there are more that the topic takes.
func (t *term) release(ctx context.Context, aggregateType string) (more bool, err error) {
	position := t.withheld[aggregateType]
	page, err := t.opts.Store.Read(ctx, eventstore.ReadOptions{
		After: position, Limit: pageEvents, Filter: eventstore.Filter{AggregateTypes: []string{aggregateType}},
	})
	if err != nil {
		return false, fmt.Errorf("read withheld events after %d: %w", position, err)
	}
	start := time.Now()
	events, all := page.Events, !page.More
	if i := slices.IndexFunc(events, func(e domain.Envelope) bool { return e.Sequence > t.position }); i >= 0 {
		events, all = events[:i], true // the others are not withheld, but to come
	}
	ctx, traced := t.traceBatch(ctx, events)
	defer func() { traced.end(err) }()
	if len(events) > 0 {
		var rest []domain.Envelope
		t.whileBeating(ctx, func() { rest, err = t.opts.Writer.Publish(ctx, events) })
		if err != nil {
			t.log.DebugContext(ctx, "events stay withheld", "aggregate_type", aggregateType, "error", err)
			t.metrics.failures.Inc()
		}
		if len(rest) > 0 { // those before may have arrived out of the order of sequences, so all come again
			return false, nil
		}
		position = events[len(events)-1].Sequence
	}
	if err := t.moveWithheld(ctx, aggregateType, position, all); err != nil {
		return false, err
	}
	t.metrics.published(events, time.Since(start))
	traced.published(ctx, events)
	if all {
		t.log.InfoContext(ctx, "withheld events are published", "aggregate_type", aggregateType, "up_to", position)
	}
	return !all, nil
}

// moveWithheld records how far the events of a withheld type are published, or that all are, if this relay still leads.
func (t *term) moveWithheld(ctx context.Context, aggregateType string, position int64, all bool) error {
	ctx, cancel := context.WithTimeout(ctx, electionTimeout)
	defer cancel()
	// Without the comparison a deposed leader would move it past what its successor holds back.
	const leads = ` WHERE w.name = $1 AND w.aggregate_type = $2 AND w.position = $4
		AND EXISTS (SELECT FROM orderloom.relay_cursors c WHERE c.name = w.name AND c.epoch = $3)`
	var tag pgconn.CommandTag
	err := pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) (err error) {
		if all {
			tag, err = tx.Exec(ctx, `DELETE FROM orderloom.relay_withheld w`+leads, t.opts.Name, aggregateType, t.epoch, t.withheld[aggregateType])
			return err
		}
		tag, err = tx.Exec(ctx, `UPDATE orderloom.relay_withheld w SET position = $5`+leads,
			t.opts.Name, aggregateType, t.epoch, t.withheld[aggregateType], position)
		return err
	})
	switch {
	case err != nil:
		return fmt.Errorf("record what is withheld: %w", err)
	case tag.RowsAffected() == 0: // an operator has rewound it, or another relay leads: the next beat tells
		return t.readWithheld(ctx)
	case all:
		delete(t.withheld, aggregateType)
	default:
		t.withheld[aggregateType] = position
	}
	return nil
}
