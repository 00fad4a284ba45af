package activities

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// Owed is what an order that has ended still owes by its events. A saga of the order settles it.
type Owed struct {
	// Money is as [attention.MoneyHeld]. Where the gateway refuses to let it go, a saga has to see when it does.
	Money bool
	// Refunds counts those that are owed or requested: see [payment.Payment.OpenRefunds].
	Refunds int
	// Stock is true while a cancelled order has goods set aside, or waits for some.
	Stock bool
}

// Nothing reports whether the order owes nothing.
func (o Owed) Nothing() bool { return o == Owed{} }

// FoldOwed tells what an order that has ended still owes, folded from its payment's and its stock's events. Of an order
// that has not ended it tells nothing: its saga is not done.
func FoldOwed(ctx context.Context, events *eventstore.Repository, o order.Order) (owed Owed, err error) {
	if !o.Status.Ended() {
		return owed, nil
	}
	p, _, err := eventstore.Fold(ctx, events, paymentAggregate, payment.ID(o.ID))
	if err != nil {
		return owed, fmt.Errorf("load the payment of order %s: %w", o.ID, err)
	}
	owed.Money = attention.MoneyHeld(o, p)
	owed.Refunds = len(p.OpenRefunds())
	if o.Status == order.StatusCancelled {
		owed.Stock, err = holdsStock(ctx, events, o)
	}
	return owed, err
}

// holdsStock reports whether goods are set aside for the order, or it waits for some.
//
// They lie where its own events say. An order that may wait is served by whoever brings goods in. Cancelled before it
// knew, it has them at any location.
func holdsStock(ctx context.Context, events *eventstore.Repository, o order.Order) (holds bool, err error) {
	skus, locations := inventory.SKUs(order.Lines(o.Items)), o.StockLocations()
	if o.Terms.AllowBackorder {
		network, _, err := eventstore.Fold(ctx, events, networkAggregate, location.NetworkID)
		if err != nil {
			return false, fmt.Errorf("load the network: %w", err)
		}
		locations = append(locations, network.IDs()...)
	}
	streams := append(stockItems(skus, locations), queues(skus)...)
	if len(streams) == 0 {
		return false, nil
	}
	// A decision that records nothing is a read of all of them at once.
	err = events.Decide(ctx, eventstore.Stamp{Source: "fold"}, streams, func(tx *eventstore.Tx) error {
		holds = false
		for _, s := range streams {
			holds = holds || eventstore.State(tx, stockAggregate, s.ID).Holds(o.ID)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("load the stock of order %s: %w", o.ID, err)
	}
	return holds, nil
}
