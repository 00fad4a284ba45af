package workflows_test

import (
	"context"
	"sync/atomic"
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
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// twoShipments is an order of three pieces: one leaves berlin, two leave reno.
func twoShipments(p *platform) workflows.OrderInput {
	return p.input("tok_approve", item("A", 1, "10.00"), item("B", 2, "7.50"))
}

var twoLocations = map[string]int{"A@berlin": 5, "B@reno": 5}

func cancelOne(sku string) workflows.CancelLinesRequest {
	return workflows.CancelLinesRequest{RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: sku, Quantity: 1}}, Reason: "one_too_many", By: "customer"}
}

// It fails when updates run in the context of the execution, which its cancellation ends (order_requests.go).
func TestRequestsTakeEffectAfterTheExecutionOfAShippedOrderWasCancelled(t *testing.T) {
	t.Parallel()
	p := setup(t, twoLocations, noReview)
	p.dispatchAt(hour, "berlin")
	p.env.RegisterDelayedCallback(p.env.CancelWorkflow, 2*hour)
	lines := p.ask(3*hour, workflows.CancelLines, cancelOne("B"))
	dispatched := p.ask(4*hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("reno"), Carrier: "DHL"})
	p.reportAt(5*hour, workflows.ShipmentDelivered, "berlin")
	p.reportAt(6*hour, workflows.ShipmentDelivered, "reno")
	told := p.play(t, twoShipments(p))
	require.NoError(t, lines.err)
	require.NoError(t, dispatched.err)
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// It fails when a step's effect rests on what the saga remembers, and its memory is replaced meanwhile by another
// request (order_shipments.go, endShipment).
func TestAShipmentThatHasArrivedIsNeitherRefundedNorRestocked(t *testing.T) {
	t.Parallel()
	for _, report := range []string{workflows.ShipmentLost, workflows.ShipmentRefused} {
		t.Run(report, func(t *testing.T) {
			t.Parallel()
			p := setup(t, twoLocations, noReview)
			p.dispatchAt(hour, "berlin")
			arrived := p.ask(2*hour, workflows.ShipmentDelivered, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
			lines := p.ask(2*hour, workflows.CancelLines, cancelOne("B"))
			late := p.ask(3*hour, report, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
			p.dispatchAt(4*hour, "reno")
			p.reportAt(5*hour, workflows.ShipmentDelivered, "reno")
			told := p.play(t, twoShipments(p))
			require.NoError(t, arrived.err)
			require.NoError(t, lines.err)
			require.Equal(t, string(workflows.CodeAlreadyReported), code(late.err))
			require.Equal(t, order.StatusDelivered, told.Status)
			require.True(t, p.payment(t).Refunded.IsZero())
			p.audit(t, scenario{}, told)
		})
	}
}

// captureDown is a gateway that answers no capture while it is down. TakesEffect: it captures all the same.
type captureDown struct {
	*sandbox.Gateway
	down        atomic.Bool
	takesEffect bool
}

func (g *captureDown) Capture(ctx context.Context, r payments.CaptureRequest) (payments.CaptureResult, error) {
	if !g.down.Load() {
		return g.Gateway.Capture(ctx, r)
	}
	if g.takesEffect {
		if _, err := g.Gateway.Capture(ctx, r); err != nil {
			return payments.CaptureResult{}, err
		}
	}
	return payments.CaptureResult{}, errDown
}

// A customer was told that the order is being cancelled while a dispatch waited for the gateway. It fails when the
// dispatch is not ended by the request (order_shipments.go, payAndDispatch).
func TestARequestToCancelEndsADispatchThatWaits(t *testing.T) {
	t.Parallel()
	for name, takesEffect := range map[string]bool{"nothing was captured": false, "money was captured without an answer": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gateway := &captureDown{takesEffect: takesEffect}
			gateway.down.Store(true)
			p := setupWith(t, map[string]int{"A@berlin": 5}, noReview, func(g *sandbox.Gateway) payments.Gateway {
				gateway.Gateway = g
				return gateway
			})
			dispatched := p.ask(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
			cancelled := p.ask(hour+10*time.Minute, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
			p.env.RegisterDelayedCallback(func() { gateway.down.Store(false) }, 2*hour)
			told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
			require.NoError(t, cancelled.err)
			require.NoError(t, dispatched.err)
			require.True(t, dispatched.state.UnderWay, "its sender is not kept waiting for the gateway")
			require.Equal(t, order.StatusCancelled, told.Status)
			require.Equal(t, "changed_my_mind", told.Reason)
			o := p.order(t)
			require.Equal(t, order.ShipmentStatusCancelled, o.Shipments[0].Status, "it has not left and never will")
			balance, err := p.gateway.Balance(p.payment(t).ID)
			require.NoError(t, err)
			require.True(t, balance.Captured.Sub(balance.Refunded).IsZero(), "the customer pays nothing: %+v", balance)
			require.True(t, balance.Held.IsZero())
			require.Zero(t, p.stock(t, "A@berlin").Reserved)
		})
	}
}

// A dispatch has taken effect, and its answer is lost, when the customer cancels the order. It fails when a saga that
// can't cancel its order ends (order_saga.go, abandonOrder).
func TestAnOrderThatHasLeftWithoutAnAnswerGoesOn(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.faults.kind, p.faults.at = answersLost, 2 // after PlaceOrder and AuthorizePayment
	p.dispatchAt(hour, "berlin")
	cancelled := p.ask(hour+2*time.Second, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))
	require.Equal(t, "DispatchShipment", p.faults.calls[2])
	require.Equal(t, string(order.CodeNotCancellable), code(cancelled.err))
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// A step of an execution that is gone may still be under way. It fails like the test above.
func TestARejectedOrderThatHasLeftMeanwhileGoesOn(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Customers: []string{"cus_1"}})
	p.env.RegisterDelayedCallback(func() {
		stamp := eventstore.Stamp{Source: "another saga", At: p.env.Now()}
		_, _, err := eventstore.Execute(context.Background(), p.events, orders, p.orderID, stamp, func(o order.Order) ([]domain.Event, error) {
			shipments := order.PlanShipments(o, o.Allocations)
			return []domain.Event{
				order.OrderApproved{OrderID: o.ID, ApprovedBy: "bob", ApprovedAt: stamp.At},
				order.OrderConfirmed{OrderID: o.ID, Shipments: shipments, ConfirmedAt: stamp.At},
				order.ShipmentDispatched{OrderID: o.ID, ShipmentID: shipments[0].ShipmentID, DispatchedAt: stamp.At},
				order.OrderShipped{OrderID: o.ID, ShippedAt: stamp.At},
			}, nil
		})
		require.NoError(t, err)
	}, hour)
	rejected := p.ask(2*hour, workflows.RejectOrder, workflows.ReviewRequest{By: "alice"})
	p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, string(order.CodeAlreadyReviewed), code(rejected.err))
	require.Equal(t, order.StatusDelivered, told.Status)
}

