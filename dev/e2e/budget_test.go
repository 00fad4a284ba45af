//go:build budgets

package e2e_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

// Budgets of a delivered order of one line. They are counts, not times: what is measured, and a little more where
// chance plays a part. Whoever exceeds one has a reason, and writes it down here.
const (
	eventsBudget = 23
	tasksBudget  = 4
	// statementsBudget is what the request handlers and the sagas' steps ask of PostgreSQL for one order. It is 8,
	// and one more for a look in vain on a slow machine. Two of the 8 are for the client that waits until the order
	// is confirmed. appendsBudget is how many commits of the event store an order takes: one for each of its four
	// steps.
	statementsBudget = 9
	appendsBudget    = 4
	// pageBudget is how many statements the relay needs for a page of events, and batchBudget the
	// projector for a batch, however many events there are.
	pageBudget  = 4
	batchBudget = 13
	// invoicesBudget is how many statements it takes to number the captures of a page, however many there are.
	invoicesBudget = 8
)

func TestBudgetOfADeliveredOrder(t *testing.T) {
	t.Parallel()
	server, err := pgserver.Start(t.Context(), pgserver.Options{
		Settings: map[string]string{"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.max": "5000"},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	require.NoError(t, server.CreateDatabase(t.Context(), "orderloom"))
	database := server.URL("orderloom")
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf, Lookup: func(name string) (string, bool) {
		if name == "DATABASE_URL" {
			return database, true
		}
		return "", false
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	db, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close(context.Background())) })
	_, err = db.Exec(t.Context(), "CREATE EXTENSION pg_stat_statements")
	require.NoError(t, err)

	api, err := client.New(p.APIURL)
	require.NoError(t, err)
	_, err = api.ReceiveStock(t.Context(), client.Receipt{SKU: "BUDGET", Location: "berlin", Quantity: 1000})
	require.NoError(t, err)
	c := customer{t: t, api: api, db: db}
	c.deliver() // what is asked once for each process is asked now
	_, err = db.Exec(t.Context(), "SELECT pg_stat_statements_reset()")
	require.NoError(t, err)
	const orders = 5
	var last uuid.UUID
	for range orders {
		last = c.deliver()
	}

	var n statements
	await(t, "invoices to be numbered", func() bool { // which follow the orders by themselves
		n = countStatements(t, db)
		return n.numbered > 0
	})
	t.Logf("an order: %.1f statements, %.1f appends; a page of the relay: %.1f statements; a batch of the projector: %.1f",
		n.sagas/orders, n.appends/orders, n.relay/n.pages, n.projector/n.batches)
	require.LessOrEqual(t, n.sagas/orders, float64(statementsBudget))
	require.LessOrEqual(t, n.appends/orders, float64(appendsBudget))
	require.LessOrEqual(t, n.relay/n.pages, float64(pageBudget))
	require.LessOrEqual(t, n.projector/n.batches, float64(batchBudget))
	t.Logf("a page of invoices: %.1f statements", n.invoices/n.numbered)
	require.LessOrEqual(t, n.invoices/n.numbered, float64(invoicesBudget))

	saga := look(t, p, last.String())
	t.Logf("an order: %d history events, %d workflow tasks, built by %s", saga.events, saga.tasks, saga.builds)
	require.LessOrEqual(t, saga.events, eventsBudget)
	require.LessOrEqual(t, saga.tasks, tasksBudget)
	require.NotEmpty(t, saga.builds)
	require.Equal(t, saga.buildsAtStart, saga.builds, "Temporal's list of executions is written once more, for the build")
}

// statements are how many were executed, by whom.
type statements struct {
	sagas, appends     float64
	relay, pages       float64
	projector, batches float64
	invoices, numbered float64
}

// Statements that run by the clock, or are this test's own.
var byTheClock = []string{
	"event_sequence", "pg_locks", "max(to_sequence)", "max(p.to_sequence)", "WITH unpublished", "FROM orderloom.order_changes",
	"pg_stat", "LISTEN", "orderloom.store", "FROM orderloom.relay_cursors", "FROM orderloom.relay_withheld", "projection_checkpoints WHERE", "parked_streams ORDER",
	"pg_try_advisory", "ensure_partitions", "WITH backlog", "orderloom.identify",
	"FROM orderloom.order_views WHERE order_id = $1 AND status", "orderloom.access_version", "orderloom.audit_maintain", "orderloom.webhook_",
}

