package main

import (
	"context"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/pgtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// recorder keeps the statements that a reader sends.
type recorder struct {
	mu    sync.Mutex
	calls []call
}

type call struct {
	sql  string
	args []any
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(data.SQL, "FROM orderloom.") {
		r.calls = append(r.calls, call{data.SQL, data.Args})
	}
	return ctx
}

func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// nothing is an event store without events.
type nothing struct{}

func (nothing) Load(context.Context, string, uuid.UUID, int64) ([]domain.Envelope, error) {
	return nil, nil
}

func TestEveryReadHasAnIndex(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(pgtest.Database(t))
	require.NoError(t, err)
	var seen recorder
	config.ConnConfig.Tracer = &seen
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	fillViews(t, pool)
	reader := readmodel.NewReader(pool, readmodel.Options{Events: nothing{}})

	eur := func(amount int64) *money.Money {
		return &money.Money{Amount: decimal.NewFromInt(amount), Currency: "EUR"}
	}
	ignore := func(_ any, _ error) {} // what is found does not matter here
	reads := map[string]func(ctx context.Context){
		"one":      func(ctx context.Context) { ignore(reader.Order(ctx, uuid.New())) },
		"customer": func(ctx context.Context) { ignore(reader.Customer(ctx, "customer-7")) },
		"stock":    func(ctx context.Context) { ignore(reader.Stock(ctx, "SKU-7")) },
		"timeline": func(ctx context.Context) { ignore(reader.Timeline(ctx, uuid.New())) },
	}
	for name, q := range map[string]readmodel.OrderQuery{
		"all": {}, "oldest": {Sort: readmodel.SortCreated}, "dearest": {Sort: readmodel.SortTotalReverse}, "cheapest": {Sort: readmodel.SortTotal},
		"status": {Status: "shipped"}, "payment": {PaymentStatus: "refunded"}, "of a customer": {CustomerID: "customer-7"},
		"sku": {SKU: "SKU-7"}, "number": {NumberPrefix: "N-0000047"},
		"since": {CreatedFrom: time.Now().Add(-time.Hour)}, "until": {CreatedTo: time.Now().Add(-time.Hour)},
		"from a total": {TotalMin: eur(990)}, "to a total": {TotalMax: eur(10)},
		"customer and status": {CustomerID: "customer-7", Status: "shipped"}, "status and total": {Status: "shipped", TotalMin: eur(900), Sort: readmodel.SortTotal},
	} {
		reads["list: "+name] = func(ctx context.Context) {
			page, err := reader.Orders(ctx, q)
			if err == nil && page.NextCursor != "" {
				q.Cursor = page.NextCursor
				ignore(reader.Orders(ctx, q))
			}
		}
	}
	for name, read := range reads {
		seen.calls = nil
		read(t.Context())
		require.NotEmpty(t, seen.calls, name)
		for _, c := range seen.calls {
			plan := explain(t, pool, c)
			require.NotRegexp(t, `"Node Type": "Seq Scan"`, plan, "%s: %s", name, c.sql)
		}
	}
}

// explain returns the plan of a statement, for arguments as they were.
func explain(t *testing.T, pool *pgxpool.Pool, c call) string {
	t.Helper()
	var plan json.RawMessage
	err := pool.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+c.sql, c.args...).Scan(&plan)
	require.NoError(t, err, c.sql)
	return string(plan)
}

// fillViews adds so many orders that reading all of them would show.
func fillViews(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	const orders = 30_000
	for _, sql := range []string{
		`INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
			total_amount, currency, items, skus, shipments, payment_status, order_state)
		SELECT md5('o' || g)::uuid, 3, 1, now() - g * interval '1 minute', now(), 'N-' || to_char(g, 'FM000000000'), 'customer-' || g % 1000,
			(ARRAY['delivered', 'shipped', 'confirmed', 'cancelled'])[1 + (g % 40) / 13], 'delivered', g % 1000, 'EUR', '[]',
			ARRAY['SKU-' || g % 500], '[]', (ARRAY['captured', 'refunded', 'authorized'])[1 + (g % 40) / 18], '{}' FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.order_timeline (aggregate_id, version, sequence, event_id, order_id, occurred_at, aggregate_type, event_type, summary, caused_by)
		SELECT md5('o' || g)::uuid, 1, g, gen_random_uuid(), md5('o' || g)::uuid, now(), 'order', 'OrderPlaced', 'x', 'y' FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.customer_summaries SELECT 'customer-' || g, 'EUR', 1, 0, 0, 1, now(), now() FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.stock_levels (stock_id, sku, location, on_hand, reserved, version, updated_at)
		SELECT md5('s' || g)::uuid, 'SKU-' || g, 'berlin', 1, 0, 1, now() FROM generate_series(1, $1::int) g`,
	} {
		_, err := pool.Exec(t.Context(), sql, orders)
		require.NoError(t, err)
	}
	_, err := pool.Exec(t.Context(), "ANALYZE")
	require.NoError(t, err)
}
