package orphans

import (
	"context"
	"log/slog"
	"math"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/prometheus/client_golang/prometheus"
)

// Sagas is what the finder asks of Temporal. All calls may be repeated.
type Sagas interface {
	// WithoutSaga returns those of the orders that have no open saga. It may trust Temporal's list of executions, which
	// can show one that is gone, or look each of them up.
	WithoutSaga(ctx context.Context, orders []uuid.UUID, trustList bool) ([]uuid.UUID, error)
	// OpenSagas returns the orders that have an open saga by Temporal's list, a page after a token; nil begins it. The
	// last page comes with a nil token.
	OpenSagas(ctx context.Context, token []byte) (orders []uuid.UUID, next []byte, err error)
	// FailingSagas returns open executions whose workflow tasks keep failing, at most limit, and how many there are.
	// Supported is false when the server does not tell.
	FailingSagas(ctx context.Context, limit int) (failing []Failing, count int, supported bool, err error)
	// ResumeOrder starts a saga that goes on with an order. While one is open it is replaced, or nothing is done and
	// started is false.
	ResumeOrder(ctx context.Context, o order.Order, replace bool) (started bool, err error)
	// NamespaceMark returns the mark of the store whose orders run in the namespace, zero when it has none. Such a
	// namespace gets the mark that claims it; a zero claim only reads.
	NamespaceMark(ctx context.Context, claim Mark) (Mark, error)
}

