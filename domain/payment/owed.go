package payment

import "github.com/orderloom/orderloom/domain/money"

// HoldsMoney reports whether the gateway holds money that is neither captured nor let go. It is true as well where the
// gateway may do so once it answers, or the customer's bank confirms.
func (p Payment) HoldsMoney() bool {
	return p.Status == StatusActionRequired || p.Requested != nil || p.Held().IsPositive()
}

// Held is what the gateway holds as far as the events tell: authorised, and neither captured nor let go.
func (p Payment) Held() money.Money { return p.Capturable().Add(p.HeldLate) }
