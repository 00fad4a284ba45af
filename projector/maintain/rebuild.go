package projector

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// Limits of a rebuild.
const (
	// rebuildPage is how many events are folded at once.
	rebuildPage = 10_000
	// rebuildLockClass is the first key of the advisory lock that a rebuild holds.
	rebuildLockClass = 0x6f6d
	// swapLockTimeout bounds how long the swap waits for projectors and readers to finish what they do; they
	// wait for it meanwhile. A swap that does not get its turn tries again.
	swapLockTimeout = 3 * time.Second
	swapAttempts    = 20
	// diffSamples is how many differing rows are shown for each table.
	diffSamples = 10
	oldSuffix   = "__old"
)

// States of a rebuild.
const (
	rebuildFilling = "filling"
	rebuildFilled  = "filled"
	rebuildSwapped = "swapped"
)

// GlobalSource reads all events of the event store in their order; [eventstore.Store] is one.
type GlobalSource interface {
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

// TableDiff compares a table with its shadow.
type TableDiff struct {
	Table string `json:"table"`
	// Same counts rows that are equal, Different those that differ in the same version.
	Same      int64 `json:"same"`
	Different int64 `json:"different"`
	// Moving counts rows of which one table has a later version than the other, or that depend on such rows,
	// because events come in meanwhile. They are not differences.
	Moving int64 `json:"moving"`
	// OnlyLive and OnlyShadow count rows that the other table does not have.
	OnlyLive   int64    `json:"only_live"`
	OnlyShadow int64    `json:"only_shadow"`
	Samples    []string `json:"samples,omitempty"`
}

// RebuildReport says what a rebuild has done.
type RebuildReport struct {
	Projection string        `json:"projection"`
	Events     int64         `json:"events"`
	Seconds    float64       `json:"seconds"`
	Diff       []TableDiff   `json:"diff"`
	Swapped    bool          `json:"swapped"`
	Paused     time.Duration `json:"paused"`
	Parked     int64         `json:"parked"`
}

// Rebuild fills shadow tables of a projection from the event store, compares them with the live ones, and
// puts them in their place in one transaction, while projectors and readers go on. The old tables are kept
// under names that end in __old until [Mender.DropOld].
//
// It may be interrupted at any moment: the next call goes on from where it was. Errors: unknown_projection;
// rebuild_running when another one is under way; old_tables_kept when those of the rebuild before are still
// there.
func (m *Mender) Rebuild(ctx context.Context, store GlobalSource, name string, o RebuildOptions) (report RebuildReport, err error) {
	p, err := m.engine.projection(name)
	if err != nil {
		return report, err
	}
	unlock, err := m.lockRebuild(ctx, name)
	if err != nil {
		return report, err
	}
	defer unlock()
	r := &rebuild{engine: m.engine, projection: p, store: store, options: o, report: RebuildReport{Projection: name}, start: time.Now()}
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
	if c, ok := m.cache.(interface{ Clear(ctx context.Context) }); ok {
		c.Clear(ctx)
	}
	return r.report, nil
}

// CodeRebuildRunning refuses a rebuild of a projection that another process is rebuilding.
const CodeRebuildRunning domain.ErrorCode = "rebuild_running"

// lockRebuild keeps two rebuilds of one projection apart.
func (m *Mender) lockRebuild(ctx context.Context, name string) (unlock func(), err error) {
	conn, err := m.engine.pool.Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	h := fnv.New32a()
	_, _ = h.Write([]byte(name))
	key := int32(h.Sum32()) //nolint:gosec // any 32 bits will do
	var locked bool
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1, $2)`, rebuildLockClass, key).Scan(&locked); err != nil {
		conn.Release()
		return nil, fmt.Errorf("lock the rebuild: %w", err)
	}
	if !locked {
		conn.Release()
		return nil, domain.Refuse(CodeRebuildRunning, "%s is being rebuilt by another process", name)
	}
	return func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		if _, err := conn.Exec(ctx, `SELECT pg_advisory_unlock($1, $2)`, rebuildLockClass, key); err != nil {
			_ = conn.Conn().Close(ctx)
		}
		conn.Release()
	}, nil
}

// rebuild is one under way.
type rebuild struct {
	*engine
	projection Projection
	store      GlobalSource
	options    RebuildOptions
	report     RebuildReport
	start      time.Time
	position   int64
	events     int64
	resumed    int64
	left       map[discardKey]bool
}

type discardKey struct {
	id      uuid.UUID
	version int64
}

// CodeOldTablesKept refuses a rebuild while the tables that the last one has replaced are kept.
const CodeOldTablesKept domain.ErrorCode = "old_tables_kept"

// begin makes the shadow tables, or finds those of a rebuild that was interrupted.
func (r *rebuild) begin(ctx context.Context) error {
	name := r.projection.Name()
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		var state string
		var storeID, present uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT id FROM orderloom.store`).Scan(&present); err != nil {
			return fmt.Errorf("identity of the event store: %w", err)
		}
		err := tx.QueryRow(ctx, `SELECT state, position, events, coalesce(store_id, $2) FROM orderloom.projection_rebuilds WHERE projection = $1`, name, present).
			Scan(&state, &r.position, &r.events, &storeID)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
		case err != nil:
			return err
		case state == rebuildSwapped:
			return domain.Refuse(CodeOldTablesKept, "the old tables of %s are still there: drop them with \"orderloom rebuild --drop-old %s\"", name, name)
		case storeID == present:
			r.resumed = r.events
			_, err := tx.Exec(ctx, `UPDATE orderloom.projection_rebuilds SET state = $2, updated_at = now() WHERE projection = $1`, name, rebuildFilling)
			return err
		}
		r.position, r.events = 0, 0
		for _, t := range r.projection.Tables() {
			if err := createShadow(ctx, tx, t.Name); err != nil {
				return err
			}
		}
		q := &pgx.Batch{}
		q.Queue(`DELETE FROM orderloom.parked_streams WHERE projection = $1`, name+shadow.suffix)
		q.Queue(`INSERT INTO orderloom.projection_rebuilds (projection, state, store_id) VALUES ($1, $2, $3)
			ON CONFLICT (projection) DO UPDATE SET state = excluded.state, position = 0, events = 0, store_id = excluded.store_id, started_at = now()`,
			name, rebuildFilling, present)
		return tx.SendBatch(ctx, q).Close()
	})
	if err != nil {
		return fmt.Errorf("begin the rebuild of %s: %w", name, err)
	}
	return r.readDiscarded(ctx)
}

