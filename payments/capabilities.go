package payments

import (
	"time"

	"github.com/orderloom/orderloom/domain/money"
)

// Capabilities are what a gateway can do. They are known without asking it.
type Capabilities struct {
	// Amounts returns the amounts that the gateway moves in a currency, and false for a currency that it does not take.
	// A nil Amounts takes every currency in its minor unit.
	Amounts func(currency string) (limits money.Limits, taken bool)
	// SeveralCaptures is true when one authorisation can be captured in parts. A single card may still refuse that.
	SeveralCaptures bool
	// AuthorizationLife is for how long an authorisation holds when its answer does not say.
	AuthorizationLife time.Duration
	// KeyLife is for how long the gateway keeps idempotency keys; 0 for ever. A request that may be older is looked up
	// by the gateway before it is made again: see [AuthorizeRequest].
	KeyLife time.Duration
	// KeepsMethod is true when a means of payment can be authorised again without the customer, if the customer has
	// agreed to it.
	KeepsMethod bool
}

// Limits returns the amounts that the gateway moves in a currency, and false for a currency that it does not take.
func (c Capabilities) Limits(currency string) (money.Limits, bool) {
	if c.Amounts == nil {
		return money.Limits{}, money.KnownCurrency(currency)
	}
	return c.Amounts(currency)
}
