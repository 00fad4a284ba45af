package histories

import (
	"errors"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
)

// path is a way that an order, or something beside orders, can take.
type path struct {
	name      string
	play      func(*player) error
	deadlines workflows.Deadlines
}

// soon is a deadline that passes while one waits for it.
const soon = 500 * time.Millisecond

var paths = []path{
	{name: "delivered", play: func(p *player) error { return errors.Join(p.confirmed(), p.delivered()) }},
	{name: "two-shipments", play: twoShipments},
	{name: "declined", play: func(p *player) error {
		return errors.Join(p.placed("tok_decline"), p.end(order.StatusCancelled, order.ReasonPaymentDeclined))
	}},
	{name: "out-of-stock", play: func(p *player) error {
		return errors.Join(p.place(p.input("tok_approve", line{"beans", 2, "12.90"})), p.end(order.StatusCancelled, order.ReasonOutOfStock))
	}},
	{name: "invalid", play: invalid},

	{name: "cancelled-by-update", play: cancelledByUpdate},
	{name: "cancelled-by-signal", play: cancelledBySignal},
	{name: "cancelled-execution", play: cancelledExecution},
	{name: "lines-cancelled", play: linesCancelled},
	{name: "edited", play: func(p *player) error { return edited(p, 3) }},
	{name: "edited-to-less", play: func(p *player) error { return edited(p, 1) }},
	{name: "edited-to-nothing-there", play: editedToNothingThere},
	{name: "amended", play: amended},
	{name: "requests-refused", play: requestsRefused},

	{name: "held-approved", play: heldApproved},
	{name: "held-rejected", play: heldRejected},
	{name: "held-too-long", deadlines: workflows.Deadlines{Review: soon}, play: func(p *player) error {
		return errors.Join(p.held(), p.end(order.StatusCancelled, order.ReasonReviewDeadline))
	}},

	{name: "backordered", play: backordered},
	{name: "backordered-too-long", deadlines: workflows.Deadlines{Stock: soon}, play: func(p *player) error {
		return errors.Join(p.backordered(), p.awaitStock(), p.end(order.StatusCancelled, order.ReasonStockDeadline))
	}},
	{name: "backordered-cancelled", play: func(p *player) error {
		return errors.Join(p.backordered(), p.awaitStock(), p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
	}},

	{name: "backordered-another-run-cancelled", play: func(p *player) error {
		return errors.Join(p.backordered(), p.awaitStock(), p.anotherRun(), p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
	}},

	{name: "bank-confirmed", play: func(p *player) error {
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.bank(true), p.await(order.StatusConfirmed), p.delivered())
	}},
	{name: "bank-another-run-confirmed", play: func(p *player) error {
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.anotherRun(), p.bank(true), p.await(order.StatusConfirmed), p.delivered())
	}},
	{name: "bank-declined", play: func(p *player) error {
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.bank(false), p.end(order.StatusCancelled, order.ReasonPaymentDeclined))
	}},
	{name: "bank-too-late", deadlines: workflows.Deadlines{Payment: soon}, play: bankTooLate},
	{name: "bank-cancelled", play: func(p *player) error {
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
	}},

	{name: "bank-page", play: func(p *player) error {
		confirm := workflows.BankConfirmation{OrderID: p.orderID, Approve: true}
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.run("confirm-"+p.orderID.String(), workflows.ConfirmationSaga, confirm),
			p.await(order.StatusConfirmed), p.delivered())
	}},

	{name: "clock-advanced", play: func(p *player) error {
		ended := workflows.AdvanceInput{OrderID: p.orderID, AdvanceRequest: workflows.AdvanceRequest{RequestID: p.id("advance ended")}}
		return errors.Join(p.confirmed(), p.advance(), p.delivered(), p.run("advance-"+p.orderID.String(), workflows.AdvanceSaga, ended))
	}},
	{name: "clock-advanced-bank", play: func(p *player) error {
		return errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.advance(), p.end(order.StatusCancelled, order.ReasonPaymentDeadline))
	}},
	{name: "clock-advanced-backordered", play: func(p *player) error {
		return errors.Join(p.backordered(), p.awaitStock(), p.advance(), p.end(order.StatusCancelled, order.ReasonStockDeadline))
	}},
	{name: "clock-advanced-held", play: func(p *player) error {
		return errors.Join(p.held(), p.advance(), p.end(order.StatusCancelled, order.ReasonReviewDeadline))
	}},

	{name: "gateway-down", play: gatewayDown},
	{name: "gateway-down-when-cancelled", play: gatewayDownWhenCancelled},
	{name: "credentials-refused", play: credentialsRefused},
	{name: "credentials-refused-when-cancelled", play: credentialsRefusedWhenCancelled},
	{name: "void-refused", play: voidRefused},
	{name: "gateway-answer-lost", play: func(p *player) error {
		return errors.Join(p.placed("tok_timeout"), p.await(order.StatusConfirmed), p.delivered())
	}},

	{name: "dispatch-overdue", deadlines: workflows.Deadlines{Dispatch: soon}, play: dispatchOverdue},
	{name: "reported-by-signals", play: reportedBySignals},
	{name: "shipment-lost", play: func(p *player) error { return p.shipmentEnds(workflows.ShipmentLost) }},
	{name: "shipment-refused", play: func(p *player) error { return p.shipmentEnds(workflows.ShipmentRefused) }},

	{name: "waiting-for-dispatch", play: (*player).confirmed},
	{name: "waiting-for-delivery", play: func(p *player) error { return errors.Join(p.confirmed(), p.dispatch("berlin")) }},

	{name: "noted", play: noted},
	{name: "returned", play: returned},
	{name: "return-requested", play: func(p *player) error { return p.returnSteps(0) }},
	{name: "return-approved", play: func(p *player) error { return p.returnSteps(1) }},
	{name: "return-received", play: func(p *player) error { return p.returnSteps(2) }},
	{name: "returns-due", play: func(p *player) error {
		return errors.Join(p.confirmed(), p.delivered(), p.run("returns-due", workflows.ReturnDeadlineSaga, workflows.ReturnDeadline{OrderID: p.orderID}))
	}},
	{name: "exchanged", play: exchanged},
	{name: "refunded", play: refunded},
	{name: "attended", play: attended},
	{name: "stock-received", play: func(p *player) error {
		p.ran("stock-receipt-" + p.id("receipt/beansberlin").String())
		return p.receive("beans", "berlin", 10)
	}},
	{name: "stock-adjusted", play: stockAdjusted},
	{name: "location-activated", play: locationActivated},
	{name: "reconciled", play: func(p *player) error {
		return p.run("reconciled", workflows.ReconciliationSaga, workflows.ReconciliationInput{})
	}},
}

