package orphans_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/orphans"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var errAway = errors.New("Temporal is away")

// world is what the finder asks. Orders have a saga when open has them.
type world struct {
	orders []order.Order
	open   map[uuid.UUID]bool
	owes   map[uuid.UUID]string
	gone   map[uuid.UUID]bool // the order has no events
	broken map[uuid.UUID]bool // the order can't be loaded
	opens  bool               // an order that is resumed has a saga then
	ghosts map[uuid.UUID]bool // Temporal's list shows a saga that is gone
	mark   orphans.Mark       // of the namespace

	mu       sync.Mutex
	refuse   map[uuid.UUID]error // what resuming an order fails with
	resumed  []uuid.UUID
	replaced []uuid.UUID
	lookedUp []uuid.UUID
	failing  []orphans.Failing
	due      []uuid.UUID // orders with returns that are due
	ended    []uuid.UUID // orders whose returns a saga looks at
	looks    int         // that have ended
}

func (w *world) add(status order.Status) order.Order {
	o := order.Order{ID: uuid.New(), Number: "ORD", Status: status}
	w.orders = append(w.orders, o)
	return o
}

func (w *world) ids(is func(order.Order) bool) (ids []uuid.UUID) {
	for _, o := range w.orders {
		if is(o) {
			ids = append(ids, o.ID)
		}
	}
	return ids
}

func (w *world) OpenOrders(_ context.Context, _ time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	ids := w.ids(func(o order.Order) bool { return !o.Status.Ended() })
	ids = ids[slices.Index(ids, after)+1:]
	return ids[:min(limit, len(ids))], nil
}

func (w *world) OwingOrders(context.Context, time.Time, time.Time, uuid.UUID, int) ([]uuid.UUID, error) {
	return w.ids(func(o order.Order) bool { return o.Status.Ended() && w.owes[o.ID] != "" }), nil
}

func (w *world) EndedOrders(_ context.Context, ids []uuid.UUID, _ time.Time) ([]uuid.UUID, error) {
	return w.ids(func(o order.Order) bool { return o.Status.Ended() && slices.Contains(ids, o.ID) }), nil
}

func (w *world) DueReturns(_ context.Context, _ time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error) {
	ids := w.due[slices.Index(w.due, after)+1:]
	return ids[:min(limit, len(ids))], nil
}

func (w *world) EndReturns(_ context.Context, id uuid.UUID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ended = append(w.ended, id)
	return nil
}

func (w *world) WithoutSaga(_ context.Context, ids []uuid.UUID, trustList bool) (without []uuid.UUID, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		if !trustList {
			w.lookedUp = append(w.lookedUp, id)
		}
		if !w.open[id] && (!trustList || !w.ghosts[id]) {
			without = append(without, id)
		}
	}
	return without, nil
}

func (w *world) OpenSagas(context.Context, []byte) (orders []uuid.UUID, next []byte, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ids(func(o order.Order) bool { return w.open[o.ID] }), nil, nil
}

// FailingSagas is what a look asks last.
func (w *world) FailingSagas(context.Context, int) ([]orphans.Failing, int, bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	return w.failing, len(w.failing), true, nil
}

func (w *world) ResumeOrder(_ context.Context, o order.Order, replace bool) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := w.refuse[o.ID]; err != nil {
		return false, err
	}
	w.resumed = append(w.resumed, o.ID)
	if w.opens {
		w.open[o.ID] = true
	}
	if replace {
		w.replaced = append(w.replaced, o.ID)
	}
	return true, nil
}

func (w *world) NamespaceMark(_ context.Context, claim orphans.Mark) (orphans.Mark, error) {
	if w.mark == (orphans.Mark{}) {
		w.mark = claim
	}
	return w.mark, nil
}

func (w *world) Order(_ context.Context, id uuid.UUID) (order.Order, error) {
	for _, o := range w.orders {
		switch {
		case o.ID != id || w.gone[id]:
		case w.broken[id]:
			return order.Order{}, errors.New("an event can't be read")
		default:
			return o, nil
		}
	}
	return order.Order{}, domain.Refuse(domain.CodeNotFound, "order %s does not exist", id)
}

