package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/readmodel"
)

// EventSource reads the streams of the event store.
type EventSource interface {
	// Load returns the events of a stream with a version above after, in order; none for a stream that does
	// not exist.
	Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error)
}

// engine applies events to projections. What is live, sweeping, parked or being rebuilt all goes through it.
type engine struct {
	pool        *pgxpool.Pool
	source      EventSource
	projections []Projection
	catalog     *catalog.Catalog
	log         *slog.Logger
	metrics     *metrics
	written     func(*pgx.Batch)
}

// attemptsMax is how often a batch is done again because a rival was first or the database asked for it,
// before the error goes to the caller, who waits before the next attempt.
const attemptsMax = 5

// work is what one transaction has to do.
type work struct {
	place       Place
	projections []Projection
	// events are in the order in which they are to be applied. Those of one stream are in the order of its
	// versions, except where a topic was replayed.
	events []incoming
	// keys are streams to be brought up to date from the event store, with or without events.
	keys []Key
	// also is written in the same transaction, if it is set.
	also func(q *pgx.Batch)
	// unpark applies events to aggregates that are parked as well.
	unpark bool
	// discarded are events to be left out.
	discarded map[discardKey]bool
}

// incoming is an event as it came, and what decoding made of it.
type incoming struct {
	event Event
	// bad is why it could not be decoded.
	bad error
	// missing is set when the message holds no payload, but only refers to the event store.
	missing bool
}

// result says what a transaction has done.
type result struct {
	applied, skipped int
	// repaired counts the events that were missing and came from the event store.
	repaired int
	parked   []parking
	changed  []readmodel.OrderVersion
}

// parking is an event that can't be applied to a projection.
type parking struct {
	projection string
	key        Key
	event      domain.Envelope
	err        error
}

// decode completes an event that came as an envelope.
func (g *engine) decode(env domain.Envelope) incoming {
	if env.Payload == nil {
		return incoming{event: Event{Envelope: env}, missing: true}
	}
	data, err := g.catalog.Decode(env)
	if err != nil {
		return incoming{event: Event{Envelope: env}, bad: err}
	}
	return incoming{event: newEvent(env, data)}
}

// partMin is how many events or rows are worth a goroutine of their own.
const partMin = 128

