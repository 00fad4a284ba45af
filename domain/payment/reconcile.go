package payment

import (
	"slices"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// GatewayBalance is what the gateway's ledger says of a payment.
type GatewayBalance struct {
	Held, Captured, Refunded money.Money
}

// Difference is an amount in which the gateway's ledger and the payment's stream disagree.
type Difference struct {
	// What names the amount: held, captured or refunded.
	What    string      `json:"what"`
	Gateway money.Money `json:"gateway"`
	Stream  money.Money `json:"stream"`
	FoundAt time.Time   `json:"found_at"`
}

// Reconcile compares a payment with the gateway's ledger: one event for each amount that differs, or that does not
// differ any more. A difference that is known and has stayed the same is not recorded again.
//
// What a person has given back without the gateway is no difference, and neither are credits.
func Reconcile(p Payment, b GatewayBalance, at time.Time) []domain.Event {
	var events []domain.Event
	for _, c := range []struct {
		what            string
		gateway, stream money.Money
	}{{"held", b.Held, p.Held()}, {"captured", b.Captured, p.CapturedAtGateway()}, {"refunded", b.Refunded, p.RefundedAtGateway()}} {
		c.gateway, c.stream = ofCurrency(c.gateway, p.Authorized.Currency), ofCurrency(c.stream, p.Authorized.Currency)
		known, was := p.difference(c.what)
		same := c.gateway.Amount.Equal(c.stream.Amount) && (c.gateway.IsZero() || c.gateway.SameCurrency(c.stream))
		switch {
		case same && was:
			events = append(events, PaymentDifferenceEnded{PaymentID: p.ID, OrderID: p.OrderID, What: c.what, Amount: c.stream, EndedAt: at})
		case same, was && known.Gateway.Amount.Equal(c.gateway.Amount) && known.Stream.Amount.Equal(c.stream.Amount):
		default:
			events = append(events, PaymentDifferenceFound{
				PaymentID: p.ID, OrderID: p.OrderID, What: c.what, Gateway: c.gateway, Stream: c.stream, FoundAt: at,
			})
		}
	}
	return events
}

// ofCurrency gives an amount that has no currency one. It is nothing, such as at a gateway that knows no payment.
func ofCurrency(m money.Money, currency string) money.Money {
	if m.Currency == "" {
		m.Currency = currency
	}
	return m
}

func (p Payment) difference(what string) (Difference, bool) {
	if i := slices.IndexFunc(p.Differences, func(d Difference) bool { return d.What == what }); i >= 0 {
		return p.Differences[i], true
	}
	return Difference{}, false
}

// withoutDifference returns the differences but that of one amount. It shares nothing with p that it changes.
func (p Payment) withoutDifference(what string) []Difference {
	return slices.DeleteFunc(slices.Clone(p.Differences), func(d Difference) bool { return d.What == what })
}
