package invoicing_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/invoicing"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

const patience = 20 * time.Second

// testBundle is an event store, and issuers that number what is published of it.
type testBundle struct {
	t         *testing.T
	pool      *pgxpool.Pool
	store     *eventstore.Store
	published atomic.Int64
	registry  *prometheus.Registry
	issuer    *invoicing.Issuer
}

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{t: t, pool: pgtest.Pool(t), registry: prometheus.NewRegistry()}
	b.store = b.open()
	b.issuer = b.newIssuer(b.registry)
	return b
}

func (b *testBundle) open() *eventstore.Store {
	b.t.Helper()
	store, err := eventstore.Open(b.t.Context(), b.pool, eventstore.Options{})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, store.Close(context.WithoutCancel(b.t.Context()))) })
	return store
}

func forms(t *testing.T) invoice.Forms {
	t.Helper()
	f := invoice.Forms{Zone: time.UTC}
	var err error
	f.Invoice, err = invoice.ParseForm("INV-{channel}-{year}-{number:06}")
	require.NoError(t, err)
	f.CreditNote, err = invoice.ParseForm("CN-{channel}-{year}-{number:06}")
	require.NoError(t, err)
	return f
}

func (b *testBundle) newIssuer(r prometheus.Registerer) *invoicing.Issuer {
	return invoicing.New(invoicing.Options{
		Pool: b.pool, Events: b.store, Published: func(context.Context) (int64, error) { return b.published.Load(), nil }, Forms: forms(b.t),
		Every: time.Millisecond, Registerer: r,
	})
}

// append stores events in batches, each stream's in their order.
func (b *testBundle) append(events []domain.Envelope) {
	b.t.Helper()
	for _, e := range events {
		_, err := b.store.Append(b.t.Context(), eventtest.AppendOf(e))
		require.NoError(b.t, err)
	}
}

// publishAll tells the issuers that everything is published.
func (b *testBundle) publishAll() {
	b.t.Helper()
	last, err := b.store.LastSequence(b.t.Context())
	require.NoError(b.t, err)
	b.published.Store(last)
}

// numberAll gives numbers until there is nothing left.
func (b *testBundle) numberAll() {
	b.t.Helper()
	require.Eventually(b.t, func() bool {
		_, err := b.issuer.Step(b.t.Context())
		require.NoError(b.t, err)
		position, err := invoicing.Position(b.t.Context(), b.pool)
		require.NoError(b.t, err)
		return position >= b.published.Load()
	}, patience, time.Millisecond)
}

func (b *testBundle) verify() invoicing.Verification {
	b.t.Helper()
	v, err := invoicing.Verify(b.t.Context(), b.pool, b.store)
	require.NoError(b.t, err)
	return v
}

// issued is what there is of an invoice.
type issued struct {
	number, content string
	sequence        int64
}

func (b *testBundle) all() []issued {
	b.t.Helper()
	rows, err := b.pool.Query(b.t.Context(), `SELECT number, content::text, sequence FROM orderloom.invoices ORDER BY sequence`)
	require.NoError(b.t, err)
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i issued, err error) {
		return i, row.Scan(&i.number, &i.content, &i.sequence)
	})
	require.NoError(b.t, err)
	return all
}

// Many issuers that are stopped in the middle, again and again, leave no gap and give no number twice.
func TestManyIssuersGiveEachNumberOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(1, 60)
	b.append(events[:len(events)/2])
	b.publishAll()
	ctx, stop := context.WithCancel(t.Context())
	var issuers sync.WaitGroup
	for range 3 {
		issuers.Go(func() {
			for life := 20 * time.Millisecond; ctx.Err() == nil; life += 40 * time.Millisecond {
				// It is cut off wherever it is, and lives a little longer the next time.
				cut, cancel := context.WithTimeout(ctx, life)
				_ = b.newIssuer(nil).Run(cut)
				cancel()
			}
		})
	}
	b.append(events[len(events)/2:])
	b.publishAll()
	require.Eventually(t, func() bool {
		position, err := invoicing.Position(ctx, b.pool)
		return err == nil && position == b.published.Load()
	}, patience, 5*time.Millisecond)
	stop()
	issuers.Wait()
	v := b.verify()
	require.True(t, v.OK(), "%+v", v)
	require.Greater(t, v.Documents, int64(20))
}

// Numbers follow the order of the events, in each series from 1.
func TestNumbersFollowTheEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(2, 60))
	b.publishAll()
	b.numberAll()
	next := map[string]int{}
	for _, i := range b.all() {
		series := i.number[:len(i.number)-6]
		next[series]++
		require.Equal(t, fmt.Sprintf("%s%06d", series, next[series]), i.number)
		var d invoice.Document
		require.NoError(t, json.Unmarshal([]byte(i.content), &d))
		require.Equal(t, i.number, d.Number)
		require.Equal(t, "2026-03-01", d.Date)
		if d.Kind == invoice.KindCreditNote {
			require.Len(t, d.Corrects, 1)
			require.Contains(t, d.Corrects[0], "INV-"+d.Channel)
		}
	}
	require.Greater(t, len(next), 2, "channels have series of their own")
	require.True(t, b.verify().OK())
}