// inParts calls f for the parts of n things, at the same time on all processors when there are many. Decoding events
// and encoding rows is half of what a batch costs outside of the database, which has nothing to do meanwhile.
func inParts(n int, f func(from, to int)) {
	size := max(partMin, (n+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for from := 0; from < n; from += size {
		if to := from + size; to < n {
			wg.Go(func() { f(from, to) })
		} else {
			f(from, n) // the last part here
		}
	}
	wg.Wait()
}

// decodeAll completes events.
func (g *engine) decodeAll(envelopes []domain.Envelope) []incoming {
	all := make([]incoming, len(envelopes))
	inParts(len(envelopes), func(from, to int) {
		for i := from; i < to; i++ {
			all[i] = g.decode(envelopes[i])
		}
	})
	return all
}

// apply does the work in one transaction, again if need be.
func (g *engine) apply(ctx context.Context, w work) (result, error) {
	for attempt := 1; ; attempt++ {
		r, err := g.applyOnce(ctx, w)
		if err == nil || attempt == attemptsMax || !retryAtOnce(err) {
			return r, err
		}
	}
}

// retryAtOnce reports whether the same work can succeed at once.
func retryAtOnce(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		// serialization_failure, deadlock_detected
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, errRaced)
}

// beginBatch begins a transaction in which PostgreSQL keeps its plans. A plan for arrays it would make anew for each batch,
// because it takes those that it can't see for long ones; every statement here goes by primary keys, however many.
const beginBatch = "BEGIN; SET LOCAL plan_cache_mode = force_generic_plan"

func (g *engine) applyOnce(ctx context.Context, w work) (result, error) {
	tx, err := g.pool.BeginTx(ctx, pgx.TxOptions{BeginQuery: beginBatch})
	if err != nil {
		return result{}, fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // does nothing after a commit
	r, err := g.applyIn(ctx, tx, w)
	if err != nil {
		return result{}, err
	}
	if err := tx.Commit(ctx); err != nil {
		return result{}, fmt.Errorf("commit: %w", err)
	}
	return r, nil
}

// applyIn does the work in a transaction of the caller's.
func (g *engine) applyIn(ctx context.Context, tx pgx.Tx, w work) (result, error) {
	s, err := g.open(ctx, tx, w)
	if err != nil {
		return result{}, err
	}
	for i := range s.views {
		v := &s.views[i]
		for _, k := range w.keys {
			if v.folds(k) {
				if err := s.repair(ctx, v, k); err != nil {
					return result{}, err
				}
			}
		}
		for _, in := range w.events {
			if v.folds(in.event.Key()) {
				if err := s.take(ctx, v, in); err != nil {
					return result{}, err
				}
			}
		}
	}
	return s.result, s.flush(ctx, tx, w)
}

// session is one transaction's work in progress.
type session struct {
	*engine
	result result
	views  []view
	parked map[parkedKey]*parkedRow
	loaded map[loadKey][]domain.Envelope
	unpark bool
	// place tells the parked of a rebuild from those of the live tables.
	place     Place
	discarded map[discardKey]bool
}

// parkedName is the name under which a projection's aggregates are parked.
func (s *session) parkedName(v *view) string { return v.Name() + s.place.suffix }

// view is a projection within a session.
type view struct {
	Projection
	Batch
	aggregates []string
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

// open reads what the work touches: in one round trip, the rows of all projections and what is parked.
func (g *engine) open(ctx context.Context, tx pgx.Tx, w work) (*session, error) {
	s := &session{
		engine: g, parked: map[parkedKey]*parkedRow{}, loaded: map[loadKey][]domain.Envelope{},
		unpark: w.unpark, place: w.place, discarded: w.discarded,
	}
	keys, err := g.resolve(ctx, w)
	if err != nil {
		return nil, err
	}
	q := &pgx.Batch{}
	queue(q, `SELECT projection, aggregate_id, last_version FROM orderloom.parked_streams WHERE aggregate_id = ANY($1)`, aggregateIDs(keys)).
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
	for _, p := range w.projections {
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
		v.Batch = p.Open(q, w.place, mine)
		s.views = append(s.views, v)
	}
	if err := tx.SendBatch(ctx, q).Close(); err != nil {
		return nil, fmt.Errorf("read views: %w", err)
	}
	return s, nil
}

// resolve returns the keys of all streams of the work, each with the order that it concerns. A message
// without its payload does not tell the order of a payment; the stream's first event does.
func (g *engine) resolve(ctx context.Context, w work) ([]Key, error) {
	keys := make([]Key, 0, len(w.events)+len(w.keys))
	seen := make(map[Key]bool, len(w.events))
	add := func(k Key) {
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	for i := range w.keys {
		k := &w.keys[i]
		if err := g.resolveKey(ctx, k); err != nil {
			return nil, err
		}
		add(*k)
	}
	for i := range w.events {
		e := &w.events[i].event
		k := e.Key()
		if err := g.resolveKey(ctx, &k); err != nil {
			return nil, err
		}
		e.OrderID = cmpOr(e.OrderID, k.OrderID)
		add(e.Key())
	}
	return keys, nil
}

func cmpOr(a, b uuid.UUID) uuid.UUID {
	if a != uuid.Nil {
		return a
	}
	return b
}

func (g *engine) resolveKey(ctx context.Context, k *Key) error {
	switch {
	case k.OrderID != uuid.Nil || k.AggregateType == domain.AggregateInventory:
		return nil
	case k.AggregateType == domain.AggregateOrder:
		k.OrderID = k.AggregateID
		return nil
	}
	events, err := g.source.Load(ctx, k.AggregateType, k.AggregateID, 0)
	if err != nil {
		return fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	for _, env := range events {
		if data, err := g.catalog.Decode(env); err == nil {
			if id, ok := readmodel.OrderOf(data); ok {
				k.OrderID = id
				return nil
			}
		}
	}
	return nil // stays unknown: nothing can be folded, and the event is parked
}

// take applies one event to one projection, or what is missing before it and then the event, or parks it.
func (s *session) take(ctx context.Context, v *view, in incoming) error {
	e := in.event
	k := e.Key()
	version := v.Version(k)
	switch {
	case e.Version <= version:
		s.result.skipped++
		return nil
	case s.waits(v, k, e.Version):
		return nil
	case e.Version > version+1 || in.missing:
		// Without this the view would go on with a hole in its history.
		if err := s.repair(ctx, v, k); err != nil {
			return err
		}
		if v.Version(k) >= e.Version || s.waits(v, k, e.Version) {
			return nil
		}
		if v.Version(k)+1 < e.Version || in.missing {
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
		in := s.decode(env)
		in.event.OrderID = cmpOr(in.event.OrderID, k.OrderID)
		if s.waits(v, k, env.Version) {
			continue
		}
		s.applyOne(v, k, in)
		s.result.repaired++
	}
	return nil
}

// waits reports whether a stream is parked in a projection, and if so queues up to this version.
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
func (s *session) applyOne(v *view, k Key, in incoming) {
	if len(s.discarded) > 0 && s.discarded[discardKey{k.AggregateID, in.event.Version}] {
		v.Skip(in.event)
		return
	}
	err := in.bad
	if err == nil {
		err = applySafely(v.Batch, in.event)
	}
	if err != nil {
		s.park(v, k, in.event.Envelope, err)
		return
	}
	s.result.applied++
}

// applySafely turns a panic in a projection into an error: an event that breaks one must not stop the
// others.
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
	s.result.parked = append(s.result.parked, parking{projection: s.parkedName(v), key: k, event: env, err: err})
}

// flush writes everything in one round trip.
func (s *session) flush(ctx context.Context, tx pgx.Tx, w work) error {
	q := &pgx.Batch{}
	for i := range s.views {
		s.views[i].Flush(q)
		if c, ok := s.views[i].Batch.(interface {
			changes() []readmodel.OrderVersion
		}); ok {
			s.result.changed = append(s.result.changed, c.changes()...)
		}
	}
	for _, p := range s.result.parked {
		last := s.parked[parkedKey{p.projection, p.key.AggregateID}].lastVersion
		queue(q, `INSERT INTO orderloom.parked_streams AS t
				(projection, aggregate_id, aggregate_type, version, event_id, event_type, last_version, error)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
			ON CONFLICT (projection, aggregate_id) DO UPDATE SET version = excluded.version, event_id = excluded.event_id,
				event_type = excluded.event_type, last_version = GREATEST(t.last_version, excluded.last_version), error = excluded.error,
				attempts = t.attempts + 1, tried_at = now()`,
			p.projection, p.key.AggregateID, p.key.AggregateType, p.event.Version, p.event.EventID, p.event.EventType, last, p.err.Error())
	}
	for k, r := range s.parked {
		if r.raised && !r.new {
			queue(q, `UPDATE orderloom.parked_streams SET last_version = GREATEST(last_version, $3) WHERE projection = $1 AND aggregate_id = $2`,
				k.projection, k.id, r.lastVersion)
		}
	}
	if w.also != nil {
		w.also(q)
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

// dataFault reports whether the database refuses the data itself, so that no repetition helps: SQLSTATE
// classes 22 (data exception), 23 (integrity constraint violation) and 54 (program limit exceeded).
func dataFault(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || len(pg.Code) != 5 {
		return false
	}
	switch pg.Code[:2] {
	case "22", "23", "54":
		return true
	}
	return false
}

// isolate does the work of a batch stream by stream, after the batch as a whole was refused for its data,
// and parks the streams whose own work is refused, faultsMax times in a row. The caller's addition to the
// transaction comes last, on its own.
func (g *engine) isolate(ctx context.Context, w work) (result, error) {
	var total result
	byStream := map[uuid.UUID]work{}
	var order []uuid.UUID
	for _, in := range w.events {
		id := in.event.AggregateID
		one, ok := byStream[id]
		if !ok {
			one = work{place: w.place, unpark: w.unpark, discarded: w.discarded}
			order = append(order, id)
		}
		one.events = append(one.events, in)
		byStream[id] = one
	}
	for _, k := range w.keys {
		if _, ok := byStream[k.AggregateID]; !ok {
			byStream[k.AggregateID] = work{place: w.place, unpark: w.unpark, discarded: w.discarded, keys: []Key{k}}
			order = append(order, k.AggregateID)
		}
	}
	for _, id := range order {
		for _, p := range w.projections {
			one := byStream[id]
			one.projections = []Projection{p}
			r, err := g.applyOrPark(ctx, p, one)
			if err != nil {
				return total, err
			}
			total.add(r)
		}
	}
	if w.also != nil {
		r, err := g.apply(ctx, work{place: w.place, also: w.also})
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}

// faultsMax is how often the database may refuse the data of one stream before the stream is parked.
const faultsMax = 3

// applyOrPark applies the events of one stream to one projection, and parks the stream at its first event
// that can't be written.
func (g *engine) applyOrPark(ctx context.Context, p Projection, w work) (result, error) {
	var total result
	for _, events := range oneByOne(w) {
		one := w
		one.events = events
		var err error
		for range faultsMax {
			var r result
			if r, err = g.apply(ctx, one); err == nil {
				total.add(r)
				break
			}
			if !dataFault(err) {
				return total, err
			}
		}
		if err == nil {
			continue
		}
		bad := one
		bad.keys, bad.events = nil, nil
		if len(events) == 0 { // a repair: which of the missing events is at fault is not known; the next one is blamed
			env, loadErr := g.next(ctx, p, w.place, w.keys[0])
			if loadErr != nil {
				return total, loadErr
			}
			bad.events = []incoming{{event: Event{Envelope: env, OrderID: w.keys[0].OrderID}, bad: err}}
		} else {
			bad.events = []incoming{{event: events[0].event, bad: err}}
		}
		r, err := g.apply(ctx, bad)
		if err != nil {
			return total, err
		}
		total.add(r)
	}
	return total, nil
}

// oneByOne splits the events of a stream; without events there is one part, without any.
func oneByOne(w work) [][]incoming {
	if len(w.events) == 0 {
		return [][]incoming{nil}
	}
	parts := make([][]incoming, len(w.events))
	for i := range w.events {
		parts[i] = w.events[i : i+1]
	}
	return parts
}

// next returns the event of a stream that follows what a projection has.
func (g *engine) next(ctx context.Context, p Projection, in Place, k Key) (domain.Envelope, error) {
	versions, err := g.versions(ctx, p, in, []Key{k})
	if err != nil {
		return domain.Envelope{}, err
	}
	events, err := g.source.Load(ctx, k.AggregateType, k.AggregateID, versions[0])
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	if len(events) == 0 {
		return domain.Envelope{}, fmt.Errorf("%s %s has no event after version %d", k.AggregateType, k.AggregateID, versions[0])
	}
	return events[0], nil
}

// versions returns the last version that a projection has of each stream.
func (g *engine) versions(ctx context.Context, p Projection, in Place, keys []Key) ([]int64, error) {
	versions := make([]int64, len(keys))
	in.looking, in.comparing = true, true
	err := pgx.BeginTxFunc(ctx, g.pool, pgx.TxOptions{AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		q := &pgx.Batch{}
		b := p.Open(q, in, keys)
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		for i, k := range keys {
			versions[i] = b.Version(k)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("versions in %s: %w", p.Name(), err)
	}
	return versions, nil
}

func (r *result) add(o result) {
	r.applied += o.applied
	r.skipped += o.skipped
	r.repaired += o.repaired
	r.parked = append(r.parked, o.parked...)
	r.changed = append(r.changed, o.changed...)
}

// process does the work, stream by stream if the database refuses the data of the whole, and counts it.
func (g *engine) process(ctx context.Context, w work) (result, error) {
	start := time.Now()
	r, err := g.apply(ctx, w)
	if err != nil && dataFault(err) {
		g.log.WarnContext(ctx, "batch refused by the database, going on stream by stream", "error", err)
		r, err = g.isolate(ctx, w)
	}
	if err != nil {
		return result{}, err
	}
	g.metrics.observe(r, len(w.events), time.Since(start))
	for _, p := range r.parked {
		g.log.ErrorContext(ctx, "aggregate parked: an event can't be applied", "projection", p.projection,
			"aggregate_type", p.key.AggregateType, "aggregate_id", p.key.AggregateID, "event_id", p.event.EventID,
			"event_type", p.event.EventType, "version", p.event.Version, "error", p.err)
	}
	return r, nil
}
