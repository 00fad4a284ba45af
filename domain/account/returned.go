package account

import (
	"time"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Returned is a return as it is told to people: where it stands, its refund included.
type Returned struct {
	order.ReturnRecord
	Status order.ReturnStatus `json:"status"`
	// Amount is what the goods had cost that came back; nil before.
	Amount *money.Money `json:"amount,omitempty"`
}

// Returns tells where each return of an order stands. It is nil for an order without any.
func Returns(o order.Order, p payment.Payment) (all []Returned) {
	for _, r := range o.Returns {
		all = append(all, ReturnedOf(r, p))
	}
	return all
}

// ReturnedOf tells where one return stands. It is refunded once nothing is owed for it any more.
func ReturnedOf(r order.ReturnRecord, p payment.Payment) Returned {
	out := Returned{ReturnRecord: r, Status: r.Status}
	switch r.Status {
	case order.ReturnStatusReceived, "":
		out.Amount, out.Status = &r.Amount, order.ReturnStatusReceived
		if refund, known := p.Refund(r.ReturnID); r.NothingOwed || known && refund.Status() == payment.RefundStatusPaid {
			out.Status = order.ReturnStatusRefunded
		}
	}
	for _, at := range []*time.Time{&out.RequestedAt, &out.DecideBy, &out.ApprovedAt, &out.ExpiresAt, &out.ReturnedAt, &out.EndedAt} {
		*at = at.UTC()
	}
	return out
}
