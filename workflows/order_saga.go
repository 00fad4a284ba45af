package workflows

import (
	"cmp"
	"errors"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// OrderSaga carries an order from its placing to its delivery.
//
// It secures stock and payment, and confirms the order. Then it waits for the reports of the shipments, and captures
// the money of each when it leaves. It ends with the last shipment. When the order is cancelled, or refused on the
// way, the saga undoes what was done. It ends with a cancelled order then, which is an answer and no failure.
//
// It fails only when the order can't be placed. Refusals: invalid; idempotency_key_reused.
func OrderSaga(ctx workflow.Context, in OrderInput) (OrderState, error) {
	s := &orderSaga{
		in:            in,
		state:         OrderState{OrderID: in.OrderID, OrderNumber: order.Number(in.OrderID), Status: order.StatusCreated},
		mark:          MarkOpen,
		shipmentsLock: workflow.NewMutex(ctx),
	}
	// A cancelled execution asks to cancel the order, which takes steps. So the saga runs in a context that the
	// cancellation does not reach.
	body, end := workflow.NewDisconnectedContext(ctx)
	defer end()
	if err := s.registerHandlers(ctx, body); err != nil {
		return s.state, err
	}
	err := s.processOrder(body)
	s.over = true
	if err != nil {
		return s.state, err
	}
	return s.state, workflow.Await(body, func() bool { return workflow.AllHandlersFinished(body) })
}

// orderSaga is one order on its way. All of its fields are changed by one coroutine at a time.
type orderSaga struct {
	in    OrderInput
	state OrderState
	// mark is the value of the search attribute [AttributeOrderStatus].
	mark string
	undo compensations
	// cancelRequest is a request that was not answered yet. stopSecuring cancels the steps that secure the order.
	cancelRequest *CancelRequest
	stopSecuring  workflow.CancelFunc
	// stopDispatch cancels a dispatch that waits, for an outage or the customer's bank, before any shipment has left.
	stopDispatch workflow.CancelFunc
	// known is true once the first step has answered where the order stands; requests wait for it. standing is that
	// answer for an order that was there before this saga, and nil for a new one.
	known    bool
	standing *activities.Standing
	// reports are the reports of shipments that fulfilOrder has not carried out yet, in the order in which they came.
	reports []*shipmentReport
	// over is true once nothing is carried out any more.
	over bool
	// held is the rule that asks for a review, while the order waits for it; review is the decision.
	held   string
	review *review
	// shipmentsLock is held by whoever changes the shipments. A dispatch and a cancellation of lines run in different
	// coroutines and must not overlap.
	shipmentsLock workflow.Mutex
	// partlyCancelled is true once lines were cancelled, so that less is captured than was authorised.
	partlyCancelled bool
	overdue         bool
	// lastRefusal is why the last signal was not carried out, for operators to read.
	lastRefusal string
	// amendments counts the changes of address, so that each without an id is a request of its own.
	amendments int
}

type review struct {
	approved bool
	by       string
}

// processOrder places the order, secures it and follows its shipments to the end.
func (s *orderSaga) processOrder(ctx workflow.Context) error {
	placed, err := s.placeOrder(ctx)
	if err != nil {
		return err
	}
	s.known = true
	if placed.Standing != nil {
		return s.resumeOrder(ctx, *placed.Standing)
	}
	return s.secureAndFulfil(ctx, placed.Held, placed.Reserved)
}

// secureAndFulfil carries an order that is placed to its end.
func (s *orderSaga) secureAndFulfil(ctx workflow.Context, held string, reserved activities.Reserved) error {
	if err := s.secureOrder(ctx, held, reserved); err != nil {
		return s.abandonOrder(ctx, err)
	}
	return s.fulfilOrder(ctx)
}

// placeOrder is the first step. It answers where the order stands when it was there before.
func (s *orderSaga) placeOrder(ctx workflow.Context) (activities.Placed, error) {
	var a *activities.Activities
	if s.in.Resume {
		standing, err := runStep(ctx, "Resume the order", a.ResumeOrder, activities.ResumeOrder{OrderID: s.in.OrderID})
		return activities.Placed{Standing: &standing}, err
	}
	return runStep(ctx, "Place the order and reserve its stock", a.PlaceOrder, activities.PlaceOrder{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Items: s.in.Items, ShipToCountry: s.in.ShipToCountry,
		Personal: s.in.Personal, RequestHash: s.in.RequestHash, UserID: s.in.UserID,
		PaymentToken: s.in.PaymentToken, AllowBackorder: s.in.AllowBackorder, Deadlines: s.in.Deadlines,
		At: workflow.GetInfo(ctx).WorkflowStartTime.Truncate(time.Microsecond),
	})
}

// secureOrder reserves the stock, waits for a review where a rule asks for one, authorises the payment and confirms
// the order.
func (s *orderSaga) secureOrder(ctx workflow.Context, held string, early activities.Reserved) error {
	ctx, s.stopSecuring = workflow.WithCancel(ctx)
	if s.cancelRequest != nil {
		s.stopSecuring() // the request came while the order was being placed
	}
	s.setWaitingFor(ctx, "Securing the stock.")
	reserved, err := secureStockInline(ctx, InventoryInput{
		OrderID: s.in.OrderID, Lines: order.Lines(s.in.Items), ShipToCountry: s.in.ShipToCountry,
		Backorder: s.in.AllowBackorder, Deadline: s.remaining(ctx, s.in.Deadlines.Stock, s.placedAt()),
	}, early, &s.undo, func() error { return s.setMark(ctx, MarkBackordered) })
	if err != nil {
		return err
	}
	if held != "" {
		if err := s.awaitReview(ctx, held); err != nil {
			return err
		}
	}
	s.undo.push(func(ctx workflow.Context) error {
		return voidPayment(ctx, s.in.OrderID, "order_cancelled")
	})
	s.setWaitingFor(ctx, "Securing the payment.")
	confirmed, err := s.securePayment(ctx, order.Total(s.in.Items), reserved.Allocations)
	if err != nil {
		return err
	}
	if len(confirmed.Shipments) == 0 {
		var a *activities.Activities
		confirmed, err = runStep(ctx, "Confirm the order", a.ConfirmOrder, activities.ConfirmOrder{
			OrderID: s.in.OrderID, Allocations: reserved.Allocations, At: workflow.Now(ctx),
		})
		if err != nil {
			return err
		}
	}
	s.state.Shipments = confirmed.Shipments
	return s.setStatus(ctx, cmp.Or(confirmed.Status, order.StatusConfirmed))
}

// awaitReview waits until a person approves the order. It refuses when the person rejects it, or nobody decides
// before the deadline.
func (s *orderSaga) awaitReview(ctx workflow.Context, rule string) error {
	s.held = rule
	defer func() { s.held = "" }()
	s.setWaitingFor(ctx, "Waiting for a review, because of the rule on "+rule+".")
	if err := s.setMark(ctx, MarkHeld); err != nil {
		return err
	}
	decided, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: s.remaining(ctx, s.in.Deadlines.Review, s.placedAt()), TimerOptions: workflow.TimerOptions{Summary: "review deadline"},
	}, func() bool { return s.review != nil })
	switch {
	case err != nil:
		return err
	case !decided:
		return refuseOrder(order.ReasonReviewDeadline, "nobody reviewed the order in time")
	case !s.review.approved:
		return refuseOrder(order.ReasonReviewRejected, "the review rejected the order")
	}
	var a *activities.Activities
	_, err = runStep(ctx, "Approve the order", a.ApproveOrder, activities.ApproveOrder{OrderID: s.in.OrderID, By: s.review.by, At: workflow.Now(ctx)})
	return err
}

