package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// refund is the body of POST /api/v1/orders/{order_id}/refunds.
type refund struct {
	Amount   decimal.Decimal    `json:"amount"`
	Currency string             `json:"currency"`
	Lines    []order.RefundLine `json:"lines"`
	// Spread shares the amount out over all that is left of the order.
	Spread bool   `json:"spread,omitzero"`
	Reason string `json:"reason"`
}

// Check names what the domain finds wrong.
func (r *refund) Check() error {
	if len(r.Lines) == 0 && r.Currency == "" && r.Amount.IsZero() {
		var bad domain.Invalids
		bad.Add("amount", "is required, or lines are")
		bad.Add("currency", "is required")
		return bad
	}
	if len(r.Lines) == 0 {
		return payment.CheckRefund(r.money())
	}
	if !r.Amount.IsZero() {
		return domain.Invalid("amount", "follows from the lines: it has either an amount or lines")
	}
	if r.Spread {
		return domain.Invalid("spread", "is for an amount, and not for lines")
	}
	return order.CheckRefundLines(r.Lines)
}

func (r *refund) money() money.Money { return money.Money{Amount: r.Amount, Currency: r.Currency} }

// request is what is asked of the saga.
func (r *refund) request() workflows.RefundInput {
	return workflows.RefundInput{Amount: r.money(), Lines: r.Lines, Spread: r.Spread, Reason: r.Reason}
}

// refundPayment gives money back without goods: POST /api/v1/orders/{order_id}/refunds. With an Idempotency-Key it
// may be repeated.
func (a *API) refundPayment(ctx context.Context, x *httpx.Exchange, r *refund) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	if len(r.Lines) > 0 && r.Currency == "" { // the lines are priced in the order's
		r.Currency = view.Total.Currency
	}
	if err := payment.CheckRefundCurrency(r.money(), view.Total); err != nil {
		return err
	}
	in := r.request()
	in.OrderID, in.RefundID = id, x.KeyedID(domain.DerivedID(refundNamespace, id.String()))
	if wantsPreview(x) {
		return a.answerPreview(ctx, x, func(o order.Order, p payment.Payment) (orders, payments []domain.Event, err error) {
			c, err := account.Refund(o, p, account.RefundRequest{Asked: in.Lines, Spread: in.Spread, RefundPayment: payment.RefundPayment{
				RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, Limits: a.gatewayLimits(o.Total.Currency), At: a.now(),
			}})
			if err == nil {
				payments, err = payment.RequestRefund(p, c)
			}
			return nil, payments, err
		})
	}
	return a.answerRefund(ctx, x, in)
}

// retryRefund tries a refund once more that has failed: POST /api/v1/orders/{order_id}/refunds/{refund_id}/retry. Of
// any other refund it tells where it stands. It may be repeated.
func (a *API) retryRefund(ctx context.Context, x *httpx.Exchange, _ *struct{}) error {
	id, refundID := x.UUID("order_id"), x.UUID("refund_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	r, err := refundOf(view, refundID)
	if err != nil {
		return err
	}
	if r.Status != payment.RefundStatusFailed {
		replay(x, true)
		return x.JSON(refundHTTPStatus(&r), refundBody{OrderID: id, Refund: r})
	}
	return a.answerRefund(ctx, x, retryOf(id, r))
}

// refundOf returns a refund of an order. Error: not_found.
func refundOf(view readmodel.OrderView, id uuid.UUID) (payment.RefundSummary, error) {
	i := slices.IndexFunc(view.Refunds, func(r payment.RefundSummary) bool { return r.RefundID == id })
	if i < 0 {
		return payment.RefundSummary{}, newProblem(domain.CodeNotFound, "order %s has no refund %s", view.OrderID, id)
	}
	return view.Refunds[i], nil
}

// retryOf asks for a refund once more that has failed.
func retryOf(orderID uuid.UUID, r payment.RefundSummary) workflows.RefundInput {
	return workflows.RefundInput{OrderID: orderID, RefundID: r.RefundID, Amount: r.Amount, Reason: r.Reason, After: r.Attempts}
}

// answerRefund asks for a refund and answers where it stands.
func (a *API) answerRefund(ctx context.Context, x *httpx.Exchange, in workflows.RefundInput) error {
	refund, err := a.askForRefund(ctx, x, in)
	if err != nil {
		return err
	}
	return x.JSON(refundHTTPStatus(&refund), refundBody{OrderID: in.OrderID, Refund: refund})
}

// askForRefund asks for a refund and says in the header when it was asked for before. One that fails is an error.
func (a *API) askForRefund(ctx context.Context, x *httpx.Exchange, in workflows.RefundInput) (payment.RefundSummary, error) {
	result, err := a.sagas.RefundPayment(ctx, in)
	refund := result.Refund
	if err == nil && refund.Status == payment.RefundStatusFailed {
		err = domain.Refuse(payments.CodeGatewayRefused, "refund %s failed: %s", refund.RefundID, refund.Cause)
	}
	if err != nil {
		return refund, a.withState(ctx, x, a.withOpenRefund(ctx, in.OrderID, withStanding(err, "refund", standingRefund)))
	}
	replay(x, result.Replayed)
	return refund, nil
}

// withOpenRefund adds the refund without an answer to the refusal of another one.
func (a *API) withOpenRefund(ctx context.Context, id uuid.UUID, err error) error {
	if domain.Code(err) != payment.CodeRefundUnderWay {
		return err
	}
	p := asProblem(err)
	view, viewErr := a.findView(ctx, id)
	i := slices.IndexFunc(view.Refunds, func(r payment.RefundSummary) bool { return r.Status == payment.RefundStatusRequested })
	if viewErr != nil || i < 0 {
		return p
	}
	open := view.Refunds[i]
	return p.Extend("refund", refundBefore{OrderID: id, RefundID: open.RefundID, Amount: open.Amount, Reason: open.Reason})
}

// refundHTTPStatus is 201 for a refund that is paid, or nil because nothing is owed, and 202 for one under way.
func refundHTTPStatus(r *payment.RefundSummary) int {
	if r == nil || r.Status == payment.RefundStatusPaid {
		return http.StatusCreated
	}
	return http.StatusAccepted
}

// standingRefund is a refund as it was asked for.
func standingRefund(in workflows.RefundInput) refundBefore {
	return refundBefore{OrderID: in.OrderID, RefundID: in.RefundID, Amount: in.Amount, Lines: in.Lines, Spread: in.Spread, Reason: in.Reason}
}

type refundBefore struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount,omitzero"`
	// Lines are present instead of an amount, for a refund by lines.
	Lines  []order.RefundLine `json:"lines,omitempty"`
	Spread bool               `json:"spread,omitzero"`
	Reason string             `json:"reason"`
}

type refundBody struct {
	OrderID uuid.UUID             `json:"order_id"`
	Refund  payment.RefundSummary `json:"refund"`
}
