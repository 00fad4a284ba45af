package sandbox

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"time"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
)

const payoutDay = 24 * time.Hour

// Payouts implements [payments.PayoutReader]. At each midnight (UTC) the sandbox pays out what has moved on the day
// before, in each currency. It takes no fees, and no money goes anywhere.
func (g *Gateway) Payouts(ctx context.Context, from, to time.Time) iter.Seq2[payments.Payout, error] {
	return func(yield func(payments.Payout, error) bool) {
		var payouts []payments.Payout
		if err := g.locked(ctx, func() error { payouts = g.payouts(from, to); return nil }); err != nil {
			yield(payments.Payout{}, err)
			return
		}
		for _, p := range payouts {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// payouts returns what was paid out from until before, the oldest first.
func (g *Gateway) payouts(from, to time.Time) (all []payments.Payout) {
	for _, e := range g.entries {
		at := e.At.UTC().Truncate(payoutDay).Add(payoutDay)
		entry, moved := e.payoutEntry()
		if !moved || at.Before(from) || !at.Before(to) {
			continue
		}
		ref := "po_" + at.Format(time.DateOnly) + "_" + e.Amount.Currency
		i := slices.IndexFunc(all, func(p payments.Payout) bool { return p.Ref == ref })
		if i < 0 {
			i = len(all)
			all = append(all, payments.Payout{Ref: ref, Amount: money.Zero(e.Amount.Currency), At: at, Itemised: true})
		}
		all[i].Amount, all[i].Entries = all[i].Amount.Add(entry.Net), append(all[i].Entries, entry)
	}
	slices.SortStableFunc(all, func(a, b payments.Payout) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Ref, b.Ref)) })
	return all
}

// payoutEntry is what an entry of the ledger changes about what is paid out; false for nothing.
func (e Entry) payoutEntry() (payments.PayoutEntry, bool) {
	none := money.Zero(e.Amount.Currency)
	out := payments.PayoutEntry{Ref: e.Key, Movement: e.Ref, PaymentID: e.PaymentID, GatewayRef: refOf(e.PaymentID), Gross: e.Amount, Fee: none}
	switch e.Kind {
	case kindCapture:
		out.Kind = payments.PayoutCapture
	case kindRefund:
		out.Kind, out.Gross = payments.PayoutRefund, none.Sub(e.Amount)
	case kindRefundFailed:
		out.Kind = payments.PayoutRefundFailed
	case kindGiveBack:
		out.Kind, out.Gross = payments.PayoutExcess, none.Sub(e.Amount)
	case string(payments.EventDisputeWithdrawn):
		out.Kind, out.Gross = payments.PayoutDispute, none.Sub(e.Amount)
	case string(payments.EventDisputeReinstated):
		out.Kind = payments.PayoutDispute
	default:
		return out, false
	}
	out.Net = out.Gross
	return out, true
}
