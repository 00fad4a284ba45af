package e2e_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/history/v1"
)

// proxy stands before a server that a test takes away, and gives back.
type proxy struct {
	t       *testing.T
	address string
	server  string

	mu       sync.Mutex
	listener net.Listener
	open     []net.Conn
	frozen   bool
	thawed   *sync.Cond
}

func startProxy(t *testing.T, server string) *proxy {
	t.Helper()
	p := &proxy{t: t, server: server, address: "127.0.0.1:0"}
	p.thawed = sync.NewCond(&p.mu)
	p.listen()
	p.address = p.listener.Addr().String()
	t.Cleanup(p.refuse)
	return p
}

// listen passes connections on, until [proxy.refuse].
func (p *proxy) listen() {
	p.t.Helper()
	l, err := new(net.ListenConfig).Listen(p.t.Context(), "tcp", p.address)
	require.NoError(p.t, err)
	p.mu.Lock()
	p.listener = l
	p.mu.Unlock()
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", p.server)
			if err != nil {
				_ = from.Close()
				continue
			}
			p.mu.Lock()
			p.open = append(p.open, from, to)
			p.mu.Unlock()
			go p.pass(from, to)
			go p.pass(to, from)
		}
	}()
}

// pass copies until either side closes, and waits while the proxy is frozen.
func (p *proxy) pass(from, to net.Conn) {
	defer func() { _, _ = from.Close(), to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		for p.frozen {
			p.thawed.Wait()
		}
		p.mu.Unlock()
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// refuse closes all connections, and takes none.
func (p *proxy) refuse() {
	p.freeze(false)
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.listener.Close()
	for _, c := range p.open {
		_ = c.Close()
	}
	p.open = nil
}

// freeze takes connections, and passes nothing on.
func (p *proxy) freeze(frozen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = frozen
	p.thawed.Broadcast()
}

// A request is answered well within this time while Temporal refuses connections. The test allows for a busy machine.
const refusedWithin = time.Second

// TestTemporalIsAway takes Temporal from a shop with orders, and gives it back. It first refuses connections, and then
// answers nothing. What was accepted comes to its end, and what was not may be sent again.
//
// It fails where a request waits for the SDK's own attempts.
func TestTemporalIsAway(t *testing.T) {
	t.Parallel()
	servers, err := stack.Start(t.Context(), stack.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, servers.Stop(context.Background())) })
	p := startProxy(t, servers.TemporalAddress)
	s := openShop(t, "DATABASE_URL", servers.DatabaseURL, "TEMPORAL_ADDRESS", p.address, "KAFKA_BROKERS", servers.KafkaBrokers)
	in := states["confirmed"]
	var open []*waiting
	for range 10 {
		open = append(open, &waiting{state: in, name: "confirmed"})
	}
	each(t, "place", open, func(t *testing.T, w *waiting) { w.order = s.place(t, in) })
	for _, w := range open {
		w.order.t = t
	}

	p.refuse()
	keys := []string{uuid.NewString(), uuid.NewString()}
	for i := range 10 {
		took := s.refusedOrder(t, keys[0])
		t.Logf("refused connections, request %d: answered after %s", i+1, took.Round(time.Millisecond))
		require.Less(t, took, refusedWithin)
	}
	require.Equal(t, client.OrderConfirmed, open[0].order.shown().Status, "reads go on")
	p.listen()
	s.acceptedOrder(t, keys[0])

	p.freeze(true)
	took := s.refusedOrder(t, keys[1])
	t.Logf("a server that does not answer: answered after %s", took.Round(time.Millisecond))
	require.Greater(t, took, 3*time.Second, "a slow server is waited for")
	require.Less(t, took, 8*time.Second)
	p.freeze(false)

	for _, key := range keys {
		id := s.acceptedOrder(t, key)
		require.Equal(t, id, s.acceptedOrder(t, key), "it is placed once")
		open = append(open, &waiting{state: in, name: "placed again", order: &drilled{shop: s, t: t, sku: key, id: id}})
	}
	each(t, "end", open, func(_ *testing.T, w *waiting) { w.order.finish(w.goOn, w.end, func(client.OrderStatus) {}) })
	s.verify(t)
}

