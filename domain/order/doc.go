// Package order decides what may happen to an order, from placing it to its delivery.
//
// An order is one event stream. It begins with [OrderPlaced] and moves through five states:
//
//	created ──▶ confirmed ──▶ shipped ──▶ delivered
//	   └────────────┴──────────┴──▶ cancelled
//
// It is shipped as soon as its first shipment has left, because from then on nothing can be called
// back. When its last shipment has ended, it is delivered if one has arrived, and otherwise cancelled as
// undeliverable.
//
//	events, err := order.Place(order.Order{}, command)
//	for _, e := range events {
//		o = order.Evolve(o, e)
//	}
package order
