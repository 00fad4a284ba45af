package order

import (
	"time"

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

// ExchangeAgreed says that goods of an order pay for another one. Both orders have it.
type ExchangeAgreed struct {
	// Exchange names the order whose goods come back, and their return. NewOrderID is the order that they pay for.
	Exchange   Exchange  `json:"exchange"`
	NewOrderID uuid.UUID `json:"new_order_id"`
	AgreedAt   time.Time `json:"agreed_at"`
}

// CreditID is the id of the credit that the goods of the return are.
func (e Exchange) CreditID() uuid.UUID { return domain.DerivedID(e.ReturnID, "credit") }

// Reviewer is who lets the order go on, or ends it, when the goods are there or don't come.
func (e Exchange) Reviewer() string { return "return-" + e.ReturnID.String() }

// AwaitsExchange reports whether the order is held until the goods are there that pay for it.
func (o Order) AwaitsExchange() bool {
	return o.Status == StatusCreated && o.Held == HoldExchange && o.Exchange != nil
}
