package orphans

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/prometheus/client_golang/prometheus"
)

// Sagas is what the finder asks of Temporal. All calls may be repeated.
type Sagas interface {
	// WithoutSaga returns those of the orders that have no open saga.
	WithoutSaga(ctx context.Context, orders []uuid.UUID) ([]uuid.UUID, error)
	// ResumeOrder starts a saga that goes on with an order; started is false when one is open.
	ResumeOrder(ctx context.Context, o order.Order) (started bool, err error)
}

// Views tells which orders are open.
type Views interface {
	// OpenOrders returns the ids of open orders that were placed before a time, and of cancelled ones that still hold
	// money. They come oldest first, after an id of the same list; [uuid.Nil] begins it. At most limit.
	OpenOrders(ctx context.Context, placedBefore time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// History tells where an order stands by its events. Error: not_found.
type History interface {
	Order(ctx context.Context, id uuid.UUID) (order.Order, error)
	// HoldsMoney reports whether the order's payment is authorised, or waits for the customer's bank.
	HoldsMoney(ctx context.Context, id uuid.UUID) (bool, error)
}

// Options of [New]. All but Logger and Registerer are required.
type Options struct {
	Sagas   Sagas
	Views   Views
	History History
	// Resume says whether [Finder.Run] resumes what it finds, or only counts it.
	Resume bool
	// Every is the time between two looks, and how old an order must be to count as orphaned: a view may be a moment
	// behind. So an orphan is found within twice this time.
	Every time.Duration
	// Logger takes a line for each order that is found; nil is [slog.Default].
	Logger *slog.Logger
	// Registerer takes the metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
}

// pageSize is how many orders are compared at once.
const pageSize = 500

// Finder finds and resumes orphaned orders. It is safe for concurrent use, also by several processes at once.
type Finder struct {
	o       Options
	found   prometheus.Gauge
	resumed prometheus.Counter
}

// New returns a finder.
func New(o Options) *Finder {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	f := &Finder{
		o: o,
		found: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "orderloom_orphaned_orders", Help: "Orders that need a saga and have no open one, at the last look.",
		}),
		resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderloom_orphaned_orders_resumed_total", Help: "Orders for which a saga was started again.",
		}),
	}
	if o.Registerer != nil {
		o.Registerer.MustRegister(f.found, f.resumed)
	}
	return f
}

// Run looks for orphans until ctx ends, and resumes them where that is set. A look that fails is logged and made again.
func (f *Finder) Run(ctx context.Context) error {
	ticker := time.NewTicker(f.o.Every)
	defer ticker.Stop()
	for {
		if err := f.lookForOrphans(ctx); err != nil && ctx.Err() == nil {
			f.o.Logger.WarnContext(ctx, "orders without a saga could not be looked for, trying again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// lookForOrphans looks once for orphans. It ends with the first error.
func (f *Finder) lookForOrphans(ctx context.Context) error {
	n := 0
	for o, err := range f.Find(ctx) {
		if err != nil {
			return err
		}
		n++
		f.o.Logger.WarnContext(ctx, "an order has no saga", "order_id", o.ID.String(), "status", string(o.Status), "resume", f.o.Resume)
		if !f.o.Resume {
			continue
		}
		if _, err := f.Resume(ctx, o); err != nil {
			return err
		}
	}
	f.found.Set(float64(n))
	return nil
}

// Find yields the open orders that have no open saga, oldest first, and the cancelled ones that still hold money. It
// ends with the first error.
func (f *Finder) Find(ctx context.Context) iter.Seq2[order.Order, error] {
	return func(yield func(order.Order, error) bool) {
		before := time.Now().Add(-f.o.Every)
		for after := uuid.Nil; ; {
			page, err := f.o.Views.OpenOrders(ctx, before, after, pageSize)
			if err != nil {
				yield(order.Order{}, err)
				return
			}
			if !f.yieldOrphans(ctx, page, yield) || len(page) < pageSize {
				return
			}
			after = page[len(page)-1]
		}
	}
}

// yieldOrphans yields those of the orders that need a saga by their events and have none.
func (f *Finder) yieldOrphans(ctx context.Context, orders []uuid.UUID, yield func(order.Order, error) bool) bool {
	without, err := f.o.Sagas.WithoutSaga(ctx, orders)
	if err != nil {
		yield(order.Order{}, err)
		return false
	}
	for _, id := range without {
		o, needed, err := f.needsSaga(ctx, id)
		if err != nil {
			yield(o, fmt.Errorf("load order %s: %w", id, err))
			return false
		}
		if needed && !yield(o, nil) {
			return false
		}
	}
	return true
}

// needsSaga reports whether an order's events leave something to do: the view may be behind. Or it may be ahead, of a
// store that was restored: such an order is no saga's, and must not hide the others.
func (f *Finder) needsSaga(ctx context.Context, id uuid.UUID) (o order.Order, needed bool, err error) {
	o, err = f.o.History.Order(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		f.o.Logger.WarnContext(ctx, "a view shows an order that has no events", "order_id", id.String())
		return o, false, nil
	case err != nil:
		return o, false, err
	case o.Status == order.StatusCancelled: // what it was secured with may still have to be undone
		needed, err = f.o.History.HoldsMoney(ctx, id)
		return o, needed, err
	}
	return o, !o.Status.Ended(), nil
}

// Resume starts a saga for an order. It may be repeated; started is false when one is open already.
func (f *Finder) Resume(ctx context.Context, o order.Order) (started bool, err error) {
	started, err = f.o.Sagas.ResumeOrder(ctx, o)
	if err != nil {
		return false, fmt.Errorf("resume order %s: %w", o.ID, err)
	}
	if started {
		f.resumed.Inc()
		f.o.Logger.InfoContext(ctx, "a saga goes on with an order", "order_id", o.ID.String(), "status", string(o.Status))
	}
	return started, nil
}
