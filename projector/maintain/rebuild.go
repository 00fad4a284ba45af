package maintain

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/projector"
)

// Limits of a rebuild.
const (
	// rebuildPage is how many events are folded at once.
	rebuildPage = 10_000
	// swapLockTimeout bounds how long the swap waits for projectors and readers to finish what they do; they
	// wait for it meanwhile. A swap that does not get its turn tries again.
	swapLockTimeout = 3 * time.Second
	swapAttempts    = 20
	// diffSamples is how many differing rows are shown for each table.
	diffSamples = 10
)

// States of a rebuild.
const (
	rebuildFilling = "filling"
	rebuildFilled  = "filled"
	rebuildSwapped = "swapped"
)

// Refusals.
const (
	// CodeOldTablesKept refuses a rebuild while the tables that the last one has replaced are kept.
	CodeOldTablesKept domain.ErrorCode = "old_tables_kept"
	// CodeRebuildRunning refuses a rebuild of a projection that another process is rebuilding.
	CodeRebuildRunning domain.ErrorCode = "rebuild_running"
)

// GlobalSource is the event store, as a whole; [eventstore.Store] is one.
type GlobalSource interface {
	// Check reports whether a consumer may go on from its cursor, and which store this is.
	Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error)
	// Read returns a page of all events in their order.
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
}

// RebuildOptions says how to rebuild.
type RebuildOptions struct {
	// DryRun stops after the differences are known. The shadow tables stay, and the next rebuild goes on from
	// them.
	DryRun bool
	// Progress is told after every page.
	Progress func(RebuildProgress)
	// Differences is told the differences before the swap; an error prevents it.
	Differences func([]TableDiff) error
}

// RebuildProgress tells how far a rebuild is.
type RebuildProgress struct {
	// Events is how many were folded, by this run and by those it has resumed.
	Events int64
	// Position and HighWater are sequences: how far the shadow tables are, and how far the store is.
	Position, HighWater int64
	// PerSecond is the speed of this run.
	PerSecond float64
	// Left is an estimate.
	Left time.Duration
}

// RebuildReport says what a rebuild has done.
type RebuildReport struct {
	Projection string        `json:"projection"`
	Events     int64         `json:"events"`
	Seconds    float64       `json:"seconds"`
	Diff       []TableDiff   `json:"diff"`
	Swapped    bool          `json:"swapped"`
	Paused     time.Duration `json:"paused_ns"`
	Parked     int64         `json:"parked"`
}

// Rebuild fills shadow tables of a projection from the event store and compares them with the live ones. Then it puts
// them in their place in one transaction. Projectors and readers go on meanwhile. The old tables are kept under names
// that end in __old until [Maintainer.DropOld].
//
// It may be interrupted at any moment: the next call goes on from where it was. It makes the views those of this store,
// also when they were built from another one. Errors: unknown_projection; rebuild_running when another one is under
// way; old_tables_kept when those of the rebuild before are still there.
func (m *Maintainer) Rebuild(ctx context.Context, store GlobalSource, name string, o RebuildOptions) (report RebuildReport, err error) {
	p, err := m.Projection(name)
	if err != nil {
		return report, err
	}
	unlock, err := m.lockRebuild(ctx, name)
	if err != nil {
		return report, err
	}
	defer unlock()
	r := &rebuild{Engine: m.Engine, projection: p, store: store, options: o, report: RebuildReport{Projection: name}, start: time.Now()}
	if err := r.begin(ctx); err != nil {
		return r.report, err
	}
	for _, step := range []func(context.Context) error{r.fill, r.indexShadows, r.fill} { // much may have come in meanwhile
		if err := step(ctx); err != nil {
			return r.report, err
		}
	}
	if r.report.Diff, err = r.diff(ctx); err != nil {
		return r.report, err
	}
	if o.Differences != nil {
		if err := o.Differences(r.report.Diff); err != nil {
			return r.report, err
		}
	}
	r.report.Seconds = time.Since(r.start).Seconds()
	if o.DryRun {
		return r.report, nil
	}
	if err := r.swap(ctx); err != nil {
		return r.report, err
	}
	r.report.Seconds = time.Since(r.start).Seconds()
	m.ClearCache(ctx)
	return r.report, nil
}

