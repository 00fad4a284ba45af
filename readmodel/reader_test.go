package readmodel_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// testBundle is a database of views, folded from a store in memory.
type testBundle struct {
	t      *testing.T
	pool   *pgxpool.Pool
	store  *eventtest.Store
	mender *projector.Mender
}

func setup(t *testing.T, cache projector.Invalidator) *testBundle {
	t.Helper()
	b := &testBundle{t: t, pool: pgtest.Pool(t), store: eventtest.NewStore()}
	b.mender = projector.NewMender(projector.MenderOptions{Pool: b.pool, Source: b.store, Projections: views.All(), Cache: cache})
	return b
}

func logger(t *testing.T) *slog.Logger { return slog.New(slog.NewTextHandler(t.Output(), nil)) }

// project adds events to the store and brings the views up to date.
func (b *testBundle) project(events ...domain.Envelope) {
	b.t.Helper()
	b.store.Add(events...)
	require.NoError(b.t, b.mender.CatchUp(b.t.Context(), b.store.Streams()))
}

// changes follows the changes until the test ends, from before it returns.
func (b *testBundle) changes(cache *readmodel.LocalCache) *readmodel.Changes {
	b.t.Helper()
	changes := readmodel.NewChanges(b.pool, cache, logger(b.t))
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- changes.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); require.NoError(b.t, <-done) })
	require.Eventually(b.t, func() bool { return readmodel.Started(changes) }, 10*time.Second, time.Millisecond)
	return changes
}

func viewOf(t *testing.T, s readmodel.Shown) readmodel.OrderView {
	t.Helper()
	v, err := s.View()
	require.NoError(t, err)
	return v
}

// orders returns the ids of the orders among events, in order.
func orders(events []domain.Envelope) []uuid.UUID {
	var ids []uuid.UUID
	for _, e := range events {
		if e.EventType == "OrderPlaced" {
			ids = append(ids, e.AggregateID)
		}
	}
	return ids
}

func TestOrderComesFromTheViewAndElseFromTheStore(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(1, 20)
	b := setup(t, nil)
	r := readmodel.NewReader(b.pool, readmodel.Options{Events: b.store})
	b.store.Add(events...)
	ids := orders(events)
	folded := map[uuid.UUID]readmodel.Shown{}
	for _, id := range ids {
		v, err := r.Order(t.Context(), id)
		require.NoError(t, err, "an order that the views don't have is folded from the store")
		folded[id] = v
		timeline, err := r.Timeline(t.Context(), id)
		require.NoError(t, err)
		require.NotEmpty(t, timeline)
	}
	require.NoError(t, b.mender.CatchUp(t.Context(), b.store.Streams()))
	r = readmodel.NewReader(b.pool, readmodel.Options{}) // without the store
	for _, id := range ids {
		v, err := r.Order(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, eventtest.JSON(folded[id]), eventtest.JSON(v), "the view is the fold")
		timeline, err := r.Timeline(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, "OrderPlaced", timeline[0].EventType)
		c, err := r.Customer(t.Context(), viewOf(t, v).CustomerID)
		require.NoError(t, err)
		require.NotZero(t, c.Orders)
	}
	levels, err := r.Stock(t.Context(), "SKU-001")
	require.NoError(t, err)
	require.Len(t, levels, 1)
	_, err = r.Order(t.Context(), uuid.New())
	require.EqualValues(t, "not_found", domain.Code(err))
	_, err = r.Customer(t.Context(), "nobody")
	require.EqualValues(t, "not_found", domain.Code(err))
	_, err = r.Timeline(t.Context(), uuid.New())
	require.EqualValues(t, "not_found", domain.Code(err))
	status, err := r.Projections(t.Context())
	require.NoError(t, err)
	require.Empty(t, status, "no projector has ever run")
}

