package workflows

import (
	"cmp"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/actor"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/precondition"
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
	// A cancelled execution asks to cancel the order, which takes steps. So the saga runs in a context that the
	// cancellation does not reach. The context is never cancelled itself: a run that continues as new must not cancel
	// what its steps have begun.
	body, _ := workflow.NewDisconnectedContext(ctx)
	asked := actorOf(ctx)
	body = withClock(body, &orderClock{})
	body = withActor(body, "") // what follows by itself is done by nobody
	s := newOrderSaga(body, in)
	s.askedBy = asked
	s.execution = ctx
	if err := s.registerHandlers(body); err != nil {
		return s.state, err
	}
	s.takeOver(body, in.Carried)
	workflow.GoNamed(body, "order", func(ctx workflow.Context) {
		s.err = s.processOrder(s.withSteps(ctx, laneShipments, laneReview, laneCancel, laneClock))
		s.err = cmp.Or(s.err, s.awaitBesides(ctx))
		s.over = true
	})
	for {
		err := workflow.Await(body, func() bool { return s.over || s.mustContinue(body) || s.cancelledByOperator() })
		switch {
		case err != nil:
			return s.state, err
		case s.over:
			return s.end(body)
		case s.mustContinue(body):
			return s.state, s.continueAsNew(body)
		}
		s.cancelByOperator(body)
	}
}

func newOrderSaga(ctx workflow.Context, in OrderInput) *orderSaga {
	s := &orderSaga{
		in: in, placing: in, body: ctx, mark: MarkOpen, resets: watchResets(ctx, in.Carried), besides: map[string]bool{},
		childEnds: map[string]*ChildEnd{}, clock: clockOf(ctx), dues: map[order.Timer]time.Time{}, children: map[string]bool{},
		state: OrderState{OrderID: in.OrderID, OrderNumber: order.Number(in.OrderID), Status: order.StatusCreated},
	}
	s.kinds = s.requestKinds()
	return s
}

// end answers whoever waits for an answer, and returns how the order has ended.
func (s *orderSaga) end(ctx workflow.Context) (OrderState, error) {
	s.leaveBank()
	if err := workflow.Await(ctx, func() bool { return s.queue.busy == [lanes]bool{} && !s.looking && !s.atBank }); err != nil {
		return s.state, err
	}
	// Others may come while those that wait are being answered.
	for answered := false; !answered; answered = len(s.queue.waiting) == 0 {
		s.finishRequests(ctx)
		err := workflow.Await(ctx, func() bool { return len(s.queue.waiting) > 0 || workflow.AllHandlersFinished(ctx) })
		if err != nil {
			return s.state, err
		}
	}
	return s.state, s.err
}

