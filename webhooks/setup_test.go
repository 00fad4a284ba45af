package webhooks_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// patience bounds the wait for what has to come.
const patience = 60 * time.Second

const newestVersion, olderVersion = "2026-11-27", "2026-01-01"

// versions has an older version in which a delivery called its type kind, and an event its version number.
type versions struct{}

func (versions) Known() []string { return []string{newestVersion, olderVersion} }

func (versions) Back(version string, body map[string]any) {
	if version != olderVersion {
		return
	}
	body["kind"] = body["type"]
	delete(body, "type")
	if event, ok := body["data"].(map[string]any); ok {
		event["number"] = event["version"]
		delete(event, "version")
	}
}

type testBundle struct {
	pool  *pgxpool.Pool
	store *eventstore.Store
	feed  *feed.Feed
	table *webhooks.Table
	clock *clock
}

func setup(t testing.TB) *testBundle {
	t.Helper()
	return setupOn(t, pgtest.Pool(t))
}

func setupOn(t testing.TB, pool *pgxpool.Pool) *testBundle {
	t.Helper()
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	return &testBundle{
		pool: pool, store: store, feed: feed.New(store, plainvault.Vault{}, nil), clock: &clock{},
		table: webhooks.NewTable(pool, plainvault.Vault{}, webhooks.Rules{Private: true, Versions: versions{}}),
	}
}

// clock is ahead of the real one as far as a test sets it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func (b *testBundle) options() webhooks.Options {
	return webhooks.Options{
		DB: b.pool, Feed: b.feed, Vault: plainvault.Vault{}, Rules: webhooks.Rules{Private: true, Versions: versions{}}, Retention: 24 * time.Hour, Now: b.clock.now,
	}
}

// deliver runs a dispatcher until the test ends, or stop is called.
func (b *testBundle) deliver(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- webhooks.NewDispatcher(b.options()).Run(ctx) }()
	var once sync.Once
	stop = func() { once.Do(func() { cancel(); require.NoError(t, <-done) }) }
	t.Cleanup(stop)
	return stop
}

func keyOf(role access.Role, account string, channels ...string) *access.Caller {
	return &access.Caller{Account: account, ID: "key", Role: role, Scopes: role.Scopes(), Channels: channels}
}

// endpoint makes an endpoint of the shop's admin from the beginning of the feed on.
func (b *testBundle) endpoint(t testing.TB, url string, change ...func(*webhooks.NewEndpoint)) (webhooks.Endpoint, string) {
	t.Helper()
	n := webhooks.NewEndpoint{
		EndpointID: uuid.New(), RequestHash: "hash", Signature: webhooks.V1, Caller: keyOf(access.Admin, "shop"),
		Settings: webhooks.Settings{Name: "partner", URL: url, Payload: webhooks.Snapshot, PayloadVersion: newestVersion},
	}
	for _, c := range change {
		c(&n)
	}
	made, secret, err := b.table.Create(t.Context(), n)
	require.NoError(t, err)
	return made, secret
}

func types(list ...string) func(*webhooks.NewEndpoint) {
	return func(n *webhooks.NewEndpoint) { n.Types = list }
}

// note appends n events to the stream of an order, the first of which places it.
func (b *testBundle) note(t testing.TB, account, channel string, id uuid.UUID, from, n int) {
	t.Helper()
	for version := from; version < from+n; version++ {
		var e domain.Event = order.OrderNoted{OrderID: id}
		if version == 1 {
			e = placed(account, channel, id)
		}
		b.add(t, eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, int64(version), e)
	}
}

func placed(account, channel string, id uuid.UUID) order.OrderPlaced {
	return order.OrderPlaced{
		OrderID: id, CustomerID: "ada", Caller: account, Terms: order.Terms{}, References: order.References{Channel: channel},
		Personal: domain.Sealed{Key: "ada:1", Data: []byte(`{"name":"Ada"}`)},
	}
}

func (b *testBundle) receive(t testing.TB, id uuid.UUID, version int64) {
	t.Helper()
	b.add(t, eventstore.StreamID{Type: domain.AggregateInventory, ID: id}, version, inventory.StockReceived{SKU: "A", Quantity: 1, ReceivedAt: time.Now()})
}

func (b *testBundle) add(t testing.TB, stream eventstore.StreamID, version int64, e domain.Event) {
	t.Helper()
	b.addAs(t, uuid.New(), stream, version, e)
}