// What is not published has no number: a store that is restored may lack it.
func TestNothingIsNumberedThatIsNotPublished(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(3, 40))
	more, err := b.issuer.Step(t.Context())
	require.NoError(t, err)
	require.False(t, more)
	require.Empty(t, b.all())
	b.publishAll()
	last := b.published.Load()
	b.published.Store(last / 2)
	b.numberAll()
	for _, i := range b.all() {
		require.LessOrEqual(t, i.sequence, last/2)
	}
	some := b.all()
	b.published.Store(last)
	b.numberAll()
	require.Greater(t, len(b.all()), len(some))
	require.Equal(t, some, b.all()[:len(some)], "what was given stays")
}

// A database that lost its last invoices, and has the events again, gives the same numbers again.
func TestARestoredStoreGivesTheSameNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(4, 60))
	b.publishAll()
	b.numberAll()
	before := b.all()
	b.restore(0, nil)
	b.numberAll()
	require.Equal(t, before, b.all())
	half := before[len(before)/2]
	b.restore(half.sequence, before[:len(before)/2+1])
	b.numberAll()
	require.Equal(t, before, b.all())
	require.True(t, b.verify().OK())
}

// restore leaves the invoices that a backup had when the events up to one were numbered.
func (b *testBundle) restore(position int64, kept []issued) {
	b.t.Helper()
	for _, sql := range []string{
		`ALTER TABLE orderloom.invoices DISABLE TRIGGER invoices_stay`,
		fmt.Sprintf(`DELETE FROM orderloom.invoices WHERE sequence > %d`, position),
		`DELETE FROM orderloom.invoice_series`,
		`INSERT INTO orderloom.invoice_series SELECT series, max(ordinal), max(issued_on) FROM orderloom.invoices GROUP BY series`,
		fmt.Sprintf(`UPDATE orderloom.invoice_cursor SET position = %d`, position),
		`ALTER TABLE orderloom.invoices ENABLE TRIGGER invoices_stay`,
	} {
		_, err := b.pool.Exec(b.t.Context(), sql)
		require.NoError(b.t, err)
	}
	require.Len(b.t, b.all(), len(kept))
}

// A store that is not confirmed may still get events back that come before others.
func TestAnUnconfirmedStoreNumbersNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(5, 10))
	b.publishAll()
	identity, err := b.store.Identity(t.Context())
	require.NoError(t, err)
	_, err = b.store.Doubt(t.Context(), identity, "it may lack events")
	require.NoError(t, err)
	_, err = b.issuer.Step(t.Context())
	require.NoError(t, err)
	require.Empty(t, b.all())
}