// securePayment authorises the amount; it refuses when the payment does not succeed. An order that lacks nothing but
// the payment of these goods is confirmed in the same step.
func (s *orderSaga) securePayment(ctx workflow.Context, amount money.Money, goods []inventory.Allocation) (activities.Confirmed, error) {
	paid, confirmed, err := securePaymentInline(ctx, PaymentInput{
		OrderID: s.in.OrderID, Amount: amount, Token: s.in.PaymentToken, Sealed: s.sealedToken(), Again: s.resumed(),
		Deadline: s.in.Deadlines.Payment,
	}, goods, func() error { return s.setMark(ctx, MarkActionRequired) })
	switch {
	case err != nil:
		return confirmed, err
	case paid.Status != payment.StatusAuthorized:
		reason := order.ReasonPaymentDeclined
		if paid.DeclineCode == declinedByDeadline {
			reason = order.ReasonPaymentDeadline
		}
		return confirmed, refuseOrder(reason, "the payment was declined: "+paid.DeclineCode)
	}
	return confirmed, s.setMark(ctx, s.markUnderWay())
}

// refuseOrder returns a refusal for which the saga abandons its order; the reason is the order's.
func refuseOrder(reason, message string) error {
	return temporal.NewNonRetryableApplicationError(message, reason, nil)
}

