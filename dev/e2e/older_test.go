package e2e_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/stretchr/testify/require"
)

// olderOrder is an order of testdata/older, as a version from before recipients, taxes and discounts has shown it.
type olderOrder struct {
	State    string          `json:"state"`
	SKU      string          `json:"sku"`
	ID       uuid.UUID       `json:"order_id"`
	Key      string          `json:"key"`
	Sent     json.RawMessage `json:"sent"`
	Answered json.RawMessage `json:"answered"`
	Shown    client.Order    `json:"shown"`
}

// TestOrdersOfAnOlderVersionAreTakenUp puts the database and the ledger in place that testdata/older/make.sh has made
// with an older version, and starts the platform on them. Each old order is shown as it was. The request that placed it
// is answered as it was. Each open one comes to its right end.
//
// Temporal and Kafka are empty: they forget, and a dump of Temporal's would have timers that went off long ago. So the
// sagas go on from the events. The histories of old are replayed by the tests of the workflows.
func TestOrdersOfAnOlderVersionAreTakenUp(t *testing.T) {
	t.Parallel()
	dir := filepath.Join("testdata", "older")
	var olders []olderOrder
	text, err := os.ReadFile(filepath.Join(dir, "orders.json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &olders))
	age := time.Since(olders[0].Shown.CreatedAt)

	ledger := filepath.Join(t.TempDir(), "ledger.jsonl")
	old, err := os.ReadFile(filepath.Join(dir, "ledger.jsonl"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(ledger, made(old, age), 0o600))
	s := openShop(t, "DATABASE_URL", restoredOlder(t, filepath.Join(dir, "orderloom.sql.gz"), age), "ORDERLOOM_SANDBOX_LEDGER", ledger,
		"ORDERLOOM_MASTER_KEYS", "older:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")

	s.confirmEpoch(t)
	var open []*waiting
	for _, o := range olders {
		w := &waiting{state: states[o.State], name: o.State, order: &drilled{shop: s, t: t, sku: o.SKU, id: o.ID}}
		requireShown(t, w.order, o.Shown)
		w.order.requireAnsweredAgain(o)
		if w.goOn != nil {
			open = append(open, w)
		}
	}
	require.Greater(t, len(open), 6)
	require.Greater(t, len(olders)-len(open), 2)
	each(t, "end", open, func(_ *testing.T, w *waiting) { w.order.finish(w.goOn, w.end, func(client.OrderStatus) {}) })
	s.requireListed(t, olders)
	s.rebuild(t, "orders", "payments")
	for _, o := range olders {
		found, err := s.ListOrders(t.Context(), client.OrderQuery{SKU: o.SKU, Settled: new(true)})
		require.NoError(t, err)
		require.Len(t, found.Orders, 1, "%s has come to its end, its money included", o.State)
	}
	s.verify(t)
}

// rebuild writes views anew, as an upgrade asks for: the rows of an older version lack what has come since.
func (s *shop) rebuild(t *testing.T, projections ...string) {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), s.platform.Config.Telemetry, "drill")
	require.NoError(t, err)
	m, err := app.OpenMaintenance(t.Context(), s.platform.Config, tel)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	for _, projection := range projections {
		report, err := m.Views.Rebuild(t.Context(), m.Store, projection, maintain.RebuildOptions{})
		require.NoError(t, err)
		require.True(t, report.Swapped)
	}
}

// restoredOlder starts a server with the database of an older version, made so long later, and returns its URL.
func restoredOlder(t *testing.T, file string, later time.Duration) string {
	t.Helper()
	packed, err := os.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, packed.Close()) }()
	unpacked, err := gzip.NewReader(packed)
	require.NoError(t, err)
	dump, err := io.ReadAll(unpacked)
	require.NoError(t, err)

	server := startPostgres(t, pgserver.Options{})
	require.NoError(t, server.CreateDatabase(t.Context(), "orderloom"))
	db, err := pgx.Connect(t.Context(), server.URL("orderloom"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(context.WithoutCancel(t.Context()))) }()
	// The first lines of newer dumps are commands of psql.
	sql := regexp.MustCompile(`(?m)^\\.*$`).ReplaceAll(made(dump, later), nil)
	_, err = db.PgConn().Exec(t.Context(), string(sql)).ReadAll()
	require.NoError(t, err)
	require.NoError(t, migrations.Apply(t.Context(), db))
	_, err = db.Exec(t.Context(), "UPDATE orderloom.store SET mode = 'test'") // see docs/test-mode.md
	require.NoError(t, err)
	return server.URL("orderloom")
}

var times = regexp.MustCompile(`(20\d\d-\d\d-\d\d)([T ])(\d\d:\d\d:\d\d)((\.\d+)?(Z|\+00))`)