func (w *world) Owes(_ context.Context, o order.Order) (string, error) { return w.owes[o.ID], nil }

// taken returns the orders that were resumed since the last call.
func (w *world) taken() []uuid.UUID {
	w.mu.Lock()
	defer w.mu.Unlock()
	defer func() { w.resumed = nil }()
	return w.resumed
}

var ours = orphans.Mark{Store: uuid.New()}

func newWorld() *world {
	return &world{
		open: map[uuid.UUID]bool{}, owes: map[uuid.UUID]string{}, gone: map[uuid.UUID]bool{}, broken: map[uuid.UUID]bool{},
		refuse: map[uuid.UUID]error{},
	}
}

func (w *world) finder(r prometheus.Registerer) *orphans.Finder { return orphans.New(w.options(r)) }

func (w *world) options(r prometheus.Registerer) orphans.Options {
	return orphans.Options{
		Sagas: w, Views: w, History: w, Every: time.Hour, Resume: true, Registerer: r, Logger: slog.New(slog.DiscardHandler),
		Mark:        func(context.Context) (orphans.Mark, error) { return ours, nil },
		Unavailable: func(err error) bool { return errors.Is(err, errAway) },
	}
}

func TestFindYieldsOrdersWhoseSagaDoesNotFitTheirEvents(t *testing.T) {
	t.Parallel()
	w := newWorld()
	lost, open, broken := w.add(order.StatusConfirmed), w.add(order.StatusConfirmed), w.add(order.StatusConfirmed)
	running := w.add(order.StatusShipped)
	w.add(order.StatusDelivered)
	w.add(order.StatusCancelled)
	owing, settling, surplus := w.add(order.StatusCancelled), w.add(order.StatusDelivered), w.add(order.StatusDelivered)
	w.gone[lost.ID], w.broken[broken.ID] = true, true
	w.open[running.ID], w.open[settling.ID], w.open[surplus.ID] = true, true, true
	w.owes[owing.ID], w.owes[settling.ID] = "stock", "a refund"

	found, failed := map[uuid.UUID]string{}, []uuid.UUID{}
	for o, err := range w.finder(nil).Find(t.Context()) {
		if err != nil {
			failed = append(failed, o.Order.ID)
			continue
		}
		require.NotContains(t, found, o.Order.ID, "each once")
		require.Equal(t, o.Order.ID == surplus.ID, o.Surplus)
		found[o.Order.ID] = o.Cause
	}
	require.Equal(t, []uuid.UUID{broken.ID}, failed, "the others are found all the same")
	require.Equal(t, map[uuid.UUID]string{
		open.ID: "has no saga", owing.ID: "owes stock and has no saga", surplus.ID: "has ended and still has a saga",
	}, found)
}

func TestAnOwingOrderIsFoundWhenItsSagaIsGoneLater(t *testing.T) {
	t.Parallel()
	w := newWorld()
	o := w.add(order.StatusCancelled)
	w.owes[o.ID], w.open[o.ID] = "a void", true
	f := w.finder(nil)
	count := func() (n int) {
		for _, err := range f.Find(t.Context()) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Zero(t, count(), "its saga settles it")
	delete(w.open, o.ID)
	require.Equal(t, 1, count())
	delete(w.owes, o.ID)
	require.Zero(t, count())
}

func TestEachOrderOfTheListIsLookedUpInTurn(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for range 900 {
		w.open[w.add(order.StatusConfirmed).ID] = true
	}
	f := w.finder(prometheus.NewRegistry())
	look(t, w, f)
	require.Less(t, len(w.lookedUp), 900)
	look(t, w, f)
	require.ElementsMatch(t, w.ids(func(order.Order) bool { return true }), w.lookedUp)
}

func TestOrdersThatFailDoNotHoldUpTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld()
	broken, refused, surplus := w.add(order.StatusConfirmed), w.add(order.StatusConfirmed), w.add(order.StatusDelivered)
	w.broken[broken.ID], w.refuse[refused.ID], w.open[surplus.ID] = true, errors.New("refused"), true
	want := []uuid.UUID{surplus.ID}
	for range 1000 {
		want = append(want, w.add(order.StatusConfirmed).ID)
	}
	told := 0
	report, err := w.finder(nil).ResumeAll(t.Context(), func(orphans.Report, orphans.Orphan, error) { told++ })
	require.NoError(t, err)
	require.Equal(t, orphans.Report{Orphaned: 1002, Surplus: 1, Resumed: 1001, Failed: 2}, report)
	require.Equal(t, 1003, told)
	require.ElementsMatch(t, want, w.taken())
	require.Equal(t, []uuid.UUID{surplus.ID}, w.replaced)
}

