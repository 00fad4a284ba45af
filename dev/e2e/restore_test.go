package e2e_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// restoring is a way to back up and restore the database of the event store.
type restoring interface {
	// start starts the server, and returns the URL of the database.
	start(t *testing.T) string
	// backUp makes the backup. Idle says that no platform runs; otherwise orders are being placed.
	backUp(t *testing.T)
	idle() bool
	// restore puts the backup in place and returns the URL of the database.
	restore(t *testing.T) string
}

// TestARestoredStoreIsRecovered restores an older copy of the database while Kafka, Temporal and the gateway know more.
// Nothing is accepted then, until the store is recovered from them. After that every order comes to its right end, and
// an erased customer stays erased.
func TestARestoredStoreIsRecovered(t *testing.T) {
	t.Parallel()
	drillRestore(t, &copied{}, map[string]state{"confirmed": states["confirmed"], "partly shipped": states["partly shipped"], "backordered": states["backordered"]}, 1)
}

// copied is a copy of the database on the same server.
type copied struct{ server *pgserver.Server }

func (c *copied) start(t *testing.T) string {
	var err error
	c.server, err = pgserver.Start(t.Context(), pgserver.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.server.Stop(context.Background())) })
	require.NoError(t, c.server.CreateDatabase(t.Context(), "orderloom"))
	return c.server.URL("orderloom")
}

func (c *copied) backUp(t *testing.T) {
	db, err := pgx.Connect(t.Context(), c.server.URL("postgres"))
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(t.Context())) }()
	await(t, "the end of all connections", func() bool {
		_, err = db.Exec(t.Context(), "CREATE DATABASE restored TEMPLATE orderloom")
		return err == nil
	})
}

func (c *copied) idle() bool { return true }

func (c *copied) restore(*testing.T) string { return c.server.URL("restored") }

// ruin is a platform whose database is restored.
type ruin struct {
	settings []string
	s        *shop
	orders   []*waiting
	lost     *drilled // its customer is erased after the backup
}

// drillRestore takes so many orders to each of the states before the backup, and as many after it.
func drillRestore(t *testing.T, way restoring, states map[string]state, each int) {
	t.Helper()
	r := ruined(t, way.start(t))
	r.s = openShop(t, r.settings...)
	r.place(t, "before", states, each)
	r.lost = r.s.place(t, states["confirmed"])
	r.settle(t)
	if way.idle() {
		r.stop(t)
		way.backUp(t)
		r.start(t)
	} else {
		r.underLoad(t, func() { way.backUp(t) })
	}
	r.place(t, "after", states, each)
	ended := r.orders[0] // was placed before the backup and ends after it
	ended.order.t = t
	ended.order.finish(ended.goOn, ended.end, func(client.OrderStatus) {})
	_, err := app.EraseCustomer(t.Context(), r.s.platform.Config, r.telemetry(t), "c-"+r.lost.sku)
	require.NoError(t, err)
	r.settle(t)
	r.stop(t)

	r.settings[1] = way.restore(t)
	r.start(t)
	r.awaitNothingTaken(t)
	found, err := app.LookForLoss(t.Context(), r.s.platform.Config, r.telemetry(t), t.Logf)
	require.NoError(t, err)
	require.NotZero(t, found.Lost)
	require.Empty(t, found.Gaps)
	require.Equal(t, 1, found.Erased)
	require.NotZero(t, found.Keys, "customers have come since the backup")
	begun := time.Now()
	done, err := app.Recover(t.Context(), r.s.platform.Config, r.telemetry(t), false, t.Logf)
	require.NoError(t, err)
	require.Equal(t, found.Lost, done.Taken)
	t.Logf("%d events, %d sagas recovered in %s", done.Taken, done.Open, time.Since(begun).Round(time.Millisecond))
	// What the gateway has reported since the backup is lost with it, unless it became an event.
	compared, err := app.ReconcileRecovered(t.Context(), r.s.platform.Config, r.telemetry(t), done.Since, func(app.Reconciled) {})
	require.NoError(t, err)
	t.Logf("%d payments compared with the gateway, %d events adopted", compared.Compared, compared.Adopted)

	await(t, "orders to be taken again", func() bool {
		_, err := r.s.ReceiveStock(t.Context(), client.Receipt{SKU: uuid.NewString(), Location: "berlin", Quantity: 1})
		return err == nil
	})
	r.end(t, ended)
	r.lost.await("the erasure to be shown", func() bool { return r.lost.shown().Erased })
	r.s.verify(t)
	r.verifyKafka(t)
}

// ruined starts Kafka and Temporal, which outlive the platform, beside a database.
func ruined(t *testing.T, database string) *ruin {
	t.Helper()
	var given stack.Addresses
	if os.Getenv(kafkatest.BrokersVariable) != "" {
		given.KafkaBrokers = strings.Join(kafkatest.Start(t).Brokers, ",")
	}
	servers, err := stack.Start(t.Context(), stack.Options{Given: given, Log: t.Logf}) // Temporal has a PostgreSQL of its own
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Stop(context.Background())) })
	var key [32]byte
	_, _ = rand.Read(key[:])
	return &ruin{settings: []string{
		"DATABASE_URL", database, "TEMPORAL_ADDRESS", servers.TemporalAddress, "KAFKA_BROKERS", servers.KafkaBrokers,
		"ORDERLOOM_SANDBOX_LEDGER", filepath.Join(t.TempDir(), "ledger.jsonl"),
		"ORDERLOOM_MASTER_KEYS", "drill:" + base64.StdEncoding.EncodeToString(key[:]),
		"ORDERLOOM_INDEX_KEYS", "drill:" + base64.StdEncoding.EncodeToString(key[:]),
	}}
}

