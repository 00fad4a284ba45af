package stripe

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// The intent that closes a payment before it was authorised is never paid. It needs an amount and a
// currency all the same; every account takes these.
const (
	closingAmount   = 100
	closingCurrency = "usd"
)

// requestLife is how long Stripe may work on a request. For that time its key can be taken although
// nothing that it makes is there yet.
const requestLife = 2 * time.Minute

// excessSuffix marks the request of a refund that gives back what nobody had asked to capture.
const excessSuffix = "/excess"

// errUnderWay says that an authorisation may still come to be.
var errUnderWay = errors.New("stripe may still be working on the authorisation")

// Void implements [payments.Gateway].
//
// It goes by what Stripe says of the intents and not by an idempotency key, under which Stripe would
// repeat a failure for a day.
func (g *Gateway) Void(ctx context.Context, r payments.VoidRequest) error {
	var intents []*api.PaymentIntent
	if r.GatewayRef != "" {
		pi, err := g.retrieve(ctx, r.GatewayRef)
		if err != nil {
			return err
		}
		received := pi.AmountReceived
		// At once, so that nobody confirms it while an authorisation without an answer is looked for.
		if pi, err = g.letGo(ctx, pi); err != nil || received == 0 && r.AuthorizeKey == "" {
			return err
		}
		intents = append(intents, pi)
	}
	found, err := g.closeUnanswered(ctx, r)
	if err != nil {
		return err
	}
	for _, pi := range found {
		if pi.ID != r.GatewayRef {
			intents = append(intents, pi)
		}
	}
	for i, pi := range intents {
		if intents[i], err = g.letGo(ctx, pi); err != nil {
			return err
		}
	}
	return g.giveBack(ctx, r, intents)
}

// closeUnanswered sees to it that an authorisation which was not answered makes nothing any more, and
// returns all intents of the payment.
func (g *Gateway) closeUnanswered(ctx context.Context, r payments.VoidRequest) ([]*api.PaymentIntent, error) {
	if r.AuthorizeKey == "" {
		return g.find(ctx, r.PaymentID)
	}
	taken, err := g.closeKey(ctx, r.PaymentID, r.AuthorizeKey)
	if err != nil {
		return nil, err
	}
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil || !taken || slices.ContainsFunc(intents, func(pi *api.PaymentIntent) bool {
		return pi.ID != r.GatewayRef && pi.Status != api.PaymentIntentStatusSucceeded && !hasRunOut(pi)
	}) {
		return intents, err
	}
	// The request has failed and made nothing, or is still about to.
	if g.now().Sub(r.AskedAt) < requestLife {
		return nil, payments.NoAnswer(errUnderWay)
	}
	// Its key is free again after a day: something has to be found then.
	if _, err := g.closeKey(ctx, r.PaymentID, r.AuthorizeKey+"/closed"); err != nil {
		return nil, err
	}
	return g.find(ctx, r.PaymentID)
}

// closeKey uses up the idempotency key of an authorisation that was not answered, so that the request
// authorises nothing any more should it still come. It reports whether the key was used up by the
// request itself: what that has made is then found and released.
func (g *Gateway) closeKey(ctx context.Context, paymentID uuid.UUID, key string) (taken bool, err error) {
	params := &api.PaymentIntentCreateParams{
		Amount:             api.Int64(closingAmount),
		Currency:           api.String(closingCurrency),
		CaptureMethod:      api.String(string(api.PaymentIntentCaptureMethodManual)),
		PaymentMethodTypes: []*string{api.String("card")},
		Metadata:           map[string]string{metaPayment: paymentID.String()},
	}
	params.SetIdempotencyKey(key)
	_, err = g.client.V1PaymentIntents.Create(ctx, params)
	f := failed("close payment "+paymentID.String(), err)
	if f == nil || f.keyTaken() {
		return f != nil, nil
	}
	return false, f.noAnswer()
}

// giveBack refunds what Stripe has taken beyond what the caller knows to be captured. It was taken at once
// for shipments that never left, or by a capture whose answer never came.
func (g *Gateway) giveBack(ctx context.Context, r payments.VoidRequest, intents []*api.PaymentIntent) error {
	ahead, from, err := g.ahead(ctx, intents, r.Captured)
	if err != nil || from == nil {
		return err
	}
	left, err := g.refundable(ctx, from, ahead)
	if ahead = min(ahead, left); ahead <= 0 || err != nil {
		return err
	}
	_, err = g.refund(ctx, refundOrder{from.ID, r.PaymentID, ahead, r.IdempotencyKey + excessSuffix, r.AskedAt}, true)
	return err
}

// ahead returns how much more the intents of a payment have taken than its stream knows, in Stripe's
// smallest unit. From is the intent of which most is left; nil when none has taken anything.
func (g *Gateway) ahead(ctx context.Context, intents []*api.PaymentIntent, captured money.Money) (sum int64, from *api.PaymentIntent, err error) {
	var most int64
	for _, pi := range intents {
		if pi.AmountReceived == 0 {
			continue
		}
		back, err := g.returned(ctx, pi)
		if err != nil {
			return 0, nil, err
		}
		sum += pi.AmountReceived - back.excess
		if left := pi.AmountReceived - back.refunded; from == nil || left > most {
			from, most = pi, left
		}
	}
	return sum - minor(captured), from, nil
}

// letGo releases the rest of an intent of which something was captured, cancels any other that is open,
// and returns it as it then is.
func (g *Gateway) letGo(ctx context.Context, pi *api.PaymentIntent) (*api.PaymentIntent, error) {
	switch pi.Status {
	case api.PaymentIntentStatusCanceled, api.PaymentIntentStatusSucceeded:
		return pi, nil
	case api.PaymentIntentStatusRequiresCapture:
		if pi.AmountReceived == 0 {
			break
		}
		params := &api.PaymentIntentCaptureParams{AmountToCapture: api.Int64(0), FinalCapture: api.Bool(true)}
		params.AddExpand(expandCharge)
		if released, err := g.client.V1PaymentIntents.Capture(ctx, pi.ID, params); err == nil {
			return released, nil
		}
	}
	return g.cancel(ctx, pi)
}

// cancel closes an intent for good. It does nothing to one that is closed. Error: gateway_refused when Stripe says no
// to one that stays open; one that is being processed can be closed later.
func (g *Gateway) cancel(ctx context.Context, pi *api.PaymentIntent) (*api.PaymentIntent, error) {
	params := &api.PaymentIntentCancelParams{CancellationReason: api.String(string(api.PaymentIntentCancellationReasonAbandoned))}
	params.AddExpand(expandCharge)
	canceled, err := g.client.V1PaymentIntents.Cancel(ctx, pi.ID, params)
	f := failed("cancel "+pi.ID, err)
	if f == nil {
		return canceled, nil
	}
	now, err := g.retrieve(ctx, pi.ID)
	var refused *domain.Error
	switch {
	case err == nil && (now.Status == api.PaymentIntentStatusCanceled || now.Status == api.PaymentIntentStatusSucceeded):
		return now, nil
	case errors.As(err, &refused):
		return nil, err
	case err == nil && now.Status != api.PaymentIntentStatusProcessing:
		return nil, f.asError()
	}
	return nil, f.noAnswer()
}