// locationActivated activates a location with goods that an order waits for.
func locationActivated(p *player) error {
	active := true
	closed := location.Location{ID: "oslo", Name: "Oslo", Country: "NO", Priority: location.PriorityDefault}
	activate := workflows.LocationChange{RequestID: p.id("activate"), ID: closed.ID, Change: location.Change{Active: &active}}
	p.ran("location-" + activate.RequestID.String())
	return errors.Join(
		p.changeLocation(workflows.LocationChange{RequestID: p.id("add"), Add: &closed}), p.receive("beans", "oslo", 10),
		p.backordered(), p.awaitStock(), p.changeLocation(activate), p.await(order.StatusConfirmed),
		p.dispatch("oslo"), p.deliver("oslo"), p.end(order.StatusDelivered, ""),
	)
}

func twoShipments(p *player) error {
	return errors.Join(
		p.receive("beans", "berlin", 10), p.receive("cups", "reno", 10),
		p.place(p.input("tok_approve", line{"beans", 2, "12.90"}, line{"cups", 4, "7.50"})), p.await(order.StatusConfirmed),
		p.dispatch("berlin"), p.deliver("berlin"), p.dispatch("reno"), p.deliver("reno"), p.end(order.StatusDelivered, ""),
	)
}

func invalid(p *player) error {
	in := p.input("tok_approve", line{"beans", 2, "12.90"})
	in.CustomerID = ""
	if err := p.run(workflows.OrderSagaID(p.orderID), workflows.OrderSaga, in); err == nil {
		return errors.New("an order without a customer was placed")
	}
	return nil
}

var changedMind = workflows.CancelRequest{Reason: "changed my mind", By: "customer"}

// advance has the next timer of the order go off.
func (p *player) advance() error {
	_, err := p.client.AdvanceClock(p.ctx, p.orderID, workflows.AdvanceRequest{RequestID: p.id("advance")})
	return p.check(err)
}

func (p *player) cancel() error {
	_, err := p.client.CancelOrder(p.ctx, p.orderID, changedMind)
	return p.check(err)
}