// orderSaga is one order on its way. All of its fields are changed by one coroutine at a time.
type orderSaga struct {
	in    OrderInput
	state OrderState
	// placing is the input as it came, and askedBy who places the order.
	placing OrderInput
	askedBy actor.Actor
	// body is the context of the coroutines that outlast a request.
	body workflow.Context
	// execution is the context that ends when the execution is cancelled; cancelTaken is true once that is a request.
	execution   workflow.Context
	cancelTaken bool
	// mark is the value of the search attribute [AttributeOrderStatus].
	mark string
	// attention is the value of the search attribute [AttributeOrderAttention]. Facts are what the saga has seen of the
	// payment. LookWanted and looking say that it is about to look again.
	attention           []string
	facts               activities.PaymentFacts
	lookWanted, looking bool
	undo                compensations
	// kinds are the requests that there are; queue holds those that were not carried out yet.
	kinds []*requestKind
	queue requestQueue
	// localSteps is how many steps run as local activities, and outwaiting how many outwait an outage or a person.
	localSteps, outwaiting int
	// besides are the names of what runs beside the order, see [orderSaga.beside].
	besides map[string]bool
	// open is as in [activities.Captures].
	open money.Money
	// leftBehind are the ids of children that earlier runs may have left, and that this one has not waited for yet.
	// ChildEnds is what was told of the ends of children, by their ids.
	leftBehind map[string]bool
	childEnds  map[string]*ChildEnd
	// closing is true once the execution is about to continue as new, because of resets or for another reason.
	closing bool
	resets  *resetWatch
	// cancelRequest is a request that was not answered yet. stopSecuring cancels the steps that secure the order.
	// cancelledFor is who has asked.
	cancelRequest *CancelRequest
	cancelledFor  actor.Actor
	// cancelledIf is the precondition of the request. PreconditionFailed is the refusal of one whose order has changed
	// since.
	cancelledIf        precondition.Precondition
	preconditionFailed error
	stopSecuring       workflow.CancelFunc
	// stopDispatch cancels a dispatch that waits, for an outage or the customer's bank, before any shipment has left.
	stopDispatch workflow.CancelFunc
	// known is true once the first step has answered where the order stands; requests wait for it. standing is that
	// answer for an order that was there before this saga, and nil for a new one.
	known    bool
	standing *activities.Standing
	// over is true once nothing is carried out any more, and err is why the saga has failed.
	over bool
	err  error
	// held is the rule that asks for a review, while the order waits for it; review is the decision.
	held   string
	review *review
	// partlyCancelled is true once lines were cancelled, so that less is captured than was authorised.
	partlyCancelled bool
	overdue         bool
	// backordered is true while the order waits for goods.
	backordered bool
	// securing says which step is under way while the order is being secured.
	securing string
	// waits is what the order waits for, and credentials counts the steps that wait because the gateway refuses ours.
	waits       string
	credentials int
	// lastRefusal is why the last signal was not carried out, for operators to read.
	lastRefusal string
	// amendments counts the changes of address, so that each without an id is a request of its own.
	amendments int
	// stopPayment cancels the steps for another means of payment. atBank is true while the bank is waited for, and
	// stopBank ends that where it is waited for beside all else.
	stopPayment, stopBank workflow.CancelFunc
	atBank                bool
	// lookAt is when the authorisation has to be looked at; zero for never.
	lookAt time.Time
	// digitalAt is when a shipment of what ships nothing is tried again that was refused.
	// digitalWait is how long it waits.
	digitalAt   time.Time
	digitalWait time.Duration
	// clock is the order's. Dues are the timers of what it waits for, and children the executions that wait for it.
	// Resting is true while it waits for what may come.
	clock    *orderClock
	dues     map[order.Timer]time.Time
	children map[string]bool
	resting  bool
	// paymentAskedAt is when the payment was asked for that is not secured yet.
	paymentAskedAt time.Time
}

// review is a person's decision on a held order.
type review struct {
	approved bool
	by       string
	actor    actor.Actor
	when     precondition.Precondition
}

// err ends the steps that secure an order whose review rejected it.
func (r *review) err() error {
	if r.approved {
		return nil
	}
	return refuseOrder(order.ReasonReviewRejected, "the review rejected the order")
}