// The goods that cancelled lines free serve another order, whose saga is told. It fails when the order is cancelled at
// that moment and takes its status back (order_saga.go, cancelAndUndo).
func TestACancelledOrderStaysCancelledWhileItsLinesAreBeingCancelled(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5, "B@reno": 5}, noReview)
	waiting := uuid.New()
	p.env.RegisterDelayedCallback(func() {
		p.carryOut(t, func(a *activities.Activities) any { return a.ReserveStock }, activities.ReserveStock{
			OrderID: waiting, Lines: []inventory.Line{{SKU: "B", Quantity: 4}}, ShipToCountry: "DE", Backorder: true, At: p.env.Now(),
		})
	}, time.Minute)
	p.env.OnSignalExternalWorkflow("default-test-namespace", workflows.InventorySagaID(waiting), "", workflows.StockServed, nil).
		After(time.Minute).Return(nil)
	lines := p.ask(hour, workflows.CancelLines, cancelOne("B"))
	cancelled := p.ask(hour+time.Second, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_my_mind", By: "customer"})
	told := p.play(t, twoShipments(p))
	require.NoError(t, lines.err)
	require.NoError(t, cancelled.err)
	require.Equal(t, order.StatusCancelled, p.order(t).Status)
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, "changed_my_mind", told.Reason)
	require.Equal(t, 4, p.stock(t, "B@reno").Reserved, "of the order that waited")
}

// Amendments without an id are told apart by their number, which begins anew with another saga. It fails when the new
// saga's numbers are those of the saga before (order_requests.go, amendAddress).
func TestAnAddressIsAmendedAfterAnotherSagaHasAmendedIt(t *testing.T) {
	t.Parallel()
	amend := func(id uuid.UUID, key string) workflows.AmendRequest {
		return workflows.AmendRequest{RequestID: id, RequestHash: "h", Country: "DE", Personal: addressAt(key), By: "customer"}
	}
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	keyed := amend(uuid.New(), "keyed")
	p.ask(hour, workflows.AmendAddress, keyed)
	p.ask(hour+time.Minute, workflows.AmendAddress, keyed)
	p.ask(hour+2*time.Minute, workflows.AmendAddress, amend(uuid.Nil, "newer"))
	p.dispatchAt(2*hour, "berlin")
	p.faults.kind, p.faults.at = goneBefore, 5 // the dispatch, after three amendments
	next := p.resume(t, scenario{}, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, "newer", p.street(t))
	a := next.ask(3*hour, workflows.AmendAddress, amend(uuid.Nil, "newest"))
	next.dispatchAt(4*hour, "berlin")
	next.reportAt(5*hour, workflows.ShipmentDelivered, "berlin")
	next.play(t, workflows.OrderInput{OrderID: p.orderID, Resume: true})
	require.NoError(t, a.err)
	require.Equal(t, "newest", p.street(t))
	p.auditEvents(t)
}