// Invoices of another store are not continued.
func TestTheNumbersOfAnotherStoreAreNotContinued(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(6, 10))
	b.publishAll()
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.invoice_cursor SET position = 1, store_id = $1, store_epoch = 1`, uuid.New())
	require.NoError(t, err)
	_, err = b.issuer.Step(t.Context())
	require.Equal(t, eventstore.CodeStoreReplaced, domain.Code(err))
}

// Whatever is wrong with the invoices is named.
func TestAVerificationNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ sql, says string }{
		"a gap":                  {`DELETE FROM orderloom.invoices WHERE number = (SELECT max(number) FROM orderloom.invoices)`, "was given"},
		"a missing invoice":      {`DELETE FROM orderloom.invoices WHERE ordinal = 1 AND kind = 'invoice'`, "has no number"},
		"an invoice of no event": {`UPDATE orderloom.invoices SET event_id = gen_random_uuid() WHERE ordinal = 1 AND kind = 'invoice'`, "that moved money"},
		"an invoice of no order": {`UPDATE orderloom.invoices SET order_id = gen_random_uuid() WHERE ordinal = 1 AND kind = 'invoice'`, "does not have"},
		"another amount":         {`UPDATE orderloom.invoices SET content = replace(content::text, '"quantity":', '"quantity":9')::json`, "the events tell"},
		"another recipient":      {`UPDATE orderloom.invoices SET personal = '{"key": "other:1"}'`, "its recipient"},
		"another number":         {`UPDATE orderloom.invoices SET number = number || '0'`, "number"},
		"an early date":          {`UPDATE orderloom.invoice_series SET last_on = '2020-01-01'`, "later date"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.append(eventtest.Lives(9, 12))
			b.publishAll()
			b.numberAll()
			require.True(t, b.verify().OK())
			for _, sql := range []string{`ALTER TABLE orderloom.invoices DISABLE TRIGGER invoices_stay`, c.sql} {
				_, err := b.pool.Exec(t.Context(), sql)
				require.NoError(t, err)
			}
			v := b.verify()
			require.False(t, v.OK())
			require.Contains(t, fmt.Sprint(v.Differences), c.says)
		})
	}
}

func TestInvoicesAreNeitherChangedNorDeleted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, sql := range []string{`UPDATE orderloom.invoices SET total = 0`, `DELETE FROM orderloom.invoices`, `TRUNCATE orderloom.invoices`} {
		_, err := b.pool.Exec(t.Context(), sql)
		require.ErrorContains(t, err, "a number that was given stays")
	}
}

// An event that this program can't read holds up all after it, so that no number is given out of order. The others of
// its page wait too.
func TestAnEventThatCanNotBeReadHoldsUpTheNumbers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(7, 20))
	b.publishAll()
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.events SET event_version = 99 WHERE event_type = 'PaymentCaptured'
		AND sequence = (SELECT min(sequence) FROM orderloom.events WHERE event_type = 'PaymentCaptured')`)
	require.NoError(t, err)
	_, err = b.issuer.Step(t.Context())
	require.ErrorContains(t, err, "which this program does not know")
	require.Empty(t, b.all())
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.invoice_cursor SET position = $1`, b.published.Load())
	require.NoError(t, err)
	v := b.verify()
	require.Contains(t, fmt.Sprint(v.Differences), "its events can't be read")
	require.Contains(t, fmt.Sprint(v.Differences), "has no number")
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.invoice_cursor SET position = 0`)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.events SET event_version = 1 WHERE event_version = 99`)
	require.NoError(t, err)
	b.numberAll()
	require.True(t, b.verify().OK())
}

func TestTheLagIsTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.append(eventtest.Lives(8, 5))
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.issuer.Run(ctx) }()
	require.Eventually(t, func() bool { return gauge(t, b.registry, "orderloom_invoices_lag_events") > 0 }, patience, 5*time.Millisecond)
	require.Positive(t, gauge(t, b.registry, "orderloom_invoices_lag_seconds"))
	stop()
	require.NoError(t, <-done)
	b.publishAll()
	b.numberAll()
	registry := prometheus.NewRegistry()
	ctx, stop = context.WithCancel(t.Context())
	other := b.newIssuer(registry)
	go func() { done <- other.Run(ctx) }()
	require.Eventually(t, func() bool { return gauge(t, registry, "orderloom_invoices_lag_events") == 0 }, patience, 5*time.Millisecond)
	stop()
	require.NoError(t, <-done)
}

func gauge(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	require.FailNow(t, "there is no metric "+name)
	return 0
}

// In one append the event of a payment may come before that of its order, and a page may end between the two.
func TestAnOrderIsKnownBeforeItsMoney(t *testing.T) {
	t.Parallel()
	b := setup(t)
	events := eventtest.Lives(10, 1)
	id := uuid.New()
	at := events[0].Timestamp
	placed := order.OrderPlaced{
		OrderID: id, OrderNumber: "ORD-1", CustomerID: "c", Total: money.Must("5.00", "EUR"), PlacedAt: at,
		Items: []order.Item{{LineID: uuid.New(), SKU: "CUP", Quantity: 1, UnitPrice: money.Must("5.00", "EUR")}},
	}
	paid := payment.PaymentCapturedElsewhere{
		PaymentID: payment.ID(id), OrderID: id, Amount: money.Must("5.00", "EUR"), CaptureRef: "credit/1", GatewayRef: "order/1", CapturedAt: at,
	}
	var group []eventstore.Append
	for _, e := range []domain.Event{paid, placed} {
		payload, err := catalog.Encode(e)
		require.NoError(t, err)
		stream := eventstore.StreamID{Type: domain.AggregatePayment, ID: payment.ID(id)}
		if e.EventType() == placed.EventType() {
			stream = eventstore.StreamID{Type: domain.AggregateOrder, ID: id}
		}
		group = append(group, eventstore.Append{Stream: stream, Events: []eventstore.NewEvent{{
			ID: uuid.New(), Type: e.EventType(), SchemaVersion: e.EventVersion(), Payload: payload, Timestamp: at,
		}}})
	}
	_, err := b.store.Append(t.Context(), group...)
	require.NoError(t, err)
	var first int64
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT min(sequence) FROM orderloom.events`).Scan(&first))
	b.published.Store(first)
	b.numberAll()
	b.publishAll()
	b.numberAll()
	all := b.all()
	require.Len(t, all, 1)
	require.Contains(t, all[0].content, `"order_id":"`+id.String())
	require.Contains(t, all[0].content, `"sku":"CUP"`)
	require.True(t, b.verify().OK(), "%+v", b.verify())
}
