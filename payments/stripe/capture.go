package stripe

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// Capture implements [payments.Gateway].
func (g *Gateway) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	pi, err := g.retrieve(ctx, r.GatewayRef)
	if err != nil {
		return payments.CaptureResult{}, err
	}
	c, err := planCapture(pi, r)
	if err != nil {
		return payments.CaptureResult{}, err
	}
	result := payments.CaptureResult{Ref: chargeOf(pi), Amount: r.Amount}
	switch {
	case pi.Metadata[c.mark] != "":
		return c.made(pi), nil
	case pi.Status == api.PaymentIntentStatusSucceeded:
		return result, c.done(pi)
	case pi.Status == api.PaymentIntentStatusProcessing:
		return payments.CaptureResult{}, payments.NoAnswer(errUndecided)
	case pi.Status != api.PaymentIntentStatusRequiresCapture:
		return payments.CaptureResult{}, refuse("%s holds no money any more, it is %s", pi.ID, pi.Status)
	}
	for n := 1; ; n++ {
		f := g.capture(ctx, pi.ID, nthKey(r.IdempotencyKey, n), c)
		if f != nil && !c.final && f.param == "final_capture" {
			// Stripe had promised several captures and refuses them now.
			c.amount, c.final = pi.AmountCapturable, true
			f = g.capture(ctx, pi.ID, nthKey(r.IdempotencyKey+"/whole", n), c)
		}
		if f == nil {
			return result, nil
		}
		if f.unknown() { // it may have taken effect, now or at an earlier attempt
			now, err := g.retrieve(ctx, pi.ID)
			if err == nil && now.Metadata[c.mark] != "" {
				return c.made(now), nil
			}
			if err != nil || now.Status != api.PaymentIntentStatusRequiresCapture {
				return payments.CaptureResult{}, f.asError()
			}
		}
		if n == keysMax || !f.spends(g.now(), r.AskedAt) {
			return payments.CaptureResult{}, f.asError()
		}
	}
}

// capturePlan is how a capture is made.
type capturePlan struct {
	// amount is what is captured now, and asked what was asked for: less, where all is taken at once. until is what was
	// received in all when it has taken effect.
	amount, asked, until int64
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
	left := minor(r.Capturable)
	if currency != string(pi.Currency) || !r.Capturable.SameCurrency(r.Amount) || amount > left || left > pi.Amount {
		return capturePlan{}, refuse("can't capture %s of %s: %s is authorised, %s of it left",
			r.Amount, pi.ID, fromStripe(pi.Amount, string(pi.Currency)), r.Capturable)
	}
	plan := capturePlan{
		amount: amount, asked: amount, until: pi.Amount - left + amount, final: amount == left, mark: markOf(r.IdempotencyKey), key: r.IdempotencyKey,
	}
	switch {
	case plan.final:
	case !capturesSeveral(pi):
		plan.amount, plan.final = pi.Amount, true
	case len(pi.Metadata) >= namesMax-1 && pi.Metadata[plan.mark] == "":
		// Stripe keeps one more mark, and no other capture can be told from the next: the rest is taken with this one.
		plan.amount, plan.final = pi.AmountCapturable, true
	}
	return plan, nil
}

// done refuses a capture of an intent that takes no more, unless it is paid out of what was taken. What other captures
// of ours have asked for is not there for it, also where their answers never came.
func (c capturePlan) done(pi *api.PaymentIntent) error {
	spare := pi.AmountReceived
	for _, m := range marksOf(pi) {
		spare -= m.asked
	}
	if pi.AmountReceived < c.until || spare < c.asked {
		return refuse("%s has released what was not captured: %s was", pi.ID, fromStripe(pi.AmountReceived, string(pi.Currency)))
	}
	return nil
}

// made answers a capture whose mark is there. It may have been made for another amount than is asked for now.
func (c capturePlan) made(pi *api.PaymentIntent) payments.CaptureResult {
	asked := c.asked
	for _, m := range marksOf(pi) {
		if m.name == c.mark {
			asked = m.asked
		}
	}
	return payments.CaptureResult{Ref: chargeOf(pi), Amount: fromStripe(asked, string(pi.Currency))}
}

// capture takes money once for each key. It marks the intent in the same request, so that it can be told for ever
// whether it was made, and what was captured elsewhere.
func (g *Gateway) capture(ctx context.Context, ref, key string, c capturePlan) *failure {
	params := &api.PaymentIntentCaptureParams{
		AmountToCapture: api.Int64(c.amount), Metadata: map[string]string{c.mark: mark{key: c.key, amount: c.amount, asked: c.asked}.text()},
	}
	if !c.final {
		params.FinalCapture = api.Bool(false)
	}
	params.SetIdempotencyKey(key)
	_, err := g.client.V1PaymentIntents.Capture(ctx, ref, params)
	return failed(fmt.Sprintf("capture %d of %s", c.amount, ref), err)
}

// capturePrefix begins the names of the marks that captures leave in an intent's metadata. Stripe keeps at most
// [namesMax] names there, of at most 40 characters, with values of at most 500.
const (
	capturePrefix = "capture_"
	namesMax      = 50
)

// markOf is the name of a capture's mark.
func markOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return capturePrefix + hex.EncodeToString(sum[:12])
}

// mark is what a capture of ours has left in an intent's metadata: what it took, what was asked for, and our
// idempotency key.
type mark struct {
	name, key     string
	amount, asked int64
}

// text is the value of the mark: "100 key", or "100/40 key" for a capture that took more than was asked for.
func (m mark) text() string {
	if m.amount == m.asked {
		return fmt.Sprintf("%d %s", m.amount, m.key)
	}
	return fmt.Sprintf("%d/%d %s", m.amount, m.asked, m.key)
}

// marksOf returns the captures of ours, in the order of their names.
func marksOf(pi *api.PaymentIntent) []mark {
	var marks []mark
	for name, value := range pi.Metadata {
		text, key, ok := strings.Cut(value, " ")
		taken, part, inPart := strings.Cut(text, "/")
		amount, err := strconv.ParseInt(taken, 10, 64)
		asked := amount
		if inPart && err == nil {
			asked, err = strconv.ParseInt(part, 10, 64)
		}
		if ok && err == nil && strings.HasPrefix(name, capturePrefix) {
			marks = append(marks, mark{name, key, amount, asked})
		}
	}
	slices.SortFunc(marks, func(a, b mark) int { return strings.Compare(a.name, b.name) })
	return marks
}

// tookRest reports whether a capture has taken more than was asked for.
func tookRest(pi *api.PaymentIntent) bool {
	return slices.ContainsFunc(marksOf(pi), func(m mark) bool { return m.amount > m.asked })
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
