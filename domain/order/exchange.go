package order

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// HoldExchange is the rule that holds an order until the goods are there that pay for it.
const HoldExchange = "exchange"

// Exchange is a return of another order whose goods pay for an order.
type Exchange struct {
	OrderID  uuid.UUID `json:"order_id"`
	ReturnID uuid.UUID `json:"return_id"`
	// OnReceipt holds the order until the goods are there.
	OnReceipt bool `json:"on_receipt,omitempty"`
}

// CreditID is the id of the credit that the goods of the return are.
func (e Exchange) CreditID() uuid.UUID { return domain.DerivedID(e.ReturnID, "credit") }

// Reviewer is who lets the order go on, or ends it, when the goods are there or don't come.
func (e Exchange) Reviewer() string { return "return-" + e.ReturnID.String() }

// AwaitsExchange reports whether the order is held until the goods are there that pay for it.
func (o Order) AwaitsExchange() bool {
	return o.Status == StatusCreated && o.Held == HoldExchange && o.Terms.Exchange != nil
}