func TestALookEndsWhenTemporalIsAway(t *testing.T) {
	t.Parallel()
	w := newWorld()
	for range 1000 {
		w.refuse[w.add(order.StatusConfirmed).ID] = errAway
	}
	report, err := w.finder(nil).ResumeAll(t.Context(), nil)
	require.ErrorIs(t, err, errAway)
	require.Less(t, report.Orphaned, 1000)
}

// look makes one look.
func look(t *testing.T, w *world, f *orphans.Finder) {
	t.Helper()
	lookUntil(t, w, f, 1)
}

// lookUntil looks until Temporal was asked for failing sagas n times.
func lookUntil(t *testing.T, w *world, f *orphans.Finder, n int) {
	t.Helper()
	ended := func() int {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.looks
	}
	before := ended()
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error, 1)
	go func() { over <- f.Run(ctx) }()
	require.Eventually(t, func() bool { return ended() >= before+n }, 10*time.Second, time.Millisecond)
	stop()
	require.NoError(t, <-over)
}

func TestAnOrderThatStaysAnOrphanIsResumedLessAndLessAndStaysCounted(t *testing.T) {
	t.Parallel()
	w, registry := newWorld(), prometheus.NewRegistry()
	o := w.add(order.StatusConfirmed)
	f := w.finder(registry)
	for range 2 {
		look(t, w, f)
		require.Equal(t, []uuid.UUID{o.ID}, w.taken())
	}
	look(t, w, f)
	require.Empty(t, w.taken(), "an hour has not passed")
	require.InDelta(t, 1, gauge(t, registry, "orderloom_orphaned_orders"), 0)
}

func gauge(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

func TestNothingIsResumedInTheNamespaceOfAnotherStore(t *testing.T) {
	t.Parallel()
	w, registry := newWorld(), prometheus.NewRegistry()
	w.mark = orphans.Mark{Store: uuid.New()}
	o := w.add(order.StatusConfirmed)
	w.failing = []orphans.Failing{{WorkflowID: "order-1", Cause: "NonDeterministicError"}}
	f := w.finder(registry)
	look(t, w, f)
	require.InDelta(t, 1, gauge(t, registry, "orderloom_failing_sagas"), 0)
	require.InDelta(t, 1, gauge(t, registry, "orderloom_orphaned_orders"), 0)
	require.InDelta(t, 1, gauge(t, registry, "orderloom_foreign_namespace"), 0)

	var foreign *orphans.ForeignNamespaceError
	_, err := f.ResumeAll(t.Context(), nil)
	require.ErrorAs(t, err, &foreign)
	_, err = f.Resume(t.Context(), o)
	require.ErrorAs(t, err, &foreign)
	require.ErrorAs(t, f.CheckNamespace(t.Context()), &foreign)
	require.Empty(t, w.taken())
}

func TestANamespaceWithoutAMarkGetsTheStoresWhenOrdersAreResumed(t *testing.T) {
	t.Parallel()
	w := newWorld()
	f := w.finder(nil)
	require.NoError(t, f.CheckNamespace(t.Context()))
	require.Zero(t, w.mark, "to look changes nothing")
	_, err := f.ResumeAll(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, ours, w.mark)
}