func cancelledByUpdate(p *player) error {
	return errors.Join(p.confirmed(), p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
}

func cancelledBySignal(p *player) error {
	return errors.Join(p.confirmed(), p.signal(workflows.CancelOrder, changedMind), p.end(order.StatusCancelled, "changed my mind"))
}

func cancelledExecution(p *player) error {
	return errors.Join(
		p.confirmed(), p.world.temporal.CancelWorkflow(p.ctx, workflows.OrderSagaID(p.orderID), ""),
		p.end(order.StatusCancelled, "operator_request"),
	)
}

func linesCancelled(p *player) error {
	if err := p.confirmed(); err != nil {
		return err
	}
	_, err := p.client.CancelLines(p.ctx, p.orderID, workflows.CancelLinesRequest{
		RequestID: p.id("one piece less"), Lines: []order.LineQuantity{{SKU: p.sku("beans"), Quantity: 1}}, Reason: "one is enough", By: "customer",
	})
	return errors.Join(err, p.delivered())
}

// editable places an order of two pieces, whose customer has agreed that more may be charged.
func (p *player) editable() error {
	in := p.input("tok_approve", line{"beans", 2, "12.90"})
	in.KeepPaymentMethod = true
	return errors.Join(p.receive("beans", "berlin", 10), p.place(in), p.await(order.StatusConfirmed))
}

// edited changes the quantity of a line. More is authorised anew.
func edited(p *player, quantity int) error {
	if err := p.editable(); err != nil {
		return err
	}
	_, err := p.client.EditOrder(p.ctx, p.orderID, p.edit("beans", quantity))
	return errors.Join(err, p.delivered())
}

func (p *player) edit(name string, quantity int) workflows.EditRequest {
	return workflows.EditRequest{
		RequestID: p.id("edit"), RequestHash: "h", Lines: []order.LineQuantity{{SKU: p.sku(name), Quantity: quantity}}, Reason: "other wish", By: "customer",
	}
}

// editedToNothingThere asks for more than there is. The order stays as it was.
func editedToNothingThere(p *player) error {
	if err := p.editable(); err != nil {
		return err
	}
	if _, err := p.client.EditOrder(p.ctx, p.orderID, p.edit("beans", 100)); domain.Code(err) != inventory.CodeOutOfStock {
		return fmt.Errorf("an edit without goods was answered with: %w", err)
	}
	return p.delivered()
}

func amended(p *player) error {
	if err := p.confirmed(); err != nil {
		return err
	}
	_, err := p.client.AmendAddress(p.ctx, p.orderID, workflows.AmendRequest{
		Country: "DE", By: "customer", Personal: domain.Sealed{
			Key: "cus_1:1", Data: []byte(`{"shipping_address":{"line1":"Torstraße 2","city":"Berlin","zip":"10119","country":"DE"}}`),
		},
	})
	return errors.Join(err, p.delivered())
}

// noted notes something about an order, and changes its tags.
func noted(p *player) error {
	return errors.Join(
		p.confirmed(),
		p.run("note-"+p.id("note").String(), workflows.NoteSaga, workflows.NoteInput{
			OrderID: p.orderID, NoteID: p.id("note"), RequestHash: "h", CustomerID: "cus_1", Author: "support",
			Text: domain.Sealed{Key: "cus_1:1", Data: []byte(`"Rings twice."`)},
		}),
		p.run("details-"+p.id("details").String(), workflows.DetailsSaga, workflows.DetailsInput{
			OrderID: p.orderID, RequestID: p.id("details"), By: "support", Change: order.DetailsChange{AddTags: []string{"vip"}},
		}),
		p.delivered(),
	)
}

// requestsRefused asks by signal for what can't be done.
func requestsRefused(p *player) error {
	return errors.Join(
		p.confirmed(), p.signal(workflows.CancelOrder, workflows.CancelRequest{By: "customer"}),
		p.signal(workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.id("no such shipment")}),
		p.dispatch("berlin"), p.signal(workflows.ShipmentDispatched, p.left("berlin")), p.signal(workflows.CancelOrder, changedMind),
		p.deliver("berlin"), p.end(order.StatusDelivered, ""),
	)
}

// held places an order that a rule holds, and waits until it waits for a person.
func (p *player) held() error {
	return errors.Join(
		p.receive("machine", "berlin", 1), p.place(p.input("tok_approve", line{"machine", 1, "1900.00"})),
		p.awaitTimer(workflows.OrderSagaID(p.orderID)),
	)
}

func (p *player) review(approve bool) error {
	_, err := p.client.ReviewOrder(p.ctx, p.orderID, approve, workflows.ReviewRequest{By: "operator"})
	return p.check(err)
}

func heldApproved(p *player) error {
	return errors.Join(p.held(), p.review(true), p.await(order.StatusConfirmed), p.delivered())
}

