package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/prometheus/client_golang/prometheus"
)

// PaymentReports takes what a payment gateway reports to the sagas. It may be repeated. Errors:
// [sagaclient.ErrUnavailable] when Temporal can't be reached.
type PaymentReports interface {
	PaymentReported(ctx context.Context, e payments.Event) error
}

// Outcomes of a webhook, as its metric counts them.
const (
	// webhookPassedOn is a report that the sagas have: they ask the gateway what is so.
	webhookPassedOn = "passed_on"
	// webhookNoNews is a report that says nothing about money of ours, or repeats an answer that we have.
	webhookNoNews = "no_news"
	// webhookMismatch is a report whose payment is not that of the order which it names. Nothing is done for it.
	webhookMismatch = "mismatch"
	// webhookRefused is a report with another signature, or without a form that can be read.
	webhookRefused = "refused"
)

func newWebhooksTotal() *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "orderloom_payment_webhooks_total", Help: "Reports of the payment gateway, by what became of them: passed_on, no_news, mismatch or refused.",
	}, []string{"outcome"})
}

// paymentWebhook takes the report of a payment gateway: POST /webhooks/{gateway}. Its signature is its
// authentication.
//
// A gateway repeats what is not answered with a 2xx, for days, and in any order. So the answer is 200 once the
// report is with the sagas, or is nothing for them, and 503 while it can't be. What a report says is believed by
// nobody: the sagas ask the gateway.
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
		a.reported.WithLabelValues(webhookRefused).Inc()
		return newProblem(refused.Code, "%s", refused.Message).Because(err)
	}
	if err != nil {
		return err
	}
	outcome := webhookPassedOn
	switch {
	case event.Kind == "":
		outcome = webhookNoNews
	case event.PaymentID != uuid.Nil && event.OrderID != uuid.Nil && event.PaymentID != payment.ID(event.OrderID):
		outcome = webhookMismatch
		x.Note(fmt.Errorf("payment %s of report %s is not the payment of order %s", event.PaymentID, event.ID, event.OrderID))
	default:
		x.About("order_id", event.OrderID)
		if err := a.payments.PaymentReported(ctx, event); err != nil {
			return err
		}
	}
	a.reported.WithLabelValues(outcome).Inc()
	x.Writer.WriteHeader(http.StatusOK)
	return nil
}
