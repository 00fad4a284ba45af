package migrations_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func empty(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), pgtest.Empty(t))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestMigrationsApplyOnceHoweverManyTry(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := migrations.Apply(t.Context(), pool); err != nil {
				t.Errorf("apply: %v", err)
			}
		})
	}
	wg.Wait()
	require.NoError(t, migrations.Apply(t.Context(), pool))
	all, err := migrations.All()
	require.NoError(t, err)
	var applied int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(*) FROM orderloom.schema_migrations").Scan(&applied))
	require.Equal(t, len(all), applied)
}

func TestAnEditedMigrationIsRefused(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	one := migrations.Migration{Number: 1, Name: "one", SQL: "CREATE TABLE orderloom.one ()", Checksum: "a"}
	two := migrations.Migration{Number: 2, Name: "two", SQL: "CREATE TABLE orderloom.two ()", Checksum: "b"}
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{one}))
	one.Checksum = "edited"
	require.ErrorIs(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{one, two}), migrations.ErrEdited)
}

func TestAMigrationThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	bad := migrations.Migration{Number: 1, Name: "bad", SQL: "CREATE TABLE orderloom.one (); SELECT 1/0", Checksum: "a"}
	require.ErrorContains(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{bad}), "00001_bad")
	bad.SQL = "CREATE TABLE orderloom.one ()"
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, []migrations.Migration{bad}))
}

