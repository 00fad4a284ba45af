package activities_test

import (
	"context"
	"errors"
	"iter"
	"testing"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func TestReconcilePayments(t *testing.T) {
	t.Parallel()
	b := setup(t)
	reconcile := func(o *testOrder) (activities.Reconciled, error) {
		return run(o.as("reconcile-"+o.id.String()), o.ReconcilePayments, activities.ReconcilePayments{From: at.Add(-time.Hour), To: at})
	}
	differences := func(o *testOrder) (n int) {
		for _, e := range o.stored() {
			if e == "PaymentDifferenceFound" {
				n++
			}
		}
		return n
	}
	// book is an order whose gateway lists this, and what the platform has captured in two shipments: 60 of 60.
	book := func(t *testing.T, stage func(*testOrder) *testOrder, list func(*testOrder) []payments.LedgerEntry, err error) *testOrder {
		l := &ledger{err: err}
		o := stage(b.order(t, func(options *activities.Options) {
			l.gateway = options.Gateway.(*gateway)
			options.Gateway = l
		}))
		l.entries = list(o)
		return o
	}
	entry := func(o *testOrder, held, captured, refunded string) payments.LedgerEntry {
		return payments.LedgerEntry{
			PaymentID: payment.ID(o.id), OrderID: o.id,
			Balance: payment.GatewayBalance{Held: eur(held), Captured: eur(captured), Refunded: eur(refunded)},
		}
	}

	for name, c := range map[string]struct {
		stage       func(*testOrder) *testOrder
		list        func(*testOrder) []payments.LedgerEntry
		differences int
	}{
		"an empty ledger": {(*testOrder).dispatched, func(*testOrder) []payments.LedgerEntry { return nil }, 0},
		"the same books": {(*testOrder).dispatched, func(o *testOrder) []payments.LedgerEntry {
			return []payments.LedgerEntry{entry(o, "0", "60", "0")}
		}, 0},
		"a refund that nobody asked for": {(*testOrder).dispatched, func(o *testOrder) []payments.LedgerEntry {
			return []payments.LedgerEntry{entry(o, "0", "60", "20")}
		}, 1},
		"captured and held differ": {(*testOrder).dispatched, func(o *testOrder) []payments.LedgerEntry {
			return []payments.LedgerEntry{entry(o, "20", "40", "0")}
		}, 2},
		"a gateway that captures only once is ahead": {(*testOrder).confirmed, func(o *testOrder) []payments.LedgerEntry {
			e := entry(o, "0", "60", "0")
			e.TakenAtOnce = true
			return []payments.LedgerEntry{e}
		}, 0},
		"a gateway that captures only once has taken too much": {(*testOrder).confirmed, func(o *testOrder) []payments.LedgerEntry {
			e := entry(o, "0", "70", "0")
			e.TakenAtOnce = true
			return []payments.LedgerEntry{e}
		}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := book(t, c.stage, c.list, nil)
			out, err := reconcile(o)
			require.NoError(t, err)
			require.Equal(t, len(c.list(o)), out.Compared)
			require.Equal(t, c.differences, out.Differences)
			require.Zero(t, out.Adopted)
			require.Equal(t, c.differences, differences(o))
			o.requireUnchanged(func() {
				_, err := reconcile(o)
				require.NoError(t, err)
			})
		})
	}
	t.Run("refuses a time that the gateway has forgotten", func(t *testing.T) {
		t.Parallel()
		o := book(t, (*testOrder).place, func(*testOrder) []payments.LedgerEntry { return nil }, domain.Refuse(payments.CodeLedgerOutOfReach, "too long ago"))
		_, err := reconcile(o)
		requireRefused(t, payments.CodeLedgerOutOfReach, err)
	})
	t.Run("is tried again while the gateway has no answer", func(t *testing.T) {
		t.Parallel()
		o := book(t, (*testOrder).place, func(*testOrder) []payments.LedgerEntry { return nil }, payments.NoAnswer(errors.New("connection refused")))
		_, err := reconcile(o)
		requireRetryable(t, err)
	})
}

// ledger is a gateway that lists these entries, and then fails with err.
type ledger struct {
	*gateway
	entries []payments.LedgerEntry
	err     error
}

func (l *ledger) Find(_ context.Context, r payments.FindRequest) (payments.LedgerEntry, error) {
	for _, e := range l.entries {
		if e.PaymentID == r.PaymentID {
			return e, nil
		}
	}
	return payments.LedgerEntry{}, nil
}

func (l *ledger) Ledger(context.Context, time.Time, time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		for _, e := range l.entries {
			if !yield(e, nil) {
				return
			}
		}
		if l.err != nil {
			yield(payments.LedgerEntry{}, l.err)
		}
	}
}
