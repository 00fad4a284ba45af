package tinypay

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// region ledger

// Ledger implements [payments.LedgerReader].
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		accounts, err := g.changed(ctx, from, to)
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for _, a := range accounts {
			balance := payment.GatewayBalance{Held: a.Held, Captured: a.Captured, Refunded: a.Refunded}
			if !yield(payments.LedgerEntry{PaymentID: a.Payment, OrderID: a.Order, Refs: []string{a.ID}, Balance: balance}, nil) {
				return
			}
		}
	}
}

// endregion

// changed returns the payments that changed from until before to.
func (g *Gateway) changed(ctx context.Context, from, to time.Time) (accounts []account, err error) {
	query := url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/payments?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	return accounts, g.do(request, &accounts)
}