// lockRebuild keeps two rebuilds of one projection apart.
func (m *Maintainer) lockRebuild(ctx context.Context, name string) (unlock func(), err error) {
	conn, err := m.Pool().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	locked, err := advisory.TryLock(ctx, conn, advisory.Rebuild, name)
	if err == nil && !locked {
		err = domain.Refuse(CodeRebuildRunning, "%s is being rebuilt by another process", name)
	}
	if err != nil {
		conn.Release()
		return nil, err
	}
	return func() {
		advisory.Unlock(ctx, conn, advisory.Rebuild, name)
		conn.Release()
	}, nil
}

// rebuild is one under way.
type rebuild struct {
	*projector.Engine
	projection projector.Projection
	store      GlobalSource
	options    RebuildOptions
	report     RebuildReport
	start      time.Time
	identity   eventstore.Identity
	position   int64
	events     int64
	resumed    int64
	left       map[projector.EventKey]bool
}

// begin finds the shadow tables of a rebuild that was interrupted, or makes new ones. Shadows of another store, or of
// events that the store has lost, are made anew.
func (r *rebuild) begin(ctx context.Context) error {
	state, cursor, err := r.readState(ctx)
	if err != nil {
		return err
	}
	name := r.projection.Name()
	if state == rebuildSwapped {
		return domain.Refuse(CodeOldTablesKept, "the old tables of %s are still there: drop them with \"orderloom rebuild --drop-old %s\"", name, name)
	}
	r.identity, err = r.store.Check(ctx, cursor)
	changed := (*eventstore.StoreChangedError)(nil)
	switch {
	case errors.As(err, &changed), err == nil && state == "":
		err = r.makeShadows(ctx)
	case err == nil:
		r.position, r.resumed = cursor.Position, r.events
		_, err = r.Pool().Exec(ctx, `UPDATE orderloom.projection_rebuilds SET state = $2, store_id = $3, store_epoch = $4, updated_at = now()
			WHERE projection = $1`, name, rebuildFilling, r.identity.ID, r.identity.Epoch)
	}
	if err != nil {
		return fmt.Errorf("begin the rebuild of %s: %w", name, err)
	}
	return r.readDiscarded(ctx)
}

// readState returns the state of a rebuild that was begun before, "" for none, and how far it has read which store.
func (r *rebuild) readState(ctx context.Context) (state string, cursor eventstore.Cursor, err error) {
	err = r.Pool().QueryRow(ctx, `SELECT state, position, events, coalesce(store_id, $2), coalesce(store_epoch, 0)
		FROM orderloom.projection_rebuilds WHERE projection = $1`, r.projection.Name(), uuid.Nil).
		Scan(&state, &cursor.Position, &r.events, &cursor.Store, &cursor.Epoch)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return "", cursor, fmt.Errorf("read the state of the rebuild: %w", err)
	}
	if cursor.Position == 0 {
		cursor = eventstore.Cursor{} // nothing is read yet
	}
	return state, cursor, nil
}

// makeShadows makes empty shadow tables in place of those there may be.
func (r *rebuild) makeShadows(ctx context.Context) error {
	name := r.projection.Name()
	r.events = 0
	return pgx.BeginFunc(ctx, r.Pool(), func(tx pgx.Tx) error {
		for _, t := range r.projection.Tables() {
			if err := createShadow(ctx, tx, t.Name); err != nil {
				return err
			}
		}
		q := &pgx.Batch{}
		q.Queue(`DELETE FROM orderloom.parked_streams WHERE projection = $1`, projector.Shadow.Name(name))
		q.Queue(`INSERT INTO orderloom.projection_rebuilds (projection, state, store_id, store_epoch) VALUES ($1, $2, $3, $4)
			ON CONFLICT (projection) DO UPDATE SET state = excluded.state, position = 0, events = 0, store_id = excluded.store_id,
				store_epoch = excluded.store_epoch, started_at = now()`, name, rebuildFilling, r.identity.ID, r.identity.Epoch)
		return tx.SendBatch(ctx, q).Close()
	})
}