func TestOrderAtWaitsForTheWrite(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(2, 1)
	b := setup(t, nil)
	id := orders(events)[0]
	var order, others []domain.Envelope
	for _, e := range events {
		if e.AggregateID == id {
			order = append(order, e)
		} else {
			others = append(others, e)
		}
	}
	b.project(append(others, order[0])...)
	r := readmodel.NewReader(b.pool, readmodel.Options{Events: b.store, WaitMax: 10 * time.Second})
	v, err := r.OrderAt(t.Context(), id, 1)
	require.NoError(t, err)
	require.EqualValues(t, 1, v.Version)

	got := make(chan readmodel.Shown)
	go func() {
		v, _ := r.OrderAt(context.WithoutCancel(t.Context()), id, 2)
		got <- v
	}()
	b.project(order[1])
	require.EqualValues(t, 2, (<-got).Version)

	// The view does not come: the store answers.
	b.store.Add(order[2:]...)
	r = readmodel.NewReader(b.pool, readmodel.Options{Events: b.store, WaitMax: 10 * time.Millisecond})
	v, err = r.OrderAt(t.Context(), id, order[len(order)-1].Version)
	require.NoError(t, err)
	require.Equal(t, order[len(order)-1].Version, v.Version)
	_, err = r.OrderAt(t.Context(), id, 1000)
	require.Equal(t, readmodel.CodeVersionUnknown, domain.Code(err))
	_, err = r.OrderAt(t.Context(), uuid.New(), 1)
	require.EqualValues(t, "not_found", domain.Code(err))
}

