package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"
)

// An orphaned order is found within twice this time.
const orphansEvery = time.Second

// TestAnOrderOutlivesItsExecution takes away the execution of an order in each state in which it waits for somebody.
// It does so by each of the ways that Temporal's operators have. Each order comes to its right end all the same.
//
// It fails when a saga trusts its own memory instead of the events (workflows/order_resume.go), and when nobody looks
// for orders without a saga (orphans).
func TestAnOrderOutlivesItsExecution(t *testing.T) {
	t.Parallel()
	settings := map[string]string{"ORDERLOOM_ORPHANS_EVERY": orphansEvery.String(), "ORDERLOOM_REVIEW_ABOVE": "500.00:EUR"}
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf, Lookup: func(name string) (string, bool) {
		value, ok := settings[name]
		return value, ok
	}})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })
	sagas, err := temporal.DialContext(t.Context(), temporal.Options{
		HostPort: p.Config.Temporal.Address, Namespace: p.Config.Temporal.Namespace,
	})
	require.NoError(t, err)
	t.Cleanup(sagas.Close)
	shop, err := client.New(p.APIURL)
	require.NoError(t, err)

	t.Run("orders", func(t *testing.T) {
		for way, take := range waysToLoseAnExecution(p.Config.Temporal.Namespace) {
			for name, s := range waits {
				t.Run(way+"/"+name, func(t *testing.T) {
					t.Parallel()
					o := &orphan{t: t, shop: shop, sku: uuid.NewString()}
					o.order(s)
					before := o.running(sagas)
					take(t, sagas, before)
					if way != "reset" {
						o.await("another execution", func() bool { return o.running(sagas) != "" && o.running(sagas) != before })
					}
					s.goOn(o)
				})
			}
		}
	})
}

// waysToLoseAnExecution are what an operator of Temporal can do to an execution, by name.
//
// `make drill-temporal` deletes executions too: see drill_test.go.
func waysToLoseAnExecution(namespace string) map[string]func(*testing.T, temporal.Client, execution) {
	ways := map[string]func(*testing.T, temporal.Client, execution){
		"terminate": func(t *testing.T, c temporal.Client, e execution) {
			require.NoError(t, c.TerminateWorkflow(t.Context(), e.id(), "", "an operator's mistake"))
		},
		"reset": func(t *testing.T, c temporal.Client, e execution) {
			_, err := c.ResetWorkflowExecution(t.Context(), &workflowservice.ResetWorkflowExecutionRequest{
				Namespace: namespace, WorkflowExecution: &common.WorkflowExecution{WorkflowId: e.id()}, Reason: "to its first task",
				RequestId: uuid.NewString(), WorkflowTaskFinishEventId: firstTaskFinished,
			})
			require.NoError(t, err)
		},
	}
	if deleteExecution != nil {
		ways["delete"] = deleteExecution(namespace)
	}
	return ways
}

// deleteExecution is set in a drill. The server deletes in the background, some time after it has answered.
var deleteExecution func(namespace string) func(*testing.T, temporal.Client, execution)

// firstTaskFinished is the event of a saga's first workflow task to which it is reset: started, task scheduled, task
// started.
const firstTaskFinished = 4

// execution is the ids of an execution: workflow/run.
type execution string

func (e execution) id() string { return string(e)[:len("order-")+36] }

// wait is a state in which an order waits for somebody, and how it comes to its end from there.
type wait struct {
	stock    int
	price    string
	quantity int
	reno     bool // a second line lies in another location
	until    func(*orphan, client.Order) bool
	goOn     func(*orphan)
}

var waits = map[string]wait{
	"confirmed": {
		stock: 5, price: "10.00", quantity: 2,
		until: func(_ *orphan, o client.Order) bool { return o.Status == client.OrderConfirmed },
		goOn:  func(o *orphan) { o.ship(1); o.ends(client.OrderDelivered) },
	},
	"cancelled afterwards": {
		stock: 5, price: "10.00", quantity: 2,
		until: func(_ *orphan, o client.Order) bool { return o.Status == client.OrderConfirmed },
		goOn: func(o *orphan) {
			_, err := o.shop.CancelOrder(o.t.Context(), o.id, client.CancelOrder{Reason: "changed_my_mind"})
			require.NoError(o.t, err)
			o.ends(client.OrderCancelled)
			o.await("free stock", func() bool { return o.available() == 5 })
		},
	},
	"partly shipped": {
		stock: 5, price: "10.00", quantity: 2, reno: true,
		until: func(o *orphan, shown client.Order) bool {
			if shown.Status == client.OrderConfirmed {
				o.dispatch(shown.Shipments[0].ShipmentID)
			}
			return shown.Status == client.OrderShipped
		},
		goOn: func(o *orphan) {
			_, err := o.shop.CancelOrder(o.t.Context(), o.id, client.CancelOrder{Reason: "too_late"})
			require.Error(o.t, err, "a shipment has left, and the new saga knows")
			o.ship(2)
			o.ends(client.OrderDelivered)
		},
	},
	"held": {
		stock: 5, price: "900.00", quantity: 1,
		until: func(_ *orphan, o client.Order) bool { return o.Held != "" },
		goOn: func(o *orphan) {
			o.await("a review", func() bool {
				_, err := o.shop.ApproveOrder(o.t.Context(), o.id, client.Review{By: "alice"})
				return err == nil
			})
			o.ship(1)
			o.ends(client.OrderDelivered)
		},
	},
	"backordered": {
		stock: 1, price: "10.00", quantity: 3,
		until: func(o *orphan, _ client.Order) bool { return o.backordered() },
		goOn: func(o *orphan) {
			o.receive("berlin", o.sku, 5)
			o.ship(1)
			o.ends(client.OrderDelivered)
		},
	},
}

