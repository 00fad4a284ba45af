package histories

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/worker"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdkworker "go.temporal.io/sdk/worker"
)

func (w *world) worker(onFatalError func(error)) sdkworker.Worker {
	return worker.New(w.temporal, w.activities, worker.Options{Identity: identity, DrainTimeout: drainTimeout, OnFatalError: onFatalError})
}

// faulty is a gateway that fails while it is told to.
type faulty struct {
	*sandbox.Gateway
	mu sync.Mutex
	// failures are the errors of the next calls.
	failures []error
}

// The ways in which a gateway fails.
var (
	errDown    = payments.NoAnswer(errors.New("the gateway is down"))
	errRevoked = payments.NoAnswer(payments.ErrCredentials)
	errRefused = domain.Refuse(payments.CodeGatewayRefused, "the gateway does not let it go")
)

// outage is more attempts than a step makes locally, so that it goes on as a durable activity.
const outage = 4

// fail lets the next calls fail, after those that were to fail before.
func (f *faulty) fail(calls int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for range calls {
		f.failures = append(f.failures, err)
	}
}

func (f *faulty) answer() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.failures) == 0 {
		return nil
	}
	err := f.failures[0]
	f.failures = f.failures[1:]
	return err
}

func (f *faulty) Authorize(ctx context.Context, r payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	if err := f.answer(); err != nil {
		return payments.AuthorizeResult{}, err
	}
	return f.Gateway.Authorize(ctx, r)
}

func (f *faulty) Void(ctx context.Context, r payments.VoidRequest) error {
	if err := f.answer(); err != nil {
		return err
	}
	return f.Gateway.Void(ctx, r)
}

// player plays one path. Its order is the same in every recording, and so are its goods.
type player struct {
	ctx        context.Context
	stop       context.CancelFunc
	world      *world
	client     *sagaclient.Client
	path       string
	orderID    uuid.UUID
	executions []string
}

// namespace makes ids of names.
var namespace = uuid.MustParse("6f726465-726c-4f6f-8d00-686973746f72")

func newPlayer(ctx context.Context, w *world, p path) *player {
	ctx, stop := context.WithTimeout(ctx, pathTimeout)
	return &player{
		ctx: ctx, stop: stop, world: w, client: sagaclient.New(w.temporal, nil, p.deadlines, ""), path: p.name, orderID: domain.DerivedID(namespace, p.name),
	}
}

// check ends the path at its first error, so that the steps after it don't wait for anything.
func (p *player) check(err error) error {
	if err != nil {
		p.stop()
	}
	return err
}

// ran says that an execution belongs to the path.
func (p *player) ran(ids ...string) { p.executions = append(p.executions, ids...) }

func (p *player) id(what string) uuid.UUID { return domain.DerivedID(p.orderID, what) }

// sku is one of the path's own goods.
func (p *player) sku(name string) string { return name + "-" + p.path }

func (p *player) receive(name, location string, quantity int) error {
	_, err := p.client.ReceiveStock(p.ctx, workflows.StockReceipt{
		ReceiptID: p.id("receipt/" + name + location), SKU: p.sku(name), Location: location, Quantity: quantity,
	})
	return p.check(err)
}

func (p *player) changeLocation(r workflows.LocationChange) error {
	_, err := p.client.ChangeLocation(p.ctx, r)
	return p.check(err)
}

// line is what is ordered: so many pieces at a price in EUR.
type line struct {
	name     string
	quantity int
	price    string
}

func (p *player) input(token string, lines ...line) workflows.OrderInput {
	items := make([]order.Item, len(lines))
	for i, l := range lines {
		items[i] = order.Item{ProductID: "prod_" + l.name, SKU: p.sku(l.name), Quantity: l.quantity, UnitPrice: money.Must(l.price, "EUR")}
	}
	return workflows.OrderInput{
		OrderID: p.orderID, CustomerID: "cus_1", Items: items, ShipToCountry: "DE",
		Personal: domain.Sealed{Key: "cus_1:1", Data: []byte(`"sealed"`)}, PaymentToken: token, RequestHash: "hash", UserID: "shop",
	}
}

func (p *player) place(in workflows.OrderInput) error {
	p.ran(workflows.OrderSagaID(p.orderID))
	_, _, err := p.client.PlaceOrder(p.ctx, in)
	return p.check(err)
}

// placed receives one kind of goods and orders two pieces of it.
func (p *player) placed(token string) error {
	if err := p.receive("beans", "berlin", 10); err != nil {
		return err
	}
	return p.place(p.input(token, line{"beans", 2, "12.90"}))
}

// confirmed is placed, paid and confirmed.
func (p *player) confirmed() error {
	return errors.Join(p.placed("tok_approve"), p.await(order.StatusConfirmed))
}

func (p *player) state() (s workflows.OrderState, err error) {
	v, err := p.world.temporal.QueryWorkflow(p.ctx, workflows.OrderSagaID(p.orderID), "", workflows.QueryState)
	if err != nil {
		return s, err
	}
	return s, v.Get(&s)
}

