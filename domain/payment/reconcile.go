package payment

import (
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// GatewayBalance is what the gateway's ledger says of a payment.
type GatewayBalance struct {
	Held, Captured, Refunded money.Money
}

// Reconcile compares a payment with the gateway's ledger: one event for each amount that differs. Money
// that the gateway still holds beyond the authorisation's life is no difference. Nor is what a person has given back
// without the gateway.
func Reconcile(p Payment, b GatewayBalance, at time.Time) []domain.Event {
	var events []domain.Event
	for _, c := range []struct {
		what            string
		gateway, stream money.Money
	}{{"held", b.Held, p.Capturable()}, {"captured", b.Captured, p.Captured}, {"refunded", b.Refunded, p.Refunded.Sub(p.RefundedOutside())}} {
		if !c.gateway.Amount.Equal(c.stream.Amount) {
			events = append(events, PaymentDifferenceFound{
				PaymentID: p.ID, OrderID: p.OrderID, What: c.what, Gateway: c.gateway, Stream: c.stream, FoundAt: at,
			})
		}
	}
	return events
}