// A database that was filled before event ids had to be unique is migrated all the same. Every partition gets an
// index, which is unique where the ids are.
func TestEventIDsBecomeUniqueWhereTheyCan(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, err := migrations.All()
	require.NoError(t, err)
	const before = 5 // migrations
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, all[:before]))
	_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version,
			aggregate_type, event_type, payload)
		SELECT n, 1, now(), gen_random_uuid(), '00000000-0000-0000-0000-000000000001', 1, 'order', 'Noted', '{}' FROM generate_series(1, 2) n`)
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	var unique, plain, without []string
	const sql = `SELECT coalesce(array_agg(p.name) FILTER (WHERE i.indisunique), '{}'), coalesce(array_agg(p.name) FILTER (WHERE NOT i.indisunique), '{}'),
			coalesce(array_agg(p.name) FILTER (WHERE i IS NULL), '{}')
		FROM orderloom.partitions p LEFT JOIN pg_index i ON i.indexrelid = to_regclass('orderloom.' || p.name || '_event_id')`
	require.NoError(t, pool.QueryRow(t.Context(), sql).Scan(&unique, &plain, &without))
	require.NotEmpty(t, unique)
	require.Equal(t, []string{"events_0000000000000"}, plain)
	require.Empty(t, without)
}

// Orders from before their rows kept what is shown are shown as before.
func TestOrdersFromBeforeAreShown(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, err := migrations.All()
	require.NoError(t, err)
	before := slices.IndexFunc(all, func(m migrations.Migration) bool { return m.Name == "shown_orders" })
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, all[:before]))
	_, err = pool.Exec(t.Context(), `
		INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
			total_amount, currency, items, shipments, shipping_address, payment_status, captured_amount, refunded_amount, refunds, order_state, payment_state)
		VALUES ('00000000-0000-0000-0000-000000000001', 6, 2, '2026-11-25 16:55:11.350584Z', '2026-11-25 16:55:12.50Z', 'ORD-1', 'cust-1', 'delivered', 'delivered',
			39.8, 'EUR', '[{"product_id": "p-1", "sku": "SKU-1", "quantity": 2, "unit_price": {"amount": "19.90", "currency": "EUR"}}]',
			'[{"shipment_id": "00000000-0000-0000-0000-000000000002", "location": "berlin", "lines": null, "amount": {"amount": "39.80", "currency": "EUR"},
				"status": "delivered"}]', '{"key": "cust-1:1", "data": "AQ=="}', 'captured', 39.8, 0,
			'[{"refund_id": "00000000-0000-0000-0000-000000000003", "amount": {"amount": "1.00", "currency": "EUR"}, "reason": "late", "refunded_at": "2026-11-25T17:00:00Z"}]',
			'{"items": null, "status": "", "ship_to_country": "DE", "overdue": true, "placed_at": "2026-11-25T16:55:11.350584Z", "delivered_at": "2026-11-25T16:55:12Z"}',
			'{"status": "captured", "action_url": "https://bank.example",
				"refunds": {"00000000-0000-0000-0000-000000000003": {"amount": "1.00", "currency": "EUR"}}}');
		INSERT INTO orderloom.payment_views (payment_id, order_id, version, status, currency, authorized_amount, captured_amount, refunded_amount,
			gateway_ref, updated_at, state)
		VALUES ('00000000-0000-0000-0000-000000000009', '00000000-0000-0000-0000-000000000001', 2, 'captured', 'EUR', 39.8, 39.8, 1, 'pi', '2026-11-25Z',
			'{"status": "captured", "refunds": {"00000000-0000-0000-0000-000000000003": {"amount": "1.00", "currency": "EUR"}}}');
		INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, order_number, customer_id, status, fulfillment_status,
			total_amount, currency, items, payment_status, order_state, payment_state)
		VALUES ('00000000-0000-0000-0000-000000000004', 1, 1, '2026-11-25Z', '2026-11-25Z', 'ORD-4', 'cust-1', 'created', 'unfulfilled', 500, 'JPY',
			'[{"product_id": "p-1", "sku": "SKU-1", "quantity": 1, "unit_price": {"amount": "500", "currency": "JPY"}}]', 'action_required',
			'{"ship_to_country": "JP", "held": "amount", "delivered_at": "0001-01-01T00:00:00Z"}', '{"status": "action_required", "action_url": "https://bank.example"}');
		INSERT INTO orderloom.order_views (order_id, payment_version, updated_at, payment_status, payment_state)
		VALUES ('00000000-0000-0000-0000-000000000005', 1, '2026-11-25Z', 'authorized', '{"status": "authorized"}')`)
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), pool))

	rows, err := pool.Query(t.Context(), "SELECT "+readmodel.OrderColumns+" FROM orderloom.order_views ORDER BY order_id")
	require.NoError(t, err)
	views, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (readmodel.OrderView, error) { return readmodel.ScanOrder(row) })
	require.NoError(t, err)
	require.Len(t, views, 3)
	require.JSONEq(t, `{"order_id": "00000000-0000-0000-0000-000000000001", "order_number": "ORD-1", "customer_id": "cust-1", "status": "delivered", "settled": false,
		"payment_status": "captured", "fulfillment_status": "delivered", "total": {"amount": "39.80", "currency": "EUR"},
		"captured": {"amount": "39.80", "currency": "EUR"}, "refunded": {"amount": "0.00", "currency": "EUR"},
		"items": [{"product_id": "p-1", "sku": "SKU-1", "quantity": 2, "unit_price": {"amount": "19.90", "currency": "EUR"}}],
		"shipments": [{"shipment_id": "00000000-0000-0000-0000-000000000002", "location": "berlin", "lines": null,
			"amount": {"amount": "39.80", "currency": "EUR"}, "status": "delivered"}],
		"refunds": [{"refund_id": "00000000-0000-0000-0000-000000000003", "amount": {"amount": "1.00", "currency": "EUR"}, "reason": "late",
			"status": "paid", "attempts": 1, "created_at": "2026-11-25T17:00:00Z", "refunded_at": "2026-11-25T17:00:00Z"}],
		"overdue": true, "ship_to_country": "DE", "created_at": "2026-11-25T16:55:11.350584Z", "updated_at": "2026-11-25T16:55:12.5Z", "version": 6,
		"payment_version": 2, "delivered_at": "2026-11-25T16:55:12Z"}`, string(views[0].Shown().JSON))
	require.Equal(t, []byte{1}, views[0].Personal.Data)
	var state string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT order_state FROM orderloom.order_views WHERE order_number = 'ORD-1'").Scan(&state))
	require.JSONEq(t, `{"ship_to_country": "DE", "overdue": true, "placed_at": "2026-11-25T16:55:11.350584Z", "delivered_at": "2026-11-25T16:55:12Z"}`, state)
	require.JSONEq(t, `{"order_id": "00000000-0000-0000-0000-000000000004", "order_number": "ORD-4", "customer_id": "cust-1", "status": "created", "settled": false,
		"payment_status": "action_required", "fulfillment_status": "unfulfilled", "total": {"amount": "500", "currency": "JPY"},
		"captured": {"amount": "0", "currency": "JPY"}, "refunded": {"amount": "0", "currency": "JPY"},
		"items": [{"product_id": "p-1", "sku": "SKU-1", "quantity": 1, "unit_price": {"amount": "500", "currency": "JPY"}}], "shipments": [],
		"held": "amount", "payment_action_url": "https://bank.example", "ship_to_country": "JP", "created_at": "2026-11-25T00:00:00Z",
		"updated_at": "2026-11-25T00:00:00Z", "version": 1, "payment_version": 1}`, string(views[1].Shown().JSON))
	require.Equal(t, "authorized", views[2].PaymentStatus)
	var paid readmodel.PaymentView
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT state FROM orderloom.payment_views").Scan(&paid.Payment))
	require.Len(t, paid.Refunds, 1)
	require.Equal(t, payment.RefundStatusPaid, paid.Refunds[0].Status())
	require.Equal(t, "late", paid.Refunds[0].Reason)
	require.Zero(t, views[2].CreatedAt)
}

// What is owed, disputed and lost of orders from before is told by the state of their payments, and summed up for each
// customer.
func TestCustomersFromBeforeAreOwedWhatTheirPaymentsTell(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, err := migrations.All()
	require.NoError(t, err)
	before := slices.IndexFunc(all, func(m migrations.Migration) bool { return m.Name == "customers_disputes" })
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, all[:before]))
	_, err = pool.Exec(t.Context(), `
		INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, customer_id, status, total_amount, currency, shown,
			payment_state)
		SELECT gen_random_uuid(), 1, 1, now(), now(), 'cust-1', status, 100, 'EUR', '{}', state::json FROM (VALUES
			('delivered', '{"refunds": [
				{"owed": true, "amount": {"amount": "10.00"}},
				{"owed": true, "amount": {"amount": "20.00"}, "attempts": [
					{"amount": {"amount": "20.00"}, "status": "failed"}, {"amount": {"amount": "15.00"}, "status": "pending"}]},
				{"amount": {"amount": "3.00"}, "attempts": [{"amount": {"amount": "3.00"}, "status": "requested"}]},
				{"amount": {"amount": "4.00"}, "attempts": [{"amount": {"amount": "4.00"}, "status": "failed"}]},
				{"amount": {"amount": "5.00"}, "attempts": [{"amount": {"amount": "5.00"}, "status": "paid"}]}]}'),
			('cancelled', '{"disputes": [{"amount": {"amount": "1.00"}, "status": "open"}, {"amount": {"amount": "2.00"}, "status": "funds_withdrawn"},
				{"amount": {"amount": "4.00"}, "status": "won"}, {"amount": {"amount": "8.00"}, "status": "lost"}]}'),
			('delivered', '{"status": "captured"}'),
			('delivered', NULL)) orders(status, state);
		INSERT INTO orderloom.customer_summaries (customer_id, currency, orders, cancelled, delivered, total_amount, first_order_at, last_order_at)
		VALUES ('cust-1', 'EUR', 4, 1, 3, 300, now(), now()), ('cust-2', 'EUR', 1, 0, 1, 100, now(), now())`)
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	rows, err := pool.Query(t.Context(), `SELECT ARRAY[owed_amount, disputed_amount, disputes_lost_amount]::float8[] FROM orderloom.customer_summaries
		ORDER BY customer_id`)
	require.NoError(t, err)
	sums, err := pgx.CollectRows(rows, pgx.RowTo[[]float64])
	require.NoError(t, err)
	require.Equal(t, [][]float64{{18, 3, 8}, {0, 0, 0}}, sums)
	var without int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT count(*) FROM orderloom.order_views
		WHERE num_nonnulls(owed_amount, disputed_amount, disputes_lost_amount) = 0`).Scan(&without))
	require.Equal(t, 2, without)
}

