package privacy_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

var ordersOf = eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}

// streams is an event store as projector and read model want it.
type streams struct{ store *eventstore.Store }

func (s streams) Watch(past map[uuid.UUID]int64) (appended <-chan struct{}, stop func()) {
	return s.store.Watch(past)
}

func (s streams) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

func (s streams) Check(ctx context.Context, c eventstore.Cursor) (eventstore.Identity, error) {
	return s.store.Check(ctx, c)
}

// place stores an order with a sealed recipient.
func place(t *testing.T, r *eventstore.Repository, personal domain.Sealed) uuid.UUID {
	t.Helper()
	id := uuid.New()
	_, _, err := eventstore.Execute(t.Context(), r, ordersOf, id, eventstore.Stamp{Source: "order-" + id.String() + "/place", At: time.Now()},
		func(o order.Order) ([]domain.Event, error) {
			return order.Place(o, order.PlaceOrder{
				OrderID: id, CustomerID: "ada", ShipToCountry: "GB", Personal: personal, RequestHash: "h", At: time.Now(),
				Items: []order.Item{{ProductID: "p", SKU: "sku", Quantity: 1, UnitPrice: money.FromMinorUnits(100, "GBP")}},
			})
		})
	require.NoError(t, err)
	return id
}

// rowsWith counts the rows, of all tables there are, in which a text stands.
func rowsWith(t *testing.T, pool *pgxpool.Pool, text string) (n int) {
	t.Helper()
	rows, err := pool.Query(t.Context(), `SELECT c.oid::regclass::text FROM pg_class c WHERE c.relnamespace = 'orderloom'::regnamespace AND c.relkind = 'r'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.NotEmpty(t, tables)
	for _, table := range tables {
		var found int
		require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM "+table+" r WHERE r::text LIKE '%' || $1 || '%'", text).Scan(&found))
		n += found
	}
	return n
}

// After an erasure events stay what they were: they fold to the same state, and views are rebuilt from them without a
// difference. What was personal in them reads as erased wherever it is read from.
func TestEventsOfAnErasedCustomerStayReplayable(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	vault := privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing})
	sealed, err := vault.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	id := place(t, eventstore.NewRepository(store, eventstore.RepositoryOptions{}), sealed)
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	mender := maintain.New(projector.NewMender(projector.MenderOptions{Pool: pool, Source: streams{store}, Projections: views.All()}))
	require.NoError(t, mender.Project(t.Context(), page.Events))
	reader := readmodel.NewReader(pool, readmodel.Options{Events: streams{store}})
	before, err := reader.Order(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, ada, opened(t, vault, before.Personal))
	require.Zero(t, rowsWith(t, pool, "Dorset"), "nowhere in the clear")

	_, err = vault.Erase(t.Context(), "ada")
	require.NoError(t, err)

	var r order.Recipient
	o, version, err := eventstore.Fold(t.Context(), eventstore.NewRepository(store, eventstore.RepositoryOptions{}), ordersOf, id)
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.Equal(t, "ada", o.CustomerID)
	require.ErrorIs(t, vault.Open(t.Context(), o.Personal, &r), privacy.ErrErased, "from the events")
	report, err := mender.Rebuild(t.Context(), store, "orders", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.True(t, report.Swapped)
	for _, d := range report.Diff {
		require.Zero(t, d.Different+d.OnlyLive+d.OnlyShadow, d.Table)
	}
	after, err := reader.Order(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.ErrorIs(t, vault.Open(t.Context(), after.Personal, &r), privacy.ErrErased, "from the view")
	again, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	require.Equal(t, page.Events, again.Events, "no event was touched")
}