// createShadow makes an empty table like a live one, with its settings and grants, and of its indexes those that
// hold a uniqueness. The others come when it is filled (indexShadow): made at once they cost a fraction of what they
// cost row by row, and without them an update of a row needs no index entry.
func createShadow(ctx context.Context, tx pgx.Tx, table string) error {
	live, shade := Live.Table(table), shadow.Table(table)
	if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+shade); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, "CREATE TABLE "+shade+" (LIKE "+live+" INCLUDING ALL)"); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		SELECT format('ALTER TABLE %s SET (%s)', $2::text, array_to_string(reloptions, ', ')) FROM pg_class WHERE oid = $1::regclass AND reloptions IS NOT NULL
		UNION ALL
		SELECT format('GRANT %s ON %s TO %s', a.privilege_type, $2::text, coalesce(quote_ident(r.rolname), 'PUBLIC'))
		FROM pg_class c CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee
		WHERE c.oid = $1::regclass AND a.grantee <> c.relowner
		UNION ALL
		SELECT format('DROP INDEX %s', indexrelid::regclass) FROM pg_index WHERE indrelid = $2::text::regclass AND NOT indisunique`, live, shade)
	return execAll(ctx, tx, rows, err)
}

// execAll executes the statements that a query has composed.
func execAll(ctx context.Context, tx pgx.Tx, rows pgx.Rows, err error) error {
	if err != nil {
		return err
	}
	statements, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, s := range statements {
		if _, err := tx.Exec(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// indexMemory is what making one index may take.
const indexMemory = "256MB"

// indexShadows gives the shadows the indexes of the live tables that they lack, and statistics, so that the first
// reader after the swap finds both.
func (r *rebuild) indexShadows(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		q := &pgx.Batch{}
		q.Queue(`SELECT set_config('maintenance_work_mem', $1, true)`, indexMemory)
		q.Queue(`SELECT set_config('statement_timeout', '0', true)`)
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		for _, t := range r.projection.Tables() {
			if err := indexShadow(ctx, tx, t.Name); err != nil {
				return fmt.Errorf("%s: %w", t.Name, err)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("index the shadow of %s: %w", r.projection.Name(), err)
	}
	return nil
}

func indexShadow(ctx context.Context, tx pgx.Tx, table string) error {
	live, shade := Live.Table(table), shadow.Table(table)
	// All are made in one transaction, so there are none or all. The definition of an index names it and its table in
	// between; without a name PostgreSQL finds one that is free.
	rows, err := tx.Query(ctx, `
		SELECT regexp_replace(pg_get_indexdef(indexrelid), '^CREATE INDEX .*? ON .*? USING ', format('CREATE INDEX ON %s USING ', $2::text))
		FROM pg_index WHERE indrelid = $1::text::regclass AND NOT indisunique
			AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = $2::text::regclass AND NOT indisunique)
		UNION ALL
		SELECT format('ANALYZE %s', $2::text)`, live, shade)
	return execAll(ctx, tx, rows, err)
}

// readDiscarded remembers the events that an operator has left out of the projection.
func (r *rebuild) readDiscarded(ctx context.Context) error {
	rows, err := r.pool.Query(ctx, `SELECT aggregate_id, version FROM orderloom.discarded_events WHERE projection = $1`, r.projection.Name())
	if err != nil {
		return fmt.Errorf("read discarded events: %w", err)
	}
	r.left = map[discardKey]bool{}
	var k discardKey
	_, err = pgx.ForEachRow(rows, []any{&k.id, &k.version}, func() error { r.left[k] = true; return nil })
	if err != nil {
		return fmt.Errorf("read discarded events: %w", err)
	}
	return nil
}

// page is what was read and decoded ahead.
type page struct {
	eventstore.Page
	events []incoming
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
		res, err := r.process(ctx, w)
		if err != nil {
			return fmt.Errorf("fill the shadow of %s: %w", r.projection.Name(), err)
		}
		r.advance(p, res)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	_, err := r.pool.Exec(ctx, `UPDATE orderloom.projection_rebuilds SET state = $2, updated_at = now() WHERE projection = $1`, r.projection.Name(), rebuildFilled)
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
	return page{Page: p, events: r.decodeAll(p.Events)}
}

// work is the folding of a page into the shadow tables, with the position in the same transaction.
func (r *rebuild) work(p page) work {
	return work{
		place: shadow, projections: []Projection{r.projection}, events: p.events, discarded: r.left,
		also: func(q *pgx.Batch) {
			q.Queue(`SELECT set_config('synchronous_commit', 'off', true)`) // a lost page is filled again
			q.Queue(`UPDATE orderloom.projection_rebuilds SET position = $2, events = $3, updated_at = now() WHERE projection = $1`,
				r.projection.Name(), p.Next, r.events+int64(len(p.events)))
		},
	}
}

func (r *rebuild) advance(p page, res result) {
	r.position, r.events = p.Next, r.events+int64(len(p.events))
	r.report.Events, r.report.Parked = r.events, r.report.Parked+int64(len(res.parked))
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

// diff compares the live tables with their shadows as of one moment.
func (r *rebuild) diff(ctx context.Context) ([]TableDiff, error) {
	var all []TableDiff
	err := pgx.BeginTxFunc(ctx, r.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, t := range r.projection.Tables() {
			d, err := diffTable(ctx, tx, t)
			if err != nil {
				return fmt.Errorf("compare %s: %w", t.Name, err)
			}
			all = append(all, d)
		}
		return nil
	})
	return all, err
}

func diffTable(ctx context.Context, tx pgx.Tx, t Table) (TableDiff, error) {
	d := TableDiff{Table: t.Name}
	moving := "false"
	if len(t.Versions) > 0 {
		moving = "(l." + strings.Join(t.Versions, ", l.") + ") IS DISTINCT FROM (s." + strings.Join(t.Versions, ", s.") + ")"
	}
	if t.Moving != "" {
		moving = Live.SQL(strings.ReplaceAll(t.Moving, "[shadow]", shadow.suffix))
	}
	key := "l." + t.Key[0] + " IS NULL"
	other := "s." + t.Key[0] + " IS NULL"
	from := fmt.Sprintf("FROM %s l FULL JOIN %s s USING (%s)", Live.Table(t.Name), shadow.Table(t.Name), strings.Join(t.Key, ", "))
	// By what the rows mean: the texts of two JSON columns can differ and mean the same.
	const same = "to_jsonb(l) IS NOT DISTINCT FROM to_jsonb(s)"
	class := fmt.Sprintf(`CASE WHEN %s THEN 'only_shadow' WHEN %s THEN 'only_live' WHEN %s THEN 'moving' WHEN %s THEN 'same'
		ELSE 'different' END`, key, other, moving, same)
	if t.Moving != "" { // rows that come and go with others
		class = fmt.Sprintf(`CASE WHEN %s THEN 'same' WHEN %s THEN 'moving' WHEN %s THEN 'only_shadow' WHEN %s THEN 'only_live'
			ELSE 'different' END`, same, moving, key, other)
	}
	rows, err := tx.Query(ctx, "SELECT "+class+" AS class, count(*) "+from+" GROUP BY 1")
	if err != nil {
		return d, err
	}
	var name string
	var n int64
	counts := map[string]*int64{"same": &d.Same, "different": &d.Different, "moving": &d.Moving, "only_live": &d.OnlyLive, "only_shadow": &d.OnlyShadow}
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { *counts[name] = n; return nil }); err != nil {
		return d, err
	}
	if d.Different+d.OnlyLive+d.OnlyShadow == 0 {
		return d, nil
	}
	// The first few rows: of those that differ the columns in which they do, of a JSON column its members, with both values; of
	// the others the key.
	const values = `(SELECT c.key || coalesce('.' || m.key, '') AS k, coalesce(m.value, c.value) AS v FROM jsonb_each(d.%s) c
		LEFT JOIN LATERAL jsonb_each(CASE jsonb_typeof(c.value) WHEN 'object' THEN c.value END) m ON true)`
	rows, err = tx.Query(ctx, fmt.Sprintf(`SELECT coalesce(d.class || ': ' || (SELECT string_agg(format('%%s: %%s -> %%s', k, l.v, s.v), '; ')
			FROM %[4]s l FULL JOIN %[5]s s USING (k)
			WHERE k = ANY($1) OR d.class = 'different' AND l.v IS DISTINCT FROM s.v), d.class)
		FROM (SELECT to_jsonb(l) AS l, to_jsonb(s) AS s, %[2]s AS class %[1]s WHERE %[2]s IN ('different', 'only_live', 'only_shadow') LIMIT %[3]d) d`,
		from, class, diffSamples, fmt.Sprintf(values, "l"), fmt.Sprintf(values, "s")), t.Key)
	if err != nil {
		return d, err
	}
	d.Samples, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return d, err
}

// swap puts the shadow tables in the place of the live ones. Projectors and readers wait while it folds what
// has come in since, and find the new tables under the old names.
func (r *rebuild) swap(ctx context.Context) error {
	var err error
	for range swapAttempts {
		// Nearly all is caught up without anybody waiting.
		if err = r.fill(ctx); err != nil {
			return err
		}
		if err = r.swapOnce(ctx); !lockNotAvailable(err) {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("swap the tables of %s: %w", r.projection.Name(), err)
	}
	r.report.Swapped = true
	return nil
}

func (r *rebuild) swapOnce(ctx context.Context) (err error) {
	name := r.projection.Name()
	start := time.Now()
	before := *r
	defer func() {
		if err != nil { // what was folded under the lock was taken back with it
			*r = before
		}
	}()
	err = pgx.BeginFunc(ctx, r.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `SELECT set_config('lock_timeout', $1, true)`, fmt.Sprint(swapLockTimeout.Milliseconds())); err != nil {
			return err
		}
		var tables []string
		for _, t := range r.projection.Tables() {
			tables = append(tables, Live.Table(t.Name))
		}
		if _, err := tx.Exec(ctx, "LOCK TABLE "+strings.Join(tables, ", ")+" IN ACCESS EXCLUSIVE MODE"); err != nil {
			return err
		}
		start = time.Now()
		// What the live tables have is in the store, below its high-water mark: read up to that, the shadows
		// have it as well. Without this an event that only the live tables had would be missing until the
		// sweeper comes by.
		for more := true; more; {
			p := r.read(ctx, r.position)
			if p.err != nil {
				return p.err
			}
			res, err := r.applyIn(ctx, tx, r.work(p))
			if err != nil {
				return err
			}
			r.advance(p, res)
			more = p.More
		}
		for _, t := range r.projection.Tables() {
			for _, s := range []string{
				"ALTER TABLE " + Live.Table(t.Name) + " RENAME TO " + pgx.Identifier{t.Name + oldSuffix}.Sanitize(),
				"ALTER TABLE " + shadow.Table(t.Name) + " RENAME TO " + pgx.Identifier{t.Name}.Sanitize(),
			} {
				if _, err := tx.Exec(ctx, s); err != nil {
					return err
				}
			}
		}
		q := &pgx.Batch{}
		q.Queue(`SELECT set_config('synchronous_commit', 'on', true)`)
		q.Queue(`DELETE FROM orderloom.parked_streams WHERE projection = $1`, name)
		q.Queue(`UPDATE orderloom.parked_streams SET projection = $1 WHERE projection = $2`, name, name+shadow.suffix)
		q.Queue(`UPDATE orderloom.projection_rebuilds SET state = $2, updated_at = now() WHERE projection = $1`, name, rebuildSwapped)
		return tx.SendBatch(ctx, q).Close()
	})
	r.report.Paused = time.Since(start)
	return err
}

// DropOld drops the tables that a rebuild has replaced. It may be repeated. Errors: unknown_projection.
func (m *Mender) DropOld(ctx context.Context, name string) error {
	return m.drop(ctx, name, oldSuffix, rebuildSwapped)
}

// AbandonRebuild drops the shadow tables of a rebuild that was not finished. It may be repeated. Errors:
// unknown_projection; rebuild_running.
func (m *Mender) AbandonRebuild(ctx context.Context, name string) error {
	unlock, err := m.lockRebuild(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return m.drop(ctx, name, shadow.suffix, rebuildFilling, rebuildFilled)
}

func (m *Mender) drop(ctx context.Context, name, suffix string, states ...string) error {
	p, err := m.engine.projection(name)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, m.engine.pool, func(tx pgx.Tx) error {
		for _, t := range p.Tables() {
			if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+pgx.Identifier{"orderloom", t.Name + suffix}.Sanitize()); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, `DELETE FROM orderloom.projection_rebuilds WHERE projection = $1 AND state = ANY($2)`, name, states)
		return err
	})
	if err != nil {
		return fmt.Errorf("drop tables of %s: %w", name, err)
	}
	return nil
}

// lockNotAvailable reports whether a lock was not to be had in time (SQLSTATE 55P03), or was given up to end a
// deadlock.
func lockNotAvailable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "55P03" || pg.Code == "40P01")
}
