package attention

import (
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Settled reports whether an order is finished, its money included: it has ended, the gateway holds nothing of it
// ([MoneyHeld]), and every refund is paid.
func Settled(o order.Order, p payment.Payment) bool {
	if !o.Status.Ended() || MoneyHeld(o, p) {
		return false
	}
	for _, r := range p.Refunds {
		if r.Status() != payment.RefundStatusPaid {
			return false
		}
	}
	return true
}