// Views tells which orders to compare with Temporal.
type Views interface {
	// OpenOrders returns the ids of open orders that were placed before a time, and of cancelled ones that still hold
	// money. They come oldest first, after an id of the same list; [uuid.Nil] begins it. At most limit.
	OpenOrders(ctx context.Context, placedBefore time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// OwingOrders returns the ids of ended orders that may owe something by what happened between two times. They come
	// in the order of their ids, after one of them, at most limit.
	OwingOrders(ctx context.Context, from, until time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error)
	// EndedOrders returns those of the orders that had ended before a time.
	EndedOrders(ctx context.Context, ids []uuid.UUID, before time.Time) ([]uuid.UUID, error)
	// DueReturns returns the ids of orders with returns that are due by a time. They come in the order of their ids,
	// after one of them, at most limit.
	DueReturns(ctx context.Context, by time.Time, after uuid.UUID, limit int) ([]uuid.UUID, error)
}

// Returns ends returns that are due. It may be repeated.
type Returns interface {
	// EndReturns has a saga look at the returns of an order, and waits for none of it.
	EndReturns(ctx context.Context, orderID uuid.UUID) error
}

// History tells where an order stands by its events. Error: not_found.
type History interface {
	Order(ctx context.Context, id uuid.UUID) (order.Order, error)
	// Owes says what an order that has ended still owes: money, a refund, stock; empty when nothing.
	Owes(ctx context.Context, o order.Order) (string, error)
}

// Mark says which event store's orders run in a namespace of Temporal.
type Mark struct {
	// Store is the store's id, which goes with its data.
	Store uuid.UUID `json:"store_id"`
}

// Options of [New]. All but Returns, List, Logger and Registerer are required.
type Options struct {
	Sagas   Sagas
	Views   Views
	History History
	// Returns ends returns that are due, where [Finder.Run] resumes; nil ends none.
	Returns Returns
	// Mark returns that of the event store. It is asked at each look.
	Mark func(context.Context) (Mark, error)
	// List takes what waits for a person; nil is nowhere. WorkflowID names an order's saga, and is required with it.
	List       *List
	WorkflowID func(orderID uuid.UUID) string
	// Unavailable reports whether an error says that Temporal can't be reached: a look ends with it.
	Unavailable func(error) bool
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

// Limits of a look.
const (
	// pageSize is how many orders are compared at once.
	pageSize = 500
	// parallelMax is how many orders are resumed at once. Temporal answers a start within milliseconds.
	parallelMax = 16
	// lookedUpMax is how many orders of Temporal's list are looked up one by one at each look, in turn. partsMin is how
	// many looks share them at least.
	lookedUpMax = 10_000
	partsMin    = 2
	// owingFor is how long ago an order may have ended, when a process begins to look, to be asked what it owes.
	owingFor = 30 * 24 * time.Hour
	// owingOverlap is how much of what was looked through is looked through again: views may be behind.
	owingOverlap = time.Hour
	// owingMax bounds the orders that are known to owe something and have a saga.
	owingMax = 10_000
	// failingMax is how many failing executions are named; all are counted.
	failingMax = 1000
	// pauseMax is the longest pause between two attempts to resume one order. It is doubled so often at most.
	pauseMax       = time.Hour
	pauseDoublings = 12
	// attemptsMax bounds the orders whose attempts are counted. Those beyond are resumed at each look.
	attemptsMax = 100_000
)

// Finder finds and resumes orphaned orders. It is safe for concurrent use, also by several processes at once.
type Finder struct {
	o       Options
	metrics metrics

	mu sync.Mutex
	// looks counts the looks, and listed is how many open orders the last one saw: both choose whom to look up.
	looks, listed int
	owed          owing
	attempts      map[uuid.UUID]attempt
}

// New returns a finder.
func New(o Options) *Finder {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	return &Finder{o: o, metrics: newMetrics(o.Registerer), owed: owing{orders: map[uuid.UUID]bool{}}, attempts: map[uuid.UUID]attempt{}}
}

// MinAge is how old an order has to be to be looked at.
func (f *Finder) MinAge() time.Duration { return f.o.Every }

// Run looks for orphans until ctx ends, and resumes them where that is set. A look that fails is logged and made again.
func (f *Finder) Run(ctx context.Context) error {
	ticker := time.NewTicker(f.o.Every)
	defer ticker.Stop()
	for {
		if err := f.look(ctx); err != nil && ctx.Err() == nil {
			f.o.Logger.WarnContext(ctx, "orders without a saga could not be looked for, trying again later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// look looks once for orphans and for failing executions, and resumes what may be resumed.
func (f *Finder) look(ctx context.Context) error {
	resume := f.o.Resume
	foreign, err := f.claim(ctx)
	switch {
	case err != nil:
		return err
	case foreign == nil:
		f.metrics.foreign.Set(0)
	default:
		f.metrics.foreign.Set(1)
		f.o.Logger.ErrorContext(ctx, "orders are not resumed in the namespace of another event store", "error", foreign)
		resume = false
	}
	unmended := f.collect()
	to := outcomes{}
	if f.o.List != nil {
		to.took = unmended.add
	}
	report, err := f.resumeAll(ctx, f.find(ctx, true), resume, f.due, to)
	if err != nil {
		return err
	}
	f.metrics.orphaned.Set(float64(report.Orphaned))
	f.metrics.surplus.Set(float64(report.Surplus))
	if resume {
		if err := f.endReturns(ctx); err != nil {
			return err
		}
	}
	f.endLook()
	failing, count, supported, err := f.Failing(ctx)
	switch {
	case err != nil:
		f.metrics.failing.Set(math.NaN())
		return err
	case !supported:
		f.metrics.failing.Set(math.NaN())
	default:
		f.metrics.failing.Set(float64(count))
	}
	if f.o.List != nil && foreign == nil { // in another store's namespace, all orders look like orphans
		err = unmended.list(ctx, failing)
	}
	return err
}

// ForeignNamespaceError says that the orders of another event store run in the namespace.
type ForeignNamespaceError struct{ Ours, Theirs Mark }

// Error says what is wrong, and what to do.
func (e *ForeignNamespaceError) Error() string {
	return "the Temporal namespace belongs to event store " + e.Theirs.Store.String() + ", and this is store " + e.Ours.Store.String() +
		": check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and DATABASE_URL"
}

// claim reports whether the namespace carries the store's mark: foreign is nil then. One without a mark gets it.
func (f *Finder) claim(ctx context.Context) (foreign *ForeignNamespaceError, err error) {
	ours, err := f.o.Mark(ctx)
	if err != nil {
		return nil, err
	}
	theirs, err := f.o.Sagas.NamespaceMark(ctx, ours)
	if err != nil || theirs == ours {
		return nil, err
	}
	return &ForeignNamespaceError{Ours: ours, Theirs: theirs}, nil
}

// CheckNamespace reports whether the namespace may be this store's. It changes nothing. Errors:
// [ForeignNamespaceError]; Temporal or the store can't be reached.
func (f *Finder) CheckNamespace(ctx context.Context) error {
	ours, err := f.o.Mark(ctx)
	if err != nil {
		return err
	}
	theirs, err := f.o.Sagas.NamespaceMark(ctx, Mark{})
	if err != nil || theirs == ours || theirs == (Mark{}) {
		return err
	}
	return &ForeignNamespaceError{Ours: ours, Theirs: theirs}
}

// Failing is an open execution whose workflow tasks keep failing.
type Failing struct {
	WorkflowID, RunID string
	// OrderID is the order of an order's saga; none for another execution.
	OrderID uuid.UUID
	// Cause is what Temporal says, such as "WorkflowTaskFailedCauseNonDeterministicError".
	Cause string
}

// Failing returns open executions whose workflow tasks keep failing, at most [failingMax], and how many there are.
// Supported is false when the Temporal server does not tell.
func (f *Finder) Failing(ctx context.Context) (failing []Failing, count int, supported bool, err error) {
	return f.o.Sagas.FailingSagas(ctx, failingMax)
}

type metrics struct {
	orphaned, surplus, failing, foreign prometheus.Gauge
	resumed                             prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	m := metrics{
		orphaned: gauge("orderloom_orphaned_orders", "Orders that need a saga and have no open one, at the last look."),
		surplus:  gauge("orderloom_surplus_sagas", "Open sagas of orders that have ended and owe nothing, at the last look."),
		failing:  gauge("orderloom_failing_sagas", "Open executions whose workflow tasks keep failing, at the last look; NaN when the server does not tell."),
		foreign:  gauge("orderloom_foreign_namespace", "1 while the Temporal namespace carries another event store's id: nothing is resumed."),
		resumed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "orderloom_orphaned_orders_resumed_total", Help: "Orders for which a saga was started again.",
		}),
	}
	if r != nil {
		r.MustRegister(m.orphaned, m.surplus, m.failing, m.foreign, m.resumed)
	}
	return m
}
