package e2e_test

import (
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// A sender is answered within five seconds, by the saga's own rule. The test allows for a machine under load.
const answeredWithin = 8 * time.Second

// TestASlowGatewayKeepsNobodyWaiting asks much of orders while the gateway hangs, and lets it answer again.
//
// It fails when a step that outwaits the gateway does not answer whoever waits for it (workflows/step_watch.go). It
// fails too when the gateway holds up a step beyond its own time.
func TestASlowGatewayKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger.jsonl")
	s := openShop(t, "ORDERLOOM_SANDBOX_LEDGER", ledger)
	confirmed, shipped := states["confirmed"], states["partly shipped"]
	orders := []*drilled{s.place(t, confirmed), s.place(t, confirmed), s.place(t, shipped), s.place(t, shipped)}
	reports := map[*drilled]workflows.Dispatch{}
	for i, o := range orders {
		location := []string{"berlin", "berlin", "reno", "reno"}[i]
		reports[o] = workflows.Dispatch{ShipmentID: o.shipmentFrom(location).ShipmentID, Carrier: "DHL"}
	}
	letGo := hang(t, ledger)
	for round := range 3 {
		slowest := askMuch(t, reports, round)
		t.Logf("round %d: the slowest answer took %s", round+1, slowest)
		require.Less(t, slowest, answeredWithin)
	}
	letGo()
	for _, o := range orders[:2] {
		o.await("an end", func() bool { return o.shown().Status != client.OrderConfirmed })
		if o.shown().Status == client.OrderCancelled {
			o.audit(undone(5))
			continue
		}
		o.finish(confirmed.goOn, confirmed.end, func(client.OrderStatus) {})
	}
	for _, o := range orders[2:] {
		o.finish(shipped.goOn, shipped.end, func(client.OrderStatus) {})
	}
}

// hang keeps the gateway from answering anything until the returned function is called.
func hang(t *testing.T, ledger string) (letGo func()) {
	t.Helper()
	f, err := os.Open(ledger)
	require.NoError(t, err)
	require.NoError(t, syscall.Flock(int(f.Fd()), syscall.LOCK_EX))
	letGo = sync.OnceFunc(func() { _ = f.Close() })
	t.Cleanup(letGo)
	return letGo
}

// askMuch asks for dispatches and cancellations of orders, all at once, and returns how long the slowest answer took.
func askMuch(t *testing.T, reports map[*drilled]workflows.Dispatch, round int) (slowest time.Duration) {
	var all sync.WaitGroup
	var mu sync.Mutex
	timed := func(ask func() error) {
		all.Go(func() {
			begun := time.Now()
			err := ask()
			took := time.Since(begun)
			mu.Lock()
			defer mu.Unlock()
			slowest = max(slowest, took)
			if err != nil && domain.Code(err) == "" {
				t.Errorf("not answered: %v", err)
			}
		})
	}
	for o, report := range reports {
		for i := range 5 {
			report.TrackingNumber = strconv.Itoa(round) + "-" + strconv.Itoa(i)
			timed(func() error {
				_, err := o.sagaClient().ReportShipment(t.Context(), o.id, workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: report})
				return err
			})
		}
	}
	if round < 2 { // the cancellation of the last round ends what outwaits the gateway
		all.Wait()
		return slowest
	}
	for o := range reports {
		timed(func() error {
			_, err := o.sagaClient().CancelOrder(t.Context(), o.id, workflows.CancelRequest{Reason: "too slow", By: order.ByCustomer})
			return err
		})
	}
	all.Wait()
	return slowest
}
