package activities_test

import (
	"context"
	"errors"
	"iter"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
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

// What the books say and the gateway does not have, and the other way round. Each reconciliation sees one order alone.
func TestReconcilePaymentsBothWays(t *testing.T) {
	t.Parallel()
	b := setup(t)
	order := func(t *testing.T, change ...func(*activities.Options)) *testOrder {
		return b.order(t, append(change, func(o *activities.Options) { o.Log = b.store })...)
	}
	one := func(o *testOrder) activities.Reconciled {
		out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, activities.ReconcilePayments{OrderID: o.id, To: at})
		require.NoError(o.t, err)
		return out
	}
	t.Run("a payment that the gateway does not know", func(t *testing.T) {
		t.Parallel()
		other, err := sandbox.Open("")
		require.NoError(t, err)
		o := order(t).confirmed()
		known := o.gateway.Gateway
		o.gateway.Gateway = other // another account's key, say
		out := one(o)
		require.Equal(t, 1, out.Differences)
		require.True(t, out.Found[0].Unknown)
		require.Equal(t, "held", out.Found[0].Differences[0].What)
		o.requireUnchanged(func() { require.Equal(t, 1, one(o).Differences, "it is known") })
		require.Equal(t, []attention.Cause{attention.CausePaymentDifference}, attention.CausesOf(attention.Of(o.orderState(), o.paymentState())))

		o.gateway.Gateway = known
		require.Zero(t, one(o).Differences)
		require.Empty(t, attention.Of(o.orderState(), o.paymentState()), "it goes away by itself")
		require.Contains(t, o.stored(), "PaymentDifferenceEnded")
	})
	t.Run("all that has changed in the events, whether the gateway lists it or not", func(t *testing.T) {
		t.Parallel()
		lone := setup(t) // its events alone
		o := lone.order(t, func(o *activities.Options) {
			o.Gateway, o.Log = struct{ payments.Gateway }{o.Gateway}, lone.store // a gateway without a ledger
		}).confirmed()
		_, err := o.gateway.CaptureElsewhere(payment.ID(o.id), eur("25.00"))
		require.NoError(t, err)
		in := activities.ReconcilePayments{From: at.Add(-time.Hour), To: at.Add(time.Second)}
		out, err := run(o.as("reconcile-1"), o.ReconcilePayments, in)
		require.NoError(t, err)
		require.True(t, out.NoLedger)
		require.Equal(t, []int{1, 1, 0}, []int{out.Compared, out.Adopted, out.Differences}, "%+v", out.Found)
		require.Equal(t, o.id, out.Changed[0].OrderID)
		in.From, in.To = at.Add(2*time.Second), at.Add(time.Hour)
		out, err = run(o.as("reconcile-2"), o.ReconcilePayments, in)
		require.NoError(t, err)
		require.Zero(t, out.Compared, "nothing has changed since")
	})
	t.Run("a payment of somebody else is counted", func(t *testing.T) {
		t.Parallel()
		o := order(t).confirmed()
		_, err := o.gateway.Gateway.Authorize(t.Context(), payments.AuthorizeRequest{
			IdempotencyKey: "theirs", PaymentID: uuid.New(), OrderID: uuid.New(), Amount: total, Token: "tok_approve",
		})
		require.NoError(t, err)
		in := activities.ReconcilePayments{From: at.Add(-time.Hour), To: at.Add(time.Hour)}
		o.Activities = activities.New(activities.Options{Events: b.events, Gateway: o.gateway.Gateway, Vault: o.vault})
		out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, in)
		require.NoError(t, err)
		require.Equal(t, []int{1, 1, 0}, []int{out.Compared, out.Foreign, out.Differences})
	})
	t.Run("an order that does not exist", func(t *testing.T) {
		t.Parallel()
		o := order(t)
		_, err := run(o, o.ReconcilePayments, activities.ReconcilePayments{OrderID: o.id})
		requireRefused(t, domain.CodeNotFound, err)
	})
	t.Run("reads a long ledger piece by piece", func(t *testing.T) {
		t.Parallel()
		const payers = 10_000
		o := order(t).confirmed()
		for i := range payers {
			_, err := o.gateway.Gateway.Authorize(t.Context(), payments.AuthorizeRequest{
				IdempotencyKey: strconv.Itoa(i), PaymentID: uuid.New(), OrderID: uuid.New(), Amount: total, Token: "tok_approve",
			})
			require.NoError(t, err)
		}
		o.Activities = activities.New(activities.Options{Events: b.events, Gateway: o.gateway.Gateway, Vault: o.vault})
		out, err := run(o.as("reconcile-"+uuid.NewString()), o.ReconcilePayments, activities.ReconcilePayments{From: at.Add(-time.Hour), To: at.Add(time.Hour)})
		require.NoError(t, err)
		require.Equal(t, []int{1, payers}, []int{out.Compared, out.Foreign})
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
