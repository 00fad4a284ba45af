package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// Standing is where an order stands by its events: all that a saga needs to go on with it from there.
type Standing struct {
	Status          order.Status         `json:"status"`
	Reason          string               `json:"reason,omitempty"`
	CancelledBy     string               `json:"cancelled_by,omitempty"`
	ApprovedBy      string               `json:"approved_by,omitempty"`
	RejectedBy      string               `json:"rejected_by,omitempty"`
	CustomerID      string               `json:"customer_id"`
	Items           []order.Item         `json:"items"`
	ShippingLines   []order.ShippingLine `json:"shipping_lines,omitempty"`
	ShipToCountry   string               `json:"ship_to_country"`
	Terms           order.Terms          `json:"terms"`
	Shipments       []order.Shipment     `json:"shipments,omitempty"`
	PartlyCancelled bool                 `json:"partly_cancelled,omitempty"`
	Overdue         bool                 `json:"overdue,omitempty"`
	// Held is the rule that asks for a review which nobody has made yet.
	Held string `json:"held,omitempty"`
	// Reserved says where the goods of an order are set aside that is not confirmed yet.
	Reserved Reserved       `json:"reserved,omitzero"`
	Payment  payment.Status `json:"payment,omitempty"`
	// Required is the money that the order waits for, and LookAt as in [Authorized].
	Required *payment.Requirement `json:"required,omitempty"`
	LookAt   time.Time            `json:"look_at,omitzero"`
	// Asked is true while an authorisation was asked for once more and has no answer, or has to be asked for.
	Asked bool `json:"asked,omitempty"`
	// PaymentRequiredAt is since when the customer's bank is waited for; zero when it is not.
	PaymentRequiredAt time.Time `json:"payment_required_at,omitzero"`
	// Refunds are those that are owed or requested, see [payment.Payment.OpenRefunds].
	Refunds     []uuid.UUID `json:"refunds,omitempty"`
	PlacedAt    time.Time   `json:"placed_at"`
	ConfirmedAt time.Time   `json:"confirmed_at,omitzero"`
	Captures
	// Edit is what an edit of the order asks for whose money has no answer yet; nil for none.
	Edit *Edited `json:"edit,omitempty"`
	// Ahead is as in [order.Clock].
	Ahead time.Duration `json:"ahead,omitempty"`
	// Facts are those that the saga looks at again when others have changed them.
	Facts PaymentFacts `json:"facts,omitzero"`
}

// ResumeOrder is the input of [Activities.ResumeOrder].
type ResumeOrder struct {
	OrderID uuid.UUID `json:"order_id"`
}

// ResumeOrder answers where an order stands, folded from its events, its payment's and its stock's. It changes nothing
// and may be repeated. Refusal: not_found.
func (a *Activities) ResumeOrder(ctx context.Context, in ResumeOrder) (Standing, error) {
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil {
		return Standing{}, err
	}
	if o.Status == "" {
		return Standing{}, Refusal(domain.Refuse(domain.CodeNotFound, "order %s does not exist", in.OrderID))
	}
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, payment.ID(in.OrderID))
	if err != nil {
		return Standing{}, fmt.Errorf("load the payment of order %s: %w", in.OrderID, err)
	}
	out := Standing{
		Status: o.Status, Reason: o.CancelReason, CancelledBy: o.CancelledBy, ApprovedBy: o.ApprovedBy, RejectedBy: o.RejectedBy,
		CustomerID: o.CustomerID, Items: o.Items, ShippingLines: o.ShippingLines, ShipToCountry: o.ShipToCountry,
		Terms: o.Terms, Shipments: o.Shipments, PartlyCancelled: o.PartlyCancelled, Overdue: o.Overdue, Held: o.Held,
		Payment: p.Status, Required: p.Required, LookAt: a.lookAt(p), Asked: p.Requested != nil || p.Lapsed && p.Required == nil, Refunds: p.OpenRefunds(),
		PlacedAt: o.PlacedAt, ConfirmedAt: o.ConfirmedAt, Captures: capturesOf(o, p),
		Facts: paymentFacts(o, p),
	}
	if o.Clock != nil {
		out.Ahead = o.Clock.Ahead
	}
	if o.Editing != nil {
		out.Edit = &Edited{Goods: order.Lines(o.Editing.Add), Ask: o.Planned()}
		if after, err := o.Editing.Outcome(o, o.ConfirmedAt); err == nil { // else it is declined when it is finished
			out.Edit.Ask = after.Planned()
		}
	}
	if p.Status == payment.StatusActionRequired {
		out.PaymentRequiredAt = p.RequiredAt
	}
	if o.Status == order.StatusCreated {
		if out.Reserved, err = a.foldReserved(ctx, o); err != nil {
			return Standing{}, err
		}
	}
	return out, nil
}

// foldReserved tells what is set aside for an order that is not confirmed yet, and whether it waits for more. It looks
// where the order's own events say that its goods are, and at each location.
func (a *Activities) foldReserved(ctx context.Context, o order.Order) (Reserved, error) {
	var out Reserved
	lines := order.Lines(o.Items)
	// A decision that records nothing is a read of all of them at once.
	err := a.decideOnStock(ctx, eventstore.Stamp{Source: "fold"}, stockOf(o, lines), func(s supply) error {
		out = s.reservedFor(o.ID, inventory.SKUs(lines))
		return nil
	})
	if err != nil {
		return Reserved{}, fmt.Errorf("load the stock of order %s: %w", o.ID, err)
	}
	return out, nil
}