// until waits for a condition that the platform comes to by itself.
func (p *player) until(what string, is func() (bool, error)) error {
	for {
		ok, err := is()
		if ok || err != nil {
			return p.check(err)
		}
		select {
		case <-p.ctx.Done():
			return p.check(fmt.Errorf("wait for %s: %w", what, p.ctx.Err()))
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (p *player) await(status order.Status) error {
	return p.awaitState(string(status), func(s workflows.OrderState) bool { return s.Status == status })
}

func (p *player) awaitState(what string, is func(workflows.OrderState) bool) error {
	return p.until(what, func() (bool, error) {
		s, err := p.state()
		return err == nil && is(s), err
	})
}

// awaitPayment waits until the payment waits for the bank in an execution of its own.
func (p *player) awaitPayment() error {
	p.ran(workflows.PaymentSagaID(p.orderID))
	return p.awaitTimer(workflows.PaymentSagaID(p.orderID))
}

// awaitStock waits until the order waits for goods in an execution of its own.
func (p *player) awaitStock() error {
	p.ran(workflows.InventorySagaID(p.orderID))
	return p.awaitTimer(workflows.InventorySagaID(p.orderID))
}

// anotherRun resets the order's execution, and waits until another run of it waits for the execution that the first one
// has started.
func (p *player) anotherRun() error {
	id := workflows.OrderSagaID(p.orderID)
	first := int64(0)
	err := p.until("a workflow task", func() (bool, error) {
		events := p.world.temporal.GetWorkflowHistory(p.ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for first == 0 && events.HasNext() {
			e, err := events.Next()
			if err != nil {
				return false, err
			}
			if e.GetEventType() == enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED {
				first = e.GetEventId()
			}
		}
		return first > 0, nil
	})
	if err != nil {
		return err
	}
	_, err = p.world.temporal.ResetWorkflowExecution(p.ctx, &workflowservice.ResetWorkflowExecutionRequest{
		Namespace: p.world.namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: id}, Reason: "another run",
		RequestId: uuid.NewString(), WorkflowTaskFinishEventId: first,
	})
	if err != nil {
		return p.check(err)
	}
	return p.until("a run that waits for an earlier one's child", func() (bool, error) {
		return p.has(id, enums.EVENT_TYPE_EXTERNAL_WORKFLOW_EXECUTION_SIGNALED), nil
	})
}

func (p *player) awaitTimer(workflowID string) error {
	return p.until("a timer of "+workflowID, func() (bool, error) { return p.has(workflowID, enums.EVENT_TYPE_TIMER_STARTED), nil })
}

// has reports whether an execution's history has an event of the type; false when there is no execution.
func (p *player) has(workflowID string, kind enums.EventType) bool {
	events := p.world.temporal.GetWorkflowHistory(p.ctx, workflowID, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		e, err := events.Next()
		if err != nil {
			return false
		}
		if e.GetEventType() == kind {
			return true
		}
	}
	return false
}

// end waits for the end of the path's order and checks how it ended.
func (p *player) end(status order.Status, reason string) error {
	var s workflows.OrderState
	if err := p.world.temporal.GetWorkflow(p.ctx, workflows.OrderSagaID(p.orderID), "").Get(p.ctx, &s); err != nil {
		return p.check(err)
	}
	if s.Status != status || s.Reason != reason {
		return fmt.Errorf("the order ended as %s (%s), want %s (%s)", s.Status, s.Reason, status, reason)
	}
	return nil
}

func (p *player) signal(name string, in any) error {
	return p.check(p.world.temporal.SignalWorkflow(p.ctx, workflows.OrderSagaID(p.orderID), "", name, in))
}

func (p *player) shipment(location string) uuid.UUID {
	return domain.DerivedID(p.orderID, "shipment/"+location)
}

func (p *player) dispatch(location string) error {
	return p.tell(workflows.ShipmentDispatched, p.left(location))
}

func (p *player) left(location string) workflows.Dispatch {
	return workflows.Dispatch{ShipmentID: p.shipment(location), Carrier: "DHL", TrackingNumber: "JD01" + location}
}

// tell reports what became of a shipment, by update.
func (p *player) tell(name string, report any) error {
	_, err := p.client.ReportShipment(p.ctx, p.orderID, workflows.ShipmentUpdate{Name: name, Report: report})
	return p.check(err)
}

func (p *player) awaitShipment(location string, status order.ShipmentStatus) error {
	return p.awaitState("the shipment from "+location, func(s workflows.OrderState) bool {
		for _, shipment := range s.Shipments {
			if shipment.ShipmentID == p.shipment(location) {
				return shipment.Status == status
			}
		}
		return false
	})
}

func (p *player) report(location string) workflows.ShipmentReport {
	return workflows.ShipmentReport{ShipmentID: p.shipment(location)}
}

func (p *player) deliver(location string) error {
	return p.tell(workflows.ShipmentDelivered, p.report(location))
}

// delivered carries a confirmed order of one shipment to its end.
func (p *player) delivered() error {
	return errors.Join(p.dispatch("berlin"), p.deliver("berlin"), p.end(order.StatusDelivered, ""))
}

// run runs a saga that needs no client of ours and waits for its end.
func (p *player) run(id string, saga any, in ...any) error {
	p.ran(id)
	run, err := p.world.temporal.ExecuteWorkflow(p.ctx, client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, saga, in...)
	if err != nil {
		return err
	}
	return run.Get(p.ctx, nil)
}