// readDiscarded remembers the events that an operator has left out of the projection.
func (r *rebuild) readDiscarded(ctx context.Context) error {
	rows, err := r.Pool().Query(ctx, `SELECT aggregate_id, version FROM orderloom.discarded_events WHERE projection = $1`, r.projection.Name())
	if err != nil {
		return fmt.Errorf("read discarded events: %w", err)
	}
	r.left = map[projector.EventKey]bool{}
	var k projector.EventKey
	_, err = pgx.ForEachRow(rows, []any{&k.AggregateID, &k.Version}, func() error { r.left[k] = true; return nil })
	if err != nil {
		return fmt.Errorf("read discarded events: %w", err)
	}
	return nil
}

// page is what was read and decoded ahead.
type page struct {
	eventstore.Page
	events []projector.Incoming
	err    error
}

// fill folds all events up to the present end of the store. The next page is read and decoded while one is
// written.
func (r *rebuild) fill(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	pages := make(chan page, 1)
	go func() {
		defer close(pages)
		for after := r.position; ; {
			p := r.read(ctx, after)
			select {
			case pages <- p:
			case <-ctx.Done():
				return
			}
			if p.err != nil || !p.More {
				return
			}
			after = p.Next
		}
	}()
	for p := range pages {
		if p.err != nil {
			return p.err
		}
		w := r.work(p)
		res, err := r.Process(ctx, w)
		if err != nil {
			return fmt.Errorf("fill the shadow of %s: %w", r.projection.Name(), err)
		}
		r.advance(p, res)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := r.Pool().Exec(ctx, `UPDATE orderloom.projection_rebuilds SET state = $2, updated_at = now() WHERE projection = $1`,
		r.projection.Name(), rebuildFilled)
	if err != nil {
		return fmt.Errorf("fill the shadow of %s: %w", r.projection.Name(), err)
	}
	return nil
}

func (r *rebuild) read(ctx context.Context, after int64) page {
	p, err := r.store.Read(ctx, eventstore.ReadOptions{
		After: after, Limit: rebuildPage, Filter: eventstore.Filter{AggregateTypes: r.projection.Aggregates()},
	})
	if err != nil {
		return page{err: fmt.Errorf("read events after %d: %w", after, err)}
	}
	return page{Page: p, events: r.Decode(p.Events)}
}

// work is the folding of a page into the shadow tables, with the position in the same transaction.
func (r *rebuild) work(p page) projector.Work {
	return projector.Work{
		Place: projector.Shadow, Projections: []projector.Projection{r.projection}, Events: p.events, Discarded: r.left,
		Also: func(q *pgx.Batch) {
			q.Queue(`SELECT set_config('synchronous_commit', 'off', true)`) // a lost page is filled again
			q.Queue(`UPDATE orderloom.projection_rebuilds SET position = $2, events = $3, updated_at = now() WHERE projection = $1`,
				r.projection.Name(), p.Next, r.events+int64(len(p.events)))
		},
	}
}

func (r *rebuild) advance(p page, res projector.Result) {
	r.position, r.events = p.Next, r.events+int64(len(p.events))
	r.report.Events, r.report.Parked = r.events, r.report.Parked+int64(len(res.Parked))
	if r.options.Progress == nil {
		return
	}
	progress := RebuildProgress{Events: r.events, Position: p.Next, HighWater: p.HighWater}
	if took := time.Since(r.start).Seconds(); took > 0 {
		progress.PerSecond = float64(r.events-r.resumed) / took
	}
	if progress.PerSecond > 0 && p.Next > 0 {
		// As many events for each sequence number in what is left as in what is done.
		left := float64(p.HighWater-p.Next) * float64(r.events) / float64(p.Next)
		progress.Left = time.Duration(left / progress.PerSecond * float64(time.Second)).Round(time.Second)
	}
	r.options.Progress(progress)
}
