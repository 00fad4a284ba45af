package orphans_test

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/orphans"
	"github.com/stretchr/testify/require"
)

// listed is a row of the list.
type listed struct {
	Cause, WorkflowID string
	OrderNumber       *string
	Attempts          int
	Detail            string
}

func list(t *testing.T, pool *pgxpool.Pool) (rows []listed) {
	t.Helper()
	found, err := pool.Query(t.Context(), `SELECT cause, workflow_id, order_number, attempts, detail FROM orderloom.waiting_sagas ORDER BY cause, workflow_id`)
	require.NoError(t, err)
	rows, err = pgx.CollectRows(found, pgx.RowToStructByPos[listed])
	require.NoError(t, err)
	return rows
}

// lister is a finder of a process of its own, which lists what it finds.
func (w *world) lister(pool *pgxpool.Pool, change ...func(*orphans.Options)) *orphans.Finder {
	o := w.options(nil)
	o.Every = time.Millisecond
	o.List, o.WorkflowID, o.Logger = orphans.NewList(pool), func(id uuid.UUID) string { return "order-" + id.String() }, slog.New(slog.DiscardHandler)
	for _, c := range change {
		c(&o)
	}
	return orphans.New(o)
}

// lists makes looks, of which at least n have brought the list up to date.
func lists(t *testing.T, w *world, f *orphans.Finder, n int) {
	t.Helper()
	lookUntil(t, w, f, n+1)
}

func TestASagaThatWasResumedWaitsForNobody(t *testing.T) {
	t.Parallel()
	w, pool := newWorld(), pgtest.Pool(t)
	refused := w.add(order.StatusConfirmed)
	w.add(order.StatusConfirmed)
	w.refuse[refused.ID], w.opens = errors.New("no such task queue"), true
	f := w.lister(pool)
	lists(t, w, f, 1)
	require.Len(t, list(t, pool), 1, "the other one was resumed")
	waits := list(t, pool)[0]
	require.Equal(t, []any{"orphaned_saga", "order-" + refused.ID.String(), "ORD"}, []any{waits.Cause, waits.WorkflowID, *waits.OrderNumber})
	require.Contains(t, waits.Detail, refused.ID.String())
	require.Positive(t, waits.Attempts)

	delete(w.refuse, refused.ID)
	lists(t, w, w.lister(pool), 1)
	require.Empty(t, list(t, pool))
}

// An order that is an orphan again and again waits for a person, though it is resumed each time.
func TestASagaThatIsResumedInVainWaitsForAPerson(t *testing.T) {
	t.Parallel()
	w, pool := newWorld(), pgtest.Pool(t)
	w.add(order.StatusConfirmed)
	lists(t, w, w.lister(pool), 3)
	require.Len(t, list(t, pool), 1)
	require.Greater(t, list(t, pool)[0].Attempts, 1)
	require.Equal(t, "has no saga", list(t, pool)[0].Detail)
}

// What waits keeps its id and its time, whichever process looks, until it does not wait any more.
func TestTheListIsTheSameWhoeverLooks(t *testing.T) {
	t.Parallel()
	w, pool := newWorld(), pgtest.Pool(t)
	o, surplus := w.add(order.StatusConfirmed), w.add(order.StatusDelivered)
	w.open[surplus.ID] = true
	w.failing = []orphans.Failing{
		{WorkflowID: "order-" + o.ID.String(), RunID: "r1", OrderID: o.ID, Cause: "NonDeterministicError"}, {WorkflowID: "reconciliation", RunID: "r2", Cause: "Timeout"},
	}
	only := func(o *orphans.Options) { o.Resume = false }
	lists(t, w, w.lister(pool, only), 1)
	before := list(t, pool)
	require.Len(t, before, 4)
	require.Equal(t, "ORD", *before[0].OrderNumber)
	require.Nil(t, before[1].OrderNumber)
	named := func() (ids []uuid.UUID) {
		rows, err := pool.Query(t.Context(), `UPDATE orderloom.waiting_sagas SET since = '2026-11-01Z' RETURNING attention_id`)
		require.NoError(t, err)
		ids, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		require.NoError(t, err)
		return ids
	}
	ids := named()
	for range 3 {
		lists(t, w, w.lister(pool, only), 1)
		require.Equal(t, before, list(t, pool))
	}
	var oldest time.Time
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT max(since) FROM orderloom.waiting_sagas`).Scan(&oldest))
	require.Equal(t, 2026, oldest.Year())
	require.Equal(t, time.Month(11), oldest.UTC().Month())
	require.Equal(t, 1, oldest.UTC().Day())
	require.ElementsMatch(t, ids, named())

	w.failing, w.open[o.ID] = w.failing[:1], true
	delete(w.open, surplus.ID)
	lists(t, w, w.lister(pool, only), 1)
	require.Equal(t, before[:1], list(t, pool))
}

// Temporal's list may show an execution that is gone. A look trusts it for a part of the orders, in turn. What was
// found stays in the list all the same.
func TestAListedOrderIsLookedUpAtEachLook(t *testing.T) {
	t.Parallel()
	w, pool := newWorld(), pgtest.Pool(t)
	o := w.add(order.StatusConfirmed)
	w.ghosts = map[uuid.UUID]bool{o.ID: true}
	f := w.lister(pool, func(o *orphans.Options) { o.Resume = false })
	lists(t, w, f, 2)
	for range 4 {
		require.Len(t, list(t, pool), 1)
		lists(t, w, f, 1)
	}
}

// In another store's namespace every order seems to lack its saga.
func TestNothingIsListedInTheNamespaceOfAnotherStore(t *testing.T) {
	t.Parallel()
	w, pool := newWorld(), pgtest.Pool(t)
	w.mark = orphans.Mark{Store: uuid.New()}
	w.add(order.StatusConfirmed)
	lists(t, w, w.lister(pool), 1)
	require.Empty(t, list(t, pool))
}
