package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// newPayment is the body of POST /api/v1/orders/{order_id}/payment.
type newPayment struct {
	PaymentToken      string `json:"payment_token"`
	KeepPaymentMethod bool   `json:"keep_payment_method"`
}

// providePayment gives another means of payment to an order that waits for money: POST
// /api/v1/orders/{order_id}/payment. With an Idempotency-Key it may be repeated, however late. The answer tells where
// the payment stands. A decline is an answer: the order goes on waiting, and payment_required tells why.
func (a *API) providePayment(ctx context.Context, x *httpx.Exchange, r *newPayment) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	view, err := a.findView(ctx, id)
	if err != nil {
		return err
	}
	hash, err := x.Fingerprint(r)
	if err != nil {
		return err
	}
	in := workflows.PaymentRequest{
		RequestID: x.KeyedID(domain.DerivedID(paymentNamespace, id.String())), RequestHash: hash, Keep: r.KeepPaymentMethod,
	}
	if in.Token, err = a.vault.Seal(ctx, view.CustomerID, r.PaymentToken); err != nil {
		return fmt.Errorf("seal the payment token: %w", err)
	}
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := a.sagas.ProvidePayment(wait, id, in)
	if err == nil && !state.UnderWay && !state.Replayed && state.Payment != nil {
		return paymentProvided(x, *state.Payment, false)
	}
	late := state.UnderWay || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if errors.Is(err, sagaclient.ErrUnavailable) || err != nil && domain.Code(err) == "" && !late {
		return err // it is not known whether the saga has the request
	}
	return a.paymentByEvents(ctx, x, in, late, err)
}

// paymentByEvents answers by the payment's events what the saga has left open: it takes long, has refused, or is gone.
func (a *API) paymentByEvents(ctx context.Context, x *httpx.Exchange, in workflows.PaymentRequest, late bool, answer error) error {
	o, err := a.order(ctx, x.Subject())
	if err != nil {
		return err
	}
	p, err := a.history.Payment(ctx, o.ID)
	if err != nil {
		return fmt.Errorf("read the payment of order %s: %w", o.ID, err)
	}
	known, refusal := p.Provided(in.RequestID, in.RequestHash)
	switch {
	case refusal != nil:
		return refusedBy(o, refusal)
	case known || late:
		replay(x, known && !late)
		return paymentProvided(x, shownPayment(o, p), late && !known || p.Requested != nil)
	case !notRunning(answer) && answer != nil:
		return refusedBy(o, answer)
	}
	if err := payment.CanProvide(p); err != nil || o.Status.Ended() {
		return refusedBy(o, domain.Refuse(payment.CodePaymentNotRequired, "order %s lacks no money", o.Number))
	}
	return noSaga()
}

// shownPayment is where the payment of an order stands by its events.
func shownPayment(o order.Order, p payment.Payment) workflows.PaymentState {
	s := workflows.PaymentState{Status: p.ShownStatus(), Required: p.Required}
	if p.Status == payment.StatusActionRequired && !o.Status.Ended() {
		s.ActionURL = p.ActionURL
	}
	return s
}

// paymentProvided answers 200 for a payment that was decided on. It answers 202 for one that waits for the gateway or
// the bank.
func paymentProvided(x *httpx.Exchange, s workflows.PaymentState, underWay bool) error {
	status := http.StatusOK
	if underWay {
		x.Writer.Header().Set("Retry-After", "1")
	}
	if underWay || s.Status == payment.StatusActionRequired {
		status = http.StatusAccepted
	}
	return x.JSON(status, providedBody{
		OrderID: x.Subject(), PaymentStatus: s.Status, PaymentRequired: inUTC(s.Required), PaymentActionURL: s.ActionURL, UnderWay: underWay,
	})
}

func inUTC(r *payment.Requirement) *payment.Requirement {
	if r == nil {
		return nil
	}
	utc := *r
	utc.RequiredAt, utc.DeadlineAt = r.RequiredAt.UTC().Truncate(time.Microsecond), r.DeadlineAt.UTC().Truncate(time.Microsecond)
	return &utc
}

// providedBody is where a payment stands. Its members are named as those of an order.
type providedBody struct {
	OrderID          uuid.UUID            `json:"order_id"`
	PaymentStatus    payment.Status       `json:"payment_status"`
	PaymentRequired  *payment.Requirement `json:"payment_required,omitempty"`
	PaymentActionURL string               `json:"payment_action_url,omitempty"`
	// UnderWay is true while the gateway's answer is not known.
	UnderWay bool `json:"under_way,omitempty"`
}
