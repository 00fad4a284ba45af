package workflows

import (
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// orderSaga is one order on its way. All of its fields are changed by one coroutine at a time.
type orderSaga struct {
	in    OrderInput
	state OrderState
	// marked is what the search attribute says.
	marked string
	undo   compensations
	// cancel is what was asked for and not yet answered; stop ends the steps that secure the order.
	cancel *CancelRequest
	stop   workflow.CancelFunc
	// reports are the news of shipments that fulfil has not carried out yet, in the order they came.
	reports []*shipmentReport
	// over is true once nothing is carried out any more.
	over bool
	// review is the decision on a held order.
	held   string // the rule that asks for it
	review *review
	// shipments is held by whoever changes the shipments: a dispatch and a partial cancellation, which come
	// from different coroutines, must not cross.
	shipments workflow.Mutex
	// partly is true once lines were cancelled, so that less is captured than was authorised.
	partly  bool
	overdue bool
	// lastRefusal is why the last signal was not carried out, for operators to read.
	lastRefusal string
	// amendments counts the changes of address, so that each without an id is a request of its own.
	amendments int
}

type review struct {
	approved bool
	by       string
}

// OrderSaga carries an order from its placing to its delivery. It secures stock and payment, and
// confirms the order; then it waits for the reports of the shipments, takes the money of each when it
// leaves, and ends with the last one's end. Cancelled, or refused on the way, it undoes what was done
// and ends with a cancelled order, which is an answer and no failure.
//
// It fails only when the order can't be placed. Refusals: invalid; idempotency_key_reused.
func OrderSaga(ctx workflow.Context, in OrderInput) (OrderState, error) {
	s := &orderSaga{
		in:        in,
		state:     OrderState{OrderID: in.OrderID, OrderNumber: order.Number(in.OrderID), Status: order.StatusCreated},
		marked:    MarkOpen,
		shipments: workflow.NewMutex(ctx),
	}
	// A cancelled execution is an order to cancel, which takes steps; so the body's own context is
	// out of reach of the cancellation.
	body, end := workflow.NewDisconnectedContext(ctx)
	defer end()
	if err := s.listen(ctx, body); err != nil {
		return s.state, err
	}
	err := s.run(body)
	s.over = true
	if err != nil {
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
	if err := s.secure(ctx, placed); err != nil {
		return s.abandon(ctx, err)
	}
	return s.fulfil(ctx)
}

func (s *orderSaga) place(ctx workflow.Context) (activities.Placed, error) {
	var a *activities.Activities
	return step(ctx, "Place the order and reserve its stock", a.PlaceOrder, activities.PlaceOrder{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, Items: s.in.Items, ShipToCountry: s.in.ShipToCountry,
		Personal: s.in.Personal, RequestHash: s.in.RequestHash, UserID: s.in.UserID, At: workflow.GetInfo(ctx).WorkflowStartTime.Truncate(time.Microsecond),
	})
}

// secure reserves the stock, has the order reviewed where a rule asks for it, authorises the payment
// and confirms the order.
func (s *orderSaga) secure(ctx workflow.Context, placed activities.Placed) error {
	ctx, s.stop = workflow.WithCancel(ctx)
	if s.cancel != nil {
		s.stop() // it was asked for while the order was being placed
	}
	s.wait(ctx, "Securing the stock.")
	reserved, err := reserveInline(ctx, InventoryInput{
		OrderID: s.in.OrderID, Lines: order.Lines(s.in.Items), ShipToCountry: s.in.ShipToCountry,
		Backorder: s.in.AllowBackorder, Deadline: s.in.Deadlines.Stock,
	}, placed.Reserved, &s.undo, func() error { return s.mark(ctx, MarkBackordered) })
	if err != nil {
		return err
	}
	if placed.Held != "" {
		if err := s.awaitReview(ctx, placed.Held); err != nil {
			return err
		}
	}
	s.undo.push(func(ctx workflow.Context) error { return voidPayment(ctx, s.in.OrderID, "order_cancelled") })
	s.wait(ctx, "Securing the payment.")
	confirmed, err := s.pay(ctx, order.Total(s.in.Items), reserved.Allocations)
	if err != nil {
		return err
	}
	if len(confirmed.Shipments) == 0 {
		var a *activities.Activities
		confirmed, err = step(ctx, "Confirm the order", a.ConfirmOrder, activities.ConfirmOrder{
			OrderID: s.in.OrderID, Allocations: reserved.Allocations, At: workflow.Now(ctx),
		})
		if err != nil {
			return err
		}
	}
	s.state.Shipments = confirmed.Shipments
	return s.enter(ctx, order.StatusConfirmed)
}

func (s *orderSaga) awaitReview(ctx workflow.Context, rule string) error {
	s.held = rule
	defer func() { s.held = "" }()
	s.wait(ctx, "Waiting for a review, because of the rule on "+rule+".")
	if err := s.mark(ctx, MarkHeld); err != nil {
		return err
	}
	decided, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
		Timeout: orDefault(s.in.Deadlines.Review, ReviewDeadline), TimerOptions: workflow.TimerOptions{Summary: "review deadline"},
	}, func() bool { return s.review != nil })
	switch {
	case err != nil:
		return err
	case !decided:
		return temporal.NewNonRetryableApplicationError("nobody reviewed the order in time", order.ReasonReviewDeadline, nil)
	case !s.review.approved:
		return temporal.NewNonRetryableApplicationError("the review rejected the order", order.ReasonReviewRejected, nil)
	}
	var a *activities.Activities
	return do(ctx, "Approve the order", a.ApproveOrder, activities.ApproveOrder{OrderID: s.in.OrderID, By: s.review.by, At: workflow.Now(ctx)})
}

