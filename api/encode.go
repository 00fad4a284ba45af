package api

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// What is read most is written by appending to one buffer: byte for byte what encoding/json makes of the same
// values, which a test with arbitrary ones holds it to, at a small part of its cost.

// appendOrder writes an order as it is shown. What only expand[] asks for is left to encoding/json.
func appendOrder(b []byte, o *orderBody) ([]byte, error) {
	b = appendID(append(b, `{"order_id":`...), o.OrderID)
	b = appendString(append(b, `,"order_number":`...), o.OrderNumber)
	b = appendString(append(b, `,"customer_id":`...), o.CustomerID)
	b = appendString(append(b, `,"status":`...), string(o.Status))
	b = appendString(append(b, `,"payment_status":`...), o.PaymentStatus)
	b = appendString(append(b, `,"fulfillment_status":`...), o.FulfillmentStatus)
	b = appendMoney(append(b, `,"total":`...), o.Total)
	b = appendMoney(append(b, `,"captured":`...), o.Captured)
	b = appendMoney(append(b, `,"refunded":`...), o.Refunded)
	b = appendList(append(b, `,"items":`...), o.Items, appendItem)
	b = appendList(append(b, `,"shipments":`...), o.Shipments, appendShipment)
	if len(o.Refunds) > 0 {
		b = appendList(append(b, `,"refunds":`...), o.Refunds, appendRefund)
	}
	if len(o.Returns) > 0 {
		b = appendList(append(b, `,"returns":`...), o.Returns, appendReturn)
	}
	b = appendKnown(b, `,"cancel_reason":`, o.CancelReason)
	b = appendKnown(b, `,"held":`, o.Held)
	if o.Overdue {
		b = append(b, `,"overdue":true`...)
	}
	b = appendKnown(b, `,"payment_action_url":`, o.PaymentActionURL)
	b = appendString(append(b, `,"ship_to_country":`...), o.ShipToCountry)
	b = appendTime(append(b, `,"created_at":`...), o.CreatedAt)
	b = appendTime(append(b, `,"updated_at":`...), o.UpdatedAt)
	b = strconv.AppendInt(append(b, `,"version":`...), o.Version, 10)
	b = strconv.AppendInt(append(b, `,"payment_version":`...), o.PaymentVersion, 10)
	if o.DeliveredAt != nil {
		b = appendTime(append(b, `,"delivered_at":`...), *o.DeliveredAt)
	}
	if o.addressShown {
		b = appendAddress(append(b, `,"shipping_address":`...), o.ShippingAddress)
	}
	if o.Erased {
		b = append(b, `,"erased":true`...)
	}
	if o.Provisional {
		b = append(b, `,"provisional":true`...)
	}
	var err error
	if len(o.Timeline) > 0 {
		if b, err = appendAny(append(b, `,"timeline":`...), o.Timeline); err != nil {
			return nil, err
		}
	}
	if o.Customer != nil {
		if b, err = appendAny(append(b, `,"customer":`...), o.Customer); err != nil {
			return nil, err
		}
	}
	return append(b, '}'), nil
}

func appendItem(b []byte, i *order.Item) []byte {
	b = appendString(append(b, `{"product_id":`...), i.ProductID)
	b = appendString(append(b, `,"sku":`...), i.SKU)
	b = strconv.AppendInt(append(b, `,"quantity":`...), int64(i.Quantity), 10)
	b = appendMoney(append(b, `,"unit_price":`...), i.UnitPrice)
	return append(b, '}')
}

func appendShipment(b []byte, s *order.Shipment) []byte {
	b = appendID(append(b, `{"shipment_id":`...), s.ShipmentID)
	b = appendString(append(b, `,"location":`...), s.Location)
	b = appendList(append(b, `,"lines":`...), s.Lines, appendShipmentLine)
	b = appendMoney(append(b, `,"amount":`...), s.Amount)
	b = appendString(append(b, `,"status":`...), string(s.Status))
	b = appendKnown(b, `,"carrier":`, s.Carrier)
	b = appendKnown(b, `,"tracking_number":`, s.TrackingNumber)
	return append(b, '}')
}

