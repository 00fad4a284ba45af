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

// watchInterval is how often a watch looks. A wait ends half of it late on average.
const watchInterval = 10 * time.Millisecond

// Watch reports when orders reach a status in the read model, and when workflows have completed.
//
// It reads the rows that the views' transactions add to the table of changes, for all orders at once. To ask for each
// order over HTTP would be the larger part of the load that is measured.
type Watch struct {
	rig       *Rig
	namespace []byte // its id at the Temporal server
	last      int64  // the change read last

	mu     sync.Mutex
	status map[uuid.UUID]string // of orders that have not ended
	orders map[uuid.UUID]*wait
	sagas  map[string]chan error // by workflow id
	starts map[string]chan error
}

type wait struct {
	status string
	closed bool // its saga has to be completed too
	done   chan error
}

// Watch starts a watch that lasts as long as ctx.
func (r *Rig) Watch(ctx context.Context) (*Watch, error) {
	w := &Watch{rig: r, status: map[uuid.UUID]string{}, orders: map[uuid.UUID]*wait{}, sagas: map[string]chan error{}, starts: map[string]chan error{}}
	if err := r.Executions.QueryRow(ctx, "SELECT id FROM namespaces WHERE name = $1", Namespace).Scan(&w.namespace); err != nil {
		return nil, fmt.Errorf("look for the namespace: %w", err)
	}
	if err := r.Pool.QueryRow(ctx, "SELECT coalesce(max(id), 0) FROM orderloom.order_changes").Scan(&w.last); err != nil {
		return nil, err
	}
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
	return w, nil
}

// ErrOtherEnd says that an order reached another status than expected.
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
	return w.await(ctx, w.sagas, workflowID, "end")
}

// Started waits until a workflow was started.
func (w *Watch) Started(ctx context.Context, workflowID string) error {
	return w.await(ctx, w.starts, workflowID, "start")
}

func (w *Watch) await(ctx context.Context, waiting map[string]chan error, workflowID, what string) error {
	done := make(chan error, 1)
	w.mu.Lock()
	waiting[workflowID] = done
	w.mu.Unlock()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(waiting, workflowID)
		return fmt.Errorf("wait for the %s of %s: %w", what, workflowID, ctx.Err())
	}
}

func (w *Watch) wait(ctx context.Context, order uuid.UUID, one *wait) error {
	one.done = make(chan error, 1)
	w.mu.Lock()
	w.orders[order] = one
	if status, known := w.status[order]; known {
		w.settle(order, status)
	}
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

// look reads what is new.
func (w *Watch) look(ctx context.Context) error {
	if err := w.lookAtViews(ctx); err != nil {
		return err
	}
	if err := w.lookAtSagas(ctx, w.sagas, completed); err != nil {
		return err
	}
	return w.lookAtSagas(ctx, w.starts, created)
}

// The order of the statuses that an order goes through.
var way = []string{"created", "confirmed", "shipped", "delivered"}

// lateChanges is by how many numbers a change may become visible after a later one. The projector writes one batch
// after the other, and repairs of views are written one by one beside it.
const lateChanges = 8

func (w *Watch) lookAtViews(ctx context.Context) error {
	rows, err := w.rig.Pool.Query(ctx, `SELECT id, order_id, status FROM orderloom.order_changes WHERE id > $1 ORDER BY id`, w.last-lateChanges)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var at int64
	var id uuid.UUID
	var status string
	_, err = pgx.ForEachRow(rows, []any{&at, &id, &status}, func() error {
		w.last = max(w.last, at)
		if slices.Index(way, status) >= slices.Index(way, w.status[id]) || status == "cancelled" {
			w.status[id] = status
			w.settle(id, status)
		}
		return nil
	})
	return err
}

// settle ends the wait for an order if it has come that far.
func (w *Watch) settle(id uuid.UUID, status string) {
	one := w.orders[id]
	switch {
	case one == nil:
		return
	case status == "cancelled":
		one.done <- fmt.Errorf("%w: order %s is cancelled", ErrOtherEnd, id)
	case slices.Index(way, status) < slices.Index(way, one.status):
		return
	case one.closed:
		w.sagas[workflows.OrderSagaID(id)] = one.done
	default:
		one.done <- nil
	}
	delete(w.orders, id)
}

// States of Temporal's table of current executions, in their order.
const (
	created   = 1
	completed = 3
)

// lookAtSagas tells those who wait which workflows have come as far as state.
func (w *Watch) lookAtSagas(ctx context.Context, waiting map[string]chan error, state int) error {
	w.mu.Lock()
	ids := slices.Collect(maps.Keys(waiting))
	w.mu.Unlock()
	if len(ids) == 0 {
		return nil
	}
	const sql = `SELECT workflow_id FROM current_executions WHERE shard_id = ANY ('{1,2,3,4}') AND namespace_id = $1 AND workflow_id = ANY ($2) AND state >= $3`
	rows, err := w.rig.Executions.Query(ctx, sql, w.namespace, ids, state)
	if err != nil {
		return err
	}
	var id string
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		w.mu.Lock()
		defer w.mu.Unlock()
		if done := waiting[id]; done != nil {
			done <- nil
			delete(waiting, id)
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
	for _, waiting := range []map[string]chan error{w.sagas, w.starts} {
		for _, done := range waiting {
			done <- err
		}
		clear(waiting)
	}
	clear(w.orders)
}
