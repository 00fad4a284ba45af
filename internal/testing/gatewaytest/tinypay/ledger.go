package tinypay

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
)

// region ledger

// Ledger implements [payments.LedgerReader].
func (g *Gateway) Ledger(ctx context.Context, from, to time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		accounts, err := g.list(ctx, url.Values{"from": {from.UTC().Format(time.RFC3339Nano)}, "to": {to.UTC().Format(time.RFC3339Nano)}})
		if err != nil {
			yield(payments.LedgerEntry{}, err)
			return
		}
		for _, a := range accounts {
			if !yield(a.entry(), nil) {
				return
			}
		}
	}
}

// account is what TinyPay says of a payment.
type account struct {
	Payment, Order           uuid.UUID
	ID, Status, Reason       string
	ConfirmURL               string    `json:"confirm_url"`
	ExpiresAt                time.Time `json:"expires_at"`
	Amount                   money.Money
	Held, Captured, Refunded money.Money
	Events                   []movement
}

// movement is what has happened to a payment. Its Key is our idempotency key, empty for what a person has done.
type movement struct {
	Kind, ID, Key, Reason string
	Amount                money.Money
	At                    time.Time
}

// entry puts an account into the words of the port.
func (a account) entry() payments.LedgerEntry {
	entry := payments.LedgerEntry{
		PaymentID: a.Payment, OrderID: a.Order, Refs: []string{a.ID},
		Balance: payment.GatewayBalance{Held: a.Held, Captured: a.Captured, Refunded: a.Refunded},
		Authorization: payments.Authorization{Amount: a.Amount, AuthorizeResult: resultOf(a.Status, payments.AuthorizeResult{
			GatewayRef: a.ID, DeclineCode: a.Reason, ActionURL: a.ConfirmURL, ExpiresAt: a.ExpiresAt,
		})},
	}
	for _, m := range a.Events {
		entry.Events = append(entry.Events, m.event(a.Payment, a.Order, a.ID))
	}
	return entry
}

// kinds are TinyPay's words for what may happen.
var kinds = map[string]payments.EventKind{
	"held": payments.EventAuthorized, "declined": payments.EventDeclined, "closed": payments.EventVoided, "taken": payments.EventCaptured,
	"returned": payments.EventRefunded, "return_failed": payments.EventRefundFailed, "contested": payments.EventDisputeOpened,
	"contested_taken": payments.EventDisputeWithdrawn, "contested_lost": payments.EventDisputeLost,
}

// event puts a movement into the words of the port, the same for a ledger and for a report.
func (m movement) event(paymentID, orderID uuid.UUID, ref string) payments.Event {
	return payments.Event{
		Kind: kinds[m.Kind], PaymentID: paymentID, OrderID: orderID, GatewayRef: ref, Ref: m.ID, Key: m.Key, Amount: m.Amount, Code: m.Reason, At: m.At,
	}
}

// endregion

// list returns the payments that a query names.
func (g *Gateway) list(ctx context.Context, query url.Values) (accounts []account, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url+"/payments?"+query.Encode(), http.NoBody)
	if err != nil {
		return nil, err
	}
	return accounts, g.do(request, &accounts)
}