// Returns from before they had a status are refunded where their refund is paid, and received otherwise.
func TestReturnsFromBeforeHaveAStatus(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	all, err := migrations.All()
	require.NoError(t, err)
	all = slices.DeleteFunc(all, func(m migrations.Migration) bool { return m.Name == "returns" })
	require.NoError(t, migrations.ApplyThese(t.Context(), pool, all))
	_, err = pool.Exec(t.Context(), `
		INSERT INTO orderloom.order_views (order_id, version, payment_version, created_at, updated_at, customer_id, status, total_amount, currency, parts, shown)
		SELECT ('00000000-0000-0000-0000-00000000000' || n)::uuid, 1, 1, now(), now(), 'c', 'delivered', 100, 'EUR', parts::text[], shown::json
		FROM (VALUES
			(1, '{refund,refund:paid,return}', '{"returns": [{"return_id": "a", "amount": 1}, {"return_id": "b", "amount": 2}],
				"refunds": [{"refund_id": "b", "status": "paid"}, {"refund_id": "a", "status": "owed"}]}'),
			(2, NULL, '{"total": 1}'), (3, '{return}', '{"returns": [{"return_id": "c"}]}')) orders(n, parts, shown)`)
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	rows, err := pool.Query(t.Context(), `SELECT coalesce(shown::jsonb->'returns', 'null')::text || coalesce(parts::text, '') FROM orderloom.order_views ORDER BY order_id`)
	require.NoError(t, err)
	told, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		`[{"amount": 1, "status": "received", "return_id": "a"}, {"amount": 2, "status": "refunded", "return_id": "b"}]` +
			`{refund,refund:paid,return,return:received,return:refunded}`,
		`null`, `[{"status": "received", "return_id": "c"}]{return,return:received}`,
	}, told)
}

