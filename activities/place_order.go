package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// PlaceOrder is the input of [Activities.PlaceOrder].
type PlaceOrder struct {
	OrderID       uuid.UUID     `json:"order_id"`
	CustomerID    string        `json:"customer_id"`
	Items         []order.Item  `json:"items"`
	ShipToCountry string        `json:"ship_to_country"`
	Personal      domain.Sealed `json:"personal"`
	RequestHash   string        `json:"request_hash"`
	UserID        string        `json:"user_id,omitempty"`
	// At is when the saga started: the same for every attempt, and another one for another saga.
	At time.Time `json:"at"`
}

// Placed says what became of a [PlaceOrder].
type Placed struct {
	// Existing is the status of an order that an earlier saga has placed, which Temporal has since
	// forgotten; empty when the order is this saga's own.
	Existing order.Status `json:"existing,omitempty"`
	// Held is the rule that asks for a review before the order goes on; empty for none.
	Held string `json:"held,omitempty"`
}

// PlaceOrder records the order, and holds it where a rule asks for a review. Refusals: invalid;
// idempotency_key_reused.
func (a *Activities) PlaceOrder(ctx context.Context, in PlaceOrder) (Placed, error) {
	personal, err := a.vault.Reseal(ctx, in.CustomerID, in.Personal)
	if err != nil {
		return Placed{}, fmt.Errorf("seal the personal data of order %s: %w", in.OrderID, err)
	}
	st := stamp(ctx, "place", in.OrderID, in.At)
	st.Metadata.UserID = in.UserID
	st.Fresh = true
	var out Placed
	err = change(ctx, a, orders, in.OrderID, st, func(o order.Order) ([]domain.Event, error) {
		out = Placed{Held: o.Held}
		if o.Status != "" && !o.PlacedAt.Equal(in.At) {
			out.Existing = o.Status
		}
		events, err := order.Place(o, order.PlaceOrder{
			OrderID: in.OrderID, CustomerID: in.CustomerID, Items: in.Items, ShipToCountry: in.ShipToCountry,
			Personal: personal, RequestHash: in.RequestHash, At: in.At,
		})
		if rule := a.review.Rule(in.CustomerID, order.Total(in.Items)); err == nil && len(events) > 0 && rule != "" {
			out.Held = rule
			events = append(events, order.OrderHeld{OrderID: in.OrderID, Rule: rule, HeldAt: in.At})
		}
		return events, err
	})
	if err != nil {
		return Placed{}, err
	}
	return out, nil
}
