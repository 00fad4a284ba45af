package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/worker"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// platform is one order's world: the sagas in the SDK's test environment, the real activities, the
// event store in memory and the sandbox gateway.
type platform struct {
	env     *testsuite.TestWorkflowEnvironment
	store   *eventstore.Memory
	events  *eventstore.Repository
	gateway *sandbox.Gateway
	// asked is what the sagas ask: the gateway, or something before it.
	asked   payments.Gateway
	faults  *faults
	orderID uuid.UUID
	onHand  map[string]int // "sku@location" before the order
	// returning are the faults of the returns whose goods pay for the order, nil for none.
	returning *faults
	// limits are the amounts that the gateway moves.
	limits money.Limits
	// bySignal sends the reports of shipments as signals instead of updates.
	bySignal bool
	// elapsed is how long an earlier saga of the same order was there; zero for the first one. What the world did in
	// that time is asked for once more, as callers do that heard nothing.
	elapsed time.Duration
	// started are the run ids of the executions below a root, by their workflow ids: see keep. It is nil where the
	// order's saga is the root itself.
	started map[string][]string
}

var locations = []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}}

// testTimeout is how long a saga may do nothing, and a task of it may take. A busy machine takes longer for one than
// the second that the SDK's detector of deadlocks allows.
const testTimeout = 2 * time.Minute

// requestsMax is how many requests and signals a run takes here: the tests send fewer, but those that mean it.
const requestsMax = 100

func TestMain(m *testing.M) {
	workflows.SetLocalAttemptTimeout(100 * time.Millisecond)
	workflows.SetRequestsMax(requestsMax)
	os.Exit(m.Run())
}

func setup(t testing.TB, stock map[string]int, review activities.ReviewRules) *platform {
	return setupWith(t, stock, review, func(g *sandbox.Gateway) payments.Gateway { return g })
}

// setupWith is setup with something between the sagas and the sandbox gateway.
func setupWith(
	t testing.TB, stock map[string]int, review activities.ReviewRules, wrap func(*sandbox.Gateway) payments.Gateway,
) *platform {
	return setupLimited(t, stock, review, wrap, money.Limits{})
}

// setupLimited is setupWith for a gateway that moves only some amounts.
func setupLimited(
	t testing.TB, stock map[string]int, review activities.ReviewRules, wrap func(*sandbox.Gateway) payments.Gateway, limits money.Limits,
) *platform {
	store := eventstore.NewMemory()
	env := newEnvironment()
	gateway, err := sandbox.OpenWithClock("", env.Now)
	require.NoError(t, err)
	p := &platform{
		env: env, store: store, events: eventstore.NewRepository(store, eventstore.RepositoryOptions{}),
		gateway: gateway, faults: &faults{seen: map[string]bool{}}, orderID: uuid.New(), onHand: map[string]int{}, limits: limits,
	}
	p.asked = wrap(gateway)
	require.NoError(t, p.register(p.asked, review).SeedLocations(context.Background(), time.Now()))
	p.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: workflows.OrderSagaID(p.orderID), TaskQueue: workflows.TaskQueue})
	for item, quantity := range stock {
		p.receive(t, item, quantity)
	}
	return p
}

func newEnvironment() *testsuite.TestWorkflowEnvironment {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	return suite.NewTestWorkflowEnvironment()
}

func (p *platform) register(gateway payments.Gateway, review activities.ReviewRules) *activities.Activities {
	a := activities.New(activities.Options{
		Events: p.events, Gateway: p.faults.before(gateway), Vault: plainvault.Vault{}, Locations: locations, Review: review, Trying: true,
		Capabilities: payments.Capabilities{Amounts: func(currency string) (money.Limits, bool) { return p.limits, money.KnownCurrency(currency) }},
	})
	worker.Register(p.env, a)
	p.env.RegisterWorkflow(root)
	p.env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{p.faults}, DeadlockDetectionTimeout: testTimeout})
	p.env.SetTestTimeout(testTimeout)
	p.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, workflows.PaymentChanged, mock.Anything).Return(nil).Maybe()
	p.env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Return(&temporal.UnknownExternalWorkflowExecutionError{}).Maybe()
	return a
}

