package activities

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// Changed is the answer of a step that may have been asked for before.
type Changed struct {
	// Replayed is true when it had nothing to do: it was done before.
	Replayed bool `json:"replayed,omitempty"`
}

// changeAggregate decides on one aggregate and appends what was decided, with errors as the sagas see them.
// Decide may run more than once, and what it is given is the repository's: it keeps nothing of it.
func changeAggregate[S any](
	ctx context.Context, a *Activities, aggregate eventstore.Aggregate[S], id uuid.UUID, st eventstore.Stamp, decide func(S) ([]domain.Event, error),
) error {
	err := a.events.Decide(ctx, st, []eventstore.StreamID{{Type: aggregate.Type, ID: id}}, func(tx *eventstore.Tx) error {
		events, err := decide(eventstore.State(tx, aggregate, id))
		if err == nil {
			eventstore.Record(tx, aggregate, id, events...)
		}
		return err
	})
	if err != nil {
		return Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return nil
}

// changeOrder is [changeAggregate] for a step on an order that may have been carried out before.
func (a *Activities) changeOrder(ctx context.Context, id uuid.UUID, st eventstore.Stamp, decide func(order.Order) ([]domain.Event, error)) (Changed, error) {
	var out Changed
	err := changeAggregate(ctx, a, orderAggregate, id, st, func(o order.Order) ([]domain.Event, error) {
		events, err := decide(o)
		out.Replayed = len(events) == 0
		return events, err
	})
	return out, err
}

// withPayment names the streams of the order and its payment.
func withPayment(orderID uuid.UUID) []eventstore.StreamID {
	return append(orderStream(orderID), paymentStream(orderID)...)
}

func paymentStream(orderID uuid.UUID) []eventstore.StreamID {
	return []eventstore.StreamID{{Type: domain.AggregatePayment, ID: payment.ID(orderID)}}
}

// orderAfter returns the order after the events. It changes nothing of o.
func orderAfter(o order.Order, events []domain.Event) order.Order {
	o = o.Clone()
	for _, e := range events {
		o = order.Evolve(o, e)
	}
	return o
}
