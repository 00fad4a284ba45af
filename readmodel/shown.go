package readmodel

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
)

// ShownColumns are the columns of order_views that an order is shown from: less than [OrderColumns], because what
// only the folds go on with is left out, and so is the sealed personal section unless it is asked for.
func ShownColumns(personal bool) string {
	const shown = `order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, payment_status, fulfillment_status,
	total_amount::text, currency, captured_amount::text, refunded_amount::text, coalesce(items::text, ''), coalesce(shipments::text, ''),
	coalesce(refunds::text, ''), coalesce(order_state::text, ''),
	coalesce(CASE payment_status WHEN 'action_required' THEN payment_state->>'action_url' END, '')`
	if personal {
		return shown + ", coalesce(shipping_address::text, '')"
	}
	return shown + ", ''"
}

// scanShown reads a row of [ShownColumns].
func scanShown(row pgx.Row) (OrderView, error) {
	var v OrderView
	var status, total, currency, captured, refunded, items, shipments, refunds, state, personal string
	err := row.Scan(&v.OrderID, &v.Version, &v.PaymentVersion, &v.CreatedAt, &v.UpdatedAt, &v.OrderNumber, &v.CustomerID, &status, &v.PaymentStatus,
		&v.FulfillmentStatus, &total, &currency, &captured, &refunded, &items, &shipments, &refunds, &state, &v.PaymentActionURL, &personal)
	if err != nil {
		return OrderView{}, err
	}
	v.Status, v.CreatedAt, v.UpdatedAt = order.Status(status), v.CreatedAt.UTC(), v.UpdatedAt.UTC()
	if v.PaymentStatus == "" {
		v.PaymentStatus = PaymentPending
	}
	for _, a := range []struct {
		text string
		into *money.Money
	}{{total, &v.Total}, {captured, &v.Captured}, {refunded, &v.Refunded}} {
		if *a.into, err = amount(a.text, currency); err != nil {
			return OrderView{}, fmt.Errorf("read order %s: %w", v.OrderID, err)
		}
	}
	for _, c := range []struct {
		text string
		read func(*OrderView, *jsonText)
	}{
		{items, func(v *OrderView, t *jsonText) { v.Items = listOf(t, readItem) }},
		{shipments, func(v *OrderView, t *jsonText) { v.Shipments = listOf(t, readShipment) }},
		{refunds, func(v *OrderView, t *jsonText) { v.Refunds = listOf(t, readRefund) }},
		{state, readOrderState},
		{personal, readPersonal},
	} {
		if c.text == "" {
			continue
		}
		t := jsonText{src: c.text}
		if c.read(&v, &t); t.err != nil {
			return OrderView{}, fmt.Errorf("read order %s: %w", v.OrderID, t.err)
		}
	}
	return v, nil
}

// readOrderState reads what [OrderView.OrderState] has written, as far as it is shown.
func readOrderState(v *OrderView, t *jsonText) {
	t.object(func(name string) {
		switch name {
		case "ship_to_country":
			v.ShipToCountry = t.text()
		case "cancel_reason":
			v.CancelReason = t.text()
		case "held":
			v.Held = t.text()
		case "overdue":
			v.Overdue = t.boolean()
		case "returns":
			v.Returns = listOf(t, readReturn)
		case "delivered_at":
			if at := t.time().UTC(); !at.IsZero() {
				v.DeliveredAt = &at
			}
		default:
			t.skip()
		}
	})
}

func readPersonal(v *OrderView, t *jsonText) {
	t.object(func(name string) {
		switch name {
		case "key":
			v.Personal.Key = t.text()
		case "data":
			v.Personal.Data = t.bytes()
		default:
			t.skip()
		}
	})
}
