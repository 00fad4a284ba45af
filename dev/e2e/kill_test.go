package e2e_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/interceptor"
)

// killVariable turns this test's program into a platform that kills itself in one step of one saga:
// "<workflow id> <step> before" or "… after".
const killVariable = "ORDERLOOM_E2E_KILL"

func TestMain(m *testing.M) {
	if kill, child := os.LookupEnv(killVariable); child {
		if err := runChild(kill); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	code := m.Run()
	if shared.dir != "" {
		_ = os.RemoveAll(shared.dir) // a folder for files that are temporary
	}
	os.Exit(code)
}

func runChild(kill string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	cfg, err := config.Load(os.LookupEnv, config.RoleAll)
	if err != nil {
		return err
	}
	tel, err := telemetry.Setup(ctx, cfg.Telemetry, "all")
	if err != nil {
		return err
	}
	return app.Run(ctx, cfg, app.Options{
		Roles: []config.Role{config.RoleAll}, Telemetry: tel, Ready: func(url string) { fmt.Println(url) },
		Interceptors: []interceptor.WorkerInterceptor{&killer{at: kill}},
	})
}

// killer ends the process as the kernel would when memory runs out: nothing is written, closed or handed on.
type killer struct {
	interceptor.WorkerInterceptorBase
	at string
}

func (k *killer) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &killedActivity{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, at: k.at}
}

type killedActivity struct {
	interceptor.ActivityInboundInterceptorBase
	at string
}

// ExecuteActivity dies before or after the step that it is told.
func (a *killedActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	name := info.WorkflowExecution.ID + " " + info.ActivityType.Name
	if a.at == name+" before" {
		die()
	}
	out, err := a.Next.ExecuteActivity(ctx, in)
	if a.at == name+" after" {
		die()
	}
	return out, err
}

func die() {
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// child is the platform as a process of its own.
type child struct {
	cmd *exec.Cmd
	url string
}

func startChild(t *testing.T, environment map[string]string, kill string) *child {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), killVariable+"="+kill)
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	var log bytes.Buffer
	cmd.Stderr = &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // ended already, as a rule
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the platform did not start: %s", &log)
	return &child{cmd: cmd, url: strings.TrimSpace(line)}
}

// gone waits until the process has killed itself.
func (c *child) gone(t *testing.T) {
	ended := make(chan struct{})
	go func() { _ = c.cmd.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-time.After(patience):
		require.Fail(t, "the platform should have died by now")
	}
	require.Equal(t, syscall.SIGKILL, c.cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
}

func (c *child) stop(t *testing.T) {
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, c.cmd.Wait())
}

const patience = 60 * time.Second

// shop returns a client of a process that may die: it repeats nothing.
func (c *child) shop(t *testing.T) *client.Client {
	t.Helper()
	api, err := client.New(c.url, client.WithRetry(client.Retry{AttemptsMax: 1}))
	require.NoError(t, err)
	return api
}

// show returns an order, or nothing when nobody answers.
func show(t *testing.T, c *client.Client, id uuid.UUID) client.Order {
	o, err := c.GetOrder(t.Context(), id)
	if err != nil {
		return client.Order{}
	}
	return o
}