func heldRejected(p *player) error {
	return errors.Join(p.held(), p.review(false), p.end(order.StatusCancelled, order.ReasonReviewRejected))
}

// backordered places an order for goods that are not there.
func (p *player) backordered() error {
	in := p.input("tok_approve", line{"beans", 2, "12.90"})
	in.AllowBackorder = true
	return p.place(in)
}

func backordered(p *player) error {
	p.ran("stock-receipt-" + p.id("receipt/beansberlin").String())
	return errors.Join(p.backordered(), p.awaitStock(), p.receive("beans", "berlin", 10), p.await(order.StatusConfirmed), p.delivered())
}

// bank is the bank's answer to a payment that had been left open, and the gateway's word of it.
func (p *player) bank(confirms bool) error {
	id := payment.ID(p.orderID)
	report := payments.Event{
		ID: "evt-" + p.orderID.String(), Kind: payments.EventAuthorized, PaymentID: id, OrderID: p.orderID, GatewayRef: "sandbox_" + id.String(),
	}
	if !confirms {
		report.Kind = payments.EventDeclined
	}
	// A payment that was voided meanwhile is settled, whatever the gateway reports.
	if err := p.world.gateway.Confirm(id, confirms); err != nil && domain.Code(err) != payments.CodeGatewayRefused {
		return p.check(err)
	}
	return p.check(p.client.PaymentReported(p.ctx, report))
}

func bankTooLate(p *player) error {
	id := "late-payment-evt-" + p.orderID.String()
	p.ran(id)
	err := errors.Join(p.placed("tok_require_action"), p.awaitPayment(), p.end(order.StatusCancelled, order.ReasonPaymentDeadline), p.bank(true))
	return errors.Join(err, p.world.temporal.GetWorkflow(p.ctx, id, "").Get(p.ctx, nil))
}

func gatewayDown(p *player) error {
	if err := p.receive("beans", "berlin", 10); err != nil {
		return err
	}
	p.world.gateway.fail(outage, errDown)
	return errors.Join(p.place(p.input("tok_approve", line{"beans", 2, "12.90"})), p.await(order.StatusConfirmed), p.delivered())
}