// keyedOrder is what is ordered under a key, whose stock is received with it.
func keyedOrder(key string) client.NewOrder {
	in := states["confirmed"]
	return client.NewOrder{
		CustomerID: "c-" + key, Currency: "EUR", PaymentToken: "tok_approve",
		Items:           []client.NewItem{{ProductID: "p", SKU: key, Quantity: in.quantity, UnitPrice: in.price}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}
}

// refusedOrder places an order that is turned away, once, and returns how long that took.
func (s *shop) refusedOrder(t *testing.T, key string) time.Duration {
	t.Helper()
	once, err := client.New(s.platform.APIURL, client.WithRetry(client.Retry{AttemptsMax: 1}))
	require.NoError(t, err)
	begun := time.Now()
	_, err = once.PlaceOrder(t.Context(), keyedOrder(key), client.IdempotencyKey(key))
	require.Equal(t, client.CodeUnavailable, client.CodeOf(err), "%v", err)
	return time.Since(begun)
}

// acceptedOrder places an order until it is accepted.
func (s *shop) acceptedOrder(t *testing.T, key string) (id uuid.UUID) {
	t.Helper()
	await(t, "an order to be accepted", func() bool {
		if _, err := s.ReceiveStock(t.Context(), client.Receipt{SKU: key, Location: "berlin", Quantity: 5}, client.IdempotencyKey("stock-"+key)); err != nil {
			return false
		}
		placed, err := s.PlaceOrder(t.Context(), keyedOrder(key), client.IdempotencyKey(key))
		id = placed.OrderID
		return err == nil
	})
	return id
}

// attemptsMax is how often a step asks a gateway that fails at once for as long as the test has it fail. Without the
// breaker's delay it asks after 1, 2, 4 and 8 seconds.
const attemptsMax = 3

// TestAnOutageOfTheGatewayBurnsNoAttempts lets the gateway fail at once until each step has been turned away, and tried
// again. Histories tell how often that was, and by what delay.
//
// It fails where a step that was turned away has the pauses of the retry policy.
func TestAnOutageOfTheGatewayBurnsNoAttempts(t *testing.T) {
	t.Parallel()
	ledger := filepath.Join(t.TempDir(), "ledger.jsonl")
	s := openShop(t, "ORDERLOOM_SANDBOX_LEDGER", ledger)
	in := states["confirmed"]
	var open []*waiting
	for range 12 { // so many that the breaker opens
		open = append(open, &waiting{state: in, name: "confirmed"})
	}
	each(t, "place", open, func(t *testing.T, w *waiting) { w.order = s.place(t, in) })
	for _, w := range open {
		w.order.t = t
	}
	mend := spoil(t, ledger)
	var asking sync.WaitGroup
	for _, w := range open {
		shipment := w.order.shipmentFrom("berlin").ShipmentID
		asking.Go(func() {
			_, err := s.DispatchShipment(t.Context(), w.order.id, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
			assert.NoError(t, err)
		})
	}
	asking.Wait()
	for _, w := range open {
		w.order.await("another attempt", func() bool { return w.order.pendingAttempt() > 1 })
	}
	mend()
	var attempts []int32
	for _, w := range open {
		w.order.await("the capture", func() bool { return w.order.shown().Captured.Amount == "20.00" })
		for _, started := range w.order.startedSteps() {
			attempts = append(attempts, started.GetAttempt())
			if last := started.GetLastFailure().GetApplicationFailureInfo(); last.GetType() == string(activities.CodeGatewayUnavailable) {
				require.GreaterOrEqual(t, last.GetNextRetryDelay().AsDuration(), time.Second)
			}
		}
	}
	t.Logf("attempts of the steps: %v", attempts)
	require.NotEmpty(t, attempts)
	require.LessOrEqual(t, slices.Max(attempts), int32(attemptsMax))
	each(t, "end", open, func(_ *testing.T, w *waiting) { w.order.finish(w.goOn, w.end, func(client.OrderStatus) {}) })
}

// spoil makes the gateway fail at once until the returned function is called.
func spoil(t *testing.T, ledger string) (mend func()) {
	t.Helper()
	letGo := hang(t, ledger)
	info, err := os.Stat(ledger)
	require.NoError(t, err)
	file, err := os.OpenFile(ledger, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = io.WriteString(file, "no entry\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	letGo()
	return func() { require.NoError(t, os.Truncate(ledger, info.Size())) }
}

// pendingAttempt is the attempt that the order's durable step is at, 0 without one.
func (o *drilled) pendingAttempt() int32 {
	d, err := o.sagas.DescribeWorkflowExecution(o.t.Context(), "order-"+o.id.String(), "")
	require.NoError(o.t, err)
	for _, a := range d.GetPendingActivities() {
		return a.GetAttempt()
	}
	return 0
}

// startedSteps are the durable steps of the order's saga.
func (o *drilled) startedSteps() (steps []*history.ActivityTaskStartedEventAttributes) {
	for _, e := range o.history("") {
		if started := e.GetActivityTaskStartedEventAttributes(); started != nil {
			steps = append(steps, started)
		}
	}
	return steps
}