// abandonOrder cancels the order and undoes what was secured: because it was asked to, or because of the refusal.
//
// The cancellation is recorded first, with its reason. What is undone follows from it: a saga that takes this one's
// place meets a cancelled order, and undoes what is left.
func (s *orderSaga) abandonOrder(ctx workflow.Context, refusal error) error {
	reason, by := s.refusalReason(refusal), order.BySystem
	if s.cancelRequest != nil {
		reason, by = s.cancelRequest.Reason, s.cancelRequest.By
	}
	if reason == "" {
		// A step or a child ended in a way that no rule foresees, such as a terminated child.
		workflow.GetLogger(ctx).Error("An order is given up.", "error", refusal)
		reason = order.ReasonSystemError
	}
	s.setWaitingFor(ctx, "Undoing what was done: "+reason)
	awaitCompensations, err := s.cancelAndUndo(ctx, reason, by)
	switch refusalCode(err) {
	case order.CodeNotCancellable, order.CodeNotHeld, order.CodeAlreadyReviewed:
		return s.goOnInstead(ctx)
	}
	if err != nil {
		return err
	}
	return awaitCompensations()
}

// cancelAndUndo records the cancellation and begins to undo what was done.
//
// A cancellation of lines must not overlap: the order that it answers with would be an older one.
func (s *orderSaga) cancelAndUndo(ctx workflow.Context, reason, by string) (awaitCompensations func() error, err error) {
	if err := s.shipmentsLock.Lock(ctx); err != nil {
		return nil, err
	}
	defer s.shipmentsLock.Unlock()
	var a *activities.Activities
	cancelled, err := runStep(ctx, "Cancel the order", a.CancelOrder, activities.CancelOrder{
		OrderID: s.in.OrderID, Reason: reason, By: by, RejectedBy: s.rejectedBy(reason), At: workflow.Now(ctx),
	})
	if err != nil {
		return nil, err
	}
	undone := s.undo.start(ctx)
	err = s.adoptMoved(ctx, cancelled)
	return func() error { return errors.Join(err, undone()) }, nil
}

// rejectedBy is who has rejected the order, when that is the reason for which it is cancelled.
func (s *orderSaga) rejectedBy(reason string) string {
	if reason == order.ReasonReviewRejected && s.review != nil && !s.review.approved {
		return s.review.by
	}
	return ""
}

// refusalReason is the reason for which a refusal cancels the order.
//
// An earlier saga may have let the payment or the goods go at their deadline, and be gone before it cancelled the
// order. The refusals are then that they are closed.
func (s *orderSaga) refusalReason(refusal error) string {
	code := refusalCode(refusal)
	switch {
	case s.resumed() && code == payment.CodePaymentClosed:
		return order.ReasonPaymentDeadline
	case s.resumed() && code == inventory.CodeReservationClosed:
		return order.ReasonStockDeadline
	}
	return string(code)
}

// fulfilOrder follows the shipments until the last one has ended, or the order is cancelled before the first one
// leaves.
func (s *orderSaga) fulfilOrder(ctx workflow.Context) error {
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	wait := s.remaining(ctx, s.in.Deadlines.Dispatch, s.confirmedAt())
	deadline := workflow.Now(ctx).Add(wait)
	timer := workflow.NewTimerWithOptions(timerCtx, wait, workflow.TimerOptions{Summary: "dispatch deadline"})
	late := func() bool { return s.state.Status == order.StatusConfirmed && !s.overdue && timer.IsReady() }
	for !s.state.Status.Ended() {
		s.setWaitingForShipments(ctx)
		if err := workflow.Await(ctx, func() bool {
			return s.cancelRequest != nil || len(s.reports) > 0 || s.state.Status.Ended() || late()
		}); err != nil {
			return err
		}
		s.lastRefusal = ""
		switch {
		case s.cancelRequest != nil && order.CanCancel(s.order()) == nil:
			return s.abandonOrder(ctx, nil)
		case s.cancelRequest != nil:
			s.cancelRequest = nil // too late: a shipment left before the request was carried out
		case len(s.reports) > 0:
			if err := s.carryOutReport(ctx); err != nil {
				return err
			}
			if s.state.Status != order.StatusConfirmed {
				stopTimer()
			}
		case late():
			s.markOverdue(ctx, deadline)
		}
	}
	return nil
}

// markOverdue tells operators that no shipment has left at the deadline; the order goes on waiting.
func (s *orderSaga) markOverdue(ctx workflow.Context, deadline time.Time) {
	var a *activities.Activities
	s.overdue = true
	if err := s.setMark(ctx, s.markUnderWay()); err != nil {
		workflow.GetLogger(ctx).Error("An overdue order is not searchable as one.", "error", err)
	}
	err := runStepForEffect(ctx, "Mark the order as overdue", a.MarkOverdue, activities.MarkOverdue{OrderID: s.in.OrderID, DeadlineAt: deadline})
	if err != nil {
		workflow.GetLogger(ctx).Error("An overdue order could not be marked.", "error", err)
	}
}