// A store that holds events was live before there was a mark, as far as anybody knows. An empty one belongs to whoever
// is first.
func TestAStoreWithEventsFromBeforeTheMarkIsLive(t *testing.T) {
	t.Parallel()
	all, err := migrations.All()
	require.NoError(t, err)
	before := slices.IndexFunc(all, func(m migrations.Migration) bool { return m.Name == "store_mode" })
	for _, holds := range []bool{false, true} {
		pool := empty(t)
		require.NoError(t, migrations.ApplyThese(t.Context(), pool, all[:before]))
		if holds {
			_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.events (sequence, event_id, aggregate_type, aggregate_id, version, event_type, event_version,
				payload, "timestamp", user_id) SELECT 1, gen_random_uuid(), 'Order', gen_random_uuid(), 1, 'OrderPlaced', 4, '{}', now(), ''`)
			require.NoError(t, err)
		}
		require.NoError(t, migrations.Apply(t.Context(), pool))
		var mode *string
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT mode FROM orderloom.store`).Scan(&mode))
		if !holds {
			require.Nil(t, mode)
			continue
		}
		require.Equal(t, "live", *mode)
	}
}

// Fails where a new database is told as a line with each migration that there is.
func TestOfManyMigrationsPeopleAreToldTheEnds(t *testing.T) {
	t.Parallel()
	all, err := migrations.All()
	require.NoError(t, err)
	require.Equal(t, "00001_event_store, 00002_append", migrations.Names(all[:2]))
	require.Equal(t, "6 migrations, from 00001_event_store to 00006_event_ids", migrations.Names(all[:6]))
}
