package stripe

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// Names of an intent's metadata.
const (
	metaPayment = "payment_id"
	metaOrder   = "order_id"
)

// takenLife is how long an authorisation holds of which the money is taken already: for longer than
// any order is open.
const takenLife = 10 * 365 * 24 * time.Hour

// generationLife is how far apart two authorisations of one payment are at least. The second is only
// asked for when the first has run out, which takes days.
const generationLife = 24 * time.Hour

// Reasons that Stripe gives for a cancellation of its own, when an authorisation has run out: the second
// was the first's name until 2025.
const (
	reasonExpired   = "expired"
	reasonAutomatic = "automatic"
)

// errUndecided says that Stripe is still working on a payment.
var errUndecided = errors.New("stripe is still processing the payment")

// Authorize implements [payments.Gateway].
func (g *Gateway) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	if err := g.letGoOf(ctx, r.Abandons); err != nil {
		return payments.AuthorizeResult{}, err
	}
	result, err := g.authorize(ctx, r)
	if err == nil && result.Status == payment.StatusAuthorized && r.Replaces != result.GatewayRef {
		err = g.letGoOf(ctx, r.Replaces)
	}
	return result, err
}

// letGoOf lets go of one authorisation of a payment. It does nothing where Stripe knows none, or the name is empty.
func (g *Gateway) letGoOf(ctx context.Context, ref string) error {
	if ref == "" {
		return nil
	}
	pi, err := g.retrieve(ctx, ref)
	if domain.Code(err) == payments.CodeGatewayRefused {
		return nil
	}
	if err == nil {
		_, err = g.letGo(ctx, pi)
	}
	return unanswered(err)
}

func (g *Gateway) authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	amount, currency, err := toStripe(r.Amount)
	if err != nil {
		return payments.AuthorizeResult{Status: payment.StatusDeclined, DeclineCode: string(codeAmount)}, nil //nolint:nilerr // a decline is an answer
	}
	if g.old(r.AskedAt) {
		if result, known, err := g.recall(ctx, r); known || err != nil {
			return result, err
		}
	}
	if r.Captured.IsPositive() {
		if result, taken, err := g.taken(ctx, r, amount); taken || err != nil {
			return result, err
		}
	}
	params := &api.PaymentIntentCreateParams{
		Amount:             api.Int64(amount),
		Currency:           api.String(currency),
		CaptureMethod:      api.String(string(api.PaymentIntentCaptureMethodManual)),
		Confirm:            api.Bool(true),
		PaymentMethodTypes: []*string{api.String("card")},
		PaymentMethodOptions: &api.PaymentIntentCreatePaymentMethodOptionsParams{
			Card: &api.PaymentIntentCreatePaymentMethodOptionsCardParams{
				RequestMulticapture: api.String(string(api.PaymentIntentPaymentMethodOptionsCardRequestMulticaptureIfAvailable)),
			},
		},
		ReturnURL: api.String(strings.ReplaceAll(g.returnURL, "{order_id}", r.OrderID.String())),
		Metadata:  map[string]string{metaPayment: r.PaymentID.String(), metaOrder: r.OrderID.String(), metaRequest: r.IdempotencyKey},
	}
	if err := g.payWith(ctx, params, r); err != nil {
		return payments.AuthorizeResult{}, err
	}
	params.AddExpand(expandCharge)
	params.SetIdempotencyKey(r.IdempotencyKey)
	pi, err := g.client.V1PaymentIntents.Create(ctx, params)
	f := failed("authorise payment "+r.PaymentID.String(), err)
	if f == nil {
		if pi, err = g.asItIsNow(ctx, pi); err != nil {
			return payments.AuthorizeResult{}, err
		}
		return g.answer(ctx, pi)
	}
	if code, declined := f.declineCode(); declined {
		if code == codeToken && r.EarlierRef != "" && params.Customer == nil {
			code = codeNotKept
		}
		result := payments.AuthorizeResult{Status: payment.StatusDeclined, DeclineCode: code}
		if f.intent != nil {
			result.GatewayRef = f.intent.ID
		}
		return result, nil
	}
	if f.unknown() {
		if result, known, err := g.recall(ctx, r); known || err != nil {
			return result, err
		}
	}
	return payments.AuthorizeResult{}, f.noAnswer()
}

// asItIsNow returns an intent as it is, where Stripe has only repeated its first answer to a key.
func (g *Gateway) asItIsNow(ctx context.Context, pi *api.PaymentIntent) (*api.PaymentIntent, error) {
	if pi.LastResponse == nil || pi.LastResponse.Header.Get(replayedHeader) != "true" {
		return pi, nil
	}
	return g.retrieve(ctx, pi.ID)
}

// recall looks up what became of an authorisation that was asked for before.
func (g *Gateway) recall(ctx context.Context, r payments.AuthorizeRequest) (result payments.AuthorizeResult, known bool, err error) {
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil {
		return result, false, err
	}
	intents = slices.DeleteFunc(intents, func(pi *api.PaymentIntent) bool {
		if key := pi.Metadata[metaRequest]; key != "" && key != r.IdempotencyKey { // another authorisation of the payment
			return true
		}
		return hasRunOut(pi) || isSettled(pi) && !r.AskedAt.IsZero() && pi.Created < r.AskedAt.Add(-generationLife).Unix()
	})
	if len(intents) == 0 {
		return result, false, nil
	}
	// There is one, unless a void was asked for while this was under way.
	pi := slices.MaxFunc(intents, func(a, b *api.PaymentIntent) int { return cmp.Compare(weight(a), weight(b)) })
	if amount, currency, err := toStripe(r.Amount); err == nil && isSettled(pi) && pi.Status != api.PaymentIntentStatusCanceled &&
		(pi.Amount != amount || string(pi.Currency) != currency) {
		return result, false, payments.NoAnswer(fmt.Errorf("stripe: %s of payment %s is about another amount", pi.ID, r.PaymentID))
	}
	result, err = g.answer(ctx, pi)
	return result, err == nil, err
}

