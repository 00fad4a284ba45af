package sandbox

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/payments"
)

// ledgerPage is how many payments are read at once.
const ledgerPage = 100

// Ledger implements [payments.LedgerReader].
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		moved, err := g.moved(ctx, from, to)
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for ids := range slices.Chunk(moved, ledgerPage) {
			entries, err := g.page(ctx, ids)
			if err != nil {
				yield(payments.LedgerEntry{}, err)
				return
			}
			for _, e := range entries {
				if !yield(e, nil) {
					return
				}
			}
		}
	}
}

// moved returns the payments that changed from until before to, each once.
func (g *Gateway) moved(ctx context.Context, from, to time.Time) (ids []uuid.UUID, err error) {
	err = g.locked(ctx, func() error {
		seen := map[uuid.UUID]bool{}
		for _, e := range g.entries {
			if !e.At.Before(from) && e.At.Before(to) && !seen[e.PaymentID] {
				seen[e.PaymentID], ids = true, append(ids, e.PaymentID)
			}
		}
		return nil
	})
	return ids, err
}

// page returns what the ledger says of some payments.
func (g *Gateway) page(ctx context.Context, ids []uuid.UUID) (entries []payments.LedgerEntry, err error) {
	if err := ctx.Err(); err != nil {
		return nil, payments.NoAnswer(err)
	}
	err = g.locked(ctx, func() error {
		for _, id := range ids {
			if entry := g.entry(id); entry.PaymentID != uuid.Nil {
				entries = append(entries, entry)
			}
		}
		return nil
	})
	return entries, err
}
