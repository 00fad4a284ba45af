package payments

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// Verify implements [projector.Projection].
func (View) Verify() projector.Verifier { return &verifier{} }

// verifier compares payment_views with the folds of the read model.
type verifier struct {
	rows map[uuid.UUID]readmodel.PaymentView
	// columns are what a row holds for lists beside the state, as JSON.
	columns map[uuid.UUID]json.RawMessage
}

// Read implements [projector.Verifier].
func (v *verifier) Read(q *pgx.Batch, keys []projector.Key) {
	v.rows, v.columns = map[uuid.UUID]readmodel.PaymentView{}, map[uuid.UUID]json.RawMessage{}
	ids := projector.AggregateIDs(keys)
	q.Queue("SELECT "+readmodel.PaymentColumns+" FROM orderloom.payment_views WHERE payment_id = ANY($1)", ids).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			p, err := readmodel.ScanPayment(rows)
			if err != nil {
				return err
			}
			v.rows[p.ID] = p
		}
		return rows.Err()
	})
	q.Queue(`SELECT payment_id, json_build_object('order_id', order_id, 'status', status, 'currency', currency, 'gateway_ref', gateway_ref,
			'authorized', trim_scale(authorized_amount)::text, 'captured', trim_scale(captured_amount)::text, 'refunded', trim_scale(refunded_amount)::text,
			'refunds_open', refunds_open)
		FROM orderloom.payment_views WHERE payment_id = ANY($1)`, ids).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var columns []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &columns}, func() error { v.columns[id] = columns; return nil })
		return err
	})
}

// Compare implements [projector.Verifier].
func (v *verifier) Compare(ctx context.Context, c projector.Comparison, k projector.Key) error {
	have, exists := v.rows[k.AggregateID]
	events, err := c.Seen(ctx, k, have.Version)
	if err != nil || !exists {
		return err
	}
	c.Rows(1)
	var want readmodel.PaymentView
	for _, env := range events {
		e, err := catalog.Decode(env)
		if err != nil {
			return err
		}
		want = want.Apply(env, e)
	}
	want.Version, want.ID = have.Version, k.AggregateID
	columns := map[string]any{
		"order_id": want.OrderID, "status": want.Status, "currency": want.Authorized.Currency, "gateway_ref": want.GatewayRef,
		"authorized": want.Authorized.Amount.String(), "captured": want.Captured.Amount.String(), "refunded": want.Refunded.Amount.String(),
		"refunds_open": len(want.OpenRefunds()) > 0,
	}
	if err := c.Equal("payment_views", k.AggregateID.String(), columns, v.columns[k.AggregateID]); err != nil {
		return err
	}
	return c.Equal("payment_views", k.AggregateID.String(), want, have)
}

// Finish implements [projector.Verifier]. Nothing is summed over payments.
func (*verifier) Finish(context.Context, projector.Comparison, pgx.Tx) error { return nil }
