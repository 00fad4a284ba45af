package eventstore_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// These tests read stored events with a catalog in which StockReceived has a second version: its quantity was called
// pieces before.
var renamed = (*catalog.Catalog)(nil).WithStep("StockReceived", func(b json.RawMessage) (json.RawMessage, error) {
	return bytes.Replace(b, []byte(`"pieces"`), []byte(`"quantity"`), 1), nil
})

// oldReceipt is an append of a StockReceived in the shape of version 1.
func oldReceipt(id uuid.UUID, expected int64) eventstore.Append {
	return eventstore.Append{Stream: eventstore.StreamID{Type: stock.Type, ID: id}, Expected: expected, Events: []eventstore.NewEvent{{
		ID: uuid.New(), Type: "StockReceived", SchemaVersion: 1, Timestamp: testTime,
		Payload: json.RawMessage(`{"sku":"sku","location":"berlin","receipt_id":"` + uuid.NewString() + `","pieces":7,"received_at":"2026-01-02T03:04:05Z"}`),
	}}}
}

func openWith(t *testing.T, pool *pgxpool.Pool, c *catalog.Catalog) *eventstore.Store {
	t.Helper()
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{Catalog: c})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	return store
}

func receiveMore(ctx context.Context, r *eventstore.Repository, id, receipt uuid.UUID, quantity int) (inventory.Stock, int64, error) {
	return eventstore.Execute(ctx, r, stock, id, stamp("receipt-"+receipt.String()), func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Receive(s, inventory.ReceiveStock{SKU: "sku", Location: "berlin", ReceiptID: receipt, Quantity: quantity, At: testTime})
	})
}

func TestAnOldVersionIsFoldedAndDecidedOnAsTheNewest(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := openWith(t, pool, renamed)
	id := inventory.ID("sku", "berlin")
	old := oldReceipt(id, eventstore.NoStream)
	first, err := store.Append(t.Context(), old)
	require.NoError(t, err)
	r := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
	s, version, err := eventstore.Fold(t.Context(), r, stock, id)
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.Equal(t, 7, s.OnHand)

	require.EqualValues(t, "insufficient_stock", domain.Code(reserve(t.Context(), r, id, uuid.New(), 8)))
	require.NoError(t, reserve(t.Context(), r, id, uuid.New(), 6), "decided on the seven pieces of the old event")
	_, _, err = receiveMore(t.Context(), r, id, uuid.New(), 5)
	require.NoError(t, err)
	again := eventstore.NewRepository(openWith(t, pool, renamed), eventstore.RepositoryOptions{})
	s, version, err = eventstore.Fold(t.Context(), again, stock, id)
	require.NoError(t, err)
	require.EqualValues(t, 3, version)
	require.Equal(t, 12, s.OnHand)
	require.Equal(t, 6, s.Reserved)

	events, err := store.Load(t.Context(), old.Stream, 0)
	require.NoError(t, err)
	require.Equal(t, 1, events[0].EventVersion)
	require.JSONEq(t, string(old.Events[0].Payload), string(events[0].Payload), "what is stored stays as it is")
	require.Equal(t, 2, events[2].EventVersion, "what is recorded now has the newest version")
	require.Equal(t, []int{7, 5}, received(t, events))

	retried, err := store.Append(t.Context(), old)
	require.NoError(t, err)
	require.True(t, retried[0].Duplicate, "a retry from before the change is still one")
	require.Equal(t, first[0].Positions, retried[0].Positions)
}

// received returns the quantities of the receipts among events, decoded.
func received(t *testing.T, events []domain.Envelope) (quantities []int) {
	t.Helper()
	for _, env := range events {
		e, err := renamed.Decode(env)
		require.NoError(t, err)
		if r, ok := e.(inventory.StockReceived); ok {
			quantities = append(quantities, r.Quantity)
		}
	}
	return quantities
}

func TestAnOldVersionIsUpcastOnEveryWayOutOfTheStore(t *testing.T) {
	t.Parallel()
	store := openWith(t, pgtest.Pool(t), renamed)
	a := oldReceipt(uuid.New(), eventstore.NoStream)
	_, err := store.Append(t.Context(), a)
	require.NoError(t, err)

	loaded, err := store.Load(t.Context(), a.Stream, 0)
	require.NoError(t, err)
	require.Equal(t, []int{7}, received(t, loaded))
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	require.Equal(t, []int{7}, received(t, page.Events))
	var ranged []domain.Envelope
	for e, err := range store.Events(t.Context(), eventstore.ReadOptions{}) {
		require.NoError(t, err)
		ranged = append(ranged, e)
	}
	require.Equal(t, []int{7}, received(t, ranged))
	enough := errors.New("enough")
	require.ErrorIs(t, store.Tail(t.Context(), eventstore.ReadOptions{}, time.Hour, func(p eventstore.Page) error {
		require.Equal(t, []int{7}, received(t, p.Events))
		return enough
	}), enough)
}

func TestASnapshotIsMadeOfOldVersionsToo(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := openWith(t, pool, renamed)
	id := inventory.ID("sku", "berlin")
	for version := range int64(4) {
		_, err := store.Append(t.Context(), oldReceipt(id, version))
		require.NoError(t, err)
	}
	options := eventstore.RepositoryOptions{Aggregates: []eventstore.Snapshottable{stock}, SnapshotEvery: 2}
	r := eventstore.NewRepository(store, options)
	s, _, err := receiveMore(t.Context(), r, id, uuid.New(), 2)
	require.NoError(t, err)
	require.Equal(t, 30, s.OnHand)
	require.Eventually(t, func() bool {
		var onHand int
		const sql = "SELECT (state::jsonb ->> 'on_hand')::int FROM orderloom.snapshots WHERE aggregate_id = $1 AND version = 5"
		return pool.QueryRow(t.Context(), sql, id).Scan(&onHand) == nil && onHand == 30
	}, 10*time.Second, time.Millisecond)
}

// During a rollout old and new programs run side by side. The old one refuses what it does not know.
func TestAVersionThatIsNotKnownYetIsRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	newer := eventstore.NewRepository(openWith(t, pool, renamed), eventstore.RepositoryOptions{})
	older := eventstore.NewRepository(openWith(t, pool, nil), eventstore.RepositoryOptions{})
	id := inventory.ID("sku", "berlin")
	_, _, err := receiveMore(t.Context(), newer, id, uuid.New(), 5)
	require.NoError(t, err)
	_, _, err = eventstore.Fold(t.Context(), older, stock, id)
	require.EqualValues(t, "unknown_event", domain.Code(err))
}
