package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
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
	// Existing is the status of an order that an earlier saga has placed and that Temporal has since forgotten. It is
	// empty when the order is this saga's own.
	Existing order.Status `json:"existing,omitempty"`
	// Held is the rule that asks for a review before the order goes on; empty for none.
	Held string `json:"held,omitempty"`
	// Reserved says where the order's goods were reserved with it. It is empty unless all of them were: the saga runs
	// [Activities.ReserveStock] then.
	Reserved Reserved `json:"reserved,omitzero"`
}

// PlaceOrder records the order, holds it where a rule asks for a review, and reserves its goods if all of them are
// there. All of that is one append. Refusals: invalid; idempotency_key_reused.
func (a *Activities) PlaceOrder(ctx context.Context, in PlaceOrder) (Placed, error) {
	personal, err := a.vault.Reseal(ctx, in.CustomerID, in.Personal)
	if err != nil {
		return Placed{}, fmt.Errorf("seal the personal data of order %s: %w", in.OrderID, err)
	}
	st := stamp(ctx, "place", in.OrderID, in.At)
	st.Metadata.UserID = in.UserID
	st.Fresh = in.OrderID
	var out Placed
	err = a.events.Decide(ctx, st, withOrder(in.OrderID, a.stockItems(order.Lines(in.Items))), func(tx *eventstore.Tx) error {
		o := eventstore.State(tx, orderAggregate, in.OrderID)
		out = Placed{Held: o.Held}
		if o.Status != "" && !o.PlacedAt.Equal(in.At) {
			out.Existing = o.Status
		}
		events, err := order.Place(o, order.PlaceOrder{
			OrderID: in.OrderID, CustomerID: in.CustomerID, Items: in.Items, ShipToCountry: in.ShipToCountry,
			Personal: personal, RequestHash: in.RequestHash, At: in.At,
		})
		if err != nil {
			return err
		}
		if rule := a.review.Rule(in.CustomerID, order.Total(in.Items)); len(events) > 0 && rule != "" {
			held, err := order.Hold(orderAfter(o, events), rule, in.At)
			if err != nil {
				return err
			}
			out.Held = rule
			events = append(events, held...)
		}
		eventstore.Record(tx, orderAggregate, in.OrderID, events...)
		switch {
		case len(events) > 0:
			out.Reserved = a.reserveWithOrder(tx, in)
		case out.Existing == "": // an earlier attempt has placed it
			out.Reserved = a.reservedFor(tx, in.OrderID, order.Lines(in.Items))
		}
		return nil
	})
	if err != nil {
		return Placed{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return out, nil
}

// reserveWithOrder reserves the goods of a new order if all are there, by what this process knows of the stock.
//
// When another process has taken some meanwhile, the append is a conflict and is decided again. Goods that seem to be
// missing are left to ReserveStock, whose refusal is checked.
func (a *Activities) reserveWithOrder(tx *eventstore.Tx, in PlaceOrder) Reserved {
	allocations, err := a.allocate(tx, order.Lines(in.Items), in.ShipToCountry, false)
	if err != nil {
		return Reserved{}
	}
	aside := make([][]domain.Event, len(allocations))
	for i, al := range allocations {
		if aside[i], err = decideAllocation(tx, in.OrderID, al, in.At); err != nil {
			return Reserved{}
		}
	}
	for i, al := range allocations {
		eventstore.Record(tx, stockAggregate, inventory.ID(al.SKU, al.Location), aside[i]...)
	}
	return Reserved{Allocations: allocations}
}
