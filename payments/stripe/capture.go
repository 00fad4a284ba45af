package stripe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// Capture implements [payments.Gateway].
func (g *Gateway) Capture(ctx context.Context, r payments.CaptureRequest) (string, error) {
	pi, err := g.retrieve(ctx, r.GatewayRef)
	if err != nil {
		return "", err
	}
	c, err := planCapture(pi, r)
	if err != nil {
		return "", err
	}
	switch {
	case pi.Metadata[c.mark] != "":
		return chargeOf(pi), nil
	case pi.Status == api.PaymentIntentStatusSucceeded:
		return c.done(pi)
	case pi.Status == api.PaymentIntentStatusProcessing:
		return "", payments.NoAnswer(errUndecided)
	case pi.Status != api.PaymentIntentStatusRequiresCapture:
		return "", refuse("%s holds no money any more, it is %s", pi.ID, pi.Status)
	}
	f := g.capture(ctx, pi.ID, r.IdempotencyKey, c)
	if f != nil && !c.final && f.param == "final_capture" {
		// Stripe had promised several captures and refuses them now.
		c.amount, c.final = pi.AmountCapturable, true
		f = g.capture(ctx, pi.ID, r.IdempotencyKey+"/whole", c)
	}
	if f == nil {
		return chargeOf(pi), nil
	}
	// It may have taken effect, now or at an earlier attempt.
	if f.unknown() {
		if pi, err = g.retrieve(ctx, pi.ID); err == nil && pi.Metadata[c.mark] != "" {
			return chargeOf(pi), nil
		}
	}
	return "", f.asError()
}

// capturePlan is how a capture is made.
type capturePlan struct {
	// amount is what is captured now; until is what was received in all when it has taken effect.
	amount, until int64
	// final releases the rest.
	final bool
	// mark is the name of what the capture leaves in the intent's metadata, and key our idempotency key.
	mark, key string
}

// planCapture decides how to make a capture. It depends on nothing that the capture changes, so that a
// second attempt plans the same.
func planCapture(pi *api.PaymentIntent, r payments.CaptureRequest) (capturePlan, error) {
	amount, currency, err := toStripe(r.Amount)
	if err != nil {
		return capturePlan{}, refuse("%v", err)
	}
	left, _, err := toStripe(r.Capturable)
	if err != nil || currency != string(pi.Currency) || !r.Capturable.SameCurrency(r.Amount) || amount > left || left > pi.Amount {
		return capturePlan{}, refuse("can't capture %s of %s: %s is authorised, %s of it left",
			r.Amount, pi.ID, fromStripe(pi.Amount, string(pi.Currency)), r.Capturable)
	}
	plan := capturePlan{amount: amount, until: pi.Amount - left + amount, final: amount == left, mark: markOf(r.IdempotencyKey), key: r.IdempotencyKey}
	if !plan.final && !capturesSeveral(pi) {
		plan.amount, plan.final = pi.Amount, true
	}
	return plan, nil
}

// done answers a capture of an intent that takes no more.
func (c capturePlan) done(pi *api.PaymentIntent) (string, error) {
	if pi.AmountReceived < c.until {
		return "", refuse("%s has released what was not captured: %s was", pi.ID, fromStripe(pi.AmountReceived, string(pi.Currency)))
	}
	return chargeOf(pi), nil
}

// capture takes money once for each key. It marks the intent in the same request, so that it can be told for ever
// whether it was made, and what was captured elsewhere.
func (g *Gateway) capture(ctx context.Context, ref, key string, c capturePlan) *failure {
	params := &api.PaymentIntentCaptureParams{
		AmountToCapture: api.Int64(c.amount), Metadata: map[string]string{c.mark: fmt.Sprintf("%d %s", c.amount, c.key)},
	}
	if !c.final {
		params.FinalCapture = api.Bool(false)
	}
	params.SetIdempotencyKey(key)
	_, err := g.client.V1PaymentIntents.Capture(ctx, ref, params)
	return failed(fmt.Sprintf("capture %d of %s", c.amount, ref), err)
}

// capturePrefix begins the names of the marks that captures leave in an intent's metadata. The value is the amount and
// our idempotency key. Stripe keeps 50 names of at most 40 characters, two of which are ids: no order has as many
// shipments.
const capturePrefix = "capture_"

// markOf is the name of a capture's mark.
func markOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return capturePrefix + hex.EncodeToString(sum[:12])
}

// mark is what a capture of ours has left in an intent's metadata.
type mark struct {
	name, key string
	amount    int64
}

// marksOf returns the captures of ours, in the order of their names.
func marksOf(pi *api.PaymentIntent) []mark {
	var marks []mark
	for name, value := range pi.Metadata {
		text, key, ok := strings.Cut(value, " ")
		if amount, err := strconv.ParseInt(text, 10, 64); ok && err == nil && strings.HasPrefix(name, capturePrefix) {
			marks = append(marks, mark{name, key, amount})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return strings.Compare(a.name, b.name) })
	return marks
}

// capturesSeveral reports whether Stripe lets an intent be captured in parts.
func capturesSeveral(pi *api.PaymentIntent) bool {
	c := pi.LatestCharge
	return c != nil && c.PaymentMethodDetails != nil && c.PaymentMethodDetails.Card != nil && c.PaymentMethodDetails.Card.Multicapture != nil &&
		c.PaymentMethodDetails.Card.Multicapture.Status == api.ChargePaymentMethodDetailsCardMulticaptureStatusAvailable
}

// chargeOf is the reference of what was captured: Stripe adds all captures of an intent to one charge.
func chargeOf(pi *api.PaymentIntent) string {
	if pi.LatestCharge != nil && pi.LatestCharge.ID != "" {
		return pi.LatestCharge.ID
	}
	return pi.ID
}

// minor returns an amount in Stripe's smallest unit, 0 for none.
func minor(m money.Money) int64 {
	n, _, err := toStripe(m)
	if err != nil {
		return 0
	}
	return n
}
