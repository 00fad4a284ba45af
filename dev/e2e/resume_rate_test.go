//go:build drill

package e2e_test

import (
	"flag"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
)

var resumed = flag.Int("orders", 10_000, "how many orders to resume")

// What the measurement demands and allows.
const (
	resumedPerSecondMin = 100
	buyersAtOnce        = 48
	rateTimeout         = 5 * time.Minute
)

// TestResumingRate measures how fast the platform resumes orders after the loss of Temporal's databases, with all of
// it on this machine. It ends when each order has a saga that has taken its first step.
func TestResumingRate(t *testing.T) {
	s := openShop(t)
	s.confirmMany(t, *resumed)
	require.NoError(t, s.platform.Stack.LoseTemporal(t.Context()))
	require.NoError(t, s.platform.SetUp(t.Context()))
	begun, cpu := time.Now(), cpuTime(t)
	told, heapMax := begun, uint64(0)
	sagas := s.temporalDatabase(t)
	require.Eventually(t, func() bool {
		n := s.waitForDispatch(t, sagas)
		if time.Since(told) > time.Second {
			told, heapMax = time.Now(), max(heapMax, heap())
			t.Logf("%d of %d orders go on", n, *resumed)
		}
		return n == *resumed
	}, rateTimeout, 100*time.Millisecond)
	took := time.Since(begun)
	rate := float64(*resumed) / took.Seconds()
	t.Logf("%d orders resumed in %.1f s, %.0f a second, with %.1f s of CPU (without PostgreSQL) and a heap of at most %d MiB, Temporal's included",
		*resumed, took.Seconds(), rate, (cpuTime(t) - cpu).Seconds(), heapMax>>20)
	s.measureLook(t)
	require.Greater(t, rate, float64(resumedPerSecondMin))
}

// temporalDatabase is where Temporal keeps the executions.
func (s *shop) temporalDatabase(t *testing.T) *pgxpool.Pool {
	t.Helper()
	o := s.pool.Config()
	o.ConnConfig.Database = "temporal"
	pool, err := pgxpool.NewWithConfig(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// waitForDispatch counts the sagas that wait for a shipment: each has a timer for it, set by its first workflow task.
func (s *shop) waitForDispatch(t *testing.T, sagas *pgxpool.Pool) (n int) {
	t.Helper()
	require.NoError(t, sagas.QueryRow(t.Context(), "SELECT count(*) FROM timer_info_maps WHERE workflow_id LIKE 'order-%'").Scan(&n))
	return n
}

// measureLook tells what it costs to look up each order.
func (s *shop) measureLook(t *testing.T) {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), s.platform.Config.Telemetry, "drill")
	require.NoError(t, err)
	require.NoError(t, app.WithOrphans(t.Context(), s.platform.Config, tel, func(o *app.Orphans) error {
		begun, cpu := time.Now(), cpuTime(t)
		found, err := o.Verify(t.Context())
		if err != nil {
			return err
		}
		require.True(t, found.OK(), "%+v", found)
		t.Logf("a look at %d open orders, each looked up: %.1f s, %.1f s of CPU", *resumed, time.Since(begun).Seconds(), (cpuTime(t) - cpu).Seconds())
		return nil
	}))
}

// confirmMany places orders and waits until all are confirmed.
func (s *shop) confirmMany(t *testing.T, count int) {
	t.Helper()
	const skus = 100
	for i := range skus {
		_, err := s.ReceiveStock(t.Context(), client.Receipt{SKU: rateSKU(i), Location: "berlin", Quantity: count})
		require.NoError(t, err)
	}
	begun := time.Now()
	var next, failed atomic.Int64
	var all sync.WaitGroup
	for range buyersAtOnce {
		all.Go(func() {
			for i := next.Add(1); i <= int64(count); i = next.Add(1) {
				_, err := s.PlaceOrder(t.Context(), client.NewOrder{
					CustomerID: "c-" + strconv.Itoa(int(i)%1000), Currency: "EUR", PaymentToken: "tok_approve",
					Items:           []client.NewItem{{ProductID: "p", SKU: rateSKU(int(i) % skus), Quantity: 1, UnitPrice: "10.00"}},
					Recipient:       &client.Recipient{Name: "Ada Lovelace"},
					ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
				}, client.IdempotencyKey(uuid.NewString()))
				if err != nil {
					failed.Add(1)
				}
			}
		})
	}
	all.Wait()
	require.Zero(t, failed.Load())
	require.Eventually(t, func() bool {
		return s.count(t, `ExecutionStatus = "Running"`) == int64(count) && s.confirmed(t) == count
	},
		rateTimeout, 500*time.Millisecond)
	t.Logf("%d orders are confirmed after %s", count, time.Since(begun).Round(time.Second))
}

func rateSKU(i int) string { return fmt.Sprintf("rate-%d", i) }

func (s *shop) confirmed(t *testing.T) (n int) {
	t.Helper()
	err := s.pool.QueryRow(t.Context(), "SELECT count(*) FROM orderloom.order_views WHERE status = 'confirmed'").Scan(&n)
	require.NoError(t, err)
	return n
}

func (s *shop) count(t *testing.T, query string) int64 {
	t.Helper()
	counted, err := s.sagas.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{Query: query})
	require.NoError(t, err)
	return counted.GetCount()
}

// cpuTime is what this process has used: the platform, Temporal and the broker.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var usage syscall.Rusage
	require.NoError(t, syscall.Getrusage(syscall.RUSAGE_SELF, &usage))
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