// pay authorises the amount; a payment that does not succeed is a refusal. Goods that wait for nothing else
// let the order be confirmed with it.
func (s *orderSaga) pay(ctx workflow.Context, amount money.Money, goods []inventory.Allocation) (activities.Confirmed, error) {
	paid, confirmed, err := payInline(ctx, PaymentInput{
		OrderID: s.in.OrderID, Amount: amount, Token: s.in.PaymentToken, Deadline: s.in.Deadlines.Payment,
	}, goods, func() error { return s.mark(ctx, MarkActionRequired) })
	switch {
	case err != nil:
		return confirmed, err
	case paid.Status != payment.StatusAuthorized:
		return confirmed, declined(paid.DeclineCode)
	}
	return confirmed, s.mark(ctx, s.underWay())
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
	reason, by := string(refusalCode(refusal)), order.BySystem
	if s.cancel != nil {
		reason, by = s.cancel.Reason, s.cancel.By
	}
	if reason == "" {
		// A step or a child ended in a way that no rule foresees, such as a terminated child.
		workflow.GetLogger(ctx).Error("An order is given up.", "error", refusal)
		reason = order.ReasonSystemError
	}
	s.wait(ctx, "Undoing what was done: "+reason)
	undone := s.undo.start(ctx)
	var a *activities.Activities
	err := do(ctx, "Cancel the order", a.CancelOrder, activities.CancelOrder{OrderID: s.in.OrderID, Reason: reason, By: by, At: workflow.Now(ctx)})
	if err != nil {
		return err
	}
	s.state.Reason = reason
	return errors.Join(s.enter(ctx, order.StatusCancelled), undone())
}