// carryOut runs a step that belongs to no saga of the order, with a worker of its own.
func (p *platform) carryOut(t testing.TB, step func(*activities.Activities) any, in any) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	env := suite.NewTestActivityEnvironment()
	a := activities.New(activities.Options{Events: p.events, Gateway: p.gateway, Vault: plainvault.Vault{}})
	env.RegisterActivity(a)
	_, err := env.ExecuteActivity(step(a), in)
	require.NoError(t, err)
}

var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// receive puts stock on hand without a saga. Items are written "sku@location".
func (p *platform) receive(t testing.TB, item string, quantity int) {
	sku, location := splitItem(item)
	id := inventory.ID(sku, location)
	receipt := inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: uuid.New(), Quantity: quantity, At: time.Now()}
	_, _, err := eventstore.Execute(context.Background(), p.events, stockItems, id, eventstore.Stamp{Source: "test/" + receipt.ReceiptID.String(), At: receipt.At},
		func(s inventory.Stock) ([]domain.Event, error) { return inventory.Receive(s, receipt) })
	require.NoError(t, err)
	p.onHand[item] += quantity
}

var (
	stockItems       = eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}
	orders           = eventstore.Aggregate[order.Order]{Type: domain.AggregateOrder, Evolve: order.Evolve}
	paymentAggregate = eventstore.Aggregate[payment.Payment]{Type: domain.AggregatePayment, Evolve: payment.Evolve}
)

func splitItem(item string) (sku, location string) {
	for i := range item {
		if item[i] == '@' {
			return item[:i], item[i+1:]
		}
	}
	panic("an item is written sku@location, not " + item)
}

func (p *platform) order(t testing.TB) order.Order {
	o, _, err := eventstore.Fold(context.Background(), p.events, orders, p.orderID)
	require.NoError(t, err)
	return o
}

func (p *platform) payment(t testing.TB) payment.Payment {
	v, _, err := eventstore.Fold(context.Background(), p.events, paymentAggregate, payment.ID(p.orderID))
	require.NoError(t, err)
	return v
}

func (p *platform) stock(t testing.TB, item string) inventory.Stock {
	sku, location := splitItem(item)
	s, _, err := eventstore.Fold(context.Background(), p.events, stockItems, inventory.ID(sku, location))
	require.NoError(t, err)
	return s
}

func (p *platform) input(token string, items ...order.Item) workflows.OrderInput {
	return workflows.OrderInput{
		OrderID: p.orderID, CustomerID: "cus_1", Items: items, ShipToCountry: "DE", Personal: domain.Sealed{Key: "test", Data: []byte("sealed")},
		PaymentToken: token, RequestHash: "hash", Deadlines: deadlines,
	}
}

var deadlines = workflows.Deadlines{Stock: 14 * 24 * hour, Review: 48 * hour, Payment: 30 * time.Minute, PaymentRequired: 7 * 24 * hour, Dispatch: 72 * hour}

func item(sku string, quantity int, price string) order.Item {
	return order.Item{ProductID: "prod_" + sku, SKU: sku, Quantity: quantity, UnitPrice: money.Must(price, "EUR")}
}

// place records an order without a saga.
func (p *platform) place(t testing.TB, in workflows.OrderInput) {
	_, _, err := eventstore.Execute(context.Background(), p.events, orders, p.orderID, eventstore.Stamp{Source: "test/place", At: time.Now()},
		func(o order.Order) ([]domain.Event, error) {
			return order.Place(o, order.PlaceOrder{
				OrderID: p.orderID, CustomerID: in.CustomerID, Items: in.Items, ShipToCountry: in.ShipToCountry, Personal: in.Personal,
				RequestHash: in.RequestHash, At: time.Now(),
			})
		})
	require.NoError(t, err)
}

func (p *platform) shipment(location string) uuid.UUID {
	return domain.DerivedID(p.orderID, "shipment/"+location)
}

// at sends a signal at a time after the start, by the environment's clock.
func (p *platform) at(after time.Duration, signal string, input any) {
	delay, _ := p.delay(after)
	p.env.RegisterDelayedCallback(func() {
		if !p.env.IsWorkflowCompleted() {
			p.signal(signal, input)
		}
	}, delay)
}

