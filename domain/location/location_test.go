package location_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/stretchr/testify/require"
)

var at = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)

func apply(n location.Network, events []domain.Event) location.Network {
	for _, e := range events {
		n = location.Evolve(n, e)
	}
	return n
}

// seeded is a network of reno and berlin.
func seeded() location.Network {
	return apply(location.Network{}, location.Seed(location.Network{}, []inventory.Location{{ID: "reno", Country: "US"}, {ID: "berlin", Country: "DE"}}, at))
}

var oslo = location.Location{ID: "oslo", Name: "Oslo", Country: "NO", Address: location.Address{City: "Oslo"}, Active: true, Priority: 5}

func ptr[T any](v T) *T { return &v }

func TestASeedIsSownOnce(t *testing.T) {
	t.Parallel()
	n := seeded()
	require.Equal(t, []string{"berlin", "reno"}, n.IDs())
	require.Equal(t, []inventory.Location{{ID: "berlin", Country: "DE", Priority: 100}, {ID: "reno", Country: "US", Priority: 100}}, n.Active())
	require.Empty(t, location.Seed(n, []inventory.Location{{ID: "oslo", Country: "NO"}}, at), "the events decide")
}

func TestLocationsAreAdded(t *testing.T) {
	t.Parallel()
	n, request := seeded(), uuid.New()
	add := location.AddLocation{RequestID: request, Location: oslo, At: at}
	events, err := location.Add(n, add)
	require.NoError(t, err)
	require.Equal(t, []domain.Event{location.LocationAdded{RequestID: request, Location: oslo, AddedAt: at}}, events)
	n = apply(n, events)
	got, found := n.Location("oslo")
	require.True(t, found)
	require.Equal(t, oslo, got)
	require.Equal(t, []string{"berlin", "oslo", "reno"}, n.IDs())

	events, err = location.Add(n, add)
	require.NoError(t, err)
	require.Empty(t, events, "the same request again")
	another := add
	another.Location.Name = "Oslo, harbour"
	_, err = location.Add(n, another)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err), "another one under its id")
	add.RequestID = uuid.New()
	_, err = location.Add(n, add)
	require.Equal(t, location.CodeLocationExists, domain.Code(err))
}

func TestALocationIsChangedAndNeverRemoved(t *testing.T) {
	t.Parallel()
	n := seeded()
	off := location.ChangeLocation{RequestID: uuid.New(), ID: "berlin", Change: location.Change{Active: ptr(false), Name: ptr("Berlin")}, At: at}
	events, err := location.Alter(n, off)
	require.NoError(t, err)
	require.Len(t, events, 1)
	n = apply(n, events)
	require.Equal(t, []inventory.Location{{ID: "reno", Country: "US", Priority: 100}}, n.Active())
	require.Equal(t, []string{"berlin", "reno"}, n.IDs())
	got, _ := n.Location("berlin")
	require.Equal(t, location.Location{ID: "berlin", Name: "Berlin", Country: "DE", Priority: 100}, got)

	events, err = location.Alter(n, location.ChangeLocation{RequestID: uuid.New(), ID: "berlin", Change: location.Change{Active: ptr(true)}, At: at})
	require.NoError(t, err)
	n = apply(n, events)
	events, err = location.Alter(n, off)
	require.NoError(t, err)
	require.Empty(t, events, "a repeated request does not undo the one after it")
	another := off
	another.ID = "reno"
	_, err = location.Alter(n, another)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
	events, err = location.Alter(n, location.ChangeLocation{RequestID: uuid.New(), ID: "berlin", At: at})
	require.NoError(t, err)
	require.Empty(t, events, "nothing changes")
	_, err = location.Alter(n, location.ChangeLocation{RequestID: uuid.New(), ID: "oslo", At: at})
	require.Equal(t, location.CodeUnknownLocation, domain.Code(err))
}

func TestWhatIsNoLocation(t *testing.T) {
	t.Parallel()
	for field, spoil := range map[string]func(*location.Location){
		"id":             func(l *location.Location) { l.ID = "Os lo" },
		"name":           func(l *location.Location) { l.Name = " " },
		"country":        func(l *location.Location) { l.Country = "no" },
		"address.street": func(l *location.Location) { l.Address.Street = "a\x00b" },
		"address.city":   func(l *location.Location) { l.Address.City = strings.Repeat("x", 201) },
		"priority":       func(l *location.Location) { l.Priority = -1 },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			l := oslo
			spoil(&l)
			_, err := location.Add(location.Network{}, location.AddLocation{RequestID: uuid.New(), Location: l, At: at})
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			require.Len(t, bad, 1)
			require.Equal(t, field, bad[0].Field)
		})
	}
}

func TestThereIsAMostOfLocationsAndOfRequests(t *testing.T) {
	t.Parallel()
	var n location.Network
	for i := range location.LocationsMax {
		l := oslo
		l.ID = fmt.Sprintf("l%03d", i)
		events, err := location.Add(n, location.AddLocation{RequestID: uuid.New(), Location: l, At: at})
		require.NoError(t, err)
		n = apply(n, events)
	}
	_, err := location.Add(n, location.AddLocation{RequestID: uuid.New(), Location: oslo, At: at})
	require.Equal(t, location.CodeTooManyLocations, domain.Code(err))
	for i := range location.RequestsMax + 5 {
		events, err := location.Alter(n, location.ChangeLocation{RequestID: uuid.New(), ID: "l000", Change: location.Change{Priority: ptr(i % 2)}, At: at})
		require.NoError(t, err)
		n = apply(n, events)
	}
	require.Len(t, n.Requests, location.RequestsMax)
}

func TestTheNetworkKnowsWhatOrdersWaitFor(t *testing.T) {
	t.Parallel()
	n := seeded()
	require.Empty(t, location.Backorder(n, "A", false, at))
	events := location.Backorder(n, "A", true, at)
	require.Equal(t, []domain.Event{location.SKUBackordered{SKU: "A", BackorderedAt: at}}, events)
	n = apply(n, events)
	require.Empty(t, location.Backorder(n, "A", true, at))
	n = apply(n, location.Backorder(n, "B", true, at))
	require.Equal(t, []string{"A", "B"}, n.BackorderedSKUs())
	copied := n.Clone()
	n = apply(n, location.Backorder(n, "A", false, at))
	require.Equal(t, []string{"B"}, n.BackorderedSKUs())
	require.Equal(t, []string{"A", "B"}, copied.BackorderedSKUs(), "a copy shares nothing")

	b, err := json.Marshal(n)
	require.NoError(t, err)
	var read location.Network
	require.NoError(t, json.Unmarshal(b, &read))
	require.Equal(t, n, read, "a snapshot reads back")
}

func TestTheIDOfTheNetwork(t *testing.T) {
	t.Parallel()
	// Stored data depends on it: Python's uuid5(NAMESPACE_DNS, "network.orderloom").
	require.Equal(t, "aae396d6-2a74-5ced-9f53-2f5a4cc248f2", location.NetworkID.String())
}
