package readmodel

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/prometheus/client_golang/prometheus"
)

// Limits.
const (
	// WaitMaxDefault is how long [Reader.OrderAt] waits for the view before it asks the event store.
	WaitMaxDefault = time.Second
	// waitPoll is how often it looks.
	waitPollMin = 10 * time.Millisecond
	waitPollMax = 100 * time.Millisecond
	// loadTimeout bounds the loading of one order for all who wait for it.
	loadTimeout = 5 * time.Second
	// stockLevelsMax bounds the locations of a SKU, timelineMax the entries of a timeline.
	stockLevelsMax = 1000
	timelineMax    = 5000
)

// CodeNotFound is the code of the error for what does not exist.
const CodeNotFound = domain.CodeNotFound

// CodeVersionUnknown is the code of the error when no event has the version that is asked for.
const CodeVersionUnknown domain.ErrorCode = "version_unknown"

// EventSource reads the streams of the event store.
type EventSource interface {
	// Load returns the events of a stream with a version above after, in order; none for a stream that does
	// not exist.
	Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error)
	// Watch returns a channel and a function that ends the watch. The channel receives once this process has appended
	// to one of the streams with these ids beyond the version given with it.
	Watch(past map[uuid.UUID]int64) (appended <-chan struct{}, stop func())
}

// Cache keeps orders for a while. It may forget anything at any time, and never fails: what it can't do it
// leaves out.
type Cache interface {
	// Get returns an order, and false when the cache does not have it.
	Get(ctx context.Context, id uuid.UUID) (Shown, bool)
	// Put keeps an order, unless the cache knows of a later state of it.
	Put(ctx context.Context, s Shown)
	// Invalidate forgets orders that have changed, and refuses states of them from before the change.
	Invalidate(ctx context.Context, changed []OrderVersion)
}

// Options says what else a reader works with. All may be left out.
type Options struct {
	// Events answers for orders that the views don't have yet.
	Events EventSource
	// Backlog tells what the relay has not published yet, for the status of the projections.
	Backlog BacklogSource
	// Cache keeps single orders; nil for none.
	Cache  Cache
	Logger *slog.Logger
	// WaitMax is how long OrderAt waits for the view; 0 for WaitMaxDefault.
	WaitMax time.Duration
	// LookAfter is how soon Settled looks at an order of which it is told nothing; 0 for LookAfterDefault. Where the
	// sagas run in the same process it is nearly always told.
	LookAfter time.Duration
	// Registerer takes the metric of the cache; nil shows it to nobody.
	Registerer prometheus.Registerer
}

// Reader answers from the views. It is safe for concurrent use.
type Reader struct {
	pool    *pgxpool.Pool
	events  EventSource
	backlog BacklogSource
	cache   Cache
	log     *slog.Logger
	waitMax time.Duration
	// lookAfter is how soon Settled looks.
	lookAfter time.Duration
	flights   flights
	// hits and misses count what was asked of the cache.
	hits, misses prometheus.Counter
}

// NewReader returns a reader of the views in pool.
func NewReader(pool *pgxpool.Pool, o Options) *Reader {
	r := &Reader{
		pool: pool, events: o.Events, backlog: o.Backlog, cache: o.Cache, log: o.Logger,
		waitMax: cmp.Or(o.WaitMax, WaitMaxDefault), lookAfter: cmp.Or(o.LookAfter, LookAfterDefault),
	}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.cache == nil {
		r.cache = noCache{}
	}
	reads := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "orderloom_cache_reads_total", Help: "Single orders that were asked of the cache, by outcome: hit or miss. A cache that does not answer misses.",
	}, []string{"outcome"})
	r.hits, r.misses = reads.WithLabelValues("hit"), reads.WithLabelValues("miss")
	if o.Registerer != nil {
		o.Registerer.MustRegister(reads)
	}
	return r
}

type noCache struct{}

// Get implements [Cache].
func (noCache) Get(context.Context, uuid.UUID) (Shown, bool) { return Shown{}, false }

// Put implements [Cache].
func (noCache) Put(context.Context, Shown) {}

// Invalidate implements [Cache].
func (noCache) Invalidate(context.Context, []OrderVersion) {}

// Order returns an order: from the cache, else the view, else the event store, so that an order which was
// accepted is never denied. Errors: not_found.
func (r *Reader) Order(ctx context.Context, id uuid.UUID) (Shown, error) {
	if v, ok := r.cache.Get(ctx, id); ok {
		r.hits.Inc()
		return v, nil
	}
	r.misses.Inc()
	return r.shared(ctx, id)
}

// shared loads an order once for all who ask for it at the same moment. So a popular order that falls out of the
// cache costs one query.
func (r *Reader) shared(ctx context.Context, id uuid.UUID) (Shown, error) {
	return r.flights.do(ctx, id, func() (Shown, error) {
		loading, cancel := context.WithTimeout(ctx, loadTimeout)
		defer cancel()
		v, err := r.load(loading, id)
		if err == nil {
			r.cache.Put(loading, v)
		}
		return v, err
	})
}

