package sandbox

import (
	"context"
	"iter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
)

// Ledger implements [payments.LedgerReader].
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		entries, err := g.ledger(ctx, from, to)
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for _, e := range entries {
			if err := ctx.Err(); err != nil {
				yield(payments.LedgerEntry{}, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// ledger returns the balance of every payment that moved from until before to.
func (g *Gateway) ledger(ctx context.Context, from, to time.Time) (entries []payments.LedgerEntry, err error) {
	err = g.locked(ctx, func() error {
		seen := map[uuid.UUID]bool{}
		for _, e := range g.entries {
			if e.At.Before(from) || !e.At.Before(to) || seen[e.PaymentID] {
				continue
			}
			seen[e.PaymentID] = true
			if entry := g.entry(e.PaymentID); entry.PaymentID != uuid.Nil {
				entries = append(entries, entry)
			}
		}
		return nil
	})
	return entries, err
}
