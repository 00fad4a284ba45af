package timeline

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/projector"
)

// Verify implements [projector.Projection].
func (View) Verify() projector.Verifier { return &verifier{} }

// verifier checks that every event up to the last one has its entry.
type verifier struct{ rows map[uuid.UUID]entries }

// entries are those of one stream.
type entries struct{ count, last int64 }

// Read implements [projector.Verifier].
func (v *verifier) Read(q *pgx.Batch, keys []projector.Key) {
	v.rows = map[uuid.UUID]entries{}
	q.Queue("SELECT aggregate_id, count(*), max(version) FROM orderloom.order_timeline WHERE aggregate_id = ANY($1) GROUP BY aggregate_id",
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var e entries
		_, err := pgx.ForEachRow(rows, []any{&id, &e.count, &e.last}, func() error { v.rows[id] = e; return nil })
		return err
	})
}

// Compare implements [projector.Verifier].
func (v *verifier) Compare(ctx context.Context, c projector.Comparison, k projector.Key) error {
	have := v.rows[k.AggregateID]
	if _, err := c.Seen(ctx, k, have.last); err != nil {
		return err
	}
	if have.count != have.last {
		c.Differ("order_timeline", k.AggregateID.String(), fmt.Sprintf("%d entries", have.last), fmt.Sprintf("%d entries", have.count))
	}
	c.Rows(have.count)
	return nil
}

// Finish implements [projector.Verifier]. Nothing is summed over the timeline.
func (*verifier) Finish(context.Context, projector.Comparison, pgx.Tx) error { return nil }
