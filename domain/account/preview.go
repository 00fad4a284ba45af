package account

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Preview is what a request would do, told by the rules that carry it out. Nothing is stored.
type Preview struct {
	OrderID uuid.UUID `json:"order_id"`
	// Status and Total are those of the order afterwards.
	Status order.Status `json:"status"`
	Total  money.Money  `json:"total"`
	// Amount is what the pieces have cost that are cancelled or come back, or what a refund comes to.
	Amount money.Money   `json:"amount"`
	Lines  []PreviewLine `json:"lines"`
	// Refund is what goes back to the customer; nil for nothing.
	Refund *money.Money `json:"refund,omitempty"`
}

// PreviewLine is what a request does to pieces of a line in one shipment, or to a shipping line.
type PreviewLine struct {
	LineID     uuid.UUID   `json:"line_id"`
	ShipmentID uuid.UUID   `json:"shipment_id,omitzero"`
	Quantity   int         `json:"quantity,omitempty"`
	Amount     money.Money `json:"amount"`
	// Money explains the amount, where it is not just price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// PreviewOf tells what events would do to an order and its payment. They are what a request was decided to be, and
// nothing of them is stored.
func PreviewOf(o order.Order, p payment.Payment, orders, payments []domain.Event) Preview {
	after := o.Clone()
	out := Preview{OrderID: o.ID, Amount: money.Zero(o.Total.Currency), Lines: []PreviewLine{}}
	for _, e := range orders {
		out.tellOrder(after, e)
		after = order.Evolve(after, e)
	}
	out.Status, out.Total = after.Status, after.Total
	back := p.Clone()
	for _, e := range payments {
		out.tellRefund(e)
		back = payment.Evolve(back, e)
	}
	if refund := back.Owed().Sub(p.Owed()); refund.IsPositive() {
		out.Refund = &refund
	}
	return out
}

func (b *Preview) add(l PreviewLine) {
	b.Lines, b.Amount = append(b.Lines, l), b.Amount.Add(l.Amount)
}

// tellOrder adds what an event takes out of an order.
func (b *Preview) tellOrder(o order.Order, e domain.Event) {
	switch e := e.(type) {
	case order.OrderCancelled:
		for _, r := range Of(o, payment.Payment{}).Rows {
			if !r.Status.Left() {
				b.add(PreviewLine{LineID: r.LineID, ShipmentID: r.ShipmentID, Quantity: r.Quantity, Amount: r.Payable})
			}
		}
	case order.OrderLinesCancelled:
		for _, l := range e.Lines {
			b.add(PreviewLine{LineID: l.LineID, ShipmentID: l.ShipmentID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
		for _, s := range e.Shipping {
			b.add(PreviewLine{LineID: s.ShippingLineID, Amount: s.Amount, Money: s.Money})
		}
	case order.OrderReturned:
		for _, l := range e.Lines {
			b.add(PreviewLine{LineID: l.LineID, ShipmentID: l.ShipmentID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
	}
}

// tellRefund adds what a refund that is asked for comes to.
func (b *Preview) tellRefund(e domain.Event) {
	if e, asked := e.(payment.RefundRequested); asked {
		for _, l := range e.Lines {
			b.Lines = append(b.Lines, PreviewLine{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
		b.Amount = b.Amount.Add(e.Amount)
	}
}
