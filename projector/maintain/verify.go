package maintain

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/projector"
)

const (
	// verifyPage is how many streams are compared at once.
	verifyPage = 500
	// differencesMax bounds the differences that are described; all are counted.
	differencesMax = 100
)

// Difference is a view that is not the fold of its events.
type Difference struct {
	View string `json:"view"`
	Key  string `json:"key"`
	// Want is the fold, Have the view, both as JSON; Have is empty when there is no row.
	Want string `json:"want,omitempty"`
	Have string `json:"have,omitempty"`
}

// Verification is what comparing the views with the event store has shown.
type Verification struct {
	Streams int64 `json:"streams"`
	Events  int64 `json:"events"`
	Rows    int64 `json:"rows"`
	// Customers counts the rows that sum up others. Those of customer_summaries are the only ones.
	Customers int64 `json:"customers"`
	// Behind counts views that did not have all events of a stream yet; they are compared as of the version
	// they have. Parked counts those that wait behind an event which can't be applied; they are compared likewise.
	Behind int64 `json:"behind"`
	Parked int64 `json:"parked"`
	// Wrong counts the differences, Differences describes the first of them.
	Wrong       int64        `json:"wrong"`
	Differences []Difference `json:"differences,omitempty"`
}

// OK reports whether every view is equal to the fold of the events that it has.
func (v Verification) OK() bool { return v.Wrong == 0 }

// Verify compares every view with the fold of its events. It only reads, a page at a time, and may be run while
// everything else runs.
func (m *Maintainer) Verify(ctx context.Context, streams projector.StreamLister, progress func(Verification)) (Verification, error) {
	v := &verification{Maintainer: m}
	for _, p := range m.Projections() {
		v.views = append(v.views, verifiedView{projection: p, verifier: p.Verify()})
	}
	err := projector.EachPage(ctx, streams, verifyPage, func(page []eventstore.StreamVersion) error {
		if err := v.page(ctx, page); err != nil {
			return err
		}
		if progress != nil {
			progress(v.found)
		}
		return nil
	})
	if err != nil {
		return v.found, err
	}
	return v.found, v.finish(ctx)
}

// verification is one under way.
type verification struct {
	*Maintainer
	views []verifiedView
	found Verification
	// What the present page has parked and discarded.
	parked    map[parkedKey]bool
	discarded map[parkedKey]map[int64]bool
}

// verifiedView is a projection with its verifier.
type verifiedView struct {
	projection projector.Projection
	verifier   projector.Verifier
}

type parkedKey struct {
	projection string
	id         uuid.UUID
}

// page compares the views of some streams. All are of one type.
func (v *verification) page(ctx context.Context, page []eventstore.StreamVersion) error {
	keys := make([]projector.Key, len(page))
	for i, s := range page {
		keys[i] = projector.Key{AggregateType: s.Stream.Type, AggregateID: s.Stream.ID}
		if s.Stream.Type == domain.AggregateOrder {
			keys[i].OrderID = s.Stream.ID
		}
	}
	v.found.Streams += int64(len(keys))
	if err := v.read(ctx, keys); err != nil {
		return err
	}
	for _, k := range keys {
		events, err := v.load(ctx, k)
		if err != nil {
			return err
		}
		v.found.Events += int64(len(events))
		loaded := map[uuid.UUID][]domain.Envelope{k.AggregateID: events}
		for _, view := range v.views {
			if !projector.Folds(view.projection, k) {
				continue
			}
			c := &comparison{verification: v, projection: view.projection.Name(), loaded: loaded}
			switch err := view.verifier.Compare(ctx, c, k); {
			case c.failed != nil:
				return fmt.Errorf("compare %s %s in %s: %w", k.AggregateType, k.AggregateID, view.projection.Name(), err)
			case err != nil: // its events can't be folded: the others can
				c.Differ(view.projection.Name(), k.String(), "a fold of its events", err.Error())
			}
		}
	}
	return nil
}

// read reads the rows of a page, and what is parked and discarded of it. All are as of one moment, so that what several
// statements read belongs together.
func (v *verification) read(ctx context.Context, keys []projector.Key) error {
	q := &pgx.Batch{}
	for _, view := range v.views {
		var folded []projector.Key
		for _, k := range keys {
			if projector.Folds(view.projection, k) {
				folded = append(folded, k)
			}
		}
		if len(folded) > 0 {
			view.verifier.Read(q, folded)
		}
	}
	v.readExceptions(q, withPayments(keys))
	snapshot := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, v.Pool(), snapshot, func(tx pgx.Tx) error { return tx.SendBatch(ctx, q).Close() })
	if err != nil {
		return fmt.Errorf("read views: %w", err)
	}
	return nil
}

// withPayments returns the ids of the streams and those of the payments of its orders, which stand in the same row.
func withPayments(keys []projector.Key) []uuid.UUID {
	ids := make([]uuid.UUID, 0, 2*len(keys))
	for _, k := range keys {
		ids = append(ids, k.AggregateID)
		if k.AggregateType == domain.AggregateOrder {
			ids = append(ids, payment.ID(k.AggregateID))
		}
	}
	return ids
}

// readExceptions queues the statements that read what is parked and what was discarded.
func (v *verification) readExceptions(q *pgx.Batch, ids []uuid.UUID) {
	v.parked, v.discarded = map[parkedKey]bool{}, map[parkedKey]map[int64]bool{}
	q.Queue("SELECT projection, aggregate_id FROM orderloom.parked_streams WHERE aggregate_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		var k parkedKey
		_, err := pgx.ForEachRow(rows, []any{&k.projection, &k.id}, func() error { v.parked[k] = true; return nil })
		return err
	})
	q.Queue("SELECT projection, aggregate_id, version FROM orderloom.discarded_events WHERE aggregate_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		var k parkedKey
		var version int64
		_, err := pgx.ForEachRow(rows, []any{&k.projection, &k.id, &version}, func() error {
			if v.discarded[k] == nil {
				v.discarded[k] = map[int64]bool{}
			}
			v.discarded[k][version] = true
			return nil
		})
		return err
	})
}

func (v *verification) load(ctx context.Context, k projector.Key) ([]domain.Envelope, error) {
	events, err := v.Source().Load(ctx, k.AggregateType, k.AggregateID, 0)
	if err != nil {
		return nil, fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	return events, nil
}

// finish compares what is summed over many streams.
func (v *verification) finish(ctx context.Context) error {
	for _, view := range v.views {
		c := &comparison{verification: v, projection: view.projection.Name()}
		err := pgx.BeginTxFunc(ctx, v.Pool(), pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
			return view.verifier.Finish(ctx, c, tx)
		})
		if err != nil {
			return fmt.Errorf("compare the sums of %s: %w", view.projection.Name(), err)
		}
	}
	return nil
}