// fulfil follows the shipments until the last one has ended, or the order is cancelled before the first
// one leaves.
func (s *orderSaga) fulfil(ctx workflow.Context) error {
	timerCtx, stopTimer := workflow.WithCancel(ctx)
	defer stopTimer()
	wait := orDefault(s.in.Deadlines.Dispatch, DispatchDeadline)
	deadline := workflow.Now(ctx).Add(wait)
	timer := workflow.NewTimerWithOptions(timerCtx, wait, workflow.TimerOptions{Summary: "dispatch deadline"})
	late := func() bool { return s.state.Status == order.StatusConfirmed && !s.overdue && timer.IsReady() }
	for !s.closed() {
		s.waitForShipments(ctx)
		if err := workflow.Await(ctx, func() bool {
			return s.cancel != nil || len(s.reports) > 0 || s.closed() || late()
		}); err != nil {
			return err
		}
		s.lastRefusal = ""
		switch {
		case s.cancel != nil && s.state.Status == order.StatusConfirmed:
			return s.abandon(ctx, nil)
		case s.cancel != nil:
			s.cancel = nil // too late: a shipment left while it was asked for
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

// closed reports whether nothing more is to be expected of the order.
func (s *orderSaga) closed() bool {
	return s.state.Status == order.StatusDelivered || s.state.Status == order.StatusCancelled
}

// markOverdue tells operators that no shipment has left at the deadline; the order goes on waiting.
func (s *orderSaga) markOverdue(ctx workflow.Context, deadline time.Time) {
	var a *activities.Activities
	s.overdue = true
	if err := s.mark(ctx, s.underWay()); err != nil {
		workflow.GetLogger(ctx).Error("An overdue order is not searchable as one.", "error", err)
	}
	if err := do(ctx, "Mark the order as overdue", a.MarkOverdue, activities.MarkOverdue{OrderID: s.in.OrderID, DeadlineAt: deadline}); err != nil {
		workflow.GetLogger(ctx).Error("An overdue order could not be marked.", "error", err)
	}
}

// dispatchShipment takes the shipment's money and lets it go: nothing leaves unpaid.
func (s *orderSaga) dispatchShipment(ctx workflow.Context, d Dispatch) error {
	if err := s.shipments.Lock(ctx); err != nil {
		return err
	}
	defer s.shipments.Unlock()
	if err := order.CanDispatch(s.order(), d.ShipmentID); err != nil {
		return s.refusal(err)
	}
	shipment := s.shipment(d.ShipmentID)
	if shipment.Status.Left() {
		return nil
	}
	if err := order.CheckDispatch(d.Carrier, d.TrackingNumber); err != nil {
		return activities.Refusal(err)
	}
	err := s.letGo(ctx, d, shipment)
	if refusalCode(err) == payment.CodeAuthorizationExpired {
		// What the other shipments still cost is authorised with it.
		if _, err = s.pay(ctx, s.open(), nil); err == nil {
			err = s.letGo(ctx, d, shipment)
		}
	}
	if err != nil {
		return err
	}
	shipment.Status, shipment.Carrier, shipment.TrackingNumber = order.ShipmentStatusDispatched, d.Carrier, d.TrackingNumber
	if s.partly && s.planned() == 0 {
		if err := voidPayment(ctx, s.in.OrderID, "lines_cancelled"); err != nil {
			return err
		}
	}
	if s.state.Status == order.StatusConfirmed {
		return s.enter(ctx, order.StatusShipped)
	}
	return nil
}

func (s *orderSaga) letGo(ctx workflow.Context, d Dispatch, shipment *order.Shipment) error {
	var a *activities.Activities
	return do(ctx, "Capture "+shipment.Amount.String()+" and dispatch from "+shipment.Location, a.DispatchShipment, activities.DispatchShipment{
		OrderID: s.in.OrderID, ShipmentID: shipment.ShipmentID, Carrier: d.Carrier, TrackingNumber: d.TrackingNumber, Amount: shipment.Amount,
		Location: shipment.Location, SKUs: shipment.SKUs(), At: workflow.Now(ctx),
	})
}

// open is what the shipments cost that have not left.
func (s *orderSaga) open() (amount money.Money) {
	for _, p := range s.state.Shipments {
		if p.Status == order.ShipmentStatusPlanned {
			amount = amount.Add(p.Amount)
		}
	}
	return amount
}

func (s *orderSaga) planned() (n int) {
	for _, p := range s.state.Shipments {
		if p.Status == order.ShipmentStatusPlanned {
			n++
		}
	}
	return n
}

// shipment returns a shipment that the order has.
func (s *orderSaga) shipment(id uuid.UUID) *order.Shipment {
	return &s.state.Shipments[slices.IndexFunc(s.state.Shipments, func(sh order.Shipment) bool { return sh.ShipmentID == id })]
}
