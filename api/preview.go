package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// preview is what a request would do, told by the rules that carry it out. Nothing is stored.
type preview struct {
	OrderID uuid.UUID `json:"order_id"`
	// Status and Total are those of the order afterwards.
	Status order.Status `json:"status"`
	Total  money.Money  `json:"total"`
	// Amount is what the pieces have cost that are cancelled or come back, or what a refund comes to.
	Amount money.Money   `json:"amount"`
	Lines  []previewLine `json:"lines"`
	// Refund is what goes back to the customer; nil for nothing.
	Refund *money.Money `json:"refund,omitempty"`
}

// previewLine is what a request does to pieces of a line in one shipment, or to a shipping line.
type previewLine struct {
	LineID     uuid.UUID   `json:"line_id"`
	ShipmentID uuid.UUID   `json:"shipment_id,omitzero"`
	Quantity   int         `json:"quantity,omitempty"`
	Amount     money.Money `json:"amount"`
	// Money explains the amount, where it is not just price.
	Money *pricing.Breakdown `json:"money,omitempty"`
}

// wantsPreview reports whether a request only asks what it would do.
func wantsPreview(x *httpx.Exchange) bool { return x.QueryText("preview") == "true" }

// answerPreview answers with what a request would do to an order and its payment. Refusals are those of the request.
func (a *API) answerPreview(
	ctx context.Context, x *httpx.Exchange, decide func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error),
) error {
	id := x.Subject()
	o, err := a.order(ctx, id)
	if err != nil {
		return err
	}
	p, err := a.history.Payment(ctx, id)
	if err != nil {
		return httpx.Unavailable(fmt.Errorf("read the payment of order %s: %w", id, err))
	}
	orders, payments, err := decide(o, p)
	if err != nil {
		return refusedBy(o, err)
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, previewOf(o, p, orders, payments))
}

// previewOf tells what events would do.
func previewOf(o order.Order, p payment.Payment, orders, payments []domain.Event) preview {
	after := o.Clone()
	out := preview{OrderID: o.ID, Amount: money.Zero(o.Total.Currency), Lines: []previewLine{}}
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

func (b *preview) add(l previewLine) {
	b.Lines, b.Amount = append(b.Lines, l), b.Amount.Add(l.Amount)
}

// tellOrder adds what an event takes out of an order.
func (b *preview) tellOrder(o order.Order, e domain.Event) {
	switch e := e.(type) {
	case order.OrderCancelled:
		for _, r := range account.Of(o, payment.Payment{}).Rows {
			if !r.Status.Left() {
				b.add(previewLine{LineID: r.LineID, ShipmentID: r.ShipmentID, Quantity: r.Quantity, Amount: r.Payable})
			}
		}
	case order.OrderLinesCancelled:
		for _, l := range e.Lines {
			b.add(previewLine{LineID: l.LineID, ShipmentID: l.ShipmentID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
		for _, s := range e.Shipping {
			b.add(previewLine{LineID: s.ShippingLineID, Amount: s.Amount, Money: s.Money})
		}
	case order.OrderReturned:
		for _, l := range e.Lines {
			b.add(previewLine{LineID: l.LineID, ShipmentID: l.ShipmentID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
	}
}

// tellRefund adds what a refund that is asked for comes to.
func (b *preview) tellRefund(e domain.Event) {
	if e, asked := e.(payment.RefundRequested); asked {
		for _, l := range e.Lines {
			b.Lines = append(b.Lines, previewLine{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Amount, Money: l.Money})
		}
		b.Amount = b.Amount.Add(e.Amount)
	}
}

// gatewayLimits are the amounts that the payment gateway moves.
func (a *API) gatewayLimits(currency string) money.Limits {
	limits, _ := a.can.Limits(currency)
	return limits
}