// load reads an order from the view, else the event store.
func (r *Reader) load(ctx context.Context, id uuid.UUID) (Shown, error) {
	v, err := r.view(ctx, id)
	if !errors.Is(err, pgx.ErrNoRows) {
		return v, err
	}
	folded, err := r.fold(ctx, id)
	if err != nil {
		return Shown{}, err
	}
	return folded.Shown(), nil
}

var selectOne = "SELECT " + shownColumns(true) + " FROM orderloom.order_views WHERE order_id = $1 AND created_at IS NOT NULL"

// view reads an order from order_views. Errors: pgx.ErrNoRows.
func (r *Reader) view(ctx context.Context, id uuid.UUID) (Shown, error) {
	var s Shown
	if err := (&shownScanner{rows: 1}).scan(r.pool.QueryRow(ctx, selectOne, pgtype.UUID{Bytes: id, Valid: true}), &s); err != nil {
		return Shown{}, fmt.Errorf("read order %s: %w", id, err)
	}
	return s, nil
}

// fold makes the view of an order from the event store. Errors: not_found.
func (r *Reader) fold(ctx context.Context, id uuid.UUID) (OrderView, error) {
	if r.events == nil {
		return OrderView{}, notFound(id)
	}
	orders, err := r.events.Load(ctx, domain.AggregateOrder, id, 0)
	if err != nil {
		return OrderView{}, fmt.Errorf("load order %s: %w", id, err)
	}
	if len(orders) == 0 {
		return OrderView{}, notFound(id)
	}
	payments, err := r.events.Load(ctx, domain.AggregatePayment, payment.ID(id), 0)
	if err != nil {
		return OrderView{}, fmt.Errorf("load payment of order %s: %w", id, err)
	}
	return FoldOrder(orders, payments)
}

func notFound(id uuid.UUID) error {
	return domain.Refuse(CodeNotFound, "order %s does not exist", id)
}

// OrderAt returns an order in a state of at least this version of its stream. A write has returned that version, so
// whoever has written reads what was written. It waits for the view for a while, and then asks the event store.
// Errors: not_found; version_unknown when the store does not have that version either.
func (r *Reader) OrderAt(ctx context.Context, id uuid.UUID, minVersion int64) (Shown, error) {
	v, err := r.Order(ctx, id)
	if err == nil && v.Version >= minVersion || err != nil && domain.Code(err) != CodeNotFound {
		return v, err
	}
	deadline := time.Now().Add(r.waitMax)
	for poll := waitPollMin; time.Now().Before(deadline); poll = min(2*poll, waitPollMax) {
		if err := backoff.Pause(ctx, poll); err != nil {
			return Shown{}, err
		}
		v, err := r.view(ctx, id)
		switch {
		case err == nil && v.Version >= minVersion:
			r.cache.Put(ctx, v)
			return v, nil
		case err != nil && !errors.Is(err, pgx.ErrNoRows):
			return Shown{}, err
		}
	}
	folded, err := r.fold(ctx, id)
	switch {
	case err != nil:
		return Shown{}, err
	case folded.Version < minVersion:
		return Shown{}, domain.Refuse(CodeVersionUnknown, "order %s is at version %d, asked for %d", id, folded.Version, minVersion)
	}
	return folded.Shown(), nil
}

// Customer returns the summary of a customer's orders. Errors: not_found for one without orders.
func (r *Reader) Customer(ctx context.Context, id string) (CustomerSummary, error) {
	rows, err := r.pool.Query(ctx, `SELECT currency, orders, cancelled, delivered, first_order_at, last_order_at,
			ARRAY[total_amount, refunded_amount, owed_amount, disputed_amount, disputes_lost_amount]::text[]
		FROM orderloom.customer_summaries WHERE customer_id = $1 ORDER BY currency`, id)
	if err != nil {
		return CustomerSummary{}, fmt.Errorf("read customer: %w", err)
	}
	s := CustomerSummary{CustomerID: id}
	sums := []*[]money.Money{&s.Totals, &s.Refunded, &s.Owed, &s.Disputed, &s.DisputesLost}
	var currency string
	var orders, cancelled, delivered int
	var first, last time.Time
	var amounts []string
	_, err = pgx.ForEachRow(rows, []any{&currency, &orders, &cancelled, &delivered, &first, &last, &amounts}, func() error {
		s.Orders, s.Cancelled, s.Delivered = s.Orders+orders, s.Cancelled+cancelled, s.Delivered+delivered
		for i, sum := range sums {
			m, err := amount(amounts[i], currency)
			if err != nil {
				return err
			}
			*sum = append(*sum, m)
		}
		if s.FirstOrderAt.IsZero() || first.Before(s.FirstOrderAt) {
			s.FirstOrderAt = first.UTC()
		}
		if last.After(s.LastOrderAt) {
			s.LastOrderAt = last.UTC()
		}
		return nil
	})
	if err != nil {
		return CustomerSummary{}, fmt.Errorf("read customer: %w", err)
	}
	if s.Orders == 0 {
		return CustomerSummary{}, domain.Refuse(CodeNotFound, "customer has no orders")
	}
	return s, nil
}