// processOrder places the order, secures it and follows its shipments to the end.
func (s *orderSaga) processOrder(ctx workflow.Context) error {
	placed, err := s.placeOrder(ctx)
	if err != nil {
		return err
	}
	s.held = placed.Held
	if placed.Standing != nil {
		s.adoptStanding(*placed.Standing)
	}
	s.known = true
	s.refuseEarly(ctx)
	if placed.Standing == nil {
		err = s.secureAndFulfil(ctx, placed.Held, placed.Reserved)
	} else if err = s.adoptFacts(ctx, placed.Standing.Facts); err == nil {
		err = s.resumeOrder(ctx, *placed.Standing)
	}
	if err != nil {
		return err
	}
	return s.awaitRelease(ctx)
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
	return runStep(withActor(ctx, s.askedBy), "Place the order and reserve its stock", a.PlaceOrder, activities.PlaceOrder{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Items: s.in.Items, ShipToCountry: s.in.ShipToCountry,
		ShippingLines: s.in.ShippingLines, Discounts: s.in.Discounts, Rounding: s.in.Rounding, ShippingByValue: s.in.ShippingByValue,
		Personal: s.in.Personal, RequestHash: s.in.RequestHash, UserID: s.in.UserID, References: s.in.References,
		Payment: s.in.Payment, PaymentToken: s.in.PaymentToken, AllowBackorder: s.in.AllowBackorder, Deadlines: s.in.Deadlines,
		KeepPaymentMethod: s.in.KeepPaymentMethod, Exchange: s.in.Exchange,
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
	s.securing = "Securing the stock."
	s.setWaitingToSecure(ctx)
	reserved, err := s.secureStock(ctx, early)
	if err != nil {
		return err
	}
	s.securing = "Securing the payment."
	if held != "" {
		if err := s.awaitReview(ctx); err != nil {
			return err
		}
	}
	var confirmed activities.Confirmed
	if !s.free() {
		s.undo.push(func(ctx workflow.Context) error {
			return s.voidPayment(ctx, "order_cancelled")
		})
		s.setWaitingToSecure(ctx)
		if confirmed, err = s.securePayment(ctx, s.in.Total(), reserved.Allocations); err != nil {
			return err
		}
	}
	if len(confirmed.Shipments) == 0 {
		var a *activities.Activities
		confirmed, err = runStep(ctx, "Confirm the order", a.ConfirmOrder, activities.ConfirmOrder{
			OrderID: s.in.OrderID, Allocations: reserved.Allocations, At: now(ctx),
		})
		if err != nil {
			return err
		}
	}
	s.state.Shipments = confirmed.Shipments
	return s.setStatus(ctx, cmp.Or(confirmed.Status, order.StatusConfirmed))
}

// secureStock reserves the goods, and waits for those that are backordered. What ships nothing wants none.
func (s *orderSaga) secureStock(ctx workflow.Context, early activities.Reserved) (activities.Reserved, error) {
	lines := order.Lines(s.in.Items)
	if len(lines) == 0 {
		return activities.Reserved{}, nil
	}
	defer func() { s.backordered = false }()
	return secureStockInline(ctx, InventoryInput{
		OrderID: s.in.OrderID, Lines: lines, ShipToCountry: s.in.ShipToCountry,
		Backorder: s.in.AllowBackorder, Deadline: s.remaining(ctx, s.in.Deadlines.Stock, s.placedAt()),
	}, early, &s.undo, func() error {
		s.backordered = true
		s.setWaitingToSecure(ctx)
		return s.setMark(ctx, s.markSecuring())
	})
}

// free reports whether the order costs nothing, so that nobody is asked for money. One that came to cost nothing has a
// payment to let go.
func (s *orderSaga) free() bool {
	return s.in.Total().IsZero() && (s.standing == nil || s.standing.Payment == "")
}

// awaitReview waits until a person has approved the order. It refuses when nobody decides before the deadline. A
// rejection ends it as a cancellation does.
func (s *orderSaga) awaitReview(ctx workflow.Context) error {
	if s.review != nil { // it was made while the order waited for goods
		return s.review.err()
	}
	s.setWaitingToSecure(ctx)
	if err := s.setMark(ctx, MarkHeld); err != nil {
		return err
	}
	wait := s.remaining(ctx, s.in.Deadlines.Review, s.placedAt())
	decided, err := s.awaitUntil(ctx, order.TimerReview, wait, "review deadline", func() bool { return s.review != nil })
	if err == nil && !decided {
		return refuseOrder(order.ReasonReviewDeadline, "nobody reviewed the order in time")
	}
	if err == nil {
		err = s.review.err()
	}
	return err
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
	var when precondition.Precondition
	before := ctx
	switch {
	case s.cancelRequest != nil:
		reason, by = s.cancelRequest.Reason, s.cancelRequest.By
		ctx, when = withActor(ctx, s.cancelledFor), s.cancelledIf
	case s.review != nil && !s.review.approved:
		reason = order.ReasonReviewRejected
		ctx, when = withActor(ctx, s.review.actor), s.review.when
	case temporal.IsCanceledError(refusal):
		// Somebody has cancelled the child that the order waits for, and it has undone what it had secured.
		reason, by = reasonOperator, order.ByOperator
	}
	if reason == "" {
		// A step or a child ended in a way that no rule foresees.
		workflow.GetLogger(ctx).Error("An order is given up.", "error", refusal)
		reason = order.ReasonSystemError
	}
	s.setWaitingFor(ctx, "Undoing what was done: "+plain(reason))
	if err := s.endLeftBehind(ctx); err != nil {
		return err
	}
	undone, err := s.cancelAndUndo(ctx, reason, by, when)
	switch refusalCode(err) {
	case precondition.CodeFailed:
		s.preconditionFailed = err
		return s.goOnInstead(before)
	case order.CodeNotCancellable, order.CodeNotHeld, order.CodeAlreadyReviewed, payment.CodePaymentNotRequired:
		return s.goOnInstead(ctx)
	}
	if err != nil {
		return err
	}
	return s.awaitUndone(ctx, undone)
}

// cancelAndUndo records the cancellation and begins to undo what was done.
func (s *orderSaga) cancelAndUndo(ctx workflow.Context, reason, by string, when precondition.Precondition) (undone undoing, err error) {
	var a *activities.Activities
	cancelled, err := runStep(withPrecondition(ctx, when), "Cancel the order", a.CancelOrder, activities.CancelOrder{
		OrderID: s.in.OrderID, Reason: reason, By: by, RejectedBy: s.rejectedBy(reason),
		Unpaid: by == order.BySystem && reason == order.ReasonPaymentDeadline && s.confirmed(), At: now(ctx),
	})
	if err != nil {
		return undone, err
	}
	undone = s.undo.start(ctx)
	undone.refunds = cancelled.Refunds
	return undone, s.adoptMoved(ctx, cancelled)
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
// leaves. One timer is there for the earliest of what has a time.
func (s *orderSaga) fulfilOrder(ctx workflow.Context) error {
	clock := &alarm{}
	defer clock.stop()
	dispatchBy := now(ctx).Add(s.remaining(ctx, s.in.Deadlines.Dispatch, s.confirmedAt()))
	for !s.state.Status.Ended() {
		if err := s.releaseDigital(ctx); err != nil {
			return err
		}
		s.setWaitingForShipments(ctx)
		s.waitAtBank()
		late := func() time.Time {
			if !s.order().AwaitsGoods() || s.overdue {
				return time.Time{}
			}
			return dispatchBy
		}
		next := func() time.Time { return earliest(late(), s.payBy(), s.lookDue(ctx), s.digitalDue()) }
		clock.set(ctx, next())
		moved, withdraw := s.clock.moved, s.offerDues(ctx, late())
		err := workflow.Await(ctx, func() bool {
			return s.cancelRequest != nil || s.queue.next(laneShipments) != nil || s.state.Status.Ended() || clock.rang() || clock.tooLate(next()) ||
				s.clock.moved != moved
		})
		withdraw()
		if err != nil {
			return err
		}
		if s.clock.moved != moved {
			clock.stop() // it was set by the time before
		}
		switch {
		case s.cancelRequest != nil && order.CanCancel(s.order()) == nil:
			return s.abandonOrder(ctx, nil)
		case s.cancelRequest != nil:
			s.cancelRequest = nil // too late: a shipment left before the request was carried out
		case s.queue.next(laneShipments) != nil:
			err = s.changeShipments(ctx, s.queue.next(laneShipments))
		case clock.due(ctx, s.payBy()):
			err = s.giveUpUnpaid(ctx)
		case clock.due(ctx, s.lookDue(ctx)):
			err = s.keepAuthorized(ctx)
		case clock.due(ctx, late()):
			s.markOverdue(ctx, dispatchBy)
			s.requestLook()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// offerDues notes which timers a confirmed order waits for, until withdraw is called. Late is the dispatch deadline.
func (s *orderSaga) offerDues(ctx workflow.Context, late time.Time) (withdraw func()) {
	all := map[order.Timer]time.Time{
		order.TimerDispatch: late, order.TimerPayment: s.payBy(), order.TimerAuthorization: s.lookDue(ctx), order.TimerDigital: s.digitalDue(),
	}
	s.resting = true
	var offered []order.Timer
	for _, timer := range order.Timers {
		if at := all[timer]; !at.IsZero() && s.dues[timer].IsZero() {
			s.dues[timer], offered = at, append(offered, timer)
		}
	}
	return func() {
		s.resting = false
		for _, timer := range offered {
			delete(s.dues, timer)
		}
	}
}

// markOverdue tells operators that no shipment has left at the deadline; the order goes on waiting.
func (s *orderSaga) markOverdue(ctx workflow.Context, deadline time.Time) {
	var a *activities.Activities
	s.overdue = true
	if err := s.setMark(ctx, s.markUnderWay()); err != nil {
		workflow.GetLogger(ctx).Error("An overdue order is not searchable as one.", "error", err)
	}
	// region overdue
	err := runStepForEffect(ctx, "Mark the order as overdue", a.MarkOverdue, activities.MarkOverdue{OrderID: s.in.OrderID, DeadlineAt: deadline})
	// endregion
	if err != nil {
		workflow.GetLogger(ctx).Error("An overdue order could not be marked.", "error", err)
	}
}
