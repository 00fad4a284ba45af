package stripe

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	api "github.com/stripe/stripe-go/v85"
)

// The intent that closes a payment before it was authorised is never paid; it needs an amount and a
// currency all the same, which every account takes.
const (
	closingAmount   = 100
	closingCurrency = "usd"
)

// requestLife is how long Stripe may work on a request: for that time its key can be taken although
// nothing that it makes is there yet.
const requestLife = 2 * time.Minute

// excessSuffix marks the request of a refund that gives back what nobody had asked to capture.
const excessSuffix = "/excess"

// errUnderWay says that an authorisation may still come to be.
var errUnderWay = errors.New("stripe may still be working on the authorisation")

// Void implements [activities.Gateway].
//
// It goes by what Stripe says of the intents and not by an idempotency key, under which Stripe would
// repeat a failure for a day.
func (g *Gateway) Void(ctx context.Context, r activities.VoidRequest) error {
	if r.GatewayRef != "" {
		pi, err := g.retrieve(ctx, r.GatewayRef)
		if err != nil {
			return err
		}
		if err := g.release(ctx, pi, r); err != nil {
			return err
		}
	}
	taken := false
	if r.AuthorizeKey != "" {
		var err error
		if taken, err = g.closeKey(ctx, r.PaymentID, r.AuthorizeKey); err != nil {
			return err
		}
	}
	if r.AuthorizeKey == "" && r.GatewayRef != "" {
		return nil
	}
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil {
		return err
	}
	if taken && len(intents) == 0 && g.now().Sub(r.AskedAt) < requestLife {
		return activities.NoAnswer(errUnderWay)
	}
	for _, pi := range intents {
		if pi.ID == r.GatewayRef {
			continue
		}
		if err := g.release(ctx, pi, activities.VoidRequest{PaymentID: r.PaymentID}); err != nil {
			return err
		}
	}
	return nil
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
	return false, activities.NoAnswer(f)
}

// release lets go of what an intent holds. What it has taken beyond what the caller knows to be captured
// goes back: it was taken at once for parcels that never left, or by a capture whose answer never came.
func (g *Gateway) release(ctx context.Context, pi *api.PaymentIntent, r activities.VoidRequest) error {
	if pi.Status == api.PaymentIntentStatusCanceled {
		return nil
	}
	if pi.Status != api.PaymentIntentStatusSucceeded {
		if err := g.letGo(ctx, pi); err != nil {
			return err
		}
	}
	left := minor(r.Capturable)
	if left == 0 || pi.AmountReceived == 0 {
		return nil
	}
	if excess := pi.AmountReceived + left - pi.Amount; excess > 0 {
		_, err := g.refund(ctx, pi.ID, r.PaymentID, excess, r.IdempotencyKey+excessSuffix, true)
		return err
	}
	return nil
}

// letGo releases the rest of an intent of which something was captured, and cancels any other.
func (g *Gateway) letGo(ctx context.Context, pi *api.PaymentIntent) error {
	if pi.Status == api.PaymentIntentStatusRequiresCapture && pi.AmountReceived > 0 {
		params := &api.PaymentIntentCaptureParams{AmountToCapture: api.Int64(0), FinalCapture: api.Bool(true)}
		if _, err := g.client.V1PaymentIntents.Capture(ctx, pi.ID, params); err == nil {
			return nil
		}
	}
	return g.cancel(ctx, pi)
}

// cancel closes an intent for good. It does nothing to one that is closed.
func (g *Gateway) cancel(ctx context.Context, pi *api.PaymentIntent) error {
	params := &api.PaymentIntentCancelParams{CancellationReason: api.String(string(api.PaymentIntentCancellationReasonAbandoned))}
	_, err := g.client.V1PaymentIntents.Cancel(ctx, pi.ID, params)
	f := failed("cancel "+pi.ID, err)
	if f == nil {
		return nil
	}
	now, err := g.retrieve(ctx, pi.ID)
	var refused *domain.Error
	switch {
	case err == nil && (now.Status == api.PaymentIntentStatusCanceled || now.Status == api.PaymentIntentStatusSucceeded):
		return nil
	case errors.As(err, &refused):
		return err
	}
	return activities.NoAnswer(f)
}
