package main

import (
	"bytes"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func TestPayoutsArePrinted(t *testing.T) {
	t.Parallel()
	eur := func(text string) money.Money { return money.Must(text, "EUR") }
	at := time.Date(2026, 11, 27, 0, 0, 0, 0, time.UTC)
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	r := app.Reconciled{
		Payouts: []activities.ReconciledPayout{
			{Ref: "po_1", At: at, Gross: eur("45.00"), Fees: eur("1.15"), Net: eur("43.85"), Amount: eur("43.85"), Itemised: true, Matched: 2, Foreign: 1, Unmatched: 1},
			{Ref: "po_2", At: at, Amount: eur("5.00")},
		},
		Unmatched: 1,
		UnmatchedEntries: []activities.UnmatchedEntry{
			{Payout: "po_1", Ref: "txn_1", Kind: payments.PayoutRefund, OrderID: id, Amount: eur("-15.00"), Why: "no refund of the order has this reference"},
		},
	}
	var out bytes.Buffer
	require.NoError(t, printReconciled(&out, r))
	for _, line := range []string{
		"po_1    2026-11-27T00:00:00Z  45.00  1.15  43.85 EUR  2", "the gateway does not tell what it consists of",
		"po_1: refund txn_1 of -15.00 EUR of order " + id.String() + ": no refund of the order has this reference",
	} {
		require.Contains(t, out.String(), line)
	}
	require.ErrorContains(t, differing(r), "1 entry of a payout is matched by no event")
	require.NoError(t, differing(app.Reconciled{Payouts: r.Payouts}))
	out.Reset()
	require.NoError(t, printReconciled(&out, app.Reconciled{PayoutsUnread: "the key may not"}))
	require.Contains(t, out.String(), "could NOT be read: the key may not")
}