func gatewayDownWhenCancelled(p *player) error {
	if err := p.confirmed(); err != nil {
		return err
	}
	p.world.gateway.fail(outage, errDown)
	return errors.Join(p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
}

// credentialsRefused has the gateway refuse our credentials from the first call on.
func credentialsRefused(p *player) error {
	if err := p.receive("beans", "berlin", 10); err != nil {
		return err
	}
	p.world.gateway.fail(outage, errRevoked)
	return errors.Join(p.place(p.input("tok_approve", line{"beans", 2, "12.90"})), p.await(order.StatusConfirmed), p.delivered())
}

// credentialsRefusedWhenCancelled has the gateway be down first, and refuse our credentials then.
func credentialsRefusedWhenCancelled(p *player) error {
	if err := p.confirmed(); err != nil {
		return err
	}
	p.world.gateway.fail(outage, errDown)
	p.world.gateway.fail(2, errRevoked)
	return errors.Join(p.cancel(), p.end(order.StatusCancelled, "changed my mind"))
}

// voidRefused has the gateway refuse to let the money go, until a person retries.
func voidRefused(p *player) error {
	if err := p.confirmed(); err != nil {
		return err
	}
	p.world.gateway.fail(1, errRefused)
	err := errors.Join(p.cancel(), p.until("the mark of the money", func() (bool, error) {
		return p.has(workflows.OrderSagaID(p.orderID), enums.EVENT_TYPE_TIMER_STARTED), nil
	}))
	if err != nil {
		return err
	}
	id := attention.Void(p.orderID)
	p.ran("attention-" + id.String() + "-retry-1")
	_, _, err = p.client.Attend(p.ctx, workflows.AttentionInput{OrderID: p.orderID, AttentionID: id, Attempts: 1})
	return errors.Join(p.check(err), p.end(order.StatusCancelled, "changed my mind"))
}

func dispatchOverdue(p *player) error {
	return errors.Join(p.confirmed(), p.until("the deadline", func() (bool, error) {
		return p.has(workflows.OrderSagaID(p.orderID), enums.EVENT_TYPE_TIMER_FIRED), nil
	}), p.delivered())
}

func reportedBySignals(p *player) error {
	return errors.Join(
		p.confirmed(), p.signal(workflows.ShipmentDispatched, p.left("berlin")), p.awaitShipment("berlin", order.ShipmentStatusDispatched),
		p.signal(workflows.ShipmentDelivered, p.report("berlin")), p.end(order.StatusDelivered, ""),
	)
}

func (p *player) shipmentEnds(report string) error {
	err := errors.Join(p.confirmed(), p.dispatch("berlin"), p.tell(report, p.report("berlin")))
	return errors.Join(err, p.world.temporal.GetWorkflow(p.ctx, workflows.OrderSagaID(p.orderID), "").Get(p.ctx, nil))
}

func returned(p *player) error {
	if err := errors.Join(p.confirmed(), p.delivered()); err != nil {
		return err
	}
	p.executions = []string{"return-" + p.id("return").String()}
	_, err := p.client.ChangeReturn(p.ctx, workflows.ReturnInput{
		OrderID: p.orderID, ReturnID: p.id("return"), Reason: "too loud",
		Lines: []order.ReturnLine{{SKU: p.sku("beans"), Quantity: 1, Restock: true}},
	})
	return err
}

// returnSteps takes a return through its first steps, and records the last one of them.
func (p *player) returnSteps(last int) error {
	if err := errors.Join(p.confirmed(), p.delivered()); err != nil {
		return err
	}
	for _, in := range []workflows.ReturnInput{
		{Action: workflows.ReturnRequest, By: order.ByCustomer, Reason: "too loud", Lines: []order.ReturnLine{
			{SKU: p.sku("beans"), Quantity: 1, Reason: "defective"},
		}},
		{Action: order.ReturnApprove, By: "ann", Carrier: "DHL", TrackingNumber: "R1", ExpiresAfter: time.Hour},
		{Action: workflows.ReturnReceive, Lines: []order.ReturnLine{{SKU: p.sku("beans"), Quantity: 1, Restock: true}}},
	}[:last+1] {
		in.OrderID, in.ReturnID = p.orderID, p.id("return")
		p.executions = []string{in.WorkflowID()}
		if _, err := p.client.ChangeReturn(p.ctx, in); err != nil {
			return err
		}
	}
	return nil
}

// exchanged places an order that goods of a delivered one pay for, and that waits for them.
func exchanged(p *player) error {
	if err := errors.Join(p.confirmed(), p.delivered()); err != nil {
		return err
	}
	from := p.orderID
	p.orderID, p.executions = p.id("exchange"), nil
	in, back := p.input("tok_approve", line{"beans", 1, "15.00"}), p.id("return")
	goods := []order.ReturnLine{{SKU: p.sku("beans"), Quantity: 1, Reason: "defective"}}
	in.Exchange = &workflows.ExchangeGoods{
		Exchange: order.Exchange{OrderID: from, ReturnID: back, OnReceipt: true}, Lines: goods, Reason: "too loud", By: "ann", ExpiresAfter: time.Hour,
	}
	if err := errors.Join(p.place(in), p.awaitTimer(workflows.OrderSagaID(p.orderID))); err != nil { // of its review
		return err
	}
	received := workflows.ReturnInput{OrderID: from, ReturnID: back, Action: workflows.ReturnReceive, Lines: goods}
	p.ran(received.WorkflowID())
	_, err := p.client.ChangeReturn(p.ctx, received)
	return errors.Join(p.check(err), p.await(order.StatusConfirmed), p.delivered())
}

func refunded(p *player) error {
	if err := errors.Join(p.confirmed(), p.delivered()); err != nil {
		return err
	}
	p.executions = []string{"refund-" + p.id("refund").String()}
	_, err := p.client.RefundPayment(p.ctx, workflows.RefundInput{
		OrderID: p.orderID, RefundID: p.id("refund"), Amount: money.Must("5.00", "EUR"), Reason: "a scratch",
	})
	return err
}

func attended(p *player) error {
	if err := errors.Join(p.confirmed(), p.delivered()); err != nil {
		return err
	}
	id := p.id("attention")
	p.executions = []string{"attention-" + id.String() + "-retry-1"}
	_, _, err := p.client.Attend(p.ctx, workflows.AttentionInput{OrderID: p.orderID, AttentionID: id, Attempts: 1})
	return err
}

func stockAdjusted(p *player) error {
	if err := p.receive("beans", "berlin", 10); err != nil {
		return err
	}
	a := workflows.StockAdjustment{AdjustmentID: p.id("adjustment"), SKU: p.sku("beans"), Location: "berlin", Delta: -3, Reason: "broken"}
	p.ran("stock-adjustment-" + a.AdjustmentID.String())
	_, err := p.client.AdjustStock(p.ctx, a)
	return err
}
