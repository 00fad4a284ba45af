package orphans

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
)

// Waiting is a saga that waits for a person.
type Waiting struct {
	// Cause is [attention.CauseOrphanedSaga] or [attention.CauseFailingSaga].
	Cause             attention.Cause
	WorkflowID, RunID string
	// OrderID and OrderNumber are zero for an execution that is no order's, or as far as they are not known.
	OrderID     uuid.UUID
	OrderNumber string
	// Attempts is how often the order was resumed without success.
	Attempts int
	// Detail says what is wrong, for people.
	Detail string
}

// List keeps which sagas wait for a person, in the table waiting_sagas. Each look of a [Finder] brings it up to date.
// Several processes may.
type List struct{ pool *pgxpool.Pool }

// NewList returns the list in a database.
func NewList(pool *pgxpool.Pool) *List { return &List{pool} }

// waitingNamespace makes the ids of what waits.
var waitingNamespace = uuid.MustParse("6a1c1a0e-0a5e-5d0a-9a60-5b8e2f0c7d11")

// id names what waits. It is the same for as long as it waits, whoever finds it.
func (w Waiting) id() uuid.UUID {
	return domain.DerivedID(waitingNamespace, string(w.Cause)+"/"+w.WorkflowID)
}

// Orders returns the orders that wait because of their sagas, at most limit.
func (l *List) Orders(ctx context.Context, limit int) ([]uuid.UUID, error) {
	rows, err := l.pool.Query(ctx, `SELECT order_id FROM orderloom.waiting_sagas WHERE cause = $1 AND order_id IS NOT NULL ORDER BY since, attention_id LIMIT $2`,
		attention.CauseOrphanedSaga, limit)
	if err != nil {
		return nil, fmt.Errorf("list the sagas that wait: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

// Replace lists what waits, and nothing else. What was listed before keeps since when it waits. It may be repeated.
func (l *List) Replace(ctx context.Context, all []Waiting) error {
	var ids, orders []uuid.UUID
	var causes, sagas, runs, numbers, details []string
	var attempts []int32
	known := map[uuid.UUID]bool{}
	for _, w := range all {
		id := w.id()
		if known[id] {
			continue
		}
		known[id] = true
		ids, orders, causes = append(ids, id), append(orders, w.OrderID), append(causes, string(w.Cause))
		sagas, runs, numbers = append(sagas, w.WorkflowID), append(runs, w.RunID), append(numbers, w.OrderNumber)
		details, attempts = append(details, w.Detail), append(attempts, int32(min(w.Attempts, 1<<30)))
	}
	q := &pgx.Batch{}
	q.Queue(`DELETE FROM orderloom.waiting_sagas WHERE NOT attention_id = ANY($1::uuid[])`, nonNil(ids))
	q.Queue(`INSERT INTO orderloom.waiting_sagas AS w (attention_id, cause, workflow_id, run_id, order_id, order_number, attempts, detail)
		SELECT id, cause, saga, nullif(run, ''), nullif(order_id, $9), nullif(number, ''), attempts, detail
		FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::text[], $7::integer[], $8::text[])
			u(id, cause, saga, run, order_id, number, attempts, detail)
		ORDER BY id -- all processes lock the rows in one order
		ON CONFLICT (attention_id) DO UPDATE SET run_id = excluded.run_id, order_number = coalesce(excluded.order_number, w.order_number),
			attempts = greatest(w.attempts, excluded.attempts), detail = excluded.detail
		WHERE (w.run_id, w.attempts, w.detail) IS DISTINCT FROM (excluded.run_id, greatest(w.attempts, excluded.attempts), excluded.detail)`,
		ids, causes, sagas, runs, orders, numbers, attempts, details, uuid.Nil)
	if err := l.pool.SendBatch(ctx, q).Close(); err != nil {
		return fmt.Errorf("list the sagas that wait: %w", err)
	}
	return nil
}

func nonNil(ids []uuid.UUID) []uuid.UUID {
	if ids == nil {
		return []uuid.UUID{}
	}
	return ids
}

// waitingMax bounds the orders that are listed. All are counted by the metrics.
const waitingMax = 10_000

// unmended collects the orphans of a look that it has not mended. It is used by one goroutine at a time.
type unmended struct {
	*Finder

	orders []Waiting
	listed map[uuid.UUID]bool
}

func (f *Finder) collect() *unmended { return &unmended{Finder: f, listed: map[uuid.UUID]bool{}} }

// add takes an orphan and what became of it. One that was resumed for the first time waits for nobody.
func (u *unmended) add(o Orphan, started bool, err error) {
	tried := u.tried(o.Order.ID)
	if started && tried <= 1 || len(u.orders) >= waitingMax || u.listed[o.Order.ID] {
		return
	}
	detail := o.Cause
	if err != nil {
		detail = err.Error()
	}
	u.listed[o.Order.ID] = true
	u.orders = append(u.orders, u.orphaned(o.Order, tried, detail))
}

// orphaned is an order whose saga does not fit its events.
func (f *Finder) orphaned(o order.Order, attempts int, detail string) Waiting {
	return Waiting{
		Cause: attention.CauseOrphanedSaga, WorkflowID: f.o.WorkflowID(o.ID), OrderID: o.ID, OrderNumber: o.Number, Attempts: attempts, Detail: detail,
	}
}

// tried is how often an order was resumed that was an orphan each time.
func (f *Finder) tried(id uuid.UUID) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.attempts[id].count
}

// list brings the list up to date: what the look has not mended, what fails, and what was listed and waits still. A
// look trusts Temporal's list for a part of the orders, so those that were listed are looked up.
func (u *unmended) list(ctx context.Context, failing []Failing) error {
	listed, err := u.o.List.Orders(ctx, waitingMax)
	if err != nil {
		return err
	}
	listed = slices.DeleteFunc(listed, func(id uuid.UUID) bool { return u.listed[id] })
	for page := range slices.Chunk(listed, pageSize) {
		without, err := u.o.Sagas.WithoutSaga(ctx, page, false)
		if err != nil {
			return err
		}
		for _, id := range without {
			o, cause, err := u.needs(ctx, id)
			if err != nil {
				o.ID, cause = id, err.Error()
			}
			if cause != "" {
				u.orders = append(u.orders, u.orphaned(o, u.tried(id), cause))
			}
		}
	}
	for _, e := range failing {
		w := Waiting{Cause: attention.CauseFailingSaga, WorkflowID: e.WorkflowID, RunID: e.RunID, OrderID: e.OrderID, Detail: e.Cause}
		if e.OrderID != uuid.Nil {
			if o, err := u.o.History.Order(ctx, e.OrderID); err == nil { // its number is for people
				w.OrderNumber = o.Number
			}
		}
		u.orders = append(u.orders, w)
	}
	return u.o.List.Replace(ctx, u.orders)
}
