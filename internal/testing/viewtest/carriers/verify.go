package carriers

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/projector"
)

// region verify

// Verify implements [projector.Projection].
func (View) Verify() projector.Verifier { return &verifier{} }

// verifier compares the rows of each order with its events.
type verifier struct{ rows map[uuid.UUID][]*string }

// Read implements [projector.Verifier].
func (v *verifier) Read(q *pgx.Batch, keys []projector.Key) {
	v.rows = map[uuid.UUID][]*string{}
	q.Queue(`SELECT aggregate_id, carrier FROM orderloom.carrier_shipments WHERE aggregate_id = ANY($1) ORDER BY aggregate_id, version`,
		projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var carrier *string
		_, err := pgx.ForEachRow(rows, []any{&id, &carrier}, func() error { v.rows[id] = append(v.rows[id], carrier); return nil })
		return err
	})
}

// Compare implements [projector.Verifier].
func (v *verifier) Compare(ctx context.Context, c projector.Comparison, k projector.Key) error {
	have := v.rows[k.AggregateID]
	events, err := c.Seen(ctx, k, int64(len(have)))
	if err != nil {
		return err
	}
	want := make([]*string, len(have)) // a discarded event has its row, without a carrier
	for _, env := range events {
		e, err := catalog.Decode(env)
		if err != nil {
			return err
		}
		want[env.Version-1] = carrierOf(e)
	}
	c.Rows(int64(len(have)))
	return c.Equal("carrier_shipments", k.AggregateID.String(), want, have)
}

// Finish implements [projector.Verifier]. Nothing is summed over many streams.
func (*verifier) Finish(context.Context, projector.Comparison, pgx.Tx) error { return nil }

// endregion