// signal sends a signal to the order's saga. One that has ended meanwhile gets none.
func (p *platform) signal(name string, input any) {
	if p.started == nil {
		p.env.SignalWorkflow(name, input)
		return
	}
	p.whenThere(func() { _ = p.env.SignalWorkflowByID(workflows.OrderSagaID(p.orderID), name, input) })
}

// whenThere tells something to the order's saga below a root, as soon as a run of it is there. The environment can't
// take what comes between two runs.
func (p *platform) whenThere(tell func()) {
	if p.faults.runs(workflows.OrderSagaID(p.orderID)) {
		tell()
		return
	}
	p.env.RegisterDelayedCallback(func() {
		if !p.env.IsWorkflowCompleted() {
			p.whenThere(tell)
		}
	}, time.Millisecond)
}

// delay is when something happens that the world does at a time after the order's start, by the clock of this saga.
// Past is true when it was done while an earlier saga was there: it is done once more, in the same order, within a
// minute.
func (p *platform) delay(after time.Duration) (delay time.Duration, past bool) {
	if p.elapsed > 0 && after <= p.elapsed {
		return time.Second + time.Duration(float64(time.Minute)*float64(after)/float64(p.elapsed)), true
	}
	return after - p.elapsed, false
}

func (p *platform) dispatchAt(after time.Duration, location string) {
	p.tell(after, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment(location), Carrier: "DHL", TrackingNumber: "T-" + location})
}

func (p *platform) reportAt(after time.Duration, report, location string) {
	p.tell(after, report, workflows.ShipmentReport{ShipmentID: p.shipment(location)})
}

// payAt gives another means of payment, the same request whenever it is made.
func (p *platform) payAt(after time.Duration, token string) *answer {
	sealed, err := plainvault.Vault{}.Seal(context.Background(), "cus_1", token)
	if err != nil {
		panic(err)
	}
	return p.ask(after, workflows.ProvidePayment, workflows.PaymentRequest{
		RequestID: domain.DerivedID(p.orderID, token), RequestHash: token, Token: sealed,
	})
}

// endElsewhere lets the authorisation go in the gateway's dashboard, and records that as a report of it does.
func (p *platform) endElsewhere(t *testing.T) {
	id := payment.ID(p.orderID)
	require.NoError(t, p.gateway.VoidElsewhere(id))
	p.carryOut(t, func(a *activities.Activities) any { return a.RecordGatewayEvent }, activities.RecordGatewayEvent{PaymentID: id, At: p.env.Now()})
}

// tell sends a report as an update, as the API does, or as a signal when bySignal is set.
func (p *platform) tell(after time.Duration, name string, report any) {
	if p.bySignal {
		p.at(after, name, report)
		return
	}
	p.ask(after, name, report)
}

// faults is a worker interceptor that lets steps fail.
type faults struct {
	interceptor.WorkerInterceptorBase
	mu sync.Mutex
	// calls are the names of the activities in the order of their first attempts.
	calls []string
	seen  map[string]bool // by workflow and activity id, and by what was asked of a local activity
	// at is the call, from 0, at which the fault strikes; -1 for never.
	at     int
	kind   string
	cancel func()
	left   int
	struck string
	// owed is the activity that has to happen before the execution is gone: its attempt has timed out by itself.
	owed string
	// cut is how the next call of the gateway fails, once.
	cut string
	// gone is closed when the execution is gone: none of its steps goes on.
	gone chan struct{}
	// underWay are the steps that have begun and not ended, without those that never come back. What comes of them is
	// part of the world that is left when the execution is gone.
	underWay sync.WaitGroup
	// meanwhile is told of each activity just before it begins; nil is told nothing.
	meanwhile func(name string)
	// running are the executions of which a run is under way, by their workflow ids.
	running sync.Map
}

// runs reports whether a run of an execution is under way.
func (f *faults) runs(id string) bool {
	_, there := f.running.Load(id)
	return there
}

func (f *faults) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &watchedWorkflow{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, faults: f}
}

type watchedWorkflow struct {
	interceptor.WorkflowInboundInterceptorBase
	faults *faults
}

func (w *watchedWorkflow) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	id := workflow.GetInfo(ctx).WorkflowExecution.ID
	w.faults.running.Store(id, true)
	defer w.faults.running.Delete(id)
	return w.Next.ExecuteWorkflow(ctx, in)
}

