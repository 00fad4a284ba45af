package readmodel

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// NewTimelineEntry describes an event for people.
func NewTimelineEntry(env domain.Envelope, e domain.Event) TimelineEntry {
	return TimelineEntry{
		Sequence: env.Sequence, EventID: env.EventID, AggregateType: env.AggregateType, AggregateID: env.AggregateID,
		Version: env.Version, EventType: env.EventType, Summary: Summary(e), OccurredAt: env.Timestamp.UTC(),
		CausedBy: env.Metadata.CausationID, Actor: env.Metadata.UserID,
	}
}

// OrderOf returns the order that an event concerns; false when it concerns none, such as goods received.
// It is the event's field OrderID.
func OrderOf(e domain.Event) (uuid.UUID, bool) {
	v := reflect.ValueOf(e)
	if v.Kind() != reflect.Struct {
		return uuid.Nil, false
	}
	index, known := orderFields.Load(v.Type())
	if !known {
		f, ok := v.Type().FieldByName("OrderID")
		if !ok || f.Type != reflect.TypeFor[uuid.UUID]() {
			f.Index = nil
		}
		index, _ = orderFields.LoadOrStore(v.Type(), f.Index)
	}
	if index.([]int) == nil {
		return uuid.Nil, false
	}
	id := v.FieldByIndex(index.([]int)).Interface().(uuid.UUID)
	return id, id != uuid.Nil
}

// orderFields holds the index of the field OrderID by event type, nil where there is none.
var orderFields sync.Map

// Summary says in one sentence what happened, without personal data.
func Summary(e domain.Event) string {
	for _, of := range []func(domain.Event) string{summaryOfOrder, summaryOfPayment, summaryOfRefund, summaryOfStock, summaryOfNetwork} {
		if s := of(e); s != "" {
			return s
		}
	}
	return e.EventType()
}

// summaryOfOrder returns "" for what is no event of an order.
func summaryOfOrder(e domain.Event) string {
	switch e := e.(type) {
	case order.OrderPlaced:
		pieces := 0
		for _, i := range e.Items {
			pieces += i.Quantity
		}
		return fmt.Sprintf("Order %s placed: %s, %s", e.OrderNumber, plural(pieces, "piece"), e.Total)
	case order.StockAllocated:
		return "Goods allocated: " + allocations(e.Allocations)
	case order.OrderHeld:
		return fmt.Sprintf("Order held for review: %s", e.Rule)
	case order.OrderApproved:
		return fmt.Sprintf("Order approved by %s", e.ApprovedBy)
	case order.OrderLinesCancelled:
		pieces := 0
		for _, l := range e.Lines {
			pieces += l.Quantity
		}
		return fmt.Sprintf("%s worth %s cancelled by %s: %s", plural(pieces, "piece"), e.Amount, e.CancelledBy, e.Reason)
	case order.OrderEditRequested:
		return fmt.Sprintf("Edit requested by %s, of %s in all: %s", e.Edit.By, e.Amount, e.Edit.Reason)
	case order.OrderEdited:
		return fmt.Sprintf("Order edited by %s, %s worth %s added: %s", e.EditedBy, plural(len(e.Items), "line"), e.Amount, e.Reason)
	case order.OrderEditDeclined:
		return fmt.Sprintf("Edit declined: %s", e.Code)
	case order.ShippingAddressAmended:
		return fmt.Sprintf("Shipping address amended by %s", e.AmendedBy)
	case order.OrderDetailsChanged:
		return fmt.Sprintf("Metadata and tags changed by %s", e.ChangedBy)
	case order.OrderNoted:
		return fmt.Sprintf("Internal note by %s", e.Author)
	case order.DispatchOverdue:
		return "Dispatch is overdue"
	case order.OrderClockAdvanced:
		return fmt.Sprintf("Clock of the order advanced to %s: %s", e.DueAt.UTC().Format("2006-01-02 15:04 MST"), e.Timer)
	case order.ShipmentLost:
		return "Shipment lost"
	case order.ShipmentRefused:
		return "Shipment refused by the recipient"
	case order.OrderConfirmed:
		return fmt.Sprintf("Order confirmed: it leaves in %s", plural(len(e.Shipments), "shipment"))
	case order.OrderCancelled:
		if e.RejectedBy != "" {
			return fmt.Sprintf("Order rejected by %s", e.RejectedBy)
		}
		return fmt.Sprintf("Order cancelled by %s: %s", e.CancelledBy, e.Reason)
	case order.ShipmentDispatched:
		return fmt.Sprintf("Shipment handed to %s, tracking number %s", e.Carrier, e.TrackingNumber)
	case order.ShipmentTrackingCorrected:
		return fmt.Sprintf("Shipment is with %s, tracking number %s: corrected", e.Carrier, e.TrackingNumber)
	case order.OrderShipped:
		return "Order shipped"
	case order.ShipmentDelivered:
		return "Shipment delivered"
	case order.OrderDelivered:
		return "Order delivered"
	}
	return summaryOfReturn(e)
}

