package projector

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// session is one transaction's work in progress.
type session struct {
	*Engine
	result Result
	views  []view
	parked map[parkedKey]*parkedRow
	loaded map[loadKey][]domain.Envelope
	unpark bool
	// place tells the parked of a rebuild from those of the live tables.
	place     Place
	discarded map[EventKey]bool
}

// parkedName is the name under which a projection's aggregates are parked.
func (s *session) parkedName(v *view) string { return s.place.Name(v.Name()) }

// view is a projection within a session.
type view struct {
	Projection
	Batch
	aggregates []string
	// keys are the streams of the work that it folds.
	keys []Key
}

type parkedKey struct {
	projection string
	id         uuid.UUID
}

type parkedRow struct {
	lastVersion int64
	raised, new bool
}

type loadKey struct {
	id    uuid.UUID
	after int64
}

func (v *view) folds(k Key) bool { return slices.Contains(v.aggregates, k.AggregateType) }

// Folds reports whether a projection folds a stream.
func Folds(p Projection, k Key) bool { return slices.Contains(p.Aggregates(), k.AggregateType) }

// open reads in one round trip what the work touches: the rows of all projections, and what is parked.
func (g *Engine) open(ctx context.Context, tx pgx.Tx, w Work) (*session, error) {
	s := &session{
		Engine: g, parked: map[parkedKey]*parkedRow{}, loaded: map[loadKey][]domain.Envelope{},
		unpark: w.Unpark, place: w.Place, discarded: w.Discarded,
	}
	keys, err := g.resolve(ctx, w)
	if err != nil {
		return nil, err
	}
	q := &pgx.Batch{}
	Queue(q, `SELECT projection, aggregate_id, last_version FROM orderloom.parked_streams WHERE aggregate_id = ANY($1)`, AggregateIDs(keys)).
		Query(func(rows pgx.Rows) error {
			for rows.Next() {
				var k parkedKey
				r := &parkedRow{}
				if err := rows.Scan(&k.projection, &k.id, &r.lastVersion); err != nil {
					return err
				}
				s.parked[k] = r
			}
			return rows.Err()
		})
	for _, p := range w.Projections {
		v := view{Projection: p, aggregates: p.Aggregates()}
		var mine []Key
		for _, k := range keys {
			if v.folds(k) {
				mine = append(mine, k)
			}
		}
		if len(mine) == 0 {
			continue
		}
		v.Batch, v.keys = p.Open(q, w.Place, mine), mine
		s.views = append(s.views, v)
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	return s, nil
}

// CodeNotInStore refuses an event that Kafka has and the event store does not.
const CodeNotInStore domain.ErrorCode = "not_in_store"

// apply applies one event to one projection. It first applies what is missing before the event. It parks the stream
// when it can't.
func (s *session) apply(ctx context.Context, v *view, in Incoming) error {
	e := in.Event
	k := e.Key()
	version := v.Version(k)
	switch {
	case e.Version <= version:
		s.result.Skipped++
		return nil
	case s.waits(v, k, e.Version):
		return nil
	case e.Version > version+1 || in.Missing:
		// Without this the view would go on with a hole in its history.
		if err := s.repair(ctx, v, k); err != nil {
			return err
		}
		if v.Version(k) >= e.Version || s.waits(v, k, e.Version) {
			return nil
		}
		if v.Version(k)+1 < e.Version || in.Missing {
			s.park(v, k, e.Envelope, domain.Refuse(CodeNotInStore,
				"the event store has nothing between version %d of %s %s and this event", v.Version(k), k.AggregateType, k.AggregateID))
			return nil
		}
	}
	s.applyOne(v, k, in)
	return nil
}

// repair brings a stream up to date from the event store.
func (s *session) repair(ctx context.Context, v *view, k Key) error {
	if s.waits(v, k, 0) {
		return nil
	}
	after := v.Version(k)
	lk := loadKey{k.AggregateID, after}
	events, ok := s.loaded[lk]
	if !ok {
		var err error
		if events, err = s.source.Load(ctx, k.AggregateType, k.AggregateID, after); err != nil {
			return fmt.Errorf("load %s %s after version %d: %w", k.AggregateType, k.AggregateID, after, err)
		}
		s.loaded[lk] = events
	}
	for _, env := range events {
		in := k.Own(s.decode(env))
		if s.waits(v, k, env.Version) {
			continue
		}
		s.applyOne(v, k, in)
		s.result.Repaired++
	}
	return nil
}

// waits reports whether a stream is parked in a projection. If so, its queue reaches up to this version now.
func (s *session) waits(v *view, k Key, version int64) bool {
	p := s.parked[parkedKey{s.parkedName(v), k.AggregateID}]
	if p == nil || s.unpark && !p.new {
		return false
	}
	if version > p.lastVersion {
		p.lastVersion, p.raised = version, true
	}
	return true
}

// applyOne applies the next event of a stream, or parks the stream.
func (s *session) applyOne(v *view, k Key, in Incoming) {
	if len(s.discarded) > 0 && s.discarded[EventKey{k.AggregateID, in.Event.Version}] {
		v.Skip(in.Event)
		return
	}
	err := in.Bad
	if err == nil {
		err = applySafely(v.Batch, in.Event)
	}
	if err != nil {
		s.park(v, k, in.Event.Envelope, err)
		return
	}
	s.result.Applied++
}

// applySafely turns a panic of a projection into an error, because an event that breaks one must not stop the others.
func applySafely(b Batch, e Event) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("projection panicked: %v", p)
		}
	}()
	return b.Apply(e)
}