// made returns a text in which all times are so much later. So deadlines and authorisations are as far away as they
// were when it was written.
func made(text []byte, later time.Duration) []byte {
	const layout = "2006-01-02 15:04:05"
	later = later.Truncate(time.Second)
	return times.ReplaceAllFunc(text, func(found []byte) []byte {
		parts := times.FindSubmatch(found)
		at, err := time.Parse(layout, string(parts[1])+" "+string(parts[3]))
		if err != nil {
			return found
		}
		day, clock, _ := strings.Cut(at.Add(later).Format(layout), " ")
		return []byte(day + string(parts[2]) + clock + string(parts[4]))
	})
}

// confirmEpoch tells the store that it is complete, as "orderloom recover --confirm" does. It lies at another place,
// and nobody else knows of it.
func (s *shop) confirmEpoch(t *testing.T) {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), s.platform.Config.Telemetry, "drill")
	require.NoError(t, err)
	_, err = app.Recover(t.Context(), s.platform.Config, tel, true, t.Logf)
	require.NoError(t, err)
	await(t, "orders to be taken", func() bool {
		_, err := s.ReceiveStock(t.Context(), client.Receipt{SKU: uuid.NewString(), Location: "berlin", Quantity: 1})
		return err == nil
	})
}

// requireShown demands that an order is shown as it was. It has more members now, and what it has been since is later.
func requireShown(t *testing.T, o *drilled, was client.Order) {
	t.Helper()
	is := o.shown()
	require.Equal(t, was.OrderNumber, is.OrderNumber)
	require.Equal(t, was.CustomerID, is.CustomerID)
	require.Equal(t, []any{was.Status, was.PaymentStatus, was.FulfillmentStatus, was.CancelReason, was.Held},
		[]any{is.Status, is.PaymentStatus, is.FulfillmentStatus, is.CancelReason, is.Held}, o.sku)
	require.Equal(t, []client.Money{was.Total, was.Captured, was.Refunded}, []client.Money{is.Total, is.Captured, is.Refunded})
	require.Equal(t, was.Items, is.Items)
	require.Equal(t, was.Shipments, is.Shipments)
	require.Len(t, is.Refunds, len(was.Refunds))
	require.Equal(t, "Torstraße 1", strings.TrimSpace(is.ShippingAddress.Line1), "its address is opened")
	require.Nil(t, is.Totals)
	timeline, err := o.GetTimeline(t.Context(), o.id)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(timeline.Events), int(was.Version))
	money, err := o.GetOrderMoney(t.Context(), o.id)
	require.NoError(t, err)
	require.Equal(t, []string{is.Total.Amount, is.Captured.Amount, is.Refunded.Amount},
		[]string{money.Totals.Payable.Amount, money.Totals.Captured.Amount, money.Totals.Refunded.Amount}, o.sku)
}

// requireAnsweredAgain sends the request once more that has placed the order. It lacks what is required now.
func (o *drilled) requireAnsweredAgain(was olderOrder) {
	o.t.Helper()
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.platform.APIURL+"/api/v1/orders", bytes.NewReader(was.Sent))
	require.NoError(o.t, err)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", was.Key)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, answer.Body.Close()) }()
	body, err := io.ReadAll(answer.Body)
	require.NoError(o.t, err)
	require.Equal(o.t, http.StatusCreated, answer.StatusCode, "%s: %s", was.State, body)
	require.Equal(o.t, "true", answer.Header.Get("Idempotent-Replayed"))
	require.JSONEq(o.t, string(was.Answered), string(body))
}

// requireListed demands that the lists have all old orders, and their parts.
func (s *shop) requireListed(t *testing.T, olders []olderOrder) {
	t.Helper()
	listed := map[uuid.UUID]bool{}
	for o, err := range s.Orders(t.Context(), client.OrderQuery{}) {
		require.NoError(t, err)
		listed[o.OrderID] = true
	}
	for _, o := range olders {
		require.True(t, listed[o.ID], o.State)
		found, err := s.ListOrders(t.Context(), client.OrderQuery{SKU: o.SKU})
		require.NoError(t, err)
		require.Len(t, found.Orders, 1, o.State)
		if strings.Contains(o.State, "returned") {
			returns, err := s.ListReturns(t.Context(), client.ReturnQuery{PartQuery: client.PartQuery{OrderID: o.ID}})
			require.NoError(t, err)
			require.Len(t, returns.Returns, 1)
			refunds, err := s.ListRefunds(t.Context(), client.RefundQuery{PartQuery: client.PartQuery{OrderID: o.ID}})
			require.NoError(t, err)
			require.Len(t, refunds.Refunds, 2)
		}
	}
}
