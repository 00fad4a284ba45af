package projector_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/stretchr/testify/require"
)

// A stock item's first event was stored when StockReceived still called its quantity pieces. The projector
// folds it in today's shape, whether it comes by Kafka or is fetched from the event store.
func TestProjectorFoldsOldVersionsOfEvents(t *testing.T) {
	t.Parallel()
	b := viewtest.Setup(t)
	renamed := (*catalog.Catalog)(nil).WithStep("StockReceived", func(p json.RawMessage) (json.RawMessage, error) {
		return bytes.Replace(p, []byte(`"pieces"`), []byte(`"quantity"`), 1), nil
	})
	store, err := eventstore.Open(t.Context(), b.Pool, eventstore.Options{Catalog: renamed})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	published, fetched := uuid.New(), uuid.New()
	for _, id := range []uuid.UUID{published, fetched} {
		for version := range int64(2) {
			payload := fmt.Sprintf(`{"sku":%q,"location":"berlin","receipt_id":%q,"pieces":7,"received_at":"2026-01-02T03:04:05Z"}`, id, uuid.New())
			_, err := store.Append(t.Context(), eventstore.Append{
				Stream: eventstore.StreamID{Type: domain.AggregateInventory, ID: id}, Expected: version,
				Events: []eventstore.NewEvent{{ID: uuid.New(), Type: "StockReceived", SchemaVersion: 1, Payload: json.RawMessage(payload), Timestamp: time.Now()}},
			})
			require.NoError(t, err)
		}
	}
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	b.Publish(page.Events[0], page.Events[1], page.Events[3]) // the first of the second item is missing
	b.Start(func(o *projector.Options) { o.Catalog, o.Source = renamed, streams{store} })
	onHand := func(id uuid.UUID) (n int) {
		_ = b.Pool.QueryRow(t.Context(), "SELECT on_hand FROM orderloom.stock_levels WHERE stock_id = $1", id).Scan(&n)
		return n
	}
	require.Eventually(t, func() bool { return onHand(published) == 14 && onHand(fetched) == 14 }, viewtest.Patience, 10*time.Millisecond)
}

// streams is an event store as the projector wants it.
type streams struct{ *eventstore.Store }

func (s streams) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.Store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

func TestProjectorFoldsWhatIsPublished(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(1, 200)
	b := viewtest.Setup(t, events...)
	b.Publish(events...)
	b.Start()
	v := b.AwaitEqual()
	require.EqualValues(t, len(events), v.Events)
	require.Zero(t, v.Parked)
	require.NotZero(t, v.Customers)
}