// taken answers an authorisation for the rest of a payment that Stripe has taken already, at the first
// shipment. If it were reserved once more, the customer would pay it twice. It doesn't run out.
func (g *Gateway) taken(ctx context.Context, r payments.AuthorizeRequest, amount int64) (payments.AuthorizeResult, bool, error) {
	intents, err := g.find(ctx, r.PaymentID)
	if err != nil {
		return payments.AuthorizeResult{}, false, err
	}
	ahead, from, err := g.ahead(ctx, intents, r.Captured)
	if err != nil || from == nil || ahead < amount || from.Status != api.PaymentIntentStatusSucceeded {
		return payments.AuthorizeResult{}, false, err
	}
	return payments.AuthorizeResult{Status: payment.StatusAuthorized, GatewayRef: from.ID, ExpiresAt: r.AskedAt.Add(takenLife)}, true, nil
}

// hasRunOut reports whether an intent was let go by Stripe, not by us.
func hasRunOut(pi *api.PaymentIntent) bool {
	return pi.Status == api.PaymentIntentStatusCanceled &&
		(pi.CancellationReason == reasonExpired || pi.CancellationReason == reasonAutomatic)
}

// wasReleased reports whether an intent takes no more, although not all of it was taken.
func wasReleased(pi *api.PaymentIntent) bool {
	return pi.Status == api.PaymentIntentStatusSucceeded && pi.AmountReceived < pi.Amount
}

// isSettled reports whether an intent waits for nobody any more but us.
func isSettled(pi *api.PaymentIntent) bool {
	switch pi.Status {
	case api.PaymentIntentStatusRequiresCapture, api.PaymentIntentStatusSucceeded, api.PaymentIntentStatusCanceled:
		return true
	}
	return false
}

// weight orders intents of one payment: money that is held says more than a decline.
func weight(pi *api.PaymentIntent) int {
	switch pi.Status {
	case api.PaymentIntentStatusRequiresCapture, api.PaymentIntentStatusSucceeded:
		return 3
	case api.PaymentIntentStatusProcessing:
		return 2
	case api.PaymentIntentStatusRequiresAction:
		return 1
	}
	return 0
}

// answer tells what an intent says about the authorisation. It closes one that nobody could confirm.
func (g *Gateway) answer(ctx context.Context, pi *api.PaymentIntent) (payments.AuthorizeResult, error) {
	result := describe(pi)
	switch result.Status {
	case payments.StatusProcessing: // nobody has to confirm it; Stripe reports how it ends
		result.Status = payment.StatusActionRequired
	case payment.StatusVoided, payment.StatusExpired:
		result.Status, result.DeclineCode = payment.StatusDeclined, codeCancelled
	case payment.StatusActionRequired:
		if result.ActionURL != "" {
			break
		}
		// Nobody could confirm it, so it is closed rather than waited for.
		if _, err := g.cancel(ctx, pi); err != nil {
			return payments.AuthorizeResult{}, err
		}
		result.Status, result.DeclineCode = payment.StatusDeclined, "confirmation_not_supported"
	}
	return result, nil
}

// describe tells where an intent stands. It asks Stripe nothing.
func describe(pi *api.PaymentIntent) payments.AuthorizeResult {
	result := payments.AuthorizeResult{Status: payments.StatusProcessing, GatewayRef: pi.ID}
	switch pi.Status {
	case api.PaymentIntentStatusRequiresCapture, api.PaymentIntentStatusSucceeded:
		result.Status, result.ExpiresAt = payment.StatusAuthorized, expiresAt(pi)
		if wasReleased(pi) { // somebody has captured a part, and nothing is held any more
			result.Status, result.ExpiresAt = payment.StatusVoided, time.Time{}
		}
	case api.PaymentIntentStatusRequiresAction:
		result.Status = payment.StatusActionRequired
		if pi.NextAction != nil && pi.NextAction.RedirectToURL != nil {
			result.ActionURL = pi.NextAction.RedirectToURL.URL
		}
	case api.PaymentIntentStatusRequiresPaymentMethod, api.PaymentIntentStatusRequiresConfirmation:
		// We always confirm, so an intent that was never tried is one that closes the payment.
		result.Status, result.DeclineCode = payment.StatusDeclined, codeCancelled
		if pi.LastPaymentError != nil {
			result.DeclineCode = neutral(string(pi.LastPaymentError.DeclineCode), string(pi.LastPaymentError.Code))
		}
	case api.PaymentIntentStatusCanceled:
		if result.Status = payment.StatusVoided; hasRunOut(pi) {
			result.Status = payment.StatusExpired
		}
	}
	return result
}

// expiresAt is when Stripe lets the reserved money go.
func expiresAt(pi *api.PaymentIntent) time.Time {
	if c := pi.LatestCharge; c != nil && c.PaymentMethodDetails != nil && c.PaymentMethodDetails.Card != nil && c.PaymentMethodDetails.Card.CaptureBefore > 0 {
		return time.Unix(c.PaymentMethodDetails.Card.CaptureBefore, 0).UTC()
	}
	return time.Unix(pi.Created, 0).UTC().Add(payment.AuthorizationLife)
}

// idOf returns an id out of metadata, the zero id when there is none.
func idOf(metadata map[string]string, name string) uuid.UUID {
	id, err := uuid.Parse(metadata[name])
	if err != nil {
		return uuid.Nil
	}
	return id
}
