package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"go.temporal.io/sdk/activity"
)

// ReconcilePayments is the input of [Activities.ReconcilePayments].
type ReconcilePayments struct {
	// From and To bound the time in which payments changed at the gateway; To lies a quarter of an hour
	// back or more, since a gateway shows a change with some delay.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Reconciled sums up a reconciliation.
type Reconciled struct {
	Compared int `json:"compared"`
	// Adopted counts refunds and disputes that were recorded because only the gateway knew of them.
	Adopted     int `json:"adopted,omitempty"`
	Differences int `json:"differences"`
	// Unsupported is true when the gateway can't list its ledger.
	Unsupported bool `json:"unsupported,omitempty"`
}

// heartbeatEvery is how many payments are compared between two heartbeats.
const heartbeatEvery = 50

// ReconcilePayments compares the gateway's ledger with the payment streams, payment by payment. It records refunds and
// disputes that only the gateway knows of, as [Activities.RecordGatewayEvent] does. Each amount that still differs is
// recorded as an event of the payment's stream. It may be repeated: a difference
// is recorded once for each To. Refusal: ledger_out_of_reach.
func (a *Activities) ReconcilePayments(ctx context.Context, in ReconcilePayments) (Reconciled, error) {
	ledger, ok := a.gateway.(payments.LedgerReader)
	if !ok {
		return Reconciled{Unsupported: true}, nil
	}
	var out Reconciled
	for entry, err := range ledger.Ledger(ctx, in.From, in.To) {
		if err != nil {
			return out, Refusal(fmt.Errorf("read the gateway's ledger: %w", err))
		}
		adopted, err := a.recordGatewayEvents(ctx, entry, in.To)
		if err != nil {
			return out, err
		}
		out.Adopted += adopted.Recorded
		n, err := a.reconcilePayment(ctx, entry, in.To)
		if err != nil {
			return out, err
		}
		out.Compared++
		out.Differences += n
		if out.Compared%heartbeatEvery == 0 {
			activity.RecordHeartbeat(ctx, out)
		}
	}
	return out, nil
}

func (a *Activities) reconcilePayment(ctx context.Context, entry payments.LedgerEntry, at time.Time) (differences int, err error) {
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, entry.PaymentID)
	if err != nil {
		return 0, fmt.Errorf("load payment %s: %w", entry.PaymentID, err)
	}
	if p.OrderID != entry.OrderID {
		p.ID, p.OrderID = entry.PaymentID, entry.OrderID
	}
	events := payment.Reconcile(p, comparableBalance(entry, p), at)
	if len(events) == 0 {
		return 0, nil
	}
	st := stamp(ctx, fmt.Sprintf("reconcile/%s/%d", entry.PaymentID, at.Unix()), p.OrderID, at)
	err = changeAggregate(ctx, a, paymentAggregate, entry.PaymentID, st, func(now payment.Payment) ([]domain.Event, error) {
		if now.ReconciledAt.Equal(at) {
			return nil, nil
		}
		return events, nil
	})
	return len(events), err
}

// comparableBalance returns the gateway's balance as it would be if the gateway captured shipment by shipment. A
// gateway that can capture only once is ahead of the stream for that reason alone.
func comparableBalance(e payments.LedgerEntry, p payment.Payment) payment.GatewayBalance {
	b := e.Balance
	if !e.TakenAtOnce || !b.Captured.SameCurrency(p.Captured) || !b.Held.SameCurrency(p.Captured) && !b.Held.IsZero() {
		return b
	}
	ahead := b.Captured.Sub(p.Captured)
	if ahead.IsPositive() && ahead.Cmp(p.Capturable()) <= 0 {
		b.Captured, b.Held = b.Captured.Sub(ahead), b.Held.Add(ahead)
	}
	return b
}
