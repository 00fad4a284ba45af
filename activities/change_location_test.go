package activities_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

// Once the deactivation of a location has been answered, no process reserves there: also one that has not heard of it.
func TestNoProcessReservesAtALocationThatWasDeactivated(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 2, onPostgres(t))
	w.receive(0, "berlin", 100)
	w.receive(0, "reno", 100)
	for i := range w.processes {
		require.Equal(t, "berlin", w.place(i, uuid.New(), 1).Allocations[0].Location, "both have it in memory")
	}
	w.activate(0, "berlin", false)
	require.Equal(t, "reno", w.place(1, uuid.New(), 1).Allocations[0].Location)
	require.Equal(t, "reno", w.place(0, uuid.New(), 1).Allocations[0].Location)
	w.activate(1, "berlin", true)
	require.Equal(t, "berlin", w.place(0, uuid.New(), 1).Allocations[0].Location)
}

// The same while orders are placed without a pause: what began after the answer is not there.
func TestADeactivationWaitsForReservationsUnderWay(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 2, onPostgres(t))
	w.receive(0, "berlin", 10_000)
	w.receive(0, "reno", 10_000)
	var answered atomic.Bool
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			for last := false; !last; {
				last = answered.Load() // one more after the answer
				reserved := w.place(i%2, uuid.New(), 1)
				if last && reserved.Allocations[0].Location != "reno" {
					t.Errorf("reserved at %s after it was deactivated", reserved.Allocations[0].Location)
				}
			}
		})
	}
	w.activate(0, "berlin", false)
	reserved := w.processes[1].stock(w.sku, "berlin").Reserved
	answered.Store(true)
	group.Wait()
	require.Equal(t, reserved, w.processes[0].stock(w.sku, "berlin").Reserved, "nothing came after the answer")
}

func TestALocationThatIsNotActive(t *testing.T) {
	t.Parallel()
	t.Run("serves its reservations and can be emptied", func(t *testing.T) {
		t.Parallel()
		o := setup(t).order(t).confirmed()
		active := false
		change := activities.ChangeLocation{RequestID: uuid.New(), ID: "berlin", Change: location.Change{Active: &active}, At: at}
		changed, err := run(o.as("location-1"), o.ChangeLocation, change)
		require.NoError(t, err)
		require.False(t, changed.Location.Active)
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		require.Equal(t, 3, o.stock(o.a, "berlin").OnHand)
		back := o.endInput("berlin")
		_, err = run(o, o.RefuseShipment, back)
		require.NoError(t, err)
		require.Equal(t, 5, o.stock(o.a, "berlin").OnHand, "what comes back is taken in")
		o.receive(o.a, "berlin", 2)
		require.Equal(t, 7, o.stock(o.a, "berlin").OnHand, "and so is what arrives")
		_, err = run(o.as("adjustment"), o.AdjustStock, activities.AdjustStock{
			AdjustmentID: uuid.New(), SKU: o.a, Location: "berlin", Delta: -7, Reason: "moved", At: at,
		})
		require.NoError(t, err)
		require.Zero(t, o.stock(o.a, "berlin").OnHand)
	})
	t.Run("lets go of what was reserved", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 2, onPostgres(t))
		id := uuid.New()
		w.receive(0, "berlin", 3)
		require.False(t, w.place(0, id, 3).Waiting)
		w.activate(1, "berlin", false)
		require.True(t, w.place(0, uuid.New(), 3).Waiting)
		require.Empty(t, w.release(0, id).Orders, "the goods are there, and go to nobody")
		require.Zero(t, w.state().items["berlin"].Reserved)
	})
	t.Run("serves who waits once it is active again", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 2, onPostgres(t))
		id := uuid.New()
		w.activate(0, "berlin", false)
		require.True(t, w.place(1, id, 3).Waiting)
		require.Empty(t, w.receive(1, "berlin", 3).Orders)
		require.Equal(t, activities.Served{Orders: []uuid.UUID{id}}, w.activate(0, "berlin", true))
	})
	t.Run("is the last one, and orders wait or are refused", func(t *testing.T) {
		t.Parallel()
		w := openWarehouse(t, 1, inMemory())
		w.receive(0, "berlin", 3)
		for _, l := range places {
			w.activate(0, l.ID, false)
		}
		p := w.process(0, "inventory-x")
		_, err := run(p, p.ReserveStock, activities.ReserveStock{OrderID: uuid.New(), Lines: []inventory.Line{{SKU: w.sku, Quantity: 1}}, ShipToCountry: "DE", At: at})
		requireRefused(t, inventory.CodeOutOfStock, err)
	})
}

func TestALocationIsAddedOnce(t *testing.T) {
	t.Parallel()
	w := openWarehouse(t, 2, onPostgres(t))
	oslo := location.Location{ID: "oslo", Name: "Oslo", Country: "NO", Active: true, Priority: 1}
	add := activities.ChangeLocation{RequestID: uuid.New(), Add: &oslo, At: at}
	for i := range 2 {
		p := w.process(i, "location-oslo")
		changed, err := run(p, p.ChangeLocation, add)
		require.NoError(t, err)
		require.Equal(t, oslo, changed.Location)
	}
	w.receive(1, "oslo", 2) // a process that saw the other locations last
	require.Equal(t, "oslo", w.place(0, uuid.New(), 2).Allocations[0].Location)
	add.RequestID = uuid.New()
	p := w.process(0, "location-again")
	_, err := run(p, p.ChangeLocation, add)
	requireRefused(t, location.CodeLocationExists, err)
	add.Add, add.ID = nil, "atlantis"
	_, err = run(p.as("location-atlantis"), p.ChangeLocation, add)
	requireRefused(t, location.CodeUnknownLocation, err)

	for i := range 2 {
		require.NoError(t, w.processes[i].SeedLocations(t.Context(), at))
	}
	n, version, err := eventstore.Fold(t.Context(), w.processes[0].events, network, location.NetworkID)
	require.NoError(t, err)
	require.Equal(t, []string{"berlin", "leipzig", "oslo", "reno"}, n.IDs())
	require.EqualValues(t, len(places)+1, version, "the settings are read once")
	require.Equal(t, domain.AggregateNetwork, network.Type)
}
