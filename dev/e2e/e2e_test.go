// Package e2e takes whole orders through the whole platform: HTTP, a real Temporal server, the event
// store, Kafka's protocol, and the views.
package e2e_test

import (
	"bytes"
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/demo"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	temporal "go.temporal.io/sdk/client"
)

// What a delivered order of one line may cost a Temporal server. Every order pays it, so going above is a decision.
const (
	historyEventsMax = 40
	workflowTasksMax = 5
)

func TestSampleOrders(t *testing.T) {
	t.Parallel()
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })

	var shown bytes.Buffer
	report, err := demo.Play(t.Context(), demo.Options{
		APIURL: p.APIURL, SagaURL: p.SagaURL, Out: &shown,
	})
	require.NoError(t, err)
	require.True(t, report.AsItShould(), "%s\n%s", report.Differences(), &shown)
	require.Len(t, report.Orders, 7)

	delivered := report.Orders["Delivered"]
	saga := look(t, p, delivered.OrderID.String())
	t.Logf("a delivered order of one line: %d history events, %d workflow tasks", saga.events, saga.tasks)
	require.LessOrEqual(t, saga.events, historyEventsMax)
	require.LessOrEqual(t, saga.tasks, workflowTasksMax)

	t.Run("lines of one SKU", func(t *testing.T) { cancelAndReturnByLine(t, p) })
	t.Run("tax, a discount, shipping, a download and a gift", func(t *testing.T) { moneyOfAnOrder(t, p) })
	t.Run("the feed of events", func(t *testing.T) { feedOfAnOrder(t, p, delivered.OrderID) })
}

// cancelAndReturnByLine orders one SKU in two lines at two prices, cancels a piece of the first line, and returns one
// of the second.
func cancelAndReturnByLine(t *testing.T, p *platform.Platform) {
	shop, err := client.New(p.APIURL)
	require.NoError(t, err)
	sku, ctx := "twin-"+uuid.NewString(), t.Context()
	_, err = shop.ReceiveStock(ctx, client.Receipt{SKU: sku, Location: p.Locations()[0], Quantity: 5})
	require.NoError(t, err)
	placed, err := shop.PlaceOrder(ctx, client.NewOrder{
		CustomerID: "fay", Currency: "EUR", PaymentToken: "tok_approve",
		Items: []client.NewItem{
			{ProductID: "p", SKU: sku, Quantity: 2, UnitPrice: "10.00"}, {ProductID: "p", SKU: sku, Quantity: 2, UnitPrice: "12.00"},
		},
		Recipient:       &client.Recipient{Name: "Ada Lovelace"},
		ShippingAddress: client.Address{Line1: "Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"},
	}, client.Wait(10*time.Second))
	require.NoError(t, err)
	require.Equal(t, client.OrderConfirmed, placed.Order.Status)
	first, second := placed.Order.Items[0].LineID, placed.Order.Items[1].LineID

	cancel := client.CancelLines{Lines: []client.LineQuantity{{SKU: sku, Quantity: 1}}, Reason: "too many"}
	_, err = shop.CancelLines(ctx, placed.OrderID, cancel)
	var refused *client.Problem
	require.ErrorAs(t, err, &refused)
	require.Equal(t, client.CodeInvalid, refused.Code)
	require.Equal(t, "lines[0].sku", refused.Errors[0].Field)
	require.Contains(t, refused.Errors[0].Message, first.String()+", "+second.String())
	cancel.Lines = []client.LineQuantity{{LineID: first, Quantity: 1}}
	state, err := shop.CancelLines(ctx, placed.OrderID, cancel)
	require.NoError(t, err)
	require.Equal(t, "34.00 EUR", state.Shipments[0].Amount.String())

	shipment := state.Shipments[0].ShipmentID
	_, err = shop.DispatchShipment(ctx, placed.OrderID, shipment, client.Dispatch{Carrier: "DHL", TrackingNumber: "T1"})
	require.NoError(t, err)
	_, err = shop.DeliverShipment(ctx, placed.OrderID, shipment)
	require.NoError(t, err)
	goods := client.ReturnGoods{Lines: []client.ReturnLine{{SKU: sku, Quantity: 1}}, Reason: "too small"}
	_, err = shop.ReturnGoods(ctx, placed.OrderID, goods)
	require.ErrorAs(t, err, &refused)
	require.Equal(t, "lines[0].sku", refused.Errors[0].Field)
	goods.Lines = []client.ReturnLine{{LineID: second, Quantity: 1}}
	returned, err := shop.ReturnGoods(ctx, placed.OrderID, goods)
	require.NoError(t, err)
	require.Equal(t, "12.00 EUR", returned.Refund.Amount.String())

	require.Eventually(t, func() bool {
		o, err := shop.GetOrder(ctx, placed.OrderID)
		return err == nil && o.Refunded.Amount == "12.00" && o.Captured.Amount == "34.00" && len(o.Returns) == 1 &&
			reflect.DeepEqual(o.Items, []client.Item{
				{LineID: first, ProductID: "p", SKU: sku, Quantity: 1, UnitPrice: client.Money{Amount: "10.00", Currency: "EUR"}},
				{LineID: second, ProductID: "p", SKU: sku, Quantity: 2, UnitPrice: client.Money{Amount: "12.00", Currency: "EUR"}},
			}) && o.Shipments[0].Lines[0].Returned == 0 && o.Shipments[0].Lines[1].Returned == 1
	}, time.Minute, 50*time.Millisecond, "the view tells it")
}

// seen is what Temporal tells of an order's saga.
type seen struct {
	events, tasks int
	// The search attribute BuildIds at the start and now. Where they are the same, the server had no reason to write
	// its list of executions for it.
	buildsAtStart, builds string
}

// look reads the history and the state of an order's saga.
func look(t *testing.T, p *platform.Platform, orderID string) seen {
	t.Helper()
	c, err := temporal.DialContext(t.Context(), temporal.Options{
		HostPort: p.Config.Temporal.Address, Namespace: p.Config.Temporal.Namespace,
	})
	require.NoError(t, err)
	defer c.Close()
	builds := func(a *common.SearchAttributes) string { return string(a.GetIndexedFields()["BuildIds"].GetData()) }
	saga := workflows.OrderSagaID(uuid.MustParse(orderID))
	described, err := c.DescribeWorkflowExecution(t.Context(), saga, "")
	require.NoError(t, err)
	s := seen{builds: builds(described.GetWorkflowExecutionInfo().GetSearchAttributes())}
	history := c.GetWorkflowHistory(t.Context(), saga, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		s.events++
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			s.buildsAtStart = builds(event.GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes())
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			s.tasks++
		}
	}
	return s
}