// summaryOfReturn returns "" for what is no event of a return.
func summaryOfReturn(e domain.Event) string {
	switch e := e.(type) {
	case order.ReturnRequested:
		pieces := 0
		for _, l := range e.Lines {
			pieces += l.Quantity
		}
		return fmt.Sprintf("Return of %s requested by %s", plural(pieces, "piece"), e.RequestedBy)
	case order.ExchangeAgreed:
		return fmt.Sprintf("Exchange agreed: goods of order %s pay for order %s", e.Exchange.OrderID, e.NewOrderID)
	case order.ReturnApproved:
		return fmt.Sprintf("Return approved by %s", e.ApprovedBy)
	case order.ReturnRefused:
		return fmt.Sprintf("Return refused by %s: %s", e.RefusedBy, e.Reason)
	case order.ReturnCancelled:
		return fmt.Sprintf("Return cancelled by %s", e.CancelledBy)
	case order.ReturnExpired:
		return "Return expired: its goods did not come"
	case order.ReturnOverdue:
		return "Return waits for a decision beyond its deadline"
	case order.OrderReturned:
		pieces := 0
		for _, l := range e.Lines {
			pieces += l.Quantity
		}
		return fmt.Sprintf("%s worth %s returned: %s", plural(pieces, "piece"), e.Amount, e.Reason)
	}
	return ""
}

// summaryOfPayment returns "" for what is no event of a payment.
func summaryOfPayment(e domain.Event) string {
	switch e := e.(type) {
	case payment.PaymentAuthorizationExpired:
		return fmt.Sprintf("Authorisation of %s expired", e.Amount)
	case payment.AuthorizationEnded:
		if e.Reason == payment.EndReasonExpired {
			return fmt.Sprintf("Authorisation of %s expired", e.Amount)
		}
		return fmt.Sprintf("Authorisation of %s voided at the gateway", e.Amount)
	case payment.PaymentAuthorizedLate:
		return fmt.Sprintf("Payment of %s authorised after the payment was closed", e.Amount)
	case payment.CreditReturned:
		return fmt.Sprintf("%s of a credit came back from another order", e.Amount)
	case payment.CreditSettled:
		return fmt.Sprintf("A credit whose goods did not come was settled outside by %s: %s", e.ResolvedBy, e.Amount)
	case payment.PaymentCapturedElsewhere:
		if _, credit := payment.CreditedOrder(e.GatewayRef); credit {
			return fmt.Sprintf("%s taken as a credit from another order", e.Amount)
		}
		return fmt.Sprintf("%s captured at the gateway", e.Amount)
	case payment.CaptureApplied:
		return fmt.Sprintf("%s of what was captured at the gateway pays for a shipment", e.Amount)
	case payment.PaymentDifferenceEnded:
		return fmt.Sprintf("Gateway and books agree again in %s: %s", e.What, e.Amount)
	case payment.AuthorizationRequested:
		if e.Reason == payment.RequestReasonMethod {
			return fmt.Sprintf("Another means of payment given for %s", e.Amount)
		}
		return fmt.Sprintf("Authorisation of %s requested once more: %s", e.Amount, e.Reason)
	case payment.AuthorizationEnding:
		return fmt.Sprintf("Authorisation of %s is about to end: %s", e.Amount, e.Reason)
	case payment.PaymentRequired:
		return fmt.Sprintf("Payment of %s required until %s: %s", e.Amount, e.DeadlineAt.UTC().Format("2006-01-02 15:04 MST"), e.Reason)
	case payment.PaymentDifferenceFound:
		return fmt.Sprintf("Gateway and books differ in %s: %s against %s", e.What, e.Gateway, e.Stream)
	case payment.GatewayCredentialsRefused:
		return "The payment gateway refuses our credentials"
	case payment.GatewayCredentialsAccepted:
		return "The payment gateway takes our credentials again"
	case payment.PaymentAuthorized:
		return fmt.Sprintf("Payment of %s authorised", e.Amount)
	case payment.PaymentDeclined:
		return fmt.Sprintf("Payment of %s declined: %s", e.Amount, e.Code)
	case payment.PaymentActionRequired:
		return fmt.Sprintf("Payment of %s waits for the customer's confirmation", e.Amount)
	case payment.PaymentCaptured:
		return fmt.Sprintf("%s captured", e.Amount)
	case payment.VoidResolved:
		return fmt.Sprintf("Authorisation let go outside, says %s: %s, reference %s", e.ResolvedBy, e.Amount, e.Reference)
	case payment.CaptureFailed:
		return fmt.Sprintf("%s could not be captured: %s", e.Amount, e.Cause)
	case payment.CaptureWaived:
		return fmt.Sprintf("%s not charged: %s", e.Amount, e.Reason)
	case payment.PaymentVoided:
		if e.Amount.IsZero() { // nothing was authorised: it has no currency perhaps
			return "Payment closed: " + e.Reason
		}
		return fmt.Sprintf("Authorisation of %s voided: %s", e.Amount, e.Reason)
	case payment.VoidFailed:
		return fmt.Sprintf("Authorisation of %s could not be voided: %s", e.Amount, e.Cause)
	}
	return ""
}

