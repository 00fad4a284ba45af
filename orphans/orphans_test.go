package orphans_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/orphans"
	"github.com/stretchr/testify/require"
)

// world is what the finder asks: all orders of it are listed, and none has a saga.
type world struct {
	orders []order.Order
	holds  map[uuid.UUID]bool
	gone   map[uuid.UUID]bool // the order has no events
}

func (w world) OpenOrders(context.Context, time.Time, uuid.UUID, int) (ids []uuid.UUID, err error) {
	for _, o := range w.orders {
		ids = append(ids, o.ID)
	}
	return ids, nil
}

func (world) WithoutSaga(_ context.Context, ids []uuid.UUID) ([]uuid.UUID, error) { return ids, nil }

func (world) ResumeOrder(context.Context, order.Order) (bool, error) { return true, nil }

func (w world) Order(_ context.Context, id uuid.UUID) (order.Order, error) {
	for _, o := range w.orders {
		if o.ID == id && !w.gone[id] {
			return o, nil
		}
	}
	return order.Order{}, domain.Refuse(domain.CodeNotFound, "order %s does not exist", id)
}

func (w world) HoldsMoney(_ context.Context, id uuid.UUID) (bool, error) { return w.holds[id], nil }

func TestFindYieldsOrdersThatNeedASaga(t *testing.T) {
	t.Parallel()
	of := func(status order.Status) order.Order { return order.Order{ID: uuid.New(), Status: status} }
	lost, open, delivered := of(order.StatusConfirmed), of(order.StatusConfirmed), of(order.StatusDelivered)
	undone, holding := of(order.StatusCancelled), of(order.StatusCancelled)
	w := world{
		orders: []order.Order{lost, open, delivered, undone, holding},
		holds:  map[uuid.UUID]bool{holding.ID: true, delivered.ID: true}, gone: map[uuid.UUID]bool{lost.ID: true},
	}
	finder := orphans.New(orphans.Options{Sagas: w, Views: w, History: w, Every: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	var found []uuid.UUID
	for o, err := range finder.Find(t.Context()) {
		require.NoError(t, err)
		found = append(found, o.ID)
	}
	require.Equal(t, []uuid.UUID{open.ID, holding.ID}, found)
}
