package readmodel

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// NewTimelineEntry describes an event for people.
func NewTimelineEntry(env domain.Envelope, e domain.Event) TimelineEntry {
	return TimelineEntry{
		Sequence: env.Sequence, EventID: env.EventID, AggregateType: env.AggregateType, AggregateID: env.AggregateID,
		Version: env.Version, EventType: env.EventType, Summary: Summary(e), OccurredAt: env.Timestamp.UTC(),
		CausedBy: env.Metadata.CausationID,
	}
}

// OrderOf returns the order that an event concerns; false when it concerns none, such as goods received.
func OrderOf(e domain.Event) (uuid.UUID, bool) {
	switch e := e.(type) {
	case order.OrderPlaced:
		return e.OrderID, true
	case order.OrderConfirmed:
		return e.OrderID, true
	case order.OrderCancelled:
		return e.OrderID, true
	case order.ShipmentDispatched:
		return e.OrderID, true
	case order.OrderShipped:
		return e.OrderID, true
	case order.ShipmentDelivered:
		return e.OrderID, true
	case order.OrderDelivered:
		return e.OrderID, true
	case payment.PaymentAuthorized:
		return e.OrderID, true
	case payment.PaymentDeclined:
		return e.OrderID, true
	case payment.PaymentActionRequired:
		return e.OrderID, true
	case payment.PaymentCaptured:
		return e.OrderID, true
	case payment.PaymentVoided:
		return e.OrderID, true
	case payment.PaymentRefunded:
		return e.OrderID, true
	case inventory.StockReserved:
		return e.OrderID, true
	case inventory.StockReleased:
		return e.OrderID, true
	case inventory.StockCommitted:
		return e.OrderID, true
	}
	return uuid.Nil, false
}

// Summary says in one sentence what happened, without personal data.
func Summary(e domain.Event) string {
	switch e := e.(type) {
	case order.OrderPlaced:
		pieces := 0
		for _, i := range e.Items {
			pieces += i.Quantity
		}
		return fmt.Sprintf("Order %s placed: %s, %s", e.OrderNumber, plural(pieces, "piece"), e.Total)
	case order.OrderConfirmed:
		return fmt.Sprintf("Order confirmed: it leaves in %s", plural(len(e.Shipments), "parcel"))
	case order.OrderCancelled:
		return fmt.Sprintf("Order cancelled by %s: %s", e.CancelledBy, e.Reason)
	case order.ShipmentDispatched:
		return fmt.Sprintf("Parcel handed to %s, tracking number %s", e.Carrier, e.TrackingNumber)
	case order.OrderShipped:
		return "Order shipped"
	case order.ShipmentDelivered:
		return "Parcel delivered"
	case order.OrderDelivered:
		return "Order delivered"
	case payment.PaymentAuthorized:
		return fmt.Sprintf("Payment of %s authorised", e.Amount)
	case payment.PaymentDeclined:
		return fmt.Sprintf("Payment of %s declined: %s", e.Amount, e.Code)
	case payment.PaymentActionRequired:
		return fmt.Sprintf("Payment of %s waits for the customer's confirmation", e.Amount)
	case payment.PaymentCaptured:
		return fmt.Sprintf("%s captured", e.Amount)
	case payment.PaymentVoided:
		return fmt.Sprintf("Authorisation of %s voided: %s", e.Amount, e.Reason)
	case payment.PaymentRefunded:
		return fmt.Sprintf("%s refunded: %s", e.Amount, e.Reason)
	case inventory.StockReceived:
		return fmt.Sprintf("%d × %s received at %s", e.Quantity, e.SKU, e.Location)
	case inventory.StockReserved:
		return fmt.Sprintf("%d × %s reserved at %s", e.Quantity, e.SKU, e.Location)
	case inventory.StockReleased:
		return fmt.Sprintf("%d × %s released at %s: %s", e.Quantity, e.SKU, e.Location, e.Reason)
	case inventory.StockCommitted:
		return fmt.Sprintf("%d × %s left %s", e.Quantity, e.SKU, e.Location)
	case inventory.StockAdjusted:
		return fmt.Sprintf("Stock of %s at %s adjusted by %+d: %s", e.SKU, e.Location, e.Delta, e.Reason)
	}
	return e.EventType()
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
