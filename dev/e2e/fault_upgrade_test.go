package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

var rollingUpgrade = fault{
	name:      "rolling-upgrade",
	what:      "Processes are replaced one by one by those of another build, under load",
	meanwhile: "Everything goes on, and no request fails. A process that stops says so at `GET /ready` first, and takes requests on meanwhile.",
	named:     []naming{{command: "GET /ready", status: 503, says: `"status":"draining"`}},
	mended: "Nothing is wrong. `ORDERLOOM_DRAIN_DELAY` has to be longer than whoever distributes requests needs to notice. " +
		"[rollout.md](rollout.md) has the order of the steps.",
	drill: drillRollingUpgrade,
}

// drillRollingUpgrade fails where a process closes its listener as soon as it is told to stop.
func drillRollingUpgrade(t *testing.T, d *drill) {
	next := buildProgram(t, "-ldflags=-s")
	d.open(t, "ORDERLOOM_DRAIN_DELAY", "1s")
	old := []*process{d.start(t, "all"), d.start(t, "all")}
	d.place(t)
	d.awaitQuiet(t)

	b := balance(t)
	for _, p := range old {
		b.add(t, p.url)
	}
	requests, stop := load(t, b.client(t))
	await(t, "requests", func() bool { return requests.Load() > 20 })
	for i := range old {
		b.add(t, launch(t, next, "all", fmt.Sprintf("next-%d", i), d.settings()).url)
		first := d.processes[0]
		require.NoError(t, first.cmd.Process.Signal(syscall.SIGTERM))
		d.requireNamed(t)
		await(t, "the end of a process", func() bool { return ended(first) })
		require.Zero(t, first.cmd.ProcessState.ExitCode(), first.tail(t))
		d.forget(first)
		done := requests.Load()
		await(t, "more requests", func() bool { return requests.Load() > done+20 })
	}
	require.Empty(t, stop(), "requests that have failed")
	t.Logf("%d requests, none of them failed", requests.Load())
	d.requireTold(t)
	d.Client = b.client(t)
	d.place(t)
	d.requireEnds(t)
}

func ended(p *process) bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// balancer sends requests to those processes that are ready. It repeats none.
type balancer struct {
	url string

	mu    sync.Mutex
	ready []*url.URL
	next  int
}

// looksEvery is how often a balancer asks whether processes are ready.
const looksEvery = 100 * time.Millisecond

func balance(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(b.pick()) }}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

func (b *balancer) pick() *url.URL {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next++
	return b.ready[b.next%len(b.ready)]
}

// add sends requests to a process for as long as it is ready.
func (b *balancer) add(t *testing.T, address string) {
	t.Helper()
	target, err := url.Parse(address)
	require.NoError(t, err)
	isReady := func() bool {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"/ready", http.NoBody)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
	}
	await(t, address+" to be ready", isReady)
	b.mu.Lock()
	b.ready = append(b.ready, target)
	b.mu.Unlock()
	go func() {
		for isReady() && t.Context().Err() == nil {
			time.Sleep(looksEvery) //nolint:forbidigo // as a balancer does
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		for i, other := range b.ready {
			if other == target && len(b.ready) > 1 {
				b.ready = append(b.ready[:i:i], b.ready[i+1:]...)
				return
			}
		}
	}()
}

func (b *balancer) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := client.New(b.url, client.WithRetry(client.Retry{AttemptsMax: 1}))
	require.NoError(t, err)
	return c
}

// buyers is how many requests there are at once.
const buyers = 4

// load lets buyers place orders and have them shipped, until stop is called. It returns the requests that have failed.
func load(t *testing.T, c *client.Client) (requests *atomic.Int64, stop func() (failed []error)) {
	t.Helper()
	requests = &atomic.Int64{}
	var failed []error
	var mu sync.Mutex
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(t.Context())
	for range buyers {
		all.Go(func() {
			for ctx.Err() == nil {
				if err := buy(t.Context(), c, requests); err != nil {
					mu.Lock()
					failed = append(failed, err)
					mu.Unlock()
				}
			}
		})
	}
	return requests, sync.OnceValue(func() []error { cancel(); all.Wait(); return failed })
}

// buy takes one order from its placement to its delivery, and returns the first error.
func buy(ctx context.Context, c *client.Client, requests *atomic.Int64) error {
	sku := uuid.NewString()
	if _, err := c.ReceiveStock(ctx, client.Receipt{SKU: sku, Location: "berlin", Quantity: 1}); err != nil {
		return err
	}
	placed, err := c.PlaceOrder(ctx, client.NewOrder{
		CustomerID: "c-" + sku, Currency: "EUR", PaymentToken: "tok_approve", Items: []client.NewItem{{ProductID: "p", SKU: sku, Quantity: 1, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}, client.Wait(10*time.Second))
	if err != nil {
		return err
	}
	requests.Add(2)
	for {
		shown, err := c.GetOrder(ctx, placed.OrderID)
		if err != nil {
			return err
		}
		requests.Add(1)
		if len(shown.Shipments) == 0 {
			continue
		}
		shipment := shown.Shipments[0].ShipmentID
		if _, err := c.DispatchShipment(ctx, placed.OrderID, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"}); err != nil {
			return err
		}
		_, err = c.DeliverShipment(ctx, placed.OrderID, shipment)
		requests.Add(2)
		return err
	}
}
