package payments

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/payment"
)

// Update is what a gateway reports of a payment by itself. Reports may come twice, late, and in
// another order than things happened.
type Update struct {
	// EventID is the gateway's id of this report, the same when it comes again.
	EventID   string
	PaymentID uuid.UUID
	OrderID   uuid.UUID
	// Status is authorized, declined, expired or voided; empty for a report that says nothing about
	// whether money is reserved.
	Status      payment.Status
	GatewayRef  string
	DeclineCode string
}
