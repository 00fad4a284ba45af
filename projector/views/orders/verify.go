package orders

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
)

// Verify implements [projector.Projection].
func (v View) Verify() projector.Verifier { return &verifier{opener: v.Contacts} }

// verifier compares order_views with the folds of the read model, customer_summaries with sums over order_views, and
// order_contacts with the personal sections.
type verifier struct {
	rows   map[uuid.UUID]storedOrder
	opener Contacts // nil where contacts are not indexed
}

// storedOrder is a row of order_views. columns are all that it holds beside the versions, as JSON.
type storedOrder struct {
	version, paymentVersion int64
	columns                 json.RawMessage
}

// Read implements [projector.Verifier]. What is parked is told by other transactions than it is shown by, so the mark
// is not compared.
func (v *verifier) Read(q *pgx.Batch, keys []projector.Key) {
	v.rows = map[uuid.UUID]storedOrder{}
	q.Queue(`SELECT order_id, version, payment_version, json_build_object('created_at', created_at, 'order_number', order_number,
			'customer_id', customer_id, 'status', status, 'fulfillment_status', fulfillment_status, 'payment_status', payment_status,
			'total', trim_scale(total_amount)::text, 'currency', currency, 'captured', trim_scale(captured_amount)::text,
			'refunded', trim_scale(refunded_amount)::text, 'owed', trim_scale(owed_amount)::text,
			'disputed', trim_scale(disputed_amount)::text, 'disputes_lost', trim_scale(disputes_lost_amount)::text,
			'skus', skus, 'attention', attention, 'attention_since', attention_since, 'unsettled', unsettled,
			'shown', shown::jsonb - 'parked', 'personal_key', personal_key,
			'external_reference', external_reference, 'channel', channel, 'tags', tags, 'parts', parts,
			'returns_due', returns_due,
			'personal_data', encode(personal_data, 'hex'), 'order_state', order_state, 'payment_state', payment_state)
		FROM orderloom.order_views WHERE order_id = ANY($1)`, projector.AggregateIDs(keys)).Query(func(rows pgx.Rows) error {
		var id uuid.UUID
		var row storedOrder
		var columns []byte
		_, err := pgx.ForEachRow(rows, []any{&id, &row.version, &row.paymentVersion, &columns}, func() error {
			row.columns = columns
			v.rows[id] = row
			return nil
		})
		return err
	})
}

// Compare implements [projector.Verifier]. It compares a payment's part of a row with the order.
func (v *verifier) Compare(ctx context.Context, c projector.Comparison, k projector.Key) error {
	if k.AggregateType != domain.AggregateOrder {
		return nil
	}
	have, exists := v.rows[k.AggregateID]
	events, err := c.Seen(ctx, k, have.version)
	if err != nil {
		return err
	}
	paymentKey := projector.Key{AggregateType: domain.AggregatePayment, AggregateID: payment.ID(k.AggregateID), OrderID: k.AggregateID}
	payments, err := c.Seen(ctx, paymentKey, have.paymentVersion)
	if err != nil {
		return err
	}
	if !exists {
		return nil // counted as behind
	}
	c.Rows(1)
	want, err := readmodel.FoldOrder(events, payments)
	if err != nil {
		return err
	}
	// Discarded events raise the versions.
	want.OrderID, want.Version, want.PaymentVersion = k.AggregateID, have.version, have.paymentVersion
	return c.Equal("order_views", k.AggregateID.String(), columnsOf(want), have.columns)
}

