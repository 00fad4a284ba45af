package readmodel

import (
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain/order"
)

// shownColumns are the columns of order_views that an order is shown from: less than [OrderColumns], because what
// only the folds go on with is left out, and so is the sealed personal section unless it is asked for.
func shownColumns(personal bool) string {
	const shown = `order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, payment_status, fulfillment_status,
	total_amount::text, currency, captured_amount::text, refunded_amount::text, coalesce(items::text, ''), coalesce(shipments::text, ''),
	coalesce(refunds::text, ''), coalesce(order_state::text, ''),
	coalesce(CASE payment_status WHEN 'action_required' THEN payment_state->>'action_url' END, '')`
	if personal {
		return shown + ", coalesce(shipping_address::text, '')"
	}
	return shown + ", ''"
}

// The texts of a row, in the order of their columns.
const (
	shownNumber = iota
	shownCustomer
	shownStatus
	shownPaymentStatus
	shownFulfillmentStatus
	shownTotal
	shownCurrency
	shownCaptured
	shownRefunded
	shownItems
	shownShipments
	shownRefunds
	shownState
	shownActionURL
	shownPersonal
	shownTexts
)

// shownScanner reads rows of [shownColumns], one after the other. All texts of a row are kept as one, which the order
// shares: a page has hundreds.
type shownScanner struct {
	into  []any
	texts [shownTexts]scannedText
	row   []byte
	json  jsonText
}

// scannedText is where a text lies in the row.
type scannedText struct {
	scanner  *shownScanner
	from, to int
}

// ScanBytes implements [pgtype.BytesScanner].
func (s *scannedText) ScanBytes(b []byte) error {
	s.from = len(s.scanner.row)
	s.scanner.row = append(s.scanner.row, b...)
	s.to = len(s.scanner.row)
	return nil
}

// scan reads a row into a view that is empty.
func (s *shownScanner) scan(row pgx.Row, v *OrderView) error {
	s.row = s.row[:0]
	s.into = append(s.into[:0], &v.OrderID, &v.Version, &v.PaymentVersion, &v.CreatedAt, &v.UpdatedAt)
	for i := range s.texts {
		s.texts[i].scanner = s
		s.into = append(s.into, &s.texts[i])
	}
	if err := row.Scan(s.into...); err != nil {
		return err
	}
	all := string(s.row)
	text := func(i int) string { return all[s.texts[i].from:s.texts[i].to] }
	v.CreatedAt, v.UpdatedAt = v.CreatedAt.UTC(), v.UpdatedAt.UTC()
	v.OrderNumber, v.CustomerID, v.Status = text(shownNumber), text(shownCustomer), order.Status(text(shownStatus))
	v.PaymentStatus, v.FulfillmentStatus, v.PaymentActionURL = text(shownPaymentStatus), text(shownFulfillmentStatus), text(shownActionURL)
	if v.PaymentStatus == "" {
		v.PaymentStatus = PaymentPending
	}
	t := &s.json
	v.Total = t.amount(text(shownTotal), text(shownCurrency))
	v.Captured = t.amount(text(shownCaptured), v.Total.Currency)
	v.Refunded = t.amount(text(shownRefunded), v.Total.Currency)
	if t.open(text(shownItems)) {
		v.Items = listOf(t, readItem)
	}
	if t.open(text(shownShipments)) {
		v.Shipments = listOf(t, readShipment)
	}
	if t.open(text(shownRefunds)) {
		v.Refunds = listOf(t, readRefund)
	}
	if t.open(text(shownState)) {
		readOrderState(t, v)
	}
	if t.open(text(shownPersonal)) {
		readSealed(t, &v.Personal)
	}
	if t.err != nil {
		return fmt.Errorf("read order %s: %w", v.OrderID, t.err)
	}
	return nil
}

// readOrderState reads what [OrderView.OrderState] has written, as far as it is shown.
func readOrderState(t *jsonText, v *OrderView) {
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
