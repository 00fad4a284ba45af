package maintain

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/projector"
)

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

// diff compares the live tables with their shadows as of one moment.
func (r *rebuild) diff(ctx context.Context) ([]TableDiff, error) {
	var all []TableDiff
	err := pgx.BeginTxFunc(ctx, r.Pool(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
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

func diffTable(ctx context.Context, tx pgx.Tx, t projector.Table) (TableDiff, error) {
	d := TableDiff{Table: t.Name}
	moving := "false"
	if len(t.Versions) > 0 {
		moving = "(l." + strings.Join(t.Versions, ", l.") + ") IS DISTINCT FROM (s." + strings.Join(t.Versions, ", s.") + ")"
	}
	if t.Moving != "" {
		moving = projector.Live.SQL(strings.ReplaceAll(t.Moving, "[shadow]", projector.Shadow.Name("")))
	}
	key := "l." + t.Key[0] + " IS NULL"
	other := "s." + t.Key[0] + " IS NULL"
	from := fmt.Sprintf("FROM %s l FULL JOIN %s s USING (%s)", projector.Live.Table(t.Name), projector.Shadow.Table(t.Name), strings.Join(t.Key, ", "))
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
	// The first few rows. Of those that differ it shows the columns in which they do, of a JSON column its members,
	// each with both values. Of the others it shows the key.
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