// Stock returns the levels of SKUs, one for each location, sorted by SKU and location; none for an unknown SKU. The
// first one of a SKU may be the queue, without a location.
func (r *Reader) Stock(ctx context.Context, skus ...string) ([]StockLevel, error) {
	rows, err := r.pool.Query(ctx, `SELECT sku, location, on_hand, reserved, backorders, updated_at, version FROM orderloom.stock_levels
		WHERE sku = ANY($1) ORDER BY sku, location LIMIT $2`, skus, stockLevelsMax*len(skus))
	if err != nil {
		return nil, fmt.Errorf("read stock: %w", err)
	}
	levels, err := pgx.CollectRows(rows, scanStockLevel)
	if err != nil {
		return nil, fmt.Errorf("read stock: %w", err)
	}
	return levels, nil
}

// scanStockLevel reads a row of stock_levels.
func scanStockLevel(row pgx.CollectableRow) (StockLevel, error) {
	var l StockLevel
	err := row.Scan(&l.SKU, &l.Location, &l.OnHand, &l.Reserved, &l.Backorders, &l.UpdatedAt, &l.Version)
	l.UpdatedAt = l.UpdatedAt.UTC()
	l.show()
	return l, err
}

// Payment returns the payment of an order. Errors: not_found when nothing is known of one.
func (r *Reader) Payment(ctx context.Context, orderID uuid.UUID) (PaymentView, error) {
	v, err := ScanPayment(r.pool.QueryRow(ctx, "SELECT "+PaymentColumns+" FROM orderloom.payment_views WHERE payment_id = $1", payment.ID(orderID)))
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return PaymentView{}, domain.Refuse(CodeNotFound, "order %s has no payment", orderID)
	case err != nil:
		return PaymentView{}, fmt.Errorf("read payment of order %s: %w", orderID, err)
	}
	return v, nil
}

// Timeline returns what has happened to an order, in order, at most 5000 entries. When the view has nothing
// yet, it is made from the streams of the order and its payment. Errors: not_found.
func (r *Reader) Timeline(ctx context.Context, orderID uuid.UUID) ([]TimelineEntry, error) {
	rows, err := r.pool.Query(ctx, `SELECT sequence, event_id, aggregate_type, aggregate_id, version, event_type, summary, occurred_at, caused_by,
			coalesce(actor, '')
		FROM orderloom.order_timeline WHERE order_id = $1 ORDER BY sequence LIMIT $2`, orderID, timelineMax)
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	entries, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (TimelineEntry, error) {
		var e TimelineEntry
		err := row.Scan(&e.Sequence, &e.EventID, &e.AggregateType, &e.AggregateID, &e.Version, &e.EventType, &e.Summary, &e.OccurredAt, &e.CausedBy, &e.Actor)
		e.OccurredAt = e.OccurredAt.UTC()
		return e, err
	})
	if err != nil {
		return nil, fmt.Errorf("read timeline: %w", err)
	}
	if len(entries) > 0 {
		return entries, nil
	}
	return r.foldTimeline(ctx, orderID)
}

func (r *Reader) foldTimeline(ctx context.Context, orderID uuid.UUID) ([]TimelineEntry, error) {
	if r.events == nil {
		return nil, notFound(orderID)
	}
	var entries []TimelineEntry
	for _, s := range []struct {
		aggregateType string
		id            uuid.UUID
	}{{domain.AggregateOrder, orderID}, {domain.AggregatePayment, payment.ID(orderID)}} {
		events, err := r.events.Load(ctx, s.aggregateType, s.id, 0)
		if err != nil {
			return nil, fmt.Errorf("load %s %s: %w", s.aggregateType, s.id, err)
		}
		for _, env := range events {
			e, err := catalog.Decode(env)
			if err != nil {
				return nil, fmt.Errorf("timeline of order %s: %w", orderID, err)
			}
			entries = append(entries, NewTimelineEntry(env, e))
		}
	}
	if len(entries) == 0 {
		return nil, notFound(orderID)
	}
	sortTimeline(entries)
	return entries, nil
}

// Projections returns the status of every projection, sorted by name.
func (r *Reader) Projections(ctx context.Context) ([]ProjectionStatus, error) {
	return Projections(ctx, r.pool, r.backlog)
}
