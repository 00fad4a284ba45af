package activities

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// AdvanceClock is the input of [Activities.AdvanceClock]. Its fields are those of [order.AdvanceClock].
type AdvanceClock struct {
	OrderID   uuid.UUID `json:"order_id"`
	RequestID uuid.UUID `json:"request_id"`
	Saga      order.Due `json:"saga,omitzero"`
	At        time.Time `json:"at"`
}

// ClockAdvanced is what an order's clock was set to.
type ClockAdvanced struct {
	order.Due
	// Ahead is by how much the order's time is ahead of the world's.
	Ahead time.Duration `json:"ahead"`
	// Replayed is as in [Changed].
	Replayed bool `json:"replayed,omitempty"`
}

// LookAtClock is the input of [Activities.LookAtClock].
type LookAtClock struct {
	OrderID uuid.UUID `json:"order_id"`
}

// LookAtClock answers by how much the time of an order is ahead of the world's. It changes nothing.
func (a *Activities) LookAtClock(ctx context.Context, in LookAtClock) (ClockAdvanced, error) {
	o, err := a.foldOrder(ctx, in.OrderID)
	if err != nil || o.Clock == nil {
		return ClockAdvanced{}, err
	}
	return ClockAdvanced{Ahead: o.Clock.Ahead}, nil
}

// AdvanceClock records that the clock of an order for trying was set to when its next timer goes off. Refusals: those
// of [order.Advance]; live_mode where the platform is live.
func (a *Activities) AdvanceClock(ctx context.Context, in AdvanceClock) (ClockAdvanced, error) {
	var out ClockAdvanced
	if !a.trying {
		return out, Refusal(domain.Refuse(order.CodeLiveMode, "the clocks of a live platform can't be advanced"))
	}
	st := stamp(ctx, "advance/"+in.RequestID.String(), in.OrderID, in.At)
	err := changeAggregate(ctx, a, orderAggregate, in.OrderID, st, func(o order.Order) ([]domain.Event, error) {
		events, err := order.Advance(o, order.AdvanceClock{RequestID: in.RequestID, Saga: in.Saga, At: in.At})
		if err != nil {
			return nil, err
		}
		after := orderAfter(o, events)
		advanced, _ := after.Advances(in.RequestID)
		out = ClockAdvanced{Due: order.Due{Timer: advanced.Timer, At: advanced.DueAt}, Ahead: after.Clock.Ahead, Replayed: len(events) == 0}
		return events, nil
	})
	return out, err
}
