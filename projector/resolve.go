package projector

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
)

// resolve returns the keys of all streams of the work, each with the order that it concerns. A message without its
// payload does not tell the order of a payment; the first event of its stream does.
func (g *Engine) resolve(ctx context.Context, w Work) ([]Key, error) {
	keys := make([]Key, 0, len(w.Events)+len(w.Keys))
	seen := make(map[Key]bool, len(w.Events))
	add := func(k Key) {
		if !seen[k] {
			seen[k] = true
			keys = append(keys, k)
		}
	}
	for i := range w.Keys {
		k := &w.Keys[i]
		if err := g.ResolveOrder(ctx, k); err != nil {
			return nil, err
		}
		add(*k)
	}
	for i := range w.Events {
		k := w.Events[i].Event.Key()
		if err := g.ResolveOrder(ctx, &k); err != nil {
			return nil, err
		}
		w.Events[i] = k.Own(w.Events[i])
		add(k)
	}
	return keys, nil
}

// ResolveOrder fills in the order that a stream concerns. It stays unknown when no event of the stream tells it.
func (g *Engine) ResolveOrder(ctx context.Context, k *Key) error {
	switch {
	case k.OrderID != uuid.Nil || k.AggregateType == domain.AggregateInventory || k.AggregateType == domain.AggregateNetwork:
		return nil
	case k.AggregateType == domain.AggregateOrder:
		k.OrderID = k.AggregateID
		return nil
	}
	events, err := g.source.Load(ctx, k.AggregateType, k.AggregateID, 0)
	if err != nil {
		return fmt.Errorf("load %s %s: %w", k.AggregateType, k.AggregateID, err)
	}
	for _, env := range events {
		if data, err := g.catalog.Decode(env); err == nil {
			if id, ok := readmodel.OrderOf(data); ok && k.belongsTo(id) {
				k.OrderID = id
				return nil
			}
		}
	}
	return nil // nothing can be folded, and the event is parked
}

// resolveOrders fills in the orders that payments belong to, as far as the views know them. It looks up the others in
// the event store, one by one.
func (g *Engine) resolveOrders(ctx context.Context, keys []Key) error {
	var payments []uuid.UUID
	for i, k := range keys {
		switch k.AggregateType {
		case domain.AggregateOrder:
			keys[i].OrderID = k.AggregateID
		case domain.AggregatePayment:
			payments = append(payments, k.AggregateID)
		}
	}
	if len(payments) == 0 {
		return nil
	}
	orders, err := readmodel.OrdersOfPayments(ctx, g.pool, payments)
	if err != nil {
		return err
	}
	for i := range keys {
		if keys[i].AggregateType != domain.AggregatePayment {
			continue
		}
		keys[i].OrderID = orders[keys[i].AggregateID]
		if err := g.ResolveOrder(ctx, &keys[i]); err != nil {
			return err
		}
	}
	return nil
}