// advance reports what an order is waiting for. It is repeated until the order waits for nothing.
func advance(t *testing.T, c *client.Client, o client.Order) client.Order {
	for _, shipment := range o.Shipments {
		switch shipment.Status { // whether it is recorded shows in the order
		case client.ShipmentPlanned:
			_, _ = c.DispatchShipment(t.Context(), o.OrderID, shipment.ShipmentID, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
		case client.ShipmentDispatched:
			_, _ = c.DeliverShipment(t.Context(), o.OrderID, shipment.ShipmentID)
		}
	}
	return o
}

// Each step of a delivered order, and each that undoes a declined one, is cut off by kill -9. That happens right
// before the step took effect, or right after. A process that starts later carries the order to its end.
//
// The test fails without the derived event ids and the gateway's idempotency keys (activities, stamp and
// authorizeKey), and without durable sagas.
func TestKilledProcessesLeaveNothingUndoneAndNothingTwice(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := stack.Start(t.Context(), stack.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	environment := s.Environment()
	environment["ORDERLOOM_PAYMENT_GATEWAY"] = sandbox.Name
	environment["ORDERLOOM_SANDBOX_LEDGER"] = filepath.Join(dir, "ledger")
	environment["ORDERLOOM_LOCATIONS"] = "berlin:DE"
	environment["ORDERLOOM_MASTER_KEYS"] = "k:" + strings.Repeat("A", 43) + "="
	environment["ORDERLOOM_HTTP_ADDRESS"], environment["ORDERLOOM_API_OPEN"], environment["ORDERLOOM_DRAIN_DELAY"] = "127.0.0.1:0", "loopback", "0s"
	environment["ORDERLOOM_LOG_LEVEL"] = "error"
	setUp(t, environment)

	type victim struct {
		step, token string
		end         client.OrderStatus
		id          uuid.UUID
	}
	var victims []*victim
	for _, step := range []string{
		"PlaceOrder", "AuthorizePayment", "DispatchShipment", "DeliverShipment",
	} {
		victims = append(victims, &victim{step: step + " before", token: "tok_approve", end: client.OrderDelivered},
			&victim{step: step + " after", token: "tok_approve", end: client.OrderDelivered})
	}
	for _, step := range []string{"ReleaseStock", "CancelOrder"} {
		victims = append(victims, &victim{step: step + " before", token: "tok_decline", end: client.OrderCancelled},
			&victim{step: step + " after", token: "tok_decline", end: client.OrderCancelled})
	}
	healthy := startChild(t, environment, "")
	receive(t, healthy.shop(t), "A", len(victims))
	healthy.stop(t)

	for _, v := range victims {
		t.Run("killed "+v.step, func(t *testing.T) {
			v.id = orderOf(v.step)
			c := startChild(t, environment, workflows.OrderSagaID(v.id)+" "+v.step)
			driveUntilKilled(t, c, v.step, v.token)
			c.gone(t)
		})
	}

	healthy = startChild(t, environment, "")
	survivor := healthy.shop(t)
	gateway, err := sandbox.Open(environment["ORDERLOOM_SANDBOX_LEDGER"])
	require.NoError(t, err)
	sold := 0
	for _, v := range victims {
		t.Run("whole after "+v.step, func(t *testing.T) {
			// The key of the first request still names the order, also when nobody was answered.
			require.Equal(t, v.id, place(t, survivor, v.step, v.token).OrderID, v.step)
			var last client.Order
			require.Eventually(t, func() bool {
				last = advance(t, survivor, place(t, survivor, v.step, v.token))
				return last.Status == v.end
			}, patience, 50*time.Millisecond, "by its events, %s: %+v", v.step, &last)
			require.Eventually(t, func() bool {
				last = show(t, survivor, v.id)
				return last.Status == v.end
			}, patience, 50*time.Millisecond, "by its view, %s: %+v", v.step, &last)
			balance, err := gateway.Balance(payment.ID(v.id))
			require.NoError(t, err)
			require.True(t, balance.Held.IsZero(), "%s: %s is still held", v.step, balance.Held)
			if v.end == client.OrderDelivered {
				sold++
				require.Equal(t, "10.00 EUR", balance.Captured.String(), v.step)
			}
		})
	}
	var stock client.Stock
	require.Eventually(t, func() bool {
		var err error
		stock, err = survivor.GetStock(t.Context(), "A")
		return err == nil && len(stock.Levels) == 1 && stock.Levels[0].OnHand == len(victims)-sold && stock.Levels[0].Reserved == 0
	}, patience, 50*time.Millisecond, "stock: %+v", &stock)
	killAsGoodsComeBack(t, healthy, environment, gateway, victims[0].id, victims[1].id, stock.Levels[0].OnHand)
}

func setUp(t *testing.T, environment map[string]string) {
	cfg, err := config.Load(func(name string) (string, bool) { v, ok := environment[name]; return v, ok }, config.RoleAll)
	require.NoError(t, err)
	tel, err := telemetry.Setup(t.Context(), cfg.Telemetry, "setup")
	require.NoError(t, err)
	require.NoError(t, app.Setup(t.Context(), cfg, tel))
}

func receive(t *testing.T, c *client.Client, sku string, quantity int) {
	_, err := c.ReceiveStock(t.Context(), client.Receipt{SKU: sku, Location: "berlin", Quantity: quantity})
	require.NoError(t, err)
}

// place orders one piece under a key, or the same order again, and waits a little until it is settled. It returns the
// order as its events tell it, or nothing when nobody answered.
func place(t *testing.T, c *client.Client, key, token string) client.Order {
	placed, err := c.PlaceOrder(t.Context(), client.NewOrder{
		CustomerID: "cus_1", Currency: "EUR", PaymentToken: token,
		Items:           []client.NewItem{{ProductID: "p", SKU: "A", Quantity: 1, UnitPrice: "10.00"}},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}, client.IdempotencyKey(strings.ReplaceAll(key, " ", "-")), client.Wait(time.Second))
	var refused *client.Problem
	require.NotErrorAs(t, err, &refused)
	switch {
	case err != nil:
		return client.Order{}
	case placed.Order == nil: // it is not settled in time
		return client.Order{OrderID: placed.OrderID, Status: placed.Status}
	}
	return *placed.Order
}

// orderOf is the order that a key stands for, for a caller without a name: the same one for ever.
func orderOf(key string) uuid.UUID {
	orders := domain.DerivedID(uuid.NewSHA1(uuid.NameSpaceDNS, []byte("api.orderloom")), "order")
	return domain.DerivedID(orders, "\x00"+strings.ReplaceAll(key, " ", "-"))
}

// driveUntilKilled takes an order as far as the step in which the process dies. It reads the order's state from the
// events. After several kills the views are late: their consumer group waits for its dead members.
func driveUntilKilled(t *testing.T, c *child, key, token string) {
	shop := c.shop(t)
	require.Eventually(t, func() bool {
		advance(t, shop, place(t, shop, key, token))
		_, err := shop.GetHealth(t.Context())
		return err != nil
	}, patience, killPoll, "nothing was killed: %s", key)
}

// killPoll is how often the test looks at an order whose process is about to die.
const killPoll = 5 * time.Millisecond
