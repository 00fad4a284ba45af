package api

import (
	"context"
	"errors"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
)

// PaymentUpdates takes what a payment gateway reports to the saga that waits for it. It may be repeated. Errors:
// [sagaclient.ErrUnavailable] when Temporal can't be reached.
type PaymentUpdates interface {
	PaymentUpdated(ctx context.Context, orderID uuid.UUID, u workflows.PaymentUpdate) error
}

// paymentWebhook takes the report of a payment gateway: POST /webhooks/{gateway}. Its signature is its
// authentication.
//
// A gateway repeats what is not answered with a 2xx, for days, and in any order. So the answer is 200 once the
// report is with the sagas, and 503 while it can't be.
func (a *API) paymentWebhook(ctx context.Context, x *httpx.Exchange) error {
	webhook, ok := a.webhooks[x.Param("gateway")]
	if !ok {
		return httpx.NewProblem(httpx.KindRouteNotFound, "no payment gateway of this name is in use")
	}
	body, err := x.ReadBody()
	if err != nil {
		return err
	}
	event, err := webhook.Parse(body, x.Request.Header, a.now())
	var refused *domain.Error
	if errors.As(err, &refused) {
		return newProblem(refused.Code, "%s", refused.Message).Because(err)
	}
	if err != nil {
		return err
	}
	// A saga waits for one of these two. Reconciliation with the gateway finds all else.
	switch event.Kind {
	case payments.EventAuthorized, payments.EventDeclined:
		x.About("order_id", event.OrderID)
		u := workflows.PaymentUpdate{GatewayRef: event.GatewayRef, Status: string(event.Kind), DeclineCode: event.Code}
		if err := a.payments.PaymentUpdated(ctx, event.OrderID, u); err != nil {
			return err
		}
	}
	x.Writer.WriteHeader(http.StatusOK)
	return nil
}
