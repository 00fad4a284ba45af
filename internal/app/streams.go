package app

import (
	"context"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
)

// Streams returns the events of the aggregate that has an id, as the event store has them. Those of an order come with
// those of its payment. Error: not_found.
func (m *Maintenance) Streams(ctx context.Context, id uuid.UUID) ([]domain.Envelope, error) {
	var events []domain.Envelope
	for _, stream := range []eventstore.StreamID{
		{Type: domain.AggregateOrder, ID: id},
		{Type: domain.AggregatePayment, ID: payment.ID(id)},
		{Type: domain.AggregatePayment, ID: id},
		{Type: domain.AggregateInventory, ID: id},
		{Type: domain.AggregateNetwork, ID: id},
	} {
		loaded, err := m.Store.Load(ctx, stream, 0)
		if err != nil {
			return nil, err
		}
		events = append(events, loaded...)
	}
	if len(events) == 0 {
		return nil, domain.Refuse(domain.CodeNotFound, "no aggregate has the id %s", id)
	}
	return events, nil
}
