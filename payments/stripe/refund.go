package stripe

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// metaRequest is the idempotency key of a refund in its metadata: ids only. It is how a refund is found
// after Stripe has forgotten the key, which nothing else tells from another refund of the same amount.
const metaRequest = "request"

// refundsMax bounds the refunds of one payment.
const refundsMax = 1_000

// Refund implements [payments.Gateway]. The reason stays with us: it may be a person's words.
func (g *Gateway) Refund(ctx context.Context, r payments.RefundRequest) (payments.RefundResult, error) {
	amount, _, err := toStripe(r.Amount)
	if err != nil {
		return payments.RefundResult{}, refuse("%v", err)
	}
	pi, err := g.retrieve(ctx, r.GatewayRef)
	if err != nil {
		return payments.RefundResult{}, err
	}
	if !strings.EqualFold(string(pi.Currency), r.Amount.Currency) {
		return payments.RefundResult{}, refuse("can't refund %s of %s, which is in %s", r.Amount, pi.ID, pi.Currency)
	}
	left, err := g.refundable(ctx, pi, amount)
	if err != nil {
		return payments.RefundResult{}, err
	}
	if left >= amount {
		return g.refund(ctx, refundOrder{pi.ID, r.PaymentID, amount, r.IdempotencyKey, r.AskedAt}, g.old(r.AskedAt))
	}
	return g.refundElsewhere(ctx, pi, r, amount, left)
}

// refundElsewhere gives back what was captured by an earlier authorisation of the payment, unless it is
// done already. One refund is made at one authorisation, so none may be larger than what one of them has
// captured.
func (g *Gateway) refundElsewhere(ctx context.Context, pi *api.PaymentIntent, r payments.RefundRequest, amount, left int64) (payments.RefundResult, error) {
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil {
		return payments.RefundResult{}, err
	}
	if !slices.ContainsFunc(intents, func(o *api.PaymentIntent) bool { return o.ID == pi.ID }) {
		intents = append(intents, pi)
	}
	for _, o := range intents {
		if refund, err := g.findRefund(ctx, o.ID, r.IdempotencyKey); refund != nil || err != nil {
			return settled(refund, err)
		}
	}
	for _, o := range intents {
		there, err := g.refundable(ctx, o, amount)
		if err != nil {
			return payments.RefundResult{}, err
		}
		if there >= amount {
			return g.refund(ctx, refundOrder{o.ID, r.PaymentID, amount, r.IdempotencyKey, r.AskedAt}, false)
		}
	}
	return payments.RefundResult{}, refuse("can't refund %s of payment %s: %s is left at %s",
		r.Amount, r.PaymentID, fromStripe(left, string(pi.Currency)), pi.ID)
}

// refundable is what an intent has taken and not given back, or less where enough is left in any case.
func (g *Gateway) refundable(ctx context.Context, pi *api.PaymentIntent, enough int64) (int64, error) {
	left := pi.AmountReceived
	if isRefunded(pi) {
		left -= pi.LatestCharge.AmountRefunded // perhaps with what was only released
	}
	if left >= enough {
		return left, nil
	}
	back, err := g.returned(ctx, pi)
	return pi.AmountReceived - back.refunded, err
}

// refundOrder is a refund of one intent. Its key is that of the request, which the refund bears for ever.
type refundOrder struct {
	ref       string
	paymentID uuid.UUID
	amount    int64
	key       string
	askedAt   time.Time
}

// refund gives money back once for each key. With lookup it looks first whether it was done before. Where Stripe has
// failed under the key, and has made nothing, it asks under another.
func (g *Gateway) refund(ctx context.Context, o refundOrder, lookup bool) (payments.RefundResult, error) {
	if lookup {
		if refund, err := g.findRefund(ctx, o.ref, o.key); refund != nil || err != nil {
			return settled(refund, err)
		}
	}
	for n := 1; ; n++ {
		params := &api.RefundCreateParams{
			PaymentIntent: api.String(o.ref),
			Amount:        api.Int64(o.amount),
			Metadata:      map[string]string{metaPayment: o.paymentID.String(), metaRequest: o.key},
		}
		params.SetIdempotencyKey(nthKey(o.key, n))
		refund, err := g.client.V1Refunds.Create(ctx, params)
		f := failed("refund "+o.ref, err)
		if f == nil {
			return settled(refund, nil)
		}
		if f.unknown() {
			if refund, err := g.findRefund(ctx, o.ref, o.key); refund != nil || err != nil {
				return settled(refund, err)
			}
		}
		if n == keysMax || !f.spends(g.now(), o.askedAt) {
			return payments.RefundResult{}, f.asError()
		}
	}
}

// settled returns a refund that was made or is under way.
func settled(refund *api.Refund, err error) (payments.RefundResult, error) {
	if err != nil {
		return payments.RefundResult{}, err
	}
	switch kindOfRefund(refund.Status) {
	case payments.EventRefundFailed:
		return payments.RefundResult{}, refuse("refund %s is %s", refund.ID, firstWord(string(refund.FailureReason), string(refund.Status)))
	case payments.EventRefundPending:
		return payments.RefundResult{Ref: refund.ID, Pending: true}, nil
	}
	return payments.RefundResult{Ref: refund.ID}, nil
}

// kindOfRefund is what a refund's status says.
func kindOfRefund(status api.RefundStatus) payments.EventKind {
	switch status {
	case api.RefundStatusFailed, api.RefundStatusCanceled:
		return payments.EventRefundFailed
	case api.RefundStatusPending, api.RefundStatusRequiresAction:
		return payments.EventRefundPending
	}
	return payments.EventRefunded
}

// findRefund returns the refund that was made under a key, nil when there is none.
func (g *Gateway) findRefund(ctx context.Context, ref, key string) (found *api.Refund, err error) {
	err = g.eachRefund(ctx, ref, func(r *api.Refund) bool {
		if r.Metadata[metaRequest] == key {
			found = r
		}
		return found == nil
	})
	return found, err
}

// eachRefund calls f with the refunds of an intent for as long as f wants more.
func (g *Gateway) eachRefund(ctx context.Context, ref string, f func(*api.Refund) bool) error {
	params := &api.RefundListParams{PaymentIntent: api.String(ref)}
	params.Limit = api.Int64(pageSize)
	n := 0
	for refund, err := range g.client.V1Refunds.List(ctx, params).All(ctx) {
		if err != nil {
			return failed("list the refunds of "+ref, err).asError()
		}
		if !f(refund) {
			return nil
		}
		if n++; n >= refundsMax {
			return payments.NoAnswer(errTooMany)
		}
	}
	return nil
}
