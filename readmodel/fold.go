package readmodel

import (
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// The payment statuses of an order whose payment has no events. One that costs nothing never has any.
const (
	PaymentPending     = "pending"
	PaymentNotRequired = "not_required"
)

// FoldOrder makes the view of an order from its events and those of its payment, each in the order of
// their versions. Either may be empty. Errors: what [catalog.Decode] returns.
func FoldOrder(orderEvents, paymentEvents []domain.Envelope) (OrderView, error) {
	v := NewOrderView(uuid.Nil)
	for _, env := range orderEvents {
		e, err := catalog.Decode(env)
		if err != nil {
			return OrderView{}, fmt.Errorf("fold order: %w", err)
		}
		v = v.ApplyOrder(env, e)
	}
	for _, env := range paymentEvents {
		e, err := catalog.Decode(env)
		if err != nil {
			return OrderView{}, fmt.Errorf("fold order: %w", err)
		}
		v = v.ApplyPayment(env, e)
	}
	return v, nil
}

// NewOrderView is an order of which nothing is known.
func NewOrderView(id uuid.UUID) OrderView {
	return OrderView{OrderID: id, PaymentStatus: PaymentPending, FulfillmentStatus: order.Order{}.FulfillmentStatus()}
}

// ApplyOrder returns the view after an event of the order's stream. It changes what comes from that stream, and sets
// UpdatedAt to the later of the two. So the order's events and the payment's may come in any mutual order.
func (v OrderView) ApplyOrder(env domain.Envelope, e domain.Event) OrderView {
	v.order = order.Evolve(v.order.Clone(), e)
	v.OrderID = env.AggregateID
	v.showOrder()
	v.UpdatedAt = later(v.UpdatedAt, env.Timestamp)
	v.Version = env.Version
	return v
}

// ApplyPayment returns the view after an event of the payment's stream; see [OrderView.ApplyOrder].
func (v OrderView) ApplyPayment(env domain.Envelope, e domain.Event) OrderView {
	v.payment = payment.Evolve(v.payment.Clone(), e)
	v.showPayment()
	if id, ok := OrderOf(e); ok {
		v.OrderID = id
	}
	v.UpdatedAt = later(v.UpdatedAt, env.Timestamp)
	v.PaymentVersion = env.Version
	return v
}

// showOrder fills in what the view shows of the order's state.
func (v *OrderView) showOrder() {
	o := v.order
	v.OrderNumber, v.CustomerID, v.Status, v.Items, v.Total = o.Number, o.CustomerID, o.Status, o.Items, o.Total
	v.ShipToCountry, v.Personal, v.Shipments = o.ShipToCountry, o.Personal, o.Shipments
	v.ShippingLines, v.Discounts, v.Rounding, v.Totals = o.ShippingLines, o.Discounts, o.Rounding, o.Content().Totals()
	v.References, v.Account, v.NoteCount = o.References, o.Caller, len(o.Notes)
	v.CancelReason, v.CancelledBy, v.ApprovedBy, v.RejectedBy = o.CancelReason, o.CancelledBy, o.ApprovedBy, o.RejectedBy
	v.FulfillmentStatus = o.FulfillmentStatus()
	v.Held, v.Overdue = o.Held, o.Overdue
	v.CreatedAt = o.PlacedAt.UTC().Truncate(time.Microsecond) // as the column keeps it, which lists are sorted by
	v.DeliveredAt = nil
	if !o.DeliveredAt.IsZero() {
		at := o.DeliveredAt.UTC()
		v.DeliveredAt = &at
	}
	v.showPaymentStatus()
	v.showAction()
	v.showAttention()
	v.showReturns()
	v.nameNothing()
}

// showReturns shows where the returns stand, which their refunds tell too.
func (v *OrderView) showReturns() { v.Returns = account.Returns(v.order, v.payment) }

// showPaymentStatus shows where the payment stands, also where there is none.
func (v *OrderView) showPaymentStatus() {
	switch {
	case v.payment.Status != "":
		v.PaymentStatus = string(v.payment.ShownStatus())
	case v.order.Status != "" && v.order.Total.IsZero():
		v.PaymentStatus = PaymentNotRequired
	default:
		v.PaymentStatus = PaymentPending
	}
}

// showPayment fills in what the view shows of the payment's state.
func (v *OrderView) showPayment() {
	p := v.payment
	v.showPaymentStatus()
	v.Captured, v.Refunded = p.Captured, p.Refunded
	v.showAction()
	v.showAttention()
	v.Refunds, v.Hold, v.Disputes, v.PaymentRequired = nil, p.VoidFailure, p.Disputes, p.Required
	if v.RefundRest = nil; p.RefundRest.IsPositive() {
		v.RefundRest = &p.RefundRest
	}
	if v.Waived = nil; len(p.Waivers) > 0 {
		waived := p.Waived()
		v.Waived = &waived
	}
	for _, r := range p.Refunds {
		v.Refunds = append(v.Refunds, p.Summary(r))
	}
	v.showReturns()
	v.nameNothing()
}

// showAction shows what the customer has to do. For an order that is over that is nothing, whatever its payment waits
// for.
func (v *OrderView) showAction() {
	v.PaymentActionURL = ""
	if v.payment.Status == payment.StatusActionRequired && !v.order.Status.Ended() {
		v.PaymentActionURL = v.payment.ActionURL
	}
}

// showAttention shows what waits for a person, and whether the order is finished. Before the order's own events are
// known, nobody can look into it.
func (v *OrderView) showAttention() {
	v.Settled = attention.Settled(v.order, v.payment)
	if v.Attention = nil; v.order.Status != "" {
		v.Attention = attention.Of(v.order, v.payment)
	}
}

// nameNothing gives the order's currency to the nothing that was captured or refunded.
func (v *OrderView) nameNothing() {
	for _, m := range []*money.Money{&v.Captured, &v.Refunded} {
		if m.Currency == "" {
			m.Currency = v.Total.Currency
		}
	}
}

// Apply returns the view after an event of the payment's stream.
func (v PaymentView) Apply(env domain.Envelope, e domain.Event) PaymentView {
	v.Payment = payment.Evolve(v.Clone(), e)
	v.ID = env.AggregateID
	v.UpdatedAt = later(v.UpdatedAt, env.Timestamp)
	v.Version = env.Version
	return v
}

// Apply returns the level after an event of the stock item's stream.
func (l StockLevel) Apply(env domain.Envelope, e domain.Event) StockLevel {
	s := inventory.Evolve(inventory.Stock{
		SKU: l.SKU, Location: l.Location, OnHand: l.OnHand, Reserved: l.Reserved, Backorders: slices.Clone(l.Backorders),
		// Who has reserved what is not shown, and what is shown does not depend on it.
		Reservations: map[uuid.UUID]int{},
	}, e)
	l.SKU, l.Location, l.OnHand, l.Reserved, l.Backorders = s.SKU, s.Location, s.OnHand, s.Reserved, s.Backorders
	l.show()
	l.UpdatedAt = later(l.UpdatedAt, env.Timestamp)
	l.Version = env.Version
	return l
}

// show fills in what follows from the rest.
func (l *StockLevel) show() {
	l.Available = inventory.Stock{OnHand: l.OnHand, Reserved: l.Reserved, Backorders: l.Backorders}.Available()
	l.Backordered = 0
	for _, b := range l.Backorders {
		l.Backordered += b.Quantity
	}
}

// later returns the later of two times, in UTC.
func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a.UTC()
	}
	return b.UTC()
}
