package eventstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestALongStreamIsFoldedFromItsSnapshot(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(t.Context()) })
	options := eventstore.RepositoryOptions{Aggregates: []eventstore.Snapshottable{stock}, SnapshotEvery: 10, SnapshotPause: 1}
	r := eventstore.NewRepository(store, options)
	var id uuid.UUID
	for range 25 {
		id = receive(t, r, "sku", 2)
	}
	version := func() (v int64) {
		_ = pool.QueryRow(t.Context(), "SELECT version FROM orderloom.snapshots WHERE aggregate_id = $1", id).Scan(&v)
		return v
	}
	require.Eventually(t, func() bool { return version() >= 20 }, 10*time.Second, time.Millisecond)

	// What the snapshot says is believed: it is what the fold starts from.
	_, err = pool.Exec(t.Context(), `UPDATE orderloom.snapshots SET state = jsonb_set(state::jsonb, '{on_hand}', '1000')::json`)
	require.NoError(t, err)
	from := version()
	s, v, err := eventstore.Fold(t.Context(), eventstore.NewRepository(store, options), stock, id)
	require.NoError(t, err)
	require.EqualValues(t, 25, v)
	require.EqualValues(t, 1000+2*(25-from), s.OnHand)

	// With another shape it is not.
	revised := stock
	revised.Revision++
	s, v, err = eventstore.Fold(t.Context(), eventstore.NewRepository(store, eventstore.RepositoryOptions{
		Aggregates: []eventstore.Snapshottable{revised},
	}), revised, id)
	require.NoError(t, err)
	require.EqualValues(t, 25, v)
	require.Equal(t, 50, s.OnHand)
}

func TestMetricsTellWhatHappens(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	store, err := eventstore.Open(t.Context(), pgtest.Pool(t), eventstore.Options{Registerer: registry})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(t.Context()) })
	r := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
	id := receive(t, r, "sku", 1)
	_, err = store.Append(t.Context(), eventstore.Append{Stream: eventstore.StreamID{Type: stock.Type, ID: id}, Expected: 7, Events: []eventstore.NewEvent{{
		ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: []byte(`{}`), Timestamp: testTime,
	}}})
	require.Error(t, err)
	_, err = store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	families, err := registry.Gather()
	require.NoError(t, err)
	got := map[string]float64{}
	for _, f := range families {
		if c := f.GetMetric()[0].GetCounter(); c != nil {
			got[f.GetName()] = c.GetValue()
		}
	}
	require.InDelta(t, 1, got["orderloom_eventstore_events_total"], 0)
	require.InDelta(t, 1, got["orderloom_eventstore_conflicts_total"], 0)
	require.InDelta(t, 1, got["orderloom_eventstore_decisions_total"], 0)
}

func TestAnUnknownEventFailsOnlyItsStream(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		store := open().(interface {
			eventstore.Backend
			Append(ctx context.Context, group ...eventstore.Append) ([]eventstore.Appended, error)
		})
		r := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
		odd := eventstore.StreamID{Type: domain.AggregateInventory, ID: uuid.New()}
		_, err := store.Append(t.Context(), eventstore.Append{Stream: odd, Events: []eventstore.NewEvent{{
			ID: uuid.New(), Type: "FromTheFuture", SchemaVersion: 1, Payload: []byte(`{}`), Timestamp: testTime,
		}}})
		require.NoError(t, err)
		outcome := make(chan error, 1)
		go func() {
			_, _, err := eventstore.Fold(t.Context(), r, stock, odd.ID)
			outcome <- err
		}()
		id := receive(t, r, "sku", 3)
		require.EqualValues(t, "unknown_event", domain.Code(<-outcome))
		s, _, err := eventstore.Fold(t.Context(), r, stock, id)
		require.NoError(t, err)
		require.Equal(t, 3, s.OnHand)
		require.IsType(t, inventory.Stock{}, s)
	})
}