func (s *session) park(v *view, k Key, env domain.Envelope, err error) {
	s.parked[parkedKey{s.parkedName(v), k.AggregateID}] = &parkedRow{lastVersion: env.Version, new: true}
	s.result.Parked = append(s.result.Parked, Parking{Projection: s.parkedName(v), Key: k, Event: env, Err: err})
}

// flush writes everything in one round trip.
func (s *session) flush(ctx context.Context, tx pgx.Tx, w Work) error {
	q := &pgx.Batch{}
	for i := range s.views {
		s.mark(&s.views[i])
		if b, ok := s.views[i].Batch.(PreparedBatch); ok {
			if err := b.Prepare(ctx, tx); err != nil {
				return fmt.Errorf("write views: %w", err)
			}
		}
		s.views[i].Flush(q)
		if c, ok := s.views[i].Batch.(CachedBatch); ok {
			s.result.Changed = append(s.result.Changed, c.Changed()...)
		}
		if c, ok := s.views[i].Batch.(CountedBatch); ok && s.place.IsLive() {
			s.result.counts = append(s.result.counts, c)
		}
	}
	for _, p := range s.result.Parked {
		queueParking(q, p, s.parked[parkedKey{p.Projection, p.Key.AggregateID}].lastVersion)
	}
	for k, r := range s.parked {
		if r.raised && !r.new {
			Queue(q, `UPDATE orderloom.parked_streams SET last_version = GREATEST(last_version, $3) WHERE projection = $1 AND aggregate_id = $2`,
				k.projection, k.id, r.lastVersion)
		}
	}
	if w.Also != nil {
		w.Also(q)
	}
	if q.Len() == 0 {
		return nil
	}
	if s.written != nil {
		s.written(q)
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("write views: %w", err)
	}
	return nil
}

// mark tells the rows of a view which of their streams are parked, if they show it.
func (s *session) mark(v *view) {
	rows, ok := v.Batch.(MarkedBatch)
	if !ok {
		return
	}
	for _, k := range v.keys {
		rows.MarkParked(k, s.parked[parkedKey{s.parkedName(v), k.AggregateID}] != nil)
	}
}

// queueParking queues the statement that records a parking whose queue reaches up to a version.
func queueParking(q *pgx.Batch, p Parking, last int64) {
	Queue(q, `INSERT INTO orderloom.parked_streams AS t
			(projection, aggregate_id, aggregate_type, version, event_id, event_type, last_version, error, event_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
		ON CONFLICT (projection, aggregate_id) DO UPDATE SET version = excluded.version, event_id = excluded.event_id,
			event_type = excluded.event_type, last_version = GREATEST(t.last_version, excluded.last_version), error = excluded.error,
			event_at = excluded.event_at, attempts = t.attempts + 1, tried_at = now()`,
		p.Projection, p.Key.AggregateID, p.Key.AggregateType, p.Event.Version, p.Event.EventID, p.Event.EventType, last, p.Err.Error(),
		TimeOrNil(p.Event.Timestamp))
}