// It fails when a saga ends whose first steps are refused for good (order_resume.go, resumeOrder).
func TestARefundThatTheGatewayRefusesHoldsUpNoOtherShipment(t *testing.T) {
	t.Parallel()
	p := setup(t, twoLocations, noReview)
	p.dispatchAt(hour, "berlin")
	p.env.RegisterDelayedCallback(func() {
		id := payment.ID(p.orderID)
		_, err := p.gateway.Refund(context.Background(), payments.RefundRequest{
			IdempotencyKey: "by hand", PaymentID: id, GatewayRef: "sandbox_" + id.String(), Amount: money.Must("10.00", "EUR"),
		})
		require.NoError(t, err)
	}, 2*hour)
	lost := p.ask(3*hour, workflows.ShipmentLost, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
	p.dispatchAt(4*hour, "reno")
	p.faults.kind, p.faults.at = goneBefore, 5 // the second dispatch
	next := p.resume(t, scenario{}, twoShipments(p))
	require.NoError(t, lost.err, "the shipment is lost, whatever the gateway says")
	next.dispatchAt(5*hour, "reno")
	next.reportAt(6*hour, workflows.ShipmentDelivered, "reno")
	told := next.play(t, workflows.OrderInput{OrderID: p.orderID, Resume: true})
	require.Equal(t, order.StatusDelivered, told.Status)
	refunds := next.payment(t).Refunds
	require.Len(t, refunds, 1)
	require.Equal(t, payment.RefundStatusFailed, refunds[0].Status())
	require.NotEmpty(t, refunds[0].Cause())
}

// voidRefused is a gateway that refuses to let go of anything, so many times; 0 is always.
type voidRefused struct {
	*sandbox.Gateway
	times int
	asked atomic.Int64
}

func (g *voidRefused) Void(ctx context.Context, r payments.VoidRequest) error {
	if n := g.asked.Add(1); g.times > 0 && n > int64(g.times) {
		return g.Gateway.Void(ctx, r)
	}
	return domain.Refuse(payments.CodeGatewayRefused, "there is no such payment")
}

func refusesVoids(g *sandbox.Gateway) payments.Gateway { return &voidRefused{Gateway: g} }

// It fails when the saga does not take over what its step has answered, because the next step is refused
// (order_requests.go, cancelLines).
func TestAnOrderEndsWithItsLastLinesWhateverTheGatewaySays(t *testing.T) {
	t.Parallel()
	p := setupWith(t, twoLocations, noReview, refusesVoids)
	p.dispatchAt(hour, "berlin")
	p.letGoAt(t, 30*hour)
	p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
	request := cancelOne("B")
	request.Lines[0].Quantity = 2
	lines := p.ask(3*hour, workflows.CancelLines, request)
	told := p.play(t, twoShipments(p))
	require.NoError(t, lines.err)
	require.Equal(t, order.StatusDelivered, told.Status)
	require.False(t, p.payment(t).HoldsMoney())
	require.Nil(t, p.payment(t).VoidFailure)
}

// It fails when the saga of the order ends with the child that an operator has ended (order_shipments.go,
// payAndDispatch).
func TestAnOrderOutlivesTheExecutionThatWaitsForItsPayment(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	p.bankAt(t, 10*time.Minute, true)
	paid := p.payAt(8*24*hour, "tok_require_action")
	p.env.RegisterDelayedCallback(func() { p.env.CancelWorkflowByID(workflows.PaymentSagaID(p.orderID), "") }, 8*24*hour+10*time.Minute)
	dispatched := p.ask(8*24*hour+20*time.Minute, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
	p.at(9*24*hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "unpaid", By: "operator"})
	told := p.play(t, p.input("tok_require_action", item("A", 1, "10.00")))
	require.NoError(t, paid.err)
	require.Equal(t, payment.StatusActionRequired, paid.state.Payment.Status)
	require.Contains(t, paid.state.Payment.ActionURL, "https://bank.example/confirm/")
	require.Equal(t, string(payment.CodePaymentRequired), code(dispatched.err))
	require.Equal(t, order.StatusCancelled, told.Status)
}

// The first event of an order from before version 2 has no terms. It fails when a saga that was reset forgets its own
// (order_resume.go, adoptStanding).
func TestAResetSagaOfAnOrderWithoutTermsKeepsItsDeadlines(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	in := p.input("tok_require_action", item("A", 1, "10.00"))
	stamp := eventstore.Stamp{Source: "an earlier program", At: time.Now()}
	_, _, err := eventstore.Execute(context.Background(), p.events, orders, p.orderID, stamp, func(o order.Order) ([]domain.Event, error) {
		return order.Place(o, order.PlaceOrder{
			OrderID: p.orderID, CustomerID: in.CustomerID, Items: in.Items, ShipToCountry: in.ShipToCountry,
			Personal: in.Personal, RequestHash: in.RequestHash, At: stamp.At,
		})
	})
	require.NoError(t, err)
	begun := p.env.Now()
	told := p.play(t, in)
	require.Equal(t, order.ReasonPaymentDeadline, told.Reason)
	require.Less(t, p.env.Now().Sub(begun), hour)
	p.audit(t, scenario{}, told)
}