// columnsOf is what the columns of an order's row hold.
func columnsOf(o readmodel.OrderView) map[string]any {
	t := textsOf(o)
	columns := map[string]any{
		"payment_status": o.PaymentStatus, "captured": o.Captured.Amount.String(), "refunded": o.Refunded.Amount.String(),
		"owed": someText(o.Owed()), "disputed": someText(o.InDispute()), "disputes_lost": someText(o.LostInDisputes()),
		"shown": json.RawMessage(t.shown), "personal_key": t.personalKey, "order_state": rawJSON(t.orderState), "payment_state": rawJSON(t.paymentState),
	}
	if t.personalKey != nil {
		columns["personal_data"] = hex.EncodeToString(o.Personal.Data)
	}
	if o.Status != "" {
		columns["customer_id"], columns["status"] = o.CustomerID, o.Status
		if o.OrderNumber != "" {
			columns["order_number"] = o.OrderNumber
		}
		if !o.CreatedAt.IsZero() {
			columns["created_at"] = o.CreatedAt
		}
		columns["fulfillment_status"], columns["total"], columns["currency"] = o.FulfillmentStatus, o.Total.Amount.String(), o.Total.Currency
		columns["skus"] = skus(o.Items)
	}
	if o.ExternalReference != "" {
		columns["external_reference"] = o.ExternalReference
	}
	if o.Channel != "" {
		columns["channel"] = o.Channel
	}
	if len(o.Tags) > 0 {
		columns["tags"] = o.Tags
	}
	if parts := o.Parts(); len(parts) > 0 {
		columns["parts"] = parts
	}
	if len(o.Attention) > 0 {
		columns["attention"], columns["attention_since"] = attention.CausesOf(o.Attention), attentionSince(o)
	}
	if due := o.ReturnsDue(); !due.IsZero() {
		columns["returns_due"] = due
	}
	if unsettled := unsettled(o); unsettled != nil {
		columns["unsettled"] = true
	}
	return columns
}

func rawJSON(s *string) json.RawMessage {
	if s == nil {
		return nil
	}
	return json.RawMessage(*s)
}

// Finish implements [projector.Verifier]. It compares the summaries with sums over the orders, in one statement and so
// as of one moment, and the index of contacts.
func (v *verifier) Finish(ctx context.Context, c projector.Comparison, tx pgx.Tx) error {
	if err := v.verifyContacts(ctx, c, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `
		WITH want AS (
			SELECT customer_id, currency, count(*) AS orders, count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
				count(*) FILTER (WHERE status = 'delivered') AS delivered,
				coalesce(sum(total_amount) FILTER (WHERE status <> 'cancelled'), 0) AS total_amount,
				coalesce(sum(captured_amount), 0) AS captured_amount,
				coalesce(sum(refunded_amount), 0) AS refunded_amount, coalesce(sum(owed_amount), 0) AS owed_amount,
				coalesce(sum(disputed_amount), 0) AS disputed_amount, coalesce(sum(disputes_lost_amount), 0) AS disputes_lost_amount,
				min(created_at) AS first_order_at, max(created_at) AS last_order_at
			FROM orderloom.order_views WHERE status IS NOT NULL AND customer_id <> '' GROUP BY customer_id, currency)
		SELECT coalesce(w.customer_id, h.customer_id), coalesce(w.currency, h.currency), coalesce(to_jsonb(w)::text, ''), coalesce(to_jsonb(h)::text, ''),
			w.orders IS NOT DISTINCT FROM h.orders AND w.cancelled IS NOT DISTINCT FROM h.cancelled AND w.delivered IS NOT DISTINCT FROM h.delivered
			AND w.total_amount IS NOT DISTINCT FROM h.total_amount AND w.captured_amount IS NOT DISTINCT FROM h.captured_amount
			AND w.refunded_amount IS NOT DISTINCT FROM h.refunded_amount
			AND w.owed_amount IS NOT DISTINCT FROM h.owed_amount AND w.disputed_amount IS NOT DISTINCT FROM h.disputed_amount
			AND w.disputes_lost_amount IS NOT DISTINCT FROM h.disputes_lost_amount AND w.first_order_at IS NOT DISTINCT FROM h.first_order_at
			AND w.last_order_at IS NOT DISTINCT FROM h.last_order_at
		FROM want w FULL JOIN orderloom.customer_summaries h ON w.customer_id = h.customer_id AND w.currency = h.currency`)
	if err != nil {
		return fmt.Errorf("compare customers: %w", err)
	}
	var customer, currency, want, have string
	var equal bool
	_, err = pgx.ForEachRow(rows, []any{&customer, &currency, &want, &have, &equal}, func() error {
		c.Sums(1)
		if !equal {
			c.Differ("customer_summaries", customer+"/"+currency, want, have)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("compare customers: %w", err)
	}
	return nil
}
