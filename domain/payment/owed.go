package payment

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
)

// HoldsMoney reports whether the gateway holds money that is neither captured nor let go, or may do so once the
// customer's bank confirms.
func (p Payment) HoldsMoney() bool {
	return p.Status == StatusActionRequired || p.Capturable().IsPositive()
}

// Owes reports whether a refund was not made and could be: what was refused for good is owed by nobody.
func (p Payment) Owes(refundID uuid.UUID, amount money.Money) bool {
	events, err := Refund(p, RefundPayment{RefundID: refundID, Amount: amount})
	return err == nil && len(events) > 0
}
