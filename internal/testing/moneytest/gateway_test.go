package moneytest_test

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/workflows"
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
	l.reconcile("nightly-reconciliation", workflows.ReconciliationInput{})
}

// ledgerLife is for how long Stripe tells what has happened.
const ledgerLife = 29 * 24 * time.Hour

// reconcileAll compares all that has happened at the gateway.
func (l *life) reconcileAll() activities.Reconciled {
	in := workflows.ReconciliationInput{From: begin.Add(-time.Hour)}
	if earliest := l.now().Add(-ledgerLife); in.From.Before(earliest) {
		in.From = earliest
	}
	return l.reconcile("reconciliation", in)
}

func (l *life) reconcile(id string, in workflows.ReconciliationInput) (out activities.Reconciled) {
	l.note("%s", id)
	gone, err := l.run(id, nil, workflows.ReconciliationSaga, in, &out)
	switch {
	case gone:
	case err != nil && !l.settling: // the environment gives up after some attempts, which Temporal does not
		l.note("   … %v", err)
	case err != nil:
		l.fault("the reconciliation fails: %v", err)
	default:
		l.note("   … %d adopted, %d different", out.Adopted, out.Differences)
	}
	return out
}

// ownLog is the log of the payment of one life alone, as if the shop had no other orders.
type ownLog struct{ l *life }

// Read implements [activities.PaymentLog].
func (o ownLog) Read(ctx context.Context, _ eventstore.ReadOptions) (eventstore.Page, error) {
	events, err := o.l.store.Load(ctx, eventstore.StreamID{Type: domain.AggregatePayment, ID: payment.ID(o.l.orderID)}, 0)
	return eventstore.Page{Events: events}, err
}

// isExcess reports whether a refund gives back what was taken beyond what anybody had asked for.
func isExcess(r stripefake.Refund) bool { return strings.HasSuffix(r.Key, "/excess") }