// The ways in which a step fails.
const (
	failsBefore   = "fails before"
	failsAfter    = "fails after"
	outage        = "outage"
	answersLost   = "answers lost"
	timesOut      = "times out"
	cutBefore     = "gateway away"
	cutAfter      = "gateway unheard"
	cancelsBefore = "cancelled before"
	cancelsAfter  = "cancelled after"
	goneBefore    = "gone before"
	goneAfter     = "gone after"
)

var errInjected = errors.New("injected failure")

func (f *faults) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &faultyActivity{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, faults: f}
}

type faultyActivity struct {
	interceptor.ActivityInboundInterceptorBase
	faults *faults
}

func (a *faultyActivity) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	info := activity.GetInfo(ctx)
	asked := info.WorkflowExecution.ID + "/" + info.ActivityType.Name
	if text, err := json.Marshal(in.Args); err == nil {
		asked += string(text)
	}
	before, after := a.faults.strike(info.WorkflowExecution.ID+"/"+info.ActivityID, asked, info.ActivityType.Name, info.IsLocalActivity)
	defer a.faults.underWay.Done()
	if err := before(); err != nil {
		return nil, err
	}
	if a.faults.meanwhile != nil {
		a.faults.meanwhile(info.ActivityType.Name)
	}
	out, err := a.Next.ExecuteActivity(ctx, in)
	if lost := after(ctx); lost != nil && err == nil {
		return nil, lost
	}
	return out, err
}

// vanish is a step with which its execution is gone: it never comes back, nor does any step that begins later.
func (f *faults) vanish() error {
	f.mu.Lock()
	close(f.gone)
	f.mu.Unlock()
	f.underWay.Done()
	select {}
}

// outageAttempts is how many attempts an outage fails: more than the local ones, so that the step goes
// on as a durable activity.
const outageAttempts = 5

// strike is told which activity begins. A further attempt at one counts as none of its own: on a busy machine an
// attempt may time out by itself. Nor does a durable activity that goes on with a step, whose local attempts have timed
// out.
func (f *faults) strike(id, asked, name string, local bool) (before func() error, after func(context.Context) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	nothing, nothingAfter := func() error { return nil }, func(context.Context) error { return nil }
	fail, failAfter := func() error { return errInjected }, func(context.Context) error { return errInjected }
	cancel := func() error { f.cancel(); return nil }
	select {
	case <-f.gone:
		return func() error { select {} }, nothingAfter
	default:
		f.underWay.Add(1)
	}
	if f.left > 0 && name == f.struck {
		f.left--
		if f.kind == answersLost {
			return nothing, failAfter
		}
		return fail, nothingAfter
	}
	if f.seen[id] || !local && f.seen[asked] {
		if f.owed == name {
			return nothing, f.goneAfter(name)
		}
		return nothing, nothingAfter
	}
	if f.seen[id] = true; local {
		f.seen[asked] = true
	}
	n := len(f.calls)
	f.calls = append(f.calls, name)
	if f.kind == "" || n != f.at {
		return nothing, nothingAfter
	}
	f.struck = name
	switch f.kind {
	case failsBefore:
		return fail, nothingAfter
	case failsAfter:
		return nothing, failAfter
	case timesOut:
		if !local { // the test environment does not try it again
			return nothing, failAfter
		}
		// It has taken effect, and outlasts whoever waits for it.
		return nothing, func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	case outage:
		f.left = outageAttempts
		return fail, nothingAfter
	case answersLost:
		f.left = outageAttempts
		return nothing, failAfter
	case goneBefore:
		return f.vanish, nothingAfter
	case goneAfter:
		return nothing, f.goneAfter(name)
	case cutBefore, cutAfter:
		f.cut = f.kind
		return nothing, func(context.Context) error { f.takeCut(); return nil }
	case cancelsBefore:
		return cancel, nothingAfter
	case cancelsAfter:
		return nothing, func(context.Context) error { return cancel() }
	}
	panic(fmt.Sprintf("unknown fault %q", f.kind))
}

// goneAfter ends the execution after an activity. An attempt that a busy machine has timed out may not have happened:
// the next one has to.
func (f *faults) goneAfter(name string) func(context.Context) error {
	return func(ctx context.Context) error {
		if ctx.Err() == nil {
			return f.vanish()
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		f.owed = name
		return nil
	}
}
