package rig

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/workflows"
)

// watchInterval is how often a watch looks: 0.2 ms of processor time in a hundred, whatever the number of
// orders that somebody waits for. A wait ends half of it late on average.
const watchInterval = 10 * time.Millisecond

// Watch tells when orders reach a status in the read model, and when workflows have completed.
//
// It looks at the rows of all orders that are waited for at once, since asking for each over HTTP again
// and again would be the larger part of the load that is measured.
type Watch struct {
	rig *Rig

	mu     sync.Mutex
	orders map[uuid.UUID]*wait
	sagas  map[string]chan error // by workflow id
}

type wait struct {
	status string
	closed bool // its saga has to be completed too
	done   chan error
}

// Watch starts a watch that lasts as long as ctx.
func (r *Rig) Watch(ctx context.Context) *Watch {
	w := &Watch{rig: r, orders: map[uuid.UUID]*wait{}, sagas: map[string]chan error{}}
	go func() {
		t := time.NewTicker(watchInterval)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				if err := w.look(ctx); err != nil && ctx.Err() == nil {
					w.failAll(err)
				}
			}
		}
	}()
	return w
}

// ErrOtherEnd says that an order went another way than it was to go.
var ErrOtherEnd = errors.New("the order went another way")

// Reached waits until the read model shows the order in a status. Error: [ErrOtherEnd] when it is cancelled instead.
func (w *Watch) Reached(ctx context.Context, order uuid.UUID, status string) error {
	return w.wait(ctx, order, &wait{status: status})
}

// Closed waits until the read model shows the order in a status and its saga has completed.
func (w *Watch) Closed(ctx context.Context, order uuid.UUID, status string) error {
	return w.wait(ctx, order, &wait{status: status, closed: true})
}

// Completed waits until a workflow has completed.
func (w *Watch) Completed(ctx context.Context, workflowID string) error {
	done := make(chan error, 1)
	w.mu.Lock()
	w.sagas[workflowID] = done
	w.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.sagas, workflowID)
		return fmt.Errorf("wait for the end of %s: %w", workflowID, ctx.Err())
	}
}

func (w *Watch) wait(ctx context.Context, order uuid.UUID, one *wait) error {
	one.done = make(chan error, 1)
	w.mu.Lock()
	w.orders[order] = one
	w.mu.Unlock()
	select {
	case err := <-one.done:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.orders, order)
		delete(w.sagas, workflows.OrderSagaID(order))
		return fmt.Errorf("wait until order %s is %s: %w", order, one.status, ctx.Err())
	}
}

// look reads the rows of those waited for.
func (w *Watch) look(ctx context.Context) error {
	w.mu.Lock()
	orders := slices.Collect(maps.Keys(w.orders))
	w.mu.Unlock()
	if len(orders) > 0 {
		if err := w.lookAtViews(ctx, orders); err != nil {
			return err
		}
	}
	w.mu.Lock()
	sagas := slices.Collect(maps.Keys(w.sagas))
	w.mu.Unlock()
	if len(sagas) > 0 {
		return w.lookAtSagas(ctx, sagas)
	}
	return nil
}

// The order of the statuses that an order goes through.
var way = []string{"created", "confirmed", "shipped", "delivered"}

func (w *Watch) lookAtViews(ctx context.Context, orders []uuid.UUID) error {
	const sql = `SELECT order_id, status FROM orderloom.order_views WHERE order_id = ANY ($1) AND version > 0`
	rows, err := w.rig.Pool.Query(ctx, sql, orders)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var status string
	_, err = pgx.ForEachRow(rows, []any{&id, &status}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		one := w.orders[id]
		switch {
		case one == nil:
			return nil
		case slices.Index(way, status) >= slices.Index(way, one.status):
			if one.closed {
				w.sagas[workflows.OrderSagaID(id)] = one.done
			} else {
				one.done <- nil
			}
		case status == "cancelled":
			one.done <- fmt.Errorf("%w: order %s is cancelled", ErrOtherEnd, id)
		default:
			return nil
		}
		delete(w.orders, id)
		return nil
	})
	return err
}

// completed is a state of Temporal's table of current executions.
const completed = 3

func (w *Watch) lookAtSagas(ctx context.Context, ids []string) error {
	const sql = `SELECT workflow_id FROM current_executions WHERE shard_id = ANY ('{1,2,3,4}') AND workflow_id = ANY ($1) AND state = $2
		AND namespace_id = (SELECT id FROM namespaces WHERE name = $3)`
	rows, err := w.rig.Executions.Query(ctx, sql, ids, completed, Namespace)
	if err != nil {
		return err
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if done := w.sagas[id]; done != nil {
			done <- nil
			delete(w.sagas, id)
		}
		return nil
	})
	return err
}

func (w *Watch) failAll(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.orders {
		one.done <- err
	}
	for _, done := range w.sagas {
		done <- err
	}
	clear(w.orders)
	clear(w.sagas)
}