// summaryOfRefund returns "" for what is no event of a refund or a dispute.
func summaryOfRefund(e domain.Event) string {
	switch e := e.(type) {
	case payment.RefundOwed:
		text := fmt.Sprintf("%s owed to the customer: %s", e.Amount, e.Reason)
		if e.Covered.IsPositive() {
			text += fmt.Sprintf("; %s of it is given back otherwise", e.Covered)
		}
		if e.Rest.IsPositive() {
			text += fmt.Sprintf("; %s, below the gateway's step, joins the next refund", e.Rest)
		}
		return text
	case payment.RefundRequested:
		return fmt.Sprintf("Refund of %s requested: %s", e.Amount, e.Reason)
	case payment.RefundReduced:
		return fmt.Sprintf("Only %s still owed to the customer: %s", e.Amount, e.Reason)
	case payment.RefundPending:
		return fmt.Sprintf("Refund of %s accepted by the gateway", e.Amount)
	case payment.PaymentRefunded:
		if e.MadeElsewhere {
			return fmt.Sprintf("%s refunded at the gateway", e.Amount)
		}
		return fmt.Sprintf("%s refunded: %s", e.Amount, e.Reason)
	case payment.RefundFailed:
		return fmt.Sprintf("Refund of %s failed: %s", e.Amount, e.Cause)
	case payment.RefundResolved:
		return fmt.Sprintf("Refund settled outside by %s: %s, reference %s", e.ResolvedBy, e.Amount, e.Reference)
	case payment.DisputeOpened:
		return fmt.Sprintf("Dispute about %s opened: %s", e.Amount, e.Reason)
	case payment.DisputeFundsWithdrawn:
		return fmt.Sprintf("%s withdrawn by the bank for a dispute", e.Amount)
	case payment.DisputeWon:
		return fmt.Sprintf("Dispute about %s won", e.Amount)
	case payment.DisputeLost:
		return fmt.Sprintf("Dispute about %s lost", e.Amount)
	}
	return ""
}

// summaryOfStock returns "" for what is no event of a stock item.
func summaryOfStock(e domain.Event) string {
	switch e := e.(type) {
	case inventory.StockBackordered:
		return fmt.Sprintf("Waiting for %d × %s", e.Quantity, e.SKU)
	case inventory.BackorderServed:
		return "No longer waiting: " + allocations(e.Allocations)
	case inventory.StockReservationReduced:
		return fmt.Sprintf("%d × %s fewer reserved at %s: %s", e.Quantity, e.SKU, e.Location, e.Reason)
	case inventory.StockReturned:
		return fmt.Sprintf("%d × %s returned to %s", e.Quantity, e.SKU, e.Location)
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
	return ""
}

// summaryOfNetwork returns "" for what is no event of the network.
func summaryOfNetwork(e domain.Event) string {
	switch e := e.(type) {
	case location.LocationAdded:
		return fmt.Sprintf("Location %s added in %s", e.Location.ID, e.Location.Country)
	case location.LocationChanged:
		return fmt.Sprintf("Location %s changed", e.Location.ID)
	case location.SKUBackordered:
		return fmt.Sprintf("Orders wait for %s", e.SKU)
	case location.SKUBackorderEnded:
		return fmt.Sprintf("No order waits for %s", e.SKU)
	}
	return ""
}

// allocations names the locations, and what is waited for.
func allocations(all []inventory.Allocation) string {
	parts := make([]string, len(all))
	for i, a := range all {
		parts[i] = fmt.Sprintf("%d × %s at %s", a.Quantity, a.SKU, a.Location)
		if a.Backordered {
			parts[i] = fmt.Sprintf("%d × %s (backordered)", a.Quantity, a.SKU)
		}
	}
	return strings.Join(parts, ", ")
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}

func sortTimeline(entries []TimelineEntry) {
	slices.SortFunc(entries, func(a, b TimelineEntry) int { return cmp.Compare(a.Sequence, b.Sequence) })
}
