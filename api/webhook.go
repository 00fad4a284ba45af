package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
)

// stripeSignature is the header that proves that a webhook is Stripe's.
const stripeSignature = "Stripe-Signature"

// PaymentUpdates takes a payment gateway's news to whoever waits for it. It may be repeated. Errors:
// [sagaclient.ErrUnavailable] when Temporal can't be reached.
type PaymentUpdates interface {
	PaymentUpdated(ctx context.Context, orderID uuid.UUID, u workflows.PaymentUpdate) error
}

// StripeWebhook is what POST /webhooks/stripe needs. Both fields are required.
type StripeWebhook struct {
	Payments PaymentUpdates
	// Parse checks that a body is Stripe's, by its signature and the time, and says what it reports.
	// Errors: a refusal of the domain for one that is not.
	Parse func(body []byte, signature string, now time.Time) (PaymentReport, error)
}

// PaymentReport is a gateway's news about the payment of an order. Its update has no status when it is
// no news to us.
type PaymentReport struct {
	OrderID uuid.UUID
	Update  workflows.PaymentUpdate
}

// stripeWebhook takes Stripe's news: POST /webhooks/stripe. The signature is its authentication. Stripe
// repeats what is not answered with a 2xx, for up to three days, and in any order; so the answer is 200
// once the news is with the sagas, and 503 while it can't be.
func (a *API) stripeWebhook(ctx context.Context, x *exchange) error {
	body, err := x.body()
	if err != nil {
		return err
	}
	report, err := a.stripe.Parse([]byte(body), x.Request.Header.Get(stripeSignature), a.now())
	var refused *domain.Error
	if errors.As(err, &refused) {
		p := newProblem(codeSignature, refused.Message)
		p.cause = err
		return p
	}
	if err != nil {
		return err
	}
	switch payment.Status(report.Update.Status) {
	case payment.StatusAuthorized, payment.StatusDeclined:
		x.orderID = report.OrderID
		if err := a.stripe.Payments.PaymentUpdated(ctx, report.OrderID, report.Update); err != nil {
			return err
		}
	}
	x.Writer.WriteHeader(http.StatusOK)
	return nil
}
