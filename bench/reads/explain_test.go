package main

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// nothing is an event store without events.
type nothing struct{}

func (nothing) Load(context.Context, string, uuid.UUID, int64) ([]domain.Envelope, error) {
	return nil, nil
}

func (nothing) Watch(map[uuid.UUID]int64) (<-chan struct{}, func()) { return nil, func() {} }

func TestEveryReadHasAnIndex(t *testing.T) {
	t.Parallel()
	seen, err := newRecorder(t.Context(), pgtest.Database(t))
	require.NoError(t, err)
	pool := seen.pool
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
		"totals":   func(ctx context.Context) { ignore(reader.CustomerTotals(ctx, "customer-7")) },
		"claim":    func(ctx context.Context) { ignore(reader.ClaimReference(ctx, "", "R-7", uuid.New())) },
		"stock":    func(ctx context.Context) { ignore(reader.Stock(ctx, "SKU-7")) },
		"timeline": func(ctx context.Context) { ignore(reader.Timeline(ctx, uuid.New())) },
		"payment":  func(ctx context.Context) { ignore(reader.Payment(ctx, uuid.New())) },
		"changes":  func(context.Context) { followChanges(t, seen) },
	}
	for name, q := range map[string]readmodel.OrderQuery{
		"all": {}, "oldest": {Sort: readmodel.SortCreated}, "dearest": {Currency: "EUR", Sort: readmodel.SortTotalReverse}, "cheapest": {Currency: "EUR", Sort: readmodel.SortTotal},
		"status": {Status: "shipped"}, "payment": {PaymentStatus: "refunded"}, "of a customer": {CustomerID: "customer-7"},
		"sku": {SKU: "SKU-7"}, "number": {NumberPrefix: "n-0000047"}, "fulfillment": {FulfillmentStatus: "undeliverable"},
		"reference": {ExternalReference: "R-7"}, "channel": {Channel: "market-7"}, "tag": {Tag: "tag-7"},
		"changed": {UpdatedSince: time.Now().Add(-time.Hour)}, "changed, in order": {UpdatedSince: time.Now().Add(-time.Hour), Sort: readmodel.SortUpdated},
		"since": {CreatedFrom: time.Now().Add(-time.Hour)}, "until": {CreatedTo: time.Now().Add(-time.Hour)},
		"from a total": {TotalMin: eur(990)}, "to a total": {TotalMax: eur(10)},
		"a time":             {CreatedFrom: time.Now().Add(-2 * time.Hour), CreatedTo: time.Now().Add(-time.Hour), Sort: readmodel.SortCreated},
		"a total":            {TotalMin: eur(500), TotalMax: eur(501), Sort: readmodel.SortTotalReverse},
		"rare totals":        {TotalMin: eur(999)},
		"addresses":          {Personal: true, Limit: readmodel.PageSizeMax},
		"oldest of a status": {Status: "cancelled", Sort: readmodel.SortCreated}, "dearest with a sku": {SKU: "SKU-7", Currency: "EUR", Sort: readmodel.SortTotalReverse},
		"number and status": {NumberPrefix: "N-00000", Status: "shipped"}, "customer and sku": {CustomerID: "customer-7", SKU: "SKU-7"},
		"everything": {
			CustomerID: "customer-7", Status: "shipped", PaymentStatus: "refunded", SKU: "SKU-7", NumberPrefix: "N-", CreatedFrom: time.Now().Add(-time.Hour),
			CreatedTo: time.Now(), TotalMin: eur(1), TotalMax: eur(999), Sort: readmodel.SortTotal,
		},
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
	addLists(reads, reader)
	for name, read := range reads {
		seen.taken()
		read(t.Context())
		calls := seen.taken()
		require.NotEmpty(t, calls, name)
		for _, c := range calls {
			require.NotRegexp(t, seqScan, explain(t, pool, c), "%s: %s", name, c.sql)
		}
	}
	for _, table := range []string{"order_views", "payment_views", "order_timeline", "customer_summaries", "stock_levels", "order_changes"} {
		without := call{sql: "SELECT FROM orderloom." + table + " WHERE version::text || 'x' = 'y'"}
		if table == "customer_summaries" {
			without.sql = "SELECT FROM orderloom.customer_summaries WHERE orders = 7"
		}
		require.Regexp(t, seqScan, explain(t, pool, without), "%s is so large that a read without an index would show", table)
	}
}

