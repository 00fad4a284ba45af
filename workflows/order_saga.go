package workflows

import (
	"fmt"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// orderSaga is one order on its way. All of its fields are changed by one coroutine at a time.
type orderSaga struct {
	in    OrderInput
	state OrderState
	undo  compensations
	// cancel is what was asked for and not yet answered; stop ends the steps that secure the order.
	cancel *CancelRequest
	stop   workflow.CancelFunc
}

// OrderSaga carries an order from its placing to its delivery. It secures stock and payment, and
// confirms the order; then it waits for the reports of the parcels, takes the money of each when it
// leaves, and ends with the last one's delivery. Cancelled, or refused on the way, it undoes what was
// done and ends with a cancelled order, which is an answer and no failure.
//
// It fails only when the order can't be placed. Refusals: invalid; idempotency_key_reused.
func OrderSaga(ctx workflow.Context, in OrderInput) (OrderState, error) {
	s := &orderSaga{in: in, state: OrderState{OrderID: in.OrderID, OrderNumber: order.Number(in.OrderID), Status: order.StatusCreated}}
	// A cancelled execution is an order to cancel, which takes steps; so the body's own context is
	// out of reach of the cancellation.
	body, end := workflow.NewDisconnectedContext(ctx)
	defer end()
	if err := s.listen(ctx, body); err != nil {
		return s.state, err
	}
	if err := s.run(body); err != nil {
		return s.state, err
	}
	return s.state, workflow.Await(body, func() bool { return workflow.AllHandlersFinished(body) })
}

func (s *orderSaga) run(ctx workflow.Context) error {
	placed, err := s.place(ctx)
	if err != nil {
		return err
	}
	if placed.Existing != "" {
		s.state.Status, s.state.Reason = placed.Existing, "placed_before"
		return nil
	}
	if err := s.secure(ctx); err != nil {
		return s.abandon(ctx, err)
	}
	return s.fulfil(ctx)
}

func (s *orderSaga) place(ctx workflow.Context) (activities.Placed, error) {
	var a *activities.Activities
	return step(ctx, "Place the order", a.PlaceOrder, activities.PlaceOrder{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Items: s.in.Items, ShipToCountry: s.in.ShipToCountry,
		Personal: s.in.Personal, RequestHash: s.in.RequestHash, UserID: s.in.UserID, At: workflow.GetInfo(ctx).WorkflowStartTime,
	})
}

// secure reserves the stock, authorises the payment and confirms the order.
func (s *orderSaga) secure(ctx workflow.Context) error {
	ctx, s.stop = workflow.WithCancel(ctx)
	s.wait(ctx, "Securing stock and payment.")
	reserved, err := reserve(ctx, InventoryInput{OrderID: s.in.OrderID, Lines: lines(s.in.Items), ShipToCountry: s.in.ShipToCountry}, &s.undo)
	if err != nil {
		return err
	}
	s.undo.push(func(ctx workflow.Context) error { return voidPayment(ctx, s.in.OrderID, "order_cancelled") })
	s.wait(ctx, "Waiting for the payment.")
	paid, err := payInline(ctx, PaymentInput{OrderID: s.in.OrderID, Amount: order.Total(s.in.Items), Token: s.in.PaymentToken})
	if err != nil {
		return err
	}
	if paid.Status != payment.StatusAuthorized {
		return declined(paid.DeclineCode)
	}
	var a *activities.Activities
	confirmed, err := step(ctx, "Confirm the order", a.ConfirmOrder, activities.ConfirmOrder{
		OrderID: s.in.OrderID, Allocations: reserved.Allocations, At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	s.state.Shipments = confirmed.Shipments
	return s.enter(ctx, order.StatusConfirmed)
}

// declined is the refusal of an order whose payment did not succeed.
func declined(code string) error {
	reason := order.ReasonPaymentDeclined
	if code == codeDeadline {
		reason = order.ReasonPaymentDeadline
	}
	return temporal.NewNonRetryableApplicationError("the payment was declined: "+code, reason, nil)
}

// abandon undoes what was secured and cancels the order: because it was asked to, or because of the
// refusal.
func (s *orderSaga) abandon(ctx workflow.Context, refusal error) error {
	reason, by := refusalCode(refusal), "system"
	if s.cancel != nil {
		reason, by = s.cancel.Reason, s.cancel.By
	}
	if reason == "" {
		// A step or a child ended in a way that no rule foresees, such as a terminated child.
		workflow.GetLogger(ctx).Error("An order is given up.", "error", refusal)
		reason = order.ReasonSystemError
	}
	s.wait(ctx, "Undoing what was done: "+reason)
	if err := s.undo.run(ctx); err != nil {
		return err
	}
	var a *activities.Activities
	err := do(ctx, "Cancel the order", a.CancelOrder, activities.CancelOrder{OrderID: s.in.OrderID, Reason: reason, By: by, At: workflow.Now(ctx)})
	if err != nil {
		return err
	}
	s.state.Reason = reason
	return s.enter(ctx, order.StatusCancelled)
}

// fulfil follows the parcels until the last one has arrived, or the order is cancelled before the
// first one leaves.
func (s *orderSaga) fulfil(ctx workflow.Context) error {
	dispatches := workflow.GetSignalChannel(ctx, ShipmentDispatched)
	deliveries := workflow.GetSignalChannel(ctx, ShipmentDelivered)
	for s.state.Status != order.StatusDelivered {
		s.waitForParcels(ctx)
		if err := workflow.Await(ctx, func() bool { return s.cancel != nil || dispatches.Len() > 0 || deliveries.Len() > 0 }); err != nil {
			return err
		}
		var dispatch Dispatch
		var delivery Delivery
		var err error
		switch {
		case s.cancel != nil && s.state.Status == order.StatusConfirmed:
			return s.abandon(ctx, nil)
		case s.cancel != nil:
			s.cancel = nil // too late: a parcel left while it was asked for
		case dispatches.ReceiveAsync(&dispatch):
			err = s.dispatch(ctx, dispatch)
		case deliveries.ReceiveAsync(&delivery):
			err = s.deliver(ctx, delivery)
		}
		if code := refusalCode(err); code != "" {
			s.refused(ctx, code, refusalMessage(err))
		} else if err != nil {
			return err
		}
	}
	return nil
}

// dispatch takes the parcel's money and lets it go: nothing leaves unpaid.
func (s *orderSaga) dispatch(ctx workflow.Context, d Dispatch) error {
	parcel, err := s.parcel(d.ShipmentID)
	if err != nil || parcel.Status != order.ShipmentPlanned {
		return err
	}
	var a *activities.Activities
	err = do(ctx, "Capture "+parcel.Amount.String(), a.CapturePayment, activities.CapturePayment{
		OrderID: s.in.OrderID, CaptureID: parcel.ShipmentID, Amount: parcel.Amount, At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	skus := make([]string, len(parcel.Lines))
	for i, l := range parcel.Lines {
		skus[i] = l.SKU
	}
	err = do(ctx, "Dispatch from "+parcel.Location, a.DispatchShipment, activities.DispatchShipment{
		OrderID: s.in.OrderID, ShipmentID: parcel.ShipmentID, Carrier: d.Carrier, TrackingNumber: d.TrackingNumber,
		Location: parcel.Location, SKUs: skus, At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	parcel.Status, parcel.Carrier, parcel.TrackingNumber = order.ShipmentInTransit, d.Carrier, d.TrackingNumber
	if s.state.Status == order.StatusConfirmed {
		return s.enter(ctx, order.StatusShipped)
	}
	return nil
}

func (s *orderSaga) deliver(ctx workflow.Context, d Delivery) error {
	parcel, err := s.parcel(d.ShipmentID)
	if err != nil || parcel.Status == order.ShipmentAtCustomer {
		return err
	}
	var a *activities.Activities
	err = do(ctx, "Deliver from "+parcel.Location, a.DeliverShipment, activities.DeliverShipment{
		OrderID: s.in.OrderID, ShipmentID: parcel.ShipmentID, At: workflow.Now(ctx),
	})
	if err != nil {
		return err
	}
	parcel.Status = order.ShipmentAtCustomer
	for _, p := range s.state.Shipments {
		if p.Status != order.ShipmentAtCustomer {
			return nil
		}
	}
	return s.enter(ctx, order.StatusDelivered)
}

func (s *orderSaga) parcel(id uuid.UUID) (*order.Shipment, error) {
	for i := range s.state.Shipments {
		if s.state.Shipments[i].ShipmentID == id {
			return &s.state.Shipments[i], nil
		}
	}
	return nil, temporal.NewNonRetryableApplicationError(fmt.Sprintf("the order has no shipment %s", id), "shipment_not_found", nil)
}
