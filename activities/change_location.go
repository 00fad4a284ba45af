package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/eventstore"
)

// ChangeLocation is the input of [Activities.ChangeLocation].
type ChangeLocation struct {
	RequestID uuid.UUID `json:"request_id"`
	// Add is a new location. Without it, Change says what becomes another at the location with this id.
	Add    *location.Location `json:"add,omitempty"`
	ID     string             `json:"id,omitempty"`
	Change location.Change    `json:"change,omitzero"`
	At     time.Time          `json:"at"`
}

// LocationChanged is a location after a change, and who is served because of it.
type LocationChanged struct {
	Location location.Location `json:"location"`
	Served   Served            `json:"served"`
	// Replayed is true when the request was carried out before.
	Replayed bool `json:"replayed,omitempty"`
}

// ChangeLocation adds or changes a location. Once it has answered, every process decides by it: none reserves goods at
// a location that was deactivated. At one that is active, those who wait are served.
//
// Refusals: invalid; unknown_location; location_exists; too_many_locations; idempotency_key_reused.
func (a *Activities) ChangeLocation(ctx context.Context, in ChangeLocation) (LocationChanged, error) {
	var out LocationChanged
	var backordered []string
	st := stamp(ctx, "change-location", uuid.Nil, in.At)
	err := a.events.Decide(ctx, st, networkStream, func(tx *eventstore.Tx) error {
		before := eventstore.State(tx, networkAggregate, location.NetworkID)
		out = LocationChanged{Replayed: before.CarriedOut(in.RequestID)}
		events, err := in.decide(before)
		if err != nil {
			return err
		}
		if len(events) > 0 {
			eventstore.Exclusive(tx) // no reservation is under way that has not seen it
			eventstore.Record(tx, networkAggregate, location.NetworkID, events...)
		}
		network := eventstore.State(tx, networkAggregate, location.NetworkID)
		out.Location, _ = network.Location(in.location())
		backordered = network.BackorderedSKUs()
		return nil
	})
	if err != nil {
		return LocationChanged{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	if out.Location.Active {
		for _, sku := range backordered {
			if err := a.serveRest(ctx, st, sku, &out.Served); err != nil {
				return LocationChanged{}, Refusal(fmt.Errorf("%s: %w", st.Source, err))
			}
		}
	}
	return out, nil
}

func (in ChangeLocation) decide(n location.Network) ([]domain.Event, error) {
	if in.Add != nil {
		return location.Add(n, location.AddLocation{RequestID: in.RequestID, Location: *in.Add, At: in.At})
	}
	return location.Alter(n, location.ChangeLocation{RequestID: in.RequestID, ID: in.ID, Change: in.Change, At: in.At})
}

func (in ChangeLocation) location() string {
	if in.Add != nil {
		return in.Add.ID
	}
	return in.ID
}

// SeedLocations adds the locations of the options to a network that has none yet. Whoever runs the activities calls it
// first. It may be repeated: it does nothing once there are locations, whatever the options say then.
func (a *Activities) SeedLocations(ctx context.Context, at time.Time) error {
	st := eventstore.Stamp{Source: "seed-locations", At: at}
	err := a.events.Decide(ctx, st, networkStream, func(tx *eventstore.Tx) error {
		events := location.Seed(eventstore.State(tx, networkAggregate, location.NetworkID), a.seed, at)
		if len(events) > 0 {
			eventstore.Exclusive(tx)
			eventstore.Record(tx, networkAggregate, location.NetworkID, events...)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("add the locations of the settings: %w", err)
	}
	return nil
}