// addLists adds the lists of parts of orders and of stock, each page after the first too.
func addLists(reads map[string]func(context.Context), reader *readmodel.Reader) {
	hour := time.Now().Add(-time.Hour)
	for _, kind := range []readmodel.PartKind{readmodel.PartPayments, readmodel.PartRefunds, readmodel.PartReturns, readmodel.PartShipments} {
		for name, q := range map[string]readmodel.PartQuery{
			"all": {}, "status": {Status: "lost"}, "order": {OrderID: uuid.New()}, "customer": {CustomerID: "customer-7"},
			"since": {CreatedFrom: hour}, "until": {CreatedTo: hour}, "changed": {UpdatedSince: hour}, "location": {Location: "berlin"},
		} {
			q.Kind = kind
			reads[string(kind)+": "+name] = func(ctx context.Context) {
				page, err := reader.Parts(ctx, q)
				if err == nil && page.NextCursor != "" {
					q.Cursor = page.NextCursor
					_, _ = reader.Parts(ctx, q)
				}
			}
		}
	}
	for name, q := range map[string]readmodel.StockQuery{
		"all": {}, "sku": {SKU: "SKU-7"}, "location": {Location: "berlin-7"}, "backordered": {Backordered: true},
	} {
		reads["stock: "+name] = func(ctx context.Context) {
			page, err := reader.StockLevels(ctx, q)
			if err == nil && page.NextCursor != "" {
				q.Cursor = page.NextCursor
				_, _ = reader.StockLevels(ctx, q)
			}
		}
	}
}

const seqScan = `"Node Type": "Seq Scan"`

// followChanges follows the changes from the first one on, until all statements for that were sent.
func followChanges(t *testing.T, seen *recorder) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	changes := readmodel.NewChanges(seen.pool, nil, nil)
	done := make(chan error)
	go func() { done <- changes.Run(ctx) }()
	// Run has found its position once it asks for the last change.
	require.Eventually(t, func() bool { return seen.has("ORDER BY order_changes.tx DESC") }, 10*time.Second, time.Millisecond)
	enough := errors.New("enough")
	require.ErrorIs(t, changes.Follow(ctx, "1-1", func(readmodel.Change) error { return enough }), enough)
	cancel()
	require.NoError(t, <-done)
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
			total_amount, currency, skus, payment_status, shown, external_reference, channel, tags, parts)
		SELECT md5('o' || g)::uuid, 3, 1, now() - g * interval '1 minute', now() - g * interval '1 minute', 'N-' || to_char(g, 'FM000000000'), 'customer-' || g % 1000,
			(ARRAY['delivered', 'shipped', 'confirmed', 'cancelled'])[1 + (g % 40) / 13], 'delivered', g % 1000, 'EUR',
			ARRAY['SKU-' || g % 500], (ARRAY['captured', 'refunded', 'authorized'])[1 + (g % 40) / 18], '{"shipments": [{"status": "delivered"}]}',
			'R-' || g, 'market-' || g % 1000, ARRAY['tag-' || g % 500],
			CASE g % 500 WHEN 0 THEN ARRAY['refund', 'refund:lost', 'return', 'shipment:lost'] END FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.order_timeline (aggregate_id, version, sequence, event_id, order_id, occurred_at, aggregate_type, event_type, summary, caused_by)
		SELECT md5('o' || g)::uuid, 1, g, gen_random_uuid(), md5('o' || g)::uuid, now(), 'order', 'OrderPlaced', 'x', 'y' FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.payment_views (payment_id, order_id, version, status, currency, authorized_amount, captured_amount, refunded_amount, gateway_ref,
			updated_at, state)
		SELECT md5('p' || g)::uuid, md5('o' || g)::uuid, 1, 'captured', 'EUR', 1, 1, 0, 'g', now(), '{}' FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.order_changes (tx, order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status)
		SELECT ((99 + g) / 100)::text::xid8, md5('o' || g)::uuid, 1, 1, 'customer-7', 'shipped', 'captured', 'shipped' FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.external_references (caller, reference, order_id) SELECT '', 'R-' || g, md5('o' || g)::uuid FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.customer_summaries SELECT 'customer-' || g, 'EUR', 1, 0, 0, 1, now(), now() FROM generate_series(1, $1::int) g`,
		`INSERT INTO orderloom.stock_levels (stock_id, sku, location, on_hand, reserved, version, updated_at)
		SELECT md5('s' || g)::uuid, 'SKU-' || g, 'berlin-' || g % 1000, 1, 0, 1, now() FROM generate_series(1, $1::int) g`,
	} {
		_, err := pool.Exec(t.Context(), sql, orders)
		require.NoError(t, err)
	}
	_, err := pool.Exec(t.Context(), "ANALYZE")
	require.NoError(t, err)
}
