package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/eventstore"
)

// Served names the orders whose backorders were served by goods that became free or came in.
type Served struct {
	Orders []uuid.UUID `json:"orders,omitempty"`
}

func (s *Served) add(served []inventory.BackorderServed) {
	for _, b := range served {
		s.Orders = append(s.Orders, b.OrderID)
	}
}

// serve reserves what is available of a SKU for those who wait for it, oldest first, and records when nobody waits any
// more. It does nothing for a SKU that nobody waits for. More is true when there may be more to serve.
//
// While somebody waits, each change of the stock is exclusive: of two receipts at two locations, one sees the other.
func (a *Activities) serve(s supply, sku string, at time.Time) (served []inventory.BackorderServed, more bool) {
	if !s.network.Backordered[sku] {
		return nil, false
	}
	eventstore.Exclusive(s.tx)
	item := func(location string) inventory.Stock { return s.item(sku, location) }
	for _, l := range s.network.Active() {
		item(l.ID) // whatever the allocator looks at, nobody is left beside goods that came in meanwhile
	}
	served, more = inventory.Serve(s.queue(sku), s.network.Active(), item, a.allocator, at)
	for _, b := range served {
		for _, r := range b.Reservations() {
			s.record(sku, r.Location, r)
		}
		s.recordQueue(sku, b)
	}
	s.recordWaiting(sku, at)
	return served, more
}

// recordWaiting lets the network know whether anybody waits for a SKU. When that changes, the append is exclusive: what
// an order or a receipt of another process does is either seen here, or sees this.
func (s supply) recordWaiting(sku string, at time.Time) {
	network := eventstore.State(s.tx, networkAggregate, location.NetworkID)
	if events := location.Backorder(network, sku, len(s.queue(sku).Backorders) > 0, at); len(events) > 0 {
		eventstore.Exclusive(s.tx)
		eventstore.Record(s.tx, networkAggregate, location.NetworkID, events...)
	}
}

// serveRest serves those who wait for a SKU until nobody is left who can be served. Each append serves at most
// [inventory.ServedMax] of them and is a step of its own, named after the order at the head of the queue.
func (a *Activities) serveRest(ctx context.Context, st eventstore.Stamp, sku string, out *Served) error {
	for {
		queue, _, err := eventstore.Fold(ctx, a.events, stockAggregate, inventory.QueueID(sku))
		if err != nil {
			return fmt.Errorf("load the queue of %s: %w", sku, err)
		}
		if len(queue.Backorders) == 0 {
			return nil
		}
		head := queue.Backorders[0].OrderID
		step := st
		step.Source = fmt.Sprintf("serve/%s/%s", head, inventory.QueueID(sku))
		var served []inventory.BackorderServed
		var moved bool
		err = a.decideOnStock(ctx, step, stockQuestion{skus: []string{sku}}, func(s supply) error {
			served = nil
			waiting := s.queue(sku).Backorders
			if moved = len(waiting) == 0 || waiting[0].OrderID != head; !moved {
				served, _ = a.serve(s, sku, st.At)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("serve those who wait for %s: %w", sku, err)
		}
		out.add(served)
		if len(served) == 0 && !moved {
			return nil
		}
	}
}