// countStatements tells whose each statement is by the tables it names.
func countStatements(t *testing.T, db *pgx.Conn) statements {
	t.Helper()
	rows, err := db.Query(t.Context(), `SELECT query, calls FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY calls DESC`)
	require.NoError(t, err)
	var n statements
	var query string
	var calls float64
	_, err = pgx.ForEachRow(rows, []any{&query, &calls}, func() error {
		has := func(words ...string) bool {
			for _, w := range words {
				if strings.Contains(query, w) {
					return true
				}
			}
			return false
		}
		whose := "sagas"
		switch {
		case has("FROM orderloom.invoice_cursor") && !has("FOR UPDATE"):
			whose = "by the clock"
		case has("UPDATE orderloom.invoice_cursor"):
			n.numbered += calls
			n.invoices, whose = n.invoices+calls, "invoices"
		case has("orderloom.invoice", "unnest($1::uuid[]) WITH ORDINALITY AS u(id, ord)", "e.sequence > $1 AND e.sequence <= $2 AND e.aggregate_type"):
			n.invoices, whose = n.invoices+calls, "invoices"
		case has("relay_cursors SET position"):
			n.pages += calls
			n.relay, whose = n.relay+calls, "relay"
		case has("set_config('synchronous_commit'", "e.sequence > $1"):
			n.relay, whose = n.relay+calls, "relay"
		case has(byTheClock...):
			whose = "by the clock"
		case has("INTO orderloom.projection_checkpoints") && has("next_offset, end_offset, sequence, event_at"):
			n.batches += calls
			n.projector, whose = n.projector+calls, "projector"
		case has("SET LOCAL plan_cache_mode"):
			whose = "transactions"
		case has("INTO orderloom.", "UPDATE orderloom.", "order_timeline", "parked_streams", "pg_notify", "= ANY($1)") && !has("customer_keys", "orderloom.streams"):
			n.projector, whose = n.projector+calls, "projector"
		case has("unnest($1::text[], $2::integer[]) AS n(subject", "pg_advisory_xact_lock_shared($1)"): // opens contacts, to index them
			n.projector, whose = n.projector+calls, "projector"
		case has("orderloom.append("):
			n.appends += calls
			n.sagas += calls
		case strings.EqualFold(query, "begin") || strings.EqualFold(query, "commit") || strings.EqualFold(query, "rollback"):
			whose = "transactions"
		default:
			n.sagas += calls
		}
		t.Logf("%5.0f %-12s %.110s", calls, whose, strings.Join(strings.Fields(query), " "))
		return nil
	})
	require.NoError(t, err)
	return n
}

// customer buys one piece and waits for it.
type customer struct {
	t   *testing.T
	api *client.Client
	db  *pgx.Conn
}

// deliver takes one order from its placing to its end in the views. It carries no Idempotency-Key: to look whether a
// key is known is one more statement.
func (c customer) deliver() uuid.UUID {
	c.t.Helper()
	placed, err := c.api.PlaceOrder(c.t.Context(), client.NewOrder{
		CustomerID: "budget", Currency: "EUR", PaymentToken: "tok_approve",
		Items:           []client.NewItem{{ProductID: "p", SKU: "BUDGET", Quantity: 1, UnitPrice: "19.90"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}, client.WithoutIdempotencyKey(), client.Wait(10*time.Second))
	require.NoError(c.t, err)
	id := placed.OrderID
	require.NotNil(c.t, placed.Order)
	require.Equal(c.t, client.OrderConfirmed, placed.Status, "it was asked to wait for that")
	shipment := placed.Order.Shipments[0].ShipmentID
	_, err = c.api.DispatchShipment(c.t.Context(), id, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "1"}, client.WithoutIdempotencyKey())
	require.NoError(c.t, err)
	c.await(id, client.OrderShipped)
	_, err = c.api.DeliverShipment(c.t.Context(), id, shipment, client.WithoutIdempotencyKey())
	require.NoError(c.t, err)
	c.await(id, client.OrderDelivered)
	return id
}

func (c customer) await(id uuid.UUID, status client.OrderStatus) {
	c.t.Helper()
	require.Eventually(c.t, func() bool {
		var one int
		const sql = `SELECT 1 FROM orderloom.order_views WHERE order_id = $1 AND status = $2`
		return c.db.QueryRow(c.t.Context(), sql, id, status).Scan(&one) == nil
	}, 30*time.Second, 5*time.Millisecond, "order %s is not %s", id, status)
}
