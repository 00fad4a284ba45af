package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// refundPayment gives money back without goods: POST /api/v1/orders/{order_id}/refunds. With an
// Idempotency-Key it may be repeated.
func (a *API) refundPayment(ctx context.Context, x *exchange) error {
	id := x.id("order_id")
	key := x.idempotencyKey()
	r := workflows.RefundInput{OrderID: id}
	var amount decimal.Decimal
	var currency string
	err := x.decode(func(d *decoder) {
		d.object(refundMembers, func(name string) {
			switch name {
			case "amount":
				amount = d.amount()
			case "currency":
				currency = d.text()
			case "reason":
				r.Reason = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	r.Amount = x.checkAmount(amount, currency)
	x.checkText("reason", r.Reason, order.TextLengthMax)
	if err := x.invalid(); err != nil {
		return err
	}
	x.orderID = id
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	if !r.Amount.SameCurrency(view.Total) {
		x.check(domain.Invalid("currency", "the order was paid in %s", view.Total.Currency))
		return x.invalid()
	}
	r.RefundID = x.keyedID(domain.DerivedID(refundNamespace, id.String()), key)
	if err := a.sagas.RefundPayment(ctx, r); err != nil {
		return a.withState(ctx, x, err)
	}
	return x.json(http.StatusCreated, refundBody{OrderID: id, RefundID: r.RefundID, Amount: r.Amount})
}

var refundMembers = []member{{"amount", true}, {"currency", true}, {"reason", true}}

type refundBody struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
}

// checkAmount makes money of an amount and a currency of the body, and notes what is wrong with them.
func (x *exchange) checkAmount(amount decimal.Decimal, currency string) money.Money {
	m, err := money.New(amount, currency)
	var refusal *domain.Error
	switch {
	case domain.Code(err) == money.CodeUnknownCurrency:
		x.check(domain.Invalid("currency", "%q is not an active ISO 4217 currency code", clip(currency)))
	case errors.As(err, &refusal):
		x.check(domain.Invalid("amount", "%s", refusal.Message))
	case !m.IsPositive():
		x.check(domain.Invalid("amount", "must be more than 0, got %s", m.Text()))
	}
	return m
}
