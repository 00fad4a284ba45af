package stock

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// Verify implements [projector.Projection].
func (View) Verify() projector.Verifier { return &verifier{} }

// verifier compares stock_levels with the folds of the read model.
type verifier struct{ stored *stockBatch }

// Read implements [projector.Verifier].
func (v *verifier) Read(q *pgx.Batch, keys []projector.Key) {
	v.stored = View{}.open(q, projector.Live, keys)
}

// Compare implements [projector.Verifier].
func (v *verifier) Compare(ctx context.Context, c projector.Comparison, k projector.Key) error {
	var have readmodel.StockLevel
	stored := v.stored.rows[k.AggregateID]
	if stored != nil {
		have = *stored
	}
	events, err := c.Seen(ctx, k, have.Version)
	if err != nil || stored == nil {
		return err
	}
	c.Rows(1)
	var want readmodel.StockLevel
	for _, env := range events {
		e, err := catalog.Decode(env)
		if err != nil {
			return err
		}
		want = want.Apply(env, e)
	}
	want.Version = have.Version
	type row struct {
		readmodel.StockLevel
		Backorders any `json:"backorders"`
	}
	// What follows from the rest is not kept in the row.
	want.Available, want.Backordered = have.Available, have.Backordered
	return c.Equal("stock_levels", k.AggregateID.String(), row{want, want.Backorders}, row{have, have.Backorders})
}

// Finish implements [projector.Verifier]. Nothing is summed over stock.
func (*verifier) Finish(context.Context, projector.Comparison, pgx.Tx) error { return nil }
