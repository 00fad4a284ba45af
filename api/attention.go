package api

import (
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/workflows"
	"github.com/shopspring/decimal"
)

// retryAttention asks the gateway once more: POST /api/v1/orders/{order_id}/attention/{attention_id}/retry. It may be
// repeated: the gateway is asked once for each attempt that has failed.
func (a *API) retryAttention(ctx context.Context, x *httpx.Exchange, _ *struct{}) error {
	view, item, err := a.findAttention(ctx, x, attention.ActionRetry)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return retriedBefore(x, view, err)
	case err != nil:
		return err
	case item.Cause == attention.CauseCaptureFailed:
		return a.retryCapture(ctx, x, item)
	case item.Cause != attention.CauseRefundFailed:
		return a.attend(ctx, x, workflows.AttentionInput{OrderID: view.OrderID, AttentionID: item.AttentionID, Attempts: item.Attempts})
	}
	r, err := refundOf(view, item.RefundID)
	if err != nil {
		return err
	}
	refund, err := a.askForRefund(ctx, x, retryOf(view.OrderID, r))
	if err != nil {
		return err
	}
	return attended(x, refundHTTPStatus(&refund))
}

// retryCapture reports a shipment once more whose money the gateway refused, as it was reported before. The gateway is
// asked at once.
func (a *API) retryCapture(ctx context.Context, x *httpx.Exchange, item attention.Item) error {
	p, err := a.history.Payment(ctx, x.Subject())
	if err != nil {
		return err
	}
	failure, _ := p.RefusedCapture(item.ShipmentID)
	wait, cancel := context.WithTimeout(ctx, a.limits.ReportWait)
	defer cancel()
	state, err := a.sagas.ReportShipment(wait, x.Subject(), workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{
		ShipmentID: item.ShipmentID, Carrier: failure.Carrier, TrackingNumber: failure.TrackingNumber, After: item.Attempts,
	}})
	switch late := errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil; {
	case late || err == nil && state.UnderWay:
		return attended(x, http.StatusAccepted)
	case domain.Code(err) == workflows.CodeAlreadyReported: // the view does not show yet that it has left
		replay(x, true)
	case err != nil:
		return a.withState(ctx, x, err)
	}
	return attended(x, http.StatusCreated)
}

// retriedBefore answers for a void, a refund or a capture of the order that the gateway refuses no longer. There is
// nothing to try again. Anything else is not found.
func retriedBefore(x *httpx.Exchange, view readmodel.OrderView, notFound error) error {
	attentionID := x.UUID("attention_id")
	status := 0
	if attentionID == attention.Void(view.OrderID) {
		status = http.StatusCreated
	}
	for _, r := range view.Refunds {
		if attentionID == attention.Refund(view.OrderID, r.RefundID) {
			status = refundHTTPStatus(&r)
		}
	}
	for _, s := range view.Shipments {
		if attentionID == attention.Capture(view.OrderID, s.ShipmentID) && s.Status.Left() {
			status = http.StatusCreated
		}
	}
	if status == 0 {
		return notFound
	}
	replay(x, true)
	return attended(x, status)
}

// resolution is the body of POST /api/v1/orders/{order_id}/attention/{attention_id}/resolve.
type resolution struct {
	Amount    decimal.Decimal `json:"amount"`
	Currency  string          `json:"currency"`
	Reference string          `json:"reference"`
	By        string          `json:"by"`
}

func (r *resolution) money() money.Money { return money.Money{Amount: r.Amount, Currency: r.Currency} }

// Check names what the domain finds wrong.
func (r *resolution) Check() error { return payment.CheckSettled(r.money()) }

// resolveAttention records how a person has settled it outside: POST
// /api/v1/orders/{order_id}/attention/{attention_id}/resolve. It may be repeated.
func (a *API) resolveAttention(ctx context.Context, x *httpx.Exchange, r *resolution) error {
	var err error
	if r.By, err = decider(x, r.By); err != nil {
		return err
	}
	view, item, err := a.findAttention(ctx, x, attention.ActionResolve)
	if domain.Code(err) == domain.CodeNotFound {
		return a.resolvedBefore(ctx, x, r, err)
	}
	if err != nil {
		return err
	}
	if err := payment.CheckRefundCurrency(r.money(), *item.Amount); err != nil {
		return err
	}
	err = a.attend(ctx, x, workflows.AttentionInput{
		OrderID: view.OrderID, AttentionID: item.AttentionID, Attempts: item.Attempts,
		Resolution: &workflows.Resolution{RefundID: item.RefundID, Amount: r.money(), Reference: r.Reference, By: r.By},
	})
	if domain.Code(err) == domain.CodeIdempotencyKeyReused { // the view does not show yet that it is settled
		return a.resolvedBefore(ctx, x, r, err)
	}
	return err
}

// resolvedBefore answers for what does not wait any more. The same resolution again is a replay. Another one is a
// conflict that shows the order.
func (a *API) resolvedBefore(ctx context.Context, x *httpx.Exchange, r *resolution, refusal error) error {
	before, err := a.sagas.Attended(ctx, x.UUID("attention_id"))
	switch {
	case domain.Code(err) == domain.CodeNotFound || err == nil && (before.OrderID != x.UUID("order_id") || before.Resolution == nil):
		return refusal
	case err != nil:
		return err
	}
	settled := before.Resolution
	if !settled.Amount.SameCurrency(r.money()) || settled.Amount.Cmp(r.money()) != 0 || settled.Reference != r.Reference || settled.By != r.By {
		return a.withState(ctx, x, domain.Refuse(attention.CodeNotPossible, "%s has settled it with %s, reference %s",
			settled.By, settled.Amount, settled.Reference))
	}
	replay(x, true)
	return attended(x, http.StatusCreated)
}

// findAttention returns an order and what of it waits for a person, if this may be done about it.
func (a *API) findAttention(ctx context.Context, x *httpx.Exchange, action attention.Action) (view readmodel.OrderView, item attention.Item, err error) {
	id, attentionID := x.UUID("order_id"), x.UUID("attention_id")
	x.About("order_id", id)
	view, err = a.findView(ctx, id)
	if err != nil {
		return view, item, err
	}
	i := slices.IndexFunc(view.Attention, func(item attention.Item) bool { return item.AttentionID == attentionID })
	if i < 0 {
		return view, item, domain.Refuse(domain.CodeNotFound, "nothing of order %s waits for a person under %s", id, attentionID)
	}
	item = view.Attention[i]
	return view, item, item.Allows(action)
}

// attend carries out a decision, and answers how it has ended.
func (a *API) attend(ctx context.Context, x *httpx.Exchange, in workflows.AttentionInput) error {
	out, again, err := a.sagas.Attend(ctx, in)
	if err == nil && !out.Settled {
		err = domain.Refuse(payments.CodeGatewayRefused, "the gateway refuses: %s", out.Cause)
	}
	if err != nil {
		return a.withState(ctx, x, err)
	}
	replay(x, again)
	return attended(x, http.StatusCreated)
}

func attended(x *httpx.Exchange, status int) error {
	return x.JSON(status, attendedBody{OrderID: x.UUID("order_id"), AttentionID: x.UUID("attention_id")})
}

type attendedBody struct {
	OrderID     uuid.UUID `json:"order_id"`
	AttentionID uuid.UUID `json:"attention_id"`
}