func TestPagesAreStableUnderInserts(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(3, 60)
	b := setup(t, nil)
	b.project(events...)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	currencies := map[uuid.UUID]string{}
	for _, sort := range []string{"", "created_at", "-created_at", "total", "-total"} {
		seen := map[uuid.UUID]int{}
		q := readmodel.OrderQuery{Sort: sort, Limit: 7}
		if strings.HasSuffix(sort, "total") {
			q.Currency = "EUR"
		}
		var all []readmodel.OrderView
		for {
			page, err := r.Orders(t.Context(), q)
			require.NoError(t, err)
			for _, v := range page.Orders {
				seen[v.OrderID]++
				all = append(all, viewOf(t, v))
				currencies[v.OrderID] = all[len(all)-1].Total.Currency
			}
			if page.NextCursor == "" {
				break
			}
			// An order that comes in between is shown or not, but shifts nothing.
			_, err = b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_views (order_id, version, created_at, updated_at, order_number, customer_id, status,
				fulfillment_status, total_amount, currency, payment_status, shown)
				VALUES (gen_random_uuid(), 1, '2027-01-01', now(), gen_random_uuid()::text, 'c', 'created', 'unfulfilled', 1e6, 'EUR', 'pending',
				'{"total": {"amount": "1000000.00", "currency": "EUR"}, "created_at": "2027-01-01T00:00:00Z"}')`)
			require.NoError(t, err)
			q.Cursor = page.NextCursor
		}
		for _, id := range orders(events) {
			want := 1
			if q.Currency != "" && currencies[id] != q.Currency {
				want = 0
			}
			require.Equal(t, want, seen[id], "sort %q", sort)
		}
		for i := 1; i < len(all); i++ {
			a, b := all[i-1], all[i]
			switch sort {
			case "created_at":
				require.False(t, b.CreatedAt.Before(a.CreatedAt))
			case "", "-created_at":
				require.False(t, a.CreatedAt.Before(b.CreatedAt))
			case "total":
				require.LessOrEqual(t, a.Total.Amount.Cmp(b.Total.Amount), 0)
			case "-total":
				require.GreaterOrEqual(t, a.Total.Amount.Cmp(b.Total.Amount), 0)
			}
		}
	}
}

func TestFiltersPickWhatTheySay(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(4, 80)
	b := setup(t, nil)
	b.project(events...)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	page, err := r.Orders(t.Context(), readmodel.OrderQuery{Limit: readmodel.PageSizeMax})
	require.NoError(t, err)
	require.Len(t, page.Orders, 80)
	var all []readmodel.OrderView
	for _, s := range page.Orders {
		all = append(all, viewOf(t, s))
	}
	one := all[40]
	low, high := money.Must("100", "EUR"), money.Must("900", "EUR")
	for name, c := range map[string]struct {
		q    readmodel.OrderQuery
		want func(readmodel.OrderView) bool
	}{
		"customer": {readmodel.OrderQuery{CustomerID: one.CustomerID}, func(v readmodel.OrderView) bool { return v.CustomerID == one.CustomerID }},
		"status":   {readmodel.OrderQuery{Status: "cancelled"}, func(v readmodel.OrderView) bool { return v.Status == "cancelled" }},
		"payment":  {readmodel.OrderQuery{PaymentStatus: "captured"}, func(v readmodel.OrderView) bool { return v.PaymentStatus == "captured" }},
		"sku": {readmodel.OrderQuery{SKU: one.Items[0].SKU}, func(v readmodel.OrderView) bool {
			for _, i := range v.Items {
				if i.SKU == one.Items[0].SKU {
					return true
				}
			}
			return false
		}},
		"prefix":   {readmodel.OrderQuery{NumberPrefix: one.OrderNumber[:6]}, func(v readmodel.OrderView) bool { return v.OrderNumber[:6] == one.OrderNumber[:6] }},
		"wildcard": {readmodel.OrderQuery{NumberPrefix: "ORD_"}, func(readmodel.OrderView) bool { return false }},
		"time": {readmodel.OrderQuery{CreatedFrom: one.CreatedAt, CreatedTo: one.CreatedAt.Add(time.Second)}, func(v readmodel.OrderView) bool {
			return !v.CreatedAt.Before(one.CreatedAt) && v.CreatedAt.Before(one.CreatedAt.Add(time.Second))
		}},
		"total": {readmodel.OrderQuery{TotalMin: &low, TotalMax: &high}, func(v readmodel.OrderView) bool {
			return v.Total.Currency == "EUR" && v.Total.Cmp(low) >= 0 && v.Total.Cmp(high) <= 0
		}},
		"together": {readmodel.OrderQuery{Status: "delivered", SKU: "SKU-001", TotalMin: &low}, func(v readmodel.OrderView) bool {
			has := false
			for _, i := range v.Items {
				has = has || i.SKU == "SKU-001"
			}
			return has && v.Status == "delivered" && v.Total.Currency == "EUR" && v.Total.Cmp(low) >= 0
		}},
	} {
		t.Run(name, func(t *testing.T) {
			c.q.Limit = readmodel.PageSizeMax
			page, err := r.Orders(t.Context(), c.q)
			require.NoError(t, err, name)
			var want []uuid.UUID
			for _, v := range all {
				if c.want(v) {
					want = append(want, v.OrderID)
				}
			}
			var got []uuid.UUID
			for _, v := range page.Orders {
				got = append(got, v.OrderID)
			}
			require.Equal(t, want, got, name)
		})
	}
	first, err := r.Orders(t.Context(), readmodel.OrderQuery{Limit: 1})
	require.NoError(t, err)
	for name, q := range map[string]readmodel.OrderQuery{
		"garbage":      {Cursor: "garbage"},
		"other filter": {Cursor: first.NextCursor, Status: "created"},
		"other order":  {Cursor: first.NextCursor, Sort: "created_at"},
		"no currency":  {Sort: "total"},
		"limit":        {Limit: 101},
		"negative":     {Limit: -1},
		"sort":         {Sort: "colour"},
		"huge number":  {Sort: "total", Currency: "EUR", Cursor: "eyJrIjoiMWU5OTk5OTk5OTkiLCJpIjoiMDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwIn0"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.Orders(t.Context(), q)
			require.Equal(t, domain.CodeInvalid, domain.Code(err), name)
		})
	}
}

// caches are the two implementations, which must behave alike.
// Orders that wait for a person are found by the cause, and counted by it.
// beforeAnyDispute leaves out what happens to a payment from when a refund of it is owed, or it is disputed.
func beforeAnyDispute(events []domain.Envelope) (kept []domain.Envelope) {
	over := map[uuid.UUID]bool{}
	for _, e := range events {
		over[e.AggregateID] = over[e.AggregateID] || e.EventType == "RefundOwed" || e.EventType == "DisputeOpened"
		if !over[e.AggregateID] {
			kept = append(kept, e)
		}
	}
	return kept
}

func TestOrdersThatWaitForAPersonAreFound(t *testing.T) {
	t.Parallel()
	events := beforeAnyDispute(eventtest.Lives(4, 80))
	var captured *payment.PaymentCaptured
	version := map[uuid.UUID]int64{}
	for _, env := range events {
		version[env.AggregateID] = env.Version
		if e, err := catalog.Decode(env); err == nil && captured == nil {
			if e, is := e.(payment.PaymentCaptured); is {
				captured = &e
			}
		}
	}
	require.NotNil(t, captured)
	dispute := envelopes(t, captured.PaymentID, payment.DisputeOpened{
		PaymentID: captured.PaymentID, OrderID: captured.OrderID, GatewayRef: "dp_1", Amount: captured.Amount, Reason: "fraudulent",
		OpenedAt: time.Now().UTC(),
	})[0]
	dispute.AggregateType, dispute.Version, dispute.Sequence = domain.AggregatePayment, version[captured.PaymentID]+1, events[len(events)-1].Sequence+1
	b := setup(t, nil)
	b.project(append(events, dispute)...)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	for cause, want := range map[string][]uuid.UUID{
		readmodel.AttentionAny:                {captured.OrderID},
		string(attention.CauseDisputeOpen):    {captured.OrderID},
		string(attention.CauseRefundFailed):   {},
		string(attention.CauseCaptureFailed):  {},
		string(attention.CauseVoidFailed):     {},
		string(attention.CauseOverdue) + " x": {},
	} {
		page, err := r.Orders(t.Context(), readmodel.OrderQuery{Attention: cause})
		require.NoError(t, err)
		got := []uuid.UUID{}
		for _, o := range page.Orders {
			got = append(got, o.OrderID)
			require.Equal(t, attention.CauseDisputeOpen, viewOf(t, o).Attention[0].Cause)
		}
		require.Equal(t, want, got, cause)
	}
	counts, err := readmodel.AttentionCounts(t.Context(), b.pool)
	require.NoError(t, err)
	require.Equal(t, 1, counts[attention.CauseDisputeOpen].Count)
	require.Zero(t, counts[attention.CauseVoidFailed])
	require.Len(t, counts, len(attention.AllCauses()))
}

func caches(t *testing.T) map[string]func(t *testing.T) (cache readmodel.Cache, alive func()) {
	return map[string]func(t *testing.T) (readmodel.Cache, func()){
		"local": func(t *testing.T) (readmodel.Cache, func()) {
			c := readmodel.NewLocalCache(5 * time.Minute)
			return c, func() { readmodel.Touch(c) }
		},
		"redis": func(t *testing.T) (readmodel.Cache, func()) {
			c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: redisURL(t), TTL: 5 * time.Minute, Logger: logger(t)})
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, c.Close()) })
			return c, func() {}
		},
	}
}

// redisURL is a real Redis, if one is given, and else one in this process.
func redisURL(t *testing.T) string {
	if url := os.Getenv("ORDERLOOM_TEST_REDIS_URL"); url != "" {
		return url
	}
	return "redis://" + miniredis.RunT(t).Addr()
}

// shownAt is an order of which nothing but its versions is known.
func shownAt(id uuid.UUID, version, paymentVersion int64) readmodel.Shown {
	v := readmodel.NewOrderView(id)
	v.Version, v.PaymentVersion = version, paymentVersion
	return v.Shown()
}

func TestCacheNeverGoesBack(t *testing.T) {
	t.Parallel()
	for name, make := range caches(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, alive := make(t)
			alive()
			ctx := t.Context()
			id := uuid.New()
			_, ok := c.Get(ctx, id)
			require.False(t, ok)
			old := shownAt(id, 1, 0)
			c.Put(ctx, old)
			v, ok := c.Get(ctx, id)
			require.True(t, ok)
			require.JSONEq(t, eventtest.JSON(old), eventtest.JSON(v))
			c.Invalidate(ctx, []readmodel.OrderVersion{{OrderID: id, Version: 2}})
			_, ok = c.Get(ctx, id)
			require.False(t, ok)
			// A reader that has read the view before the change puts it back after it. Without the comparison of
			// versions the old state would then stay for as long as the TTL.
			c.Put(ctx, old)
			_, ok = c.Get(ctx, id)
			require.False(t, ok)
			c.Put(ctx, shownAt(id, 2, 3))
			c.Invalidate(ctx, []readmodel.OrderVersion{{OrderID: id, Version: 2}}) // late
			_, _ = c.Get(ctx, id)
			c.Put(ctx, old)
			v, ok = c.Get(ctx, id)
			require.True(t, ok)
			require.EqualValues(t, 3, v.PaymentVersion)
		})
	}
}

func TestCacheExpires(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + server.Addr(), TTL: 5 * time.Minute, Logger: logger(t)})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	v := shownAt(uuid.New(), 1, 0)
	c.Put(t.Context(), v)
	server.FastForward(299 * time.Second)
	_, ok := c.Get(t.Context(), v.OrderID)
	require.True(t, ok)
	server.FastForward(2 * time.Second)
	_, ok = c.Get(t.Context(), v.OrderID)
	require.False(t, ok)
}

func TestDeadRedisCostsNothingAndMissesNothing(t *testing.T) {
	t.Parallel()
	server := miniredis.RunT(t)
	c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + server.Addr(), TTL: 5 * time.Minute, Logger: logger(t)})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	v := shownAt(uuid.New(), 1, 0)
	c.Put(t.Context(), v)
	server.Close()
	for range 5 {
		_, ok := c.Get(t.Context(), v.OrderID)
		require.False(t, ok)
	}
	start := time.Now()
	for range 1000 {
		c.Get(t.Context(), v.OrderID)
	}
	require.Less(t, time.Since(start), 500*time.Millisecond, "the breaker keeps readers away")
	c.Invalidate(t.Context(), []readmodel.OrderVersion{{OrderID: v.OrderID, Version: 2}})
	require.NoError(t, server.Restart()) // with the old state still in it
	require.Eventually(t, func() bool { value, _ := server.Get("orderloom:order:" + v.OrderID.String()); return value == "2\n" },
		20*time.Second, 20*time.Millisecond, "the change is told as soon as Redis is back")
	_, ok := c.Get(t.Context(), v.OrderID)
	require.False(t, ok)
}

// Fails where all that has changed during an outage is told at once, which no Redis answers within the timeout.
func TestRedisIsToldOfALongOutage(t *testing.T) {
	t.Parallel()
	const orders = 20_000
	server := miniredis.RunT(t)
	registry := prometheus.NewRegistry()
	c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + server.Addr(), TTL: 5 * time.Minute, Logger: logger(t), Registerer: registry})
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	waiting := func() float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		require.Len(t, families, 1)
		require.Equal(t, "orderloom_redis_pending_orders", families[0].GetName())
		return families[0].GetMetric()[0].GetGauge().GetValue()
	}
	server.Close()
	changed := make([]readmodel.OrderVersion, orders)
	for i := range changed {
		changed[i] = readmodel.OrderVersion{OrderID: uuid.New(), Version: 2}
	}
	c.Invalidate(t.Context(), changed)
	require.InDelta(t, orders, waiting(), 0)
	require.NoError(t, server.Restart())
	require.Eventually(t, func() bool { return waiting() == 0 }, 50*time.Second, 20*time.Millisecond)
	for _, v := range changed {
		value, err := server.Get("orderloom:order:" + v.OrderID.String())
		require.NoError(t, err)
		require.Equal(t, "2\n", value)
	}
}

func TestStampedeIsOneQuery(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(5, 1)
	b := setup(t, nil)
	id := orders(events)[0]
	source := &slowSource{Store: eventtest.NewStore(events...), entered: make(chan struct{}), release: make(chan struct{})}
	r := readmodel.NewReader(b.pool, readmodel.Options{Events: source})
	var wg sync.WaitGroup
	var wrong atomic.Int32
	ask := func() {
		if v, err := r.Order(t.Context(), id); err != nil || v.OrderID != id {
			wrong.Add(1)
		}
	}
	wg.Go(ask)
	<-source.entered
	for range 50 {
		wg.Go(ask)
	}
	require.Eventually(t, func() bool { return readmodel.Loading(r) == 51 }, 10*time.Second, time.Millisecond)
	close(source.release)
	wg.Wait()
	require.Zero(t, wrong.Load())
	require.EqualValues(t, 2, source.loads.Load(), "one for the order and one for its payment")
}

// slowSource loads nothing until it is released.
type slowSource struct {
	*eventtest.Store
	once             sync.Once
	entered, release chan struct{}
	loads            atomic.Int32
}

func (s *slowSource) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	s.once.Do(func() { close(s.entered) })
	<-s.release
	s.loads.Add(1)
	return s.Store.Load(ctx, aggregateType, id, after)
}

func TestFollowResumes(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	cache := readmodel.NewLocalCache(5 * time.Minute)
	changes := b.changes(cache)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()

	events := eventtest.Lives(6, 30)
	got := make(chan readmodel.Change, 10_000)
	follow := func(ctx context.Context, after string) error {
		return changes.Follow(ctx, after, func(c readmodel.Change) error { got <- c; return nil })
	}
	first, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() { ended <- follow(first, "") }()
	b.project(events[:len(events)/2]...)
	last := map[uuid.UUID]readmodel.Change{}
	take := func() readmodel.Change {
		select {
		case c := <-got:
			last[c.OrderID] = c
			return c
		case <-time.After(10 * time.Second):
			require.FailNow(t, "no change")
			return readmodel.Change{}
		}
	}
	position := take().Position
	require.Eventually(t, func() bool { // all of the first half
		for len(got) > 0 {
			position = take().Position
		}
		return b.current(last)
	}, 10*time.Second, 10*time.Millisecond)
	stop()
	require.ErrorIs(t, <-ended, context.Canceled)

	b.project(events[len(events)/2:]...) // nobody listens
	go func() { ended <- follow(ctx, position) }()
	require.Eventually(t, func() bool {
		for len(got) > 0 {
			take()
		}
		return b.current(last)
	}, 10*time.Second, 10*time.Millisecond, "what was missed comes after the position")

	require.Equal(t, readmodel.CodeTooOld, domain.Code(follow(ctx, "1-999999")))
	require.Equal(t, domain.CodeInvalid, domain.Code(follow(ctx, "x")))
	cancel()
	require.Error(t, <-ended)
}

func TestChangesComeInTheOrderOfTheirTransactionsNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_changes (tx, order_id, version, payment_version, customer_id, status, payment_status,
			fulfillment_status)
		SELECT tx::text::xid8, gen_random_uuid(), tx, 0, 'c', 'created', 'pending', 'unfulfilled' FROM unnest(ARRAY[8, 9, 10, 99, 100]) tx`)
	require.NoError(t, err)
	changes := b.changes(nil)
	var versions []int64
	enough := errors.New("enough")
	err = changes.Follow(t.Context(), "8-1", func(c readmodel.Change) error {
		if versions = append(versions, c.Version); len(versions) == 4 {
			return enough
		}
		return nil
	})
	require.ErrorIs(t, err, enough)
	require.Equal(t, []int64{9, 10, 99, 100}, versions, "as numbers, not as texts")
}

// asked counts the statements of contexts that carry it, and those of all others.
type asked struct{ own, others atomic.Int64 }

type askedKey struct{}

func (a *asked) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	if ctx.Value(askedKey{}) == a {
		a.own.Add(1)
	} else {
		a.others.Add(1)
	}
	return ctx
}

