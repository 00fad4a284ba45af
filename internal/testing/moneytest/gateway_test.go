package moneytest_test

import (
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
)

// deliverOne delivers a webhook, perhaps late or once more.
func (l *life) deliverOne(s sight) { l.deliver(pick(l, s.events...)) }

// deliver delivers a webhook as the API takes it: it is passed on to whoever waits for it, or to a saga of its own.
func (l *life) deliver(e stripefake.Event) {
	l.told[e.ID]++
	at := l.now()
	header := http.Header{}
	header.Set(stripe.SignatureHeader, stripefake.Sign(e.Body, at, webhookSecret))
	event, err := l.webhook.Parse(e.Body, header, at)
	if err != nil {
		l.fault("webhook %s %s: %v", e.ID, e.Type, err)
		return
	}
	if event.Kind == "" {
		return
	}
	if event.PaymentID != uuid.Nil && event.PaymentID != payment.ID(l.orderID) {
		l.fault("webhook %s %s is of another payment", e.ID, e.Type)
		return
	}
	l.note("webhook %s %s is delivered (%d)", e.ID, e.Type, l.told[e.ID])
	l.mu.Lock()
	saga := l.saga
	l.mu.Unlock()
	switch event.Kind {
	case payments.EventAuthorized, payments.EventDeclined, payments.EventVoided, payments.EventExpired:
		update := workflows.PaymentUpdate{GatewayRef: event.GatewayRef}
		if saga != nil && saga.signalChild(workflows.PaymentSagaID(l.orderID), workflows.PaymentUpdated, update) == nil {
			return
		}
	}
	in := workflows.LatePayment{OrderID: event.OrderID, PaymentID: event.PaymentID, GatewayRef: event.GatewayRef}
	if gone, err := l.run("late-payment-"+event.ID, nil, workflows.LatePaymentSaga, in, nil); !gone && err != nil {
		l.note("   … %v", err)
	}
}

// reconcileNightly runs the reconciliation of the night.
func (l *life) reconcileNightly(sight) {
	var out activities.Reconciled
	l.note("the reconciliation of the night")
	if gone, err := l.run("nightly-reconciliation", nil, workflows.ReconciliationSaga, nil, &out); !gone {
		l.note("   … %+v %v", out, err)
	}
}

// ledgerLife is for how long Stripe tells what has happened.
const ledgerLife = 29 * 24 * time.Hour

// reconcileAll compares all that has happened at the gateway.
func (l *life) reconcileAll() activities.Reconciled {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(sdkworker.Options{})
	a := l.activities(nil)
	env.RegisterActivity(a)
	to := l.now().Add(-15 * time.Minute).Truncate(time.Minute)
	from := begin.Add(-time.Hour)
	if earliest := l.now().Add(-ledgerLife); from.Before(earliest) {
		from = earliest
	}
	value, err := env.ExecuteActivity(a.ReconcilePayments, activities.ReconcilePayments{From: from, To: to})
	var out activities.Reconciled
	if err == nil {
		err = value.Get(&out)
	}
	if err != nil {
		l.fault("the reconciliation fails: %v", err)
	}
	l.note("the reconciliation since the beginning: %+v", out)
	return out
}

// isExcess reports whether a refund gives back what was taken beyond what anybody had asked for.
func isExcess(r stripefake.Refund) bool { return strings.HasSuffix(r.Key, "/excess") }