// orphan is one order whose execution is taken away, with what its customer and its warehouse do.
type orphan struct {
	t    *testing.T
	shop *client.Client
	sku  string
	id   uuid.UUID
}

// order places the order and waits until it waits for somebody.
func (o *orphan) order(w wait) {
	o.receive("berlin", o.sku, w.stock)
	items := []client.NewItem{{ProductID: "p", SKU: o.sku, Quantity: w.quantity, UnitPrice: w.price}}
	if w.reno {
		o.receive("reno", o.sku+"-reno", 1)
		items = append(items, client.NewItem{ProductID: "p", SKU: o.sku + "-reno", Quantity: 1, UnitPrice: w.price})
	}
	placed, err := o.shop.PlaceOrder(o.t.Context(), client.NewOrder{
		CustomerID: "c-" + o.sku, Currency: "EUR", PaymentToken: "tok_approve", AllowBackorder: true, Items: items,
		ShippingAddress: client.Address{Street: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	})
	require.NoError(o.t, err)
	o.id = placed.OrderID
	o.await("the state to take the execution away in", func() bool { return w.until(o, o.shown()) })
}

func (o *orphan) shown() client.Order {
	shown, err := o.shop.GetOrder(o.t.Context(), o.id)
	require.NoError(o.t, err)
	return shown
}

func (o *orphan) receive(location, sku string, quantity int) {
	_, err := o.shop.ReceiveStock(o.t.Context(), client.Receipt{SKU: sku, Location: location, Quantity: quantity})
	require.NoError(o.t, err)
}

func (o *orphan) stock() client.Stock {
	s, err := o.shop.GetStock(o.t.Context(), o.sku)
	require.NoError(o.t, err)
	return s
}

func (o *orphan) available() int    { return o.stock().Available }
func (o *orphan) backordered() bool { return o.stock().Backordered > 0 }

func (o *orphan) dispatch(shipment uuid.UUID) {
	o.await("a dispatch", func() bool {
		_, err := o.shop.DispatchShipment(o.t.Context(), o.id, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
		return err == nil
	})
}

// ship lets all shipments leave and arrive.
func (o *orphan) ship(shipments int) {
	o.await(fmt.Sprintf("%d shipments", shipments), func() bool { return len(o.shown().Shipments) == shipments })
	for _, s := range o.shown().Shipments {
		if s.Status == client.ShipmentPlanned {
			o.dispatch(s.ShipmentID)
		}
		o.await("a delivery", func() bool {
			_, err := o.shop.DeliverShipment(o.t.Context(), o.id, s.ShipmentID)
			return err == nil
		})
	}
}

// ends asserts that the order comes to an end, and that its money agrees with it.
func (o *orphan) ends(as client.OrderStatus) {
	o.await("status "+string(as), func() bool { return o.shown().Status == as })
	o.await("the money", func() bool {
		shown := o.shown()
		if as == client.OrderCancelled {
			return shown.PaymentStatus == client.PaymentVoided
		}
		return shown.PaymentStatus == client.PaymentCaptured && shown.Captured == shown.Total
	})
}

// running returns the open execution of the order's saga, empty when there is none.
func (o *orphan) running(c temporal.Client) execution {
	d, err := c.DescribeWorkflowExecution(o.t.Context(), workflows.OrderSagaID(o.id), "")
	if err != nil || d.GetWorkflowExecutionInfo().GetStatus() != enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return ""
	}
	e := d.GetWorkflowExecutionInfo().GetExecution()
	return execution(e.GetWorkflowId() + "/" + e.GetRunId())
}

func (o *orphan) await(what string, is func() bool) {
	o.t.Helper()
	require.Eventually(o.t, is, time.Minute, 50*time.Millisecond, "order %s: waited for %s", o.id, what)
}