func (r *ruin) telemetry(t *testing.T) *telemetry.Telemetry {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), r.s.platform.Config.Telemetry, "drill")
	require.NoError(t, err)
	return tel
}

func (r *ruin) place(t *testing.T, when string, states map[string]state, count int) {
	t.Helper()
	var placed []*waiting
	for name, in := range states {
		for range count {
			placed = append(placed, &waiting{state: in, name: name})
		}
	}
	each(t, "place "+when, placed, func(t *testing.T, w *waiting) { w.order = r.s.place(t, w.state) })
	each(t, "leave "+when, placed, func(_ *testing.T, w *waiting) {
		if w.leave != nil {
			w.leave(w.order)
		}
	})
	r.orders = append(r.orders, placed...)
}

// loadMax is how many orders are placed at most while something is done under load, and loaders is how many at once.
const (
	loadMax = 60
	loaders = 4
)

// underLoad does something while orders are placed, which then belong to the others.
func (r *ruin) underLoad(t *testing.T, do func()) {
	t.Helper()
	in := states["confirmed"]
	var mu sync.Mutex
	var placed []*waiting
	begun, over := make(chan struct{}), make(chan struct{})
	once := sync.OnceFunc(func() { close(begun) })
	var all sync.WaitGroup
	for range loaders {
		all.Go(func() {
			defer once()
			for range loadMax / loaders {
				o, err := r.s.placeOnly(t, in)
				if !assert.NoError(t, err) {
					return
				}
				mu.Lock()
				placed = append(placed, &waiting{state: in, name: "under load", order: o})
				mu.Unlock()
				once()
				select {
				case <-over:
					return
				default:
				}
			}
		})
	}
	<-begun
	do()
	close(over)
	all.Wait()
	t.Logf("%d orders were placed meanwhile", len(placed))
	r.orders = append(r.orders, placed...)
}

// settle waits until all that there is has reached Kafka.
func (r *ruin) settle(t *testing.T) {
	t.Helper()
	await(t, "Kafka to have everything", func() bool {
		var settled bool
		require.NoError(t, r.s.pool.QueryRow(t.Context(), `SELECT (SELECT position FROM orderloom.relay_cursors) >= (SELECT max(sequence) FROM orderloom.events)
			AND NOT EXISTS (SELECT FROM orderloom.customer_keys WHERE NOT published)`).Scan(&settled))
		return settled
	})
}

func (r *ruin) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, r.s.platform.Stop(t.Context()))
	r.s.pool.Close()
	require.NoError(t, r.s.store.Close(t.Context()))
}

func (r *ruin) start(t *testing.T) {
	t.Helper()
	r.s = openShop(t, r.settings...)
	for _, w := range r.orders {
		w.order.shop, w.order.t = r.s, t
	}
	r.lost.shop, r.lost.t = r.s, t
}

// awaitNothingTaken waits until the API refuses, and asserts that reads go on and that the metric tells.
func (r *ruin) awaitNothingTaken(t *testing.T) {
	t.Helper()
	await(t, "a refusal", func() bool {
		_, err := r.s.ReceiveStock(t.Context(), client.Receipt{SKU: uuid.NewString(), Location: "berlin", Quantity: 1})
		return client.CodeOf(err) == client.CodeStoreUnconfirmed
	})
	require.Equal(t, r.orders[0].order.id, r.orders[0].order.shown().OrderID)
	told := scrapeAll(t.Context(), map[string]string{"all": r.s.platform.APIURL})
	require.True(t, restored.told[0].condition().holds(t, told, nil), "the metric tells")
}

// end takes all orders to their ends, but for the one that has ended before, and audits them.
func (r *ruin) end(t *testing.T, ended *waiting) {
	t.Helper()
	each(t, "end", r.orders, func(_ *testing.T, w *waiting) {
		if w == ended {
			w.order.audit(w.end)
			return
		}
		w.order.finish(w.goOn, w.end, func(client.OrderStatus) {})
	})
	r.lost.t = t
	r.lost.finish(states["confirmed"].goOn, states["confirmed"].end, func(client.OrderStatus) {})
}

// verifyKafka compares Kafka with the events, as "orderloom verify" does.
func (r *ruin) verifyKafka(t *testing.T) {
	t.Helper()
	m, err := app.OpenMaintenance(t.Context(), r.s.platform.Config, r.telemetry(t))
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	k, err := maintain.VerifyKafka(t.Context(), m.Broker, m.Published, false, nil)
	require.NoError(t, err)
	require.True(t, k.OK(), "%+v", k)
}