func (*asked) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// Fails where a follower that resumes before what the process remembers asks the database again and again.
func TestAFollowerOfAnIdleShopAsksTheDatabaseNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	const insert = `INSERT INTO orderloom.order_changes (tx, order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status)
		SELECT tx::text::xid8, gen_random_uuid(), 1, 0, 'c', 'created', 'pending', 'unfulfilled' FROM unnest($1::text[]) tx`
	_, err := b.pool.Exec(t.Context(), insert, []string{"8", "9"})
	require.NoError(t, err)
	var a asked
	config := b.pool.Config()
	config.ConnConfig.Tracer = &a
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	changes := readmodel.NewChanges(pool, nil, logger(t))
	whole, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	ctx := context.WithValue(whole, askedKey{}, &a)
	var running sync.WaitGroup
	t.Cleanup(running.Wait)
	running.Go(func() { _ = changes.Run(whole) })
	require.Eventually(t, func() bool { return readmodel.Started(changes) }, time.Minute, time.Millisecond)
	got := make(chan readmodel.Change, 10)
	running.Go(func() { _ = changes.Follow(ctx, "8-1", func(c readmodel.Change) error { got <- c; return nil }) })
	<-got
	before := a.others.Load()
	require.Eventually(t, func() bool { return a.others.Load() >= before+4 }, time.Minute, time.Millisecond, "the process looks from time to time")
	require.LessOrEqual(t, a.own.Load(), int64(3), "where the position is, what comes after it, and that nothing else does")
	_, err = b.pool.Exec(t.Context(), `INSERT INTO orderloom.order_changes (order_id, version, payment_version, customer_id, status, payment_status,
		fulfillment_status) VALUES (gen_random_uuid(), 2, 0, 'c', 'created', 'pending', 'unfulfilled')`)
	require.NoError(t, err)
	require.EqualValues(t, 2, (<-got).Version)
}

func TestListsHoldPersonalSectionsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.project(eventtest.Lives(7, 5)...)
	r := readmodel.NewReader(b.pool, readmodel.Options{})
	without, err := r.Orders(t.Context(), readmodel.OrderQuery{Limit: 2})
	require.NoError(t, err)
	with, err := r.Orders(t.Context(), readmodel.OrderQuery{Limit: 2, Personal: true})
	require.NoError(t, err)
	require.Equal(t, without.NextCursor, with.NextCursor, "the cursor is of the same list")
	for i, v := range with.Orders {
		one, err := r.Order(t.Context(), v.OrderID)
		require.NoError(t, err)
		require.False(t, v.Personal.IsZero())
		require.Equal(t, one, v, "a list shows an order as it is shown alone")
		require.True(t, without.Orders[i].Personal.IsZero())
	}
	_, err = r.Orders(t.Context(), readmodel.OrderQuery{Limit: 2, Personal: true, Cursor: without.NextCursor})
	require.NoError(t, err)
}

// current reports whether the last change known of every order is its present state.
func (b *testBundle) current(last map[uuid.UUID]readmodel.Change) bool {
	rows, err := b.pool.Query(b.t.Context(), "SELECT "+readmodel.OrderColumns+" FROM orderloom.order_views WHERE created_at IS NOT NULL")
	require.NoError(b.t, err)
	defer rows.Close()
	n := 0
	for rows.Next() {
		v, err := readmodel.ScanOrder(rows)
		require.NoError(b.t, err)
		n++
		if c := last[v.OrderID]; c.Version != v.Version || c.PaymentVersion != v.PaymentVersion || c.Status != string(v.Status) {
			return false
		}
	}
	return n > 0
}

