package maintain

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/projector"
)

// createShadow makes an empty table like a live one, with its settings and grants, and of its indexes those that hold a
// uniqueness. indexShadow makes the others when the table is filled. At once they cost a fraction of what they cost row
// by row, and without them an update of a row needs no index entry.
func createShadow(ctx context.Context, tx pgx.Tx, table string) error {
	live, shade := projector.Live.Table(table), projector.Shadow.Table(table)
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

// indexShadows gives the shadows the indexes of the live tables that they lack, and statistics. So the first reader
// after the swap finds both.
func (r *rebuild) indexShadows(ctx context.Context) error {
	err := pgx.BeginFunc(ctx, r.Pool(), func(tx pgx.Tx) error {
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
	live, shade := projector.Live.Table(table), projector.Shadow.Table(table)
	// All are made in one transaction, so there are none or all. The definition of an index names the index and its
	// table; without a name PostgreSQL finds one that is free.
	rows, err := tx.Query(ctx, `
		SELECT regexp_replace(pg_get_indexdef(indexrelid), '^CREATE INDEX .*? ON .*? USING ', format('CREATE INDEX ON %s USING ', $2::text))
		FROM pg_index WHERE indrelid = $1::text::regclass AND NOT indisunique
			AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = $2::text::regclass AND NOT indisunique)
		UNION ALL
		SELECT format('ANALYZE %s', $2::text)`, live, shade)
	return execAll(ctx, tx, rows, err)
}

// DropOld drops the tables that a rebuild has replaced. It may be repeated. Errors: unknown_projection.
func (m *Maintainer) DropOld(ctx context.Context, name string) error {
	return m.drop(ctx, name, projector.Old, rebuildSwapped)
}

// AbandonRebuild drops the shadow tables of a rebuild that was not finished. It may be repeated. Errors:
// unknown_projection; rebuild_running.
func (m *Maintainer) AbandonRebuild(ctx context.Context, name string) error {
	unlock, err := m.lockRebuild(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	return m.drop(ctx, name, projector.Shadow, rebuildFilling, rebuildFilled)
}

func (m *Maintainer) drop(ctx context.Context, name string, in projector.Place, states ...string) error {
	p, err := m.Projection(name)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, m.Pool(), func(tx pgx.Tx) error {
		for _, t := range p.Tables() {
			if _, err := tx.Exec(ctx, "DROP TABLE IF EXISTS "+in.Table(t.Name)); err != nil {
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