func (b *testBundle) addAs(t testing.TB, id uuid.UUID, stream eventstore.StreamID, version int64, e domain.Event) {
	t.Helper()
	payload, err := catalog.Encode(e)
	require.NoError(t, err)
	_, err = b.store.Append(context.WithoutCancel(t.Context()), eventstore.Append{
		Stream: stream, Expected: version - 1,
		Events: []eventstore.NewEvent{{ID: id, Type: e.EventType(), SchemaVersion: e.EventVersion(), Payload: payload, Timestamp: time.Now()}},
	})
	require.NoError(t, err)
}

// delivery is what a receiver got.
type delivery struct {
	id     string
	header http.Header
	raw    []byte
	at     time.Time
	taken  bool

	Type            string     `json:"type"`
	EndpointID      uuid.UUID  `json:"endpoint_id"`
	Version         string     `json:"payload_version"`
	Cursor          string     `json:"cursor"`
	PreviousEventID *uuid.UUID `json:"previous_event_id"`
	Data            struct {
		EventID   uuid.UUID       `json:"event_id"`
		OrderID   uuid.UUID       `json:"order_id"`
		Version   int64           `json:"version"`
		Aggregate feed.Aggregate  `json:"aggregate"`
		Data      json.RawMessage `json:"data"`
	} `json:"data"`
}

// receiver answers deliveries and keeps them.
type receiver struct {
	*httptest.Server
	// answer is asked before each delivery is answered; nil takes all.
	answer func(d *delivery, w http.ResponseWriter) (status int)

	mu  sync.Mutex
	got []delivery
}

func newReceiver(t testing.TB, answer func(d *delivery, w http.ResponseWriter) int) *receiver {
	t.Helper()
	r := &receiver{answer: answer}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		d := delivery{id: req.Header.Get("webhook-id"), header: req.Header.Clone(), at: time.Now()}
		d.raw, _ = io.ReadAll(req.Body)
		_ = json.Unmarshal(d.raw, &d)
		status := http.StatusNoContent
		if r.answer != nil {
			status = r.answer(&d, w)
		}
		d.taken = status >= 200 && status < 300
		r.mu.Lock()
		r.got = append(r.got, d)
		r.mu.Unlock()
		w.WriteHeader(status)
		if status == http.StatusTeapot {
			_, _ = w.Write(slices.Repeat([]byte("teapot "), 1000))
		}
	}))
	t.Cleanup(r.Close)
	return r
}

// all returns what has come so far.
func (r *receiver) all() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// taken returns what was taken so far.
func (r *receiver) taken() []delivery {
	return slices.DeleteFunc(r.all(), func(d delivery) bool { return !d.taken })
}

// await waits until n deliveries were taken.
func (r *receiver) await(t testing.TB, n int) []delivery {
	t.Helper()
	require.Eventually(t, func() bool { return len(r.taken()) >= n }, patience, 5*time.Millisecond, "%d deliveries", n)
	return r.taken()
}

// requireWhole checks that what was taken is complete and in order. Each version of an order comes for the first time
// after the one before it, and names that.
func requireWhole(t testing.TB, got []delivery, want map[uuid.UUID]int) {
	t.Helper()
	last, lastID, seen := map[uuid.UUID]int64{}, map[uuid.UUID]uuid.UUID{}, map[string]bool{}
	for _, d := range got {
		if seen[d.id] {
			continue
		}
		seen[d.id] = true
		id := d.Data.Aggregate.ID
		require.Equal(t, last[id]+1, d.Data.Version, "order %s", id)
		if d.Data.Version == 1 {
			require.Nil(t, d.PreviousEventID)
		} else if d.Data.Aggregate.Type == domain.AggregateOrder {
			require.NotNil(t, d.PreviousEventID)
			require.Equal(t, lastID[id], *d.PreviousEventID)
		}
		last[id], lastID[id] = d.Data.Version, d.Data.EventID
	}
	for id, n := range want {
		require.Equal(t, int64(n), last[id], "order %s", id)
	}
}

// settled waits until the place of an endpoint has come to the end of the feed, and nothing is held back.
func (b *testBundle) settled(t testing.TB, id uuid.UUID, delivered int64) webhooks.Endpoint {
	t.Helper()
	var e webhooks.Endpoint
	require.Eventually(t, func() bool {
		var err error
		e, err = b.table.Get(t.Context(), "shop", id)
		require.NoError(t, err)
		return e.Delivered >= delivered && e.Held == 0
	}, patience, 20*time.Millisecond)
	return e
}