// A payment's events may come before the order's: any mutual order gives the same view.
func TestFoldIsTheSameInAnyMutualOrder(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(7, 30)
	store := eventtest.NewStore(events...)
	for _, id := range orders(events) {
		o, _ := store.Load(t.Context(), domain.AggregateOrder, id, 0)
		p, _ := store.Load(t.Context(), domain.AggregatePayment, payment.ID(id), 0)
		ordersFirst, err := readmodel.FoldOrder(o, p)
		require.NoError(t, err)
		paymentsFirst, err := readmodel.FoldPaymentFirst(o, p)
		require.NoError(t, err)
		require.JSONEq(t, eventtest.JSON(ordersFirst), eventtest.JSON(paymentsFirst))
	}
}

// A transaction that stays open keeps the changes after it from being read. What is cached may then be out of date,
// and is not used.
func TestACacheIsNotTrustedWhileChangesAreHidden(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	cache := readmodel.NewLocalCache(5 * time.Minute)
	b.changes(cache)
	old := shownAt(uuid.New(), 1, 0)
	cached := func() bool { _, ok := cache.Get(t.Context(), old.OrderID); return ok }
	cache.Put(t.Context(), old)
	require.Eventually(t, cached, 10*time.Second, time.Millisecond)

	tx, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // does nothing after the commit
	_, err = tx.Exec(t.Context(), "SELECT pg_current_xact_id()")
	require.NoError(t, err)
	b.project(eventtest.Lives(11, 1)...)
	require.Eventually(t, func() bool { return !cached() }, 10*time.Second, time.Millisecond)
	require.NoError(t, tx.Commit(t.Context()))
	require.Eventually(t, cached, 10*time.Second, time.Millisecond, "once the changes are known")
}