func appendShipmentLine(b []byte, l *order.ShipmentLine) []byte {
	b = appendString(append(b, `{"sku":`...), l.SKU)
	b = strconv.AppendInt(append(b, `,"quantity":`...), int64(l.Quantity), 10)
	b = appendMoney(append(b, `,"unit_price":`...), l.UnitPrice)
	if l.Returned != 0 {
		b = strconv.AppendInt(append(b, `,"returned":`...), int64(l.Returned), 10)
	}
	return append(b, '}')
}

func appendRefund(b []byte, r *readmodel.Refund) []byte {
	b = appendID(append(b, `{"refund_id":`...), r.RefundID)
	b = appendMoney(append(b, `,"amount":`...), r.Amount)
	b = appendString(append(b, `,"reason":`...), r.Reason)
	b = appendTime(append(b, `,"refunded_at":`...), r.RefundedAt)
	return append(b, '}')
}

func appendReturn(b []byte, r *order.Refundable) []byte {
	b = appendID(append(b, `{"return_id":`...), r.ReturnID)
	b = appendMoney(append(b, `,"amount":`...), r.Amount)
	return append(b, '}')
}

func appendAddress(b []byte, a *order.Address) []byte {
	if a == nil {
		return append(b, "null"...)
	}
	b = appendString(append(b, `{"street":`...), a.Street)
	b = appendString(append(b, `,"city":`...), a.City)
	b = appendString(append(b, `,"state":`...), a.State)
	b = appendString(append(b, `,"zip":`...), a.Zip)
	b = appendString(append(b, `,"country":`...), a.Country)
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, one func([]byte, *T) []byte) []byte {
	if list == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, &list[i])
	}
	return append(b, ']')
}

// appendKnown writes a member unless it is empty.
func appendKnown(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendString(append(b, name...), value)
}

// appendString writes a string. What needs an escape is left to encoding/json, which escapes for HTML as well.
func appendString(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			escaped, _ := json.Marshal(s) // a string is always written
			return append(b, escaped...)
		}
	}
	b = append(append(b, '"'), s...)
	return append(b, '"')
}

func appendID(b []byte, id uuid.UUID) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b = append(b, '-')
		}
		b = append(b, hex[c>>4], hex[c&0xf])
	}
	return append(b, '"')
}

func appendTime(b []byte, t time.Time) []byte {
	b = t.AppendFormat(append(b, '"'), time.RFC3339Nano)
	return append(b, '"')
}

// appendMoney writes what [money.Money.MarshalJSON] does.
func appendMoney(b []byte, m money.Money) []byte {
	b = appendAmount(append(b, `{"amount":"`...), m)
	b = appendString(append(b, `","currency":`...), m.Currency)
	return append(b, '}')
}

// appendAmount writes an amount with all the digits of its currency, without the big integers of package decimal
// when it fits into 64 bits, as every amount of an order does.
func appendAmount(b []byte, m money.Money) []byte {
	digits, exponent := int(money.Digits(m.Currency)), int(m.Amount.Exponent())
	if exponent > 0 || -exponent > digits || m.Amount.NumDigits() > money.AmountDigitsMax-digits {
		return append(b, m.Text()...)
	}
	n := m.Amount.CoefficientInt64()
	for range digits + exponent {
		n *= 10
	}
	if n < 0 {
		b, n = append(b, '-'), -n
	}
	var unit int64 = 1
	for range digits {
		unit *= 10
	}
	b = strconv.AppendInt(b, n/unit, 10)
	if digits == 0 {
		return b
	}
	b = append(b, '.')
	for fraction := n % unit; unit > 1; fraction %= unit {
		unit /= 10
		b = append(b, byte('0'+fraction/unit))
	}
	return b
}

func appendAny(b []byte, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	return append(b, text...), err
}
