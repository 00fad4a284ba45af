package payment

import "github.com/orderloom/orderloom/domain/money"

// HoldsMoney reports whether the gateway holds money that is neither captured nor let go, or may do so once the
// customer's bank confirms.
func (p Payment) HoldsMoney() bool {
	return p.Status == StatusActionRequired || p.Held().IsPositive()
}

// Held is what the gateway holds as far as the events tell: authorised, and neither captured nor let go.
func (p Payment) Held() money.Money { return p.Capturable().Add(p.HeldLate) }
