package workflows

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

const (
	// keepWithin is how long one attempt to renew an authorisation outwaits an outage. The next one comes after it.
	keepWithin = time.Hour
	// lookWithin bounds how far ahead an authorisation is looked at: money that was taken at once never ends.
	lookWithin = 365 * 24 * time.Hour
)

// securePayment authorises the amount; it refuses when the payment does not succeed. An order that lacks nothing but
// the payment of these goods is confirmed in the same step.
//
// The deadline counts from when the payment was asked for, also by an earlier run or saga. An order that is not
// confirmed waits here for money that is missing. A confirmed one is refused with payment_required.
func (s *orderSaga) securePayment(ctx workflow.Context, amount money.Money, goods []inventory.Allocation) (activities.Confirmed, error) {
	if s.paymentAskedAt.IsZero() {
		s.paymentAskedAt = now(ctx)
	}
	paid, confirmed, err := s.askForPayment(ctx, amount, goods)
	for err == nil && paid.Status == payment.StatusPaymentRequired && !s.confirmed() {
		if err = s.awaitMoney(ctx); err == nil {
			paid, confirmed, err = s.askForPayment(ctx, amount, goods)
		}
	}
	s.paymentAskedAt = time.Time{}
	switch {
	case err != nil:
		return confirmed, err
	case paid.Status == payment.StatusPaymentRequired:
		return confirmed, refuseOrder(string(payment.CodePaymentRequired), "the order waits for money: "+paid.DeclineCode)
	case paid.Status != payment.StatusAuthorized:
		reason := order.ReasonPaymentDeclined
		if paid.DeclineCode == declinedByDeadline {
			reason = order.ReasonPaymentDeadline
		}
		return confirmed, refuseOrder(reason, "the payment was declined: "+paid.DeclineCode)
	}
	return confirmed, s.setMark(ctx, s.markUnderWay())
}

// askForPayment asks for the payment, and waits for the customer's bank where it has to.
func (s *orderSaga) askForPayment(ctx workflow.Context, amount money.Money, goods []inventory.Allocation) (PaymentResult, activities.Confirmed, error) {
	in := s.paymentInput(ctx, amount)
	paid, confirmed, err := securePaymentInline(ctx, in, goods, func(answer activities.Authorized) error {
		s.atBank = true
		if err := s.adoptPayment(ctx, answer); err != nil {
			return err
		}
		return s.setMark(ctx, MarkActionRequired)
	})
	s.atBank = false
	if err == nil {
		err = s.adoptPayment(ctx, activities.Authorized{Status: paid.Status, Required: paid.Required, LookAt: paid.LookAt})
	}
	return paid, confirmed, err
}

// paymentInput is what the payment is asked for with.
func (s *orderSaga) paymentInput(ctx workflow.Context, amount money.Money) PaymentInput {
	in := PaymentInput{
		OrderID: s.in.OrderID, Amount: amount, Token: s.in.PaymentToken, Sealed: s.sealedToken(), Again: s.resumed(), Keep: s.in.KeepPaymentMethod,
		Deadline: s.remaining(ctx, s.in.Deadlines.Payment, s.paymentAskedAt), Confirmed: s.confirmed(),
	}
	if in.Within = in.Deadline; in.Confirmed {
		in.Within = orUnset(s.in.Deadlines.PaymentRequired)
	}
	if required := s.required(); required != nil {
		in.Deadline = max(required.DeadlineAt.Sub(now(ctx)), time.Millisecond)
	}
	return in
}

// awaitMoney lets an order that is not confirmed wait for another means of payment. It refuses at the deadline.
func (s *orderSaga) awaitMoney(ctx workflow.Context) error {
	s.setWaitingToSecure(ctx)
	if err := s.setMark(ctx, s.markSecuring()); err != nil {
		return err
	}
	timeout := max(s.required().DeadlineAt.Sub(now(ctx)), time.Millisecond)
	provided, err := s.awaitUntil(ctx, order.TimerPayment, timeout, "payment deadline", func() bool {
		return s.state.Payment.Status != payment.StatusPaymentRequired
	})
	if err == nil && !provided {
		return refuseOrder(order.ReasonPaymentDeadline, "nobody paid the order in time")
	}
	return err
}

// confirmed reports whether the order was confirmed, so that it waits for money rather than being given up.
func (s *orderSaga) confirmed() bool { return s.state.Status != order.StatusCreated }

// required is the money that the order waits for; nil for none.
func (s *orderSaga) required() *payment.Requirement {
	if s.state.Payment == nil {
		return nil
	}
	return s.state.Payment.Required
}

// adoptPayment takes over where the payment stands, as a step has answered.
func (s *orderSaga) adoptPayment(ctx workflow.Context, a activities.Authorized) error {
	s.lookAt = a.LookAt
	if s.state.Payment == nil && a.Required == nil && a.ActionURL == "" {
		return nil
	}
	s.lookWanted = s.lookWanted || s.confirmed() && (a.Required != nil || s.required() != nil) // it waits for a person, or no more
	if s.required() != nil && a.Required == nil {
		s.retryDigital()
	}
	s.state.Payment = &PaymentState{Status: a.Status, Required: a.Required, ActionURL: a.ActionURL}
	if !s.confirmed() {
		s.setWaitingToSecure(ctx)
		return nil
	}
	s.setWaitingForShipments(ctx)
	return s.setMark(ctx, s.markUnderWay())
}

// validateProvidePayment refuses what no order can do anything with. The events decide on the rest.
func (s *orderSaga) validateProvidePayment(r PaymentRequest) error {
	var bad domain.Invalids
	if r.RequestID == uuid.Nil {
		bad.Add("request_id", "is required")
	}
	if r.Token.IsZero() {
		bad.Add("token", "is required, and sealed: it comes from the API")
	}
	if err := bad.Err(); err != nil {
		return activities.Refusal(err)
	}
	if s.state.Status.Ended() {
		return s.refusal(domain.Refuse(payment.CodePaymentNotRequired, "order %s is %s", s.state.OrderNumber, s.state.Status))
	}
	return nil
}

// providePayment records another means of payment and asks the gateway for it. Who waits for the payment is told.
func (s *orderSaga) providePayment(ctx workflow.Context, r PaymentRequest) (replayed bool, err error) {
	if err := s.validateProvidePayment(r); err != nil {
		return false, err
	}
	ctx, s.stopPayment = workflow.WithCancel(ctx)
	defer func() { s.stopPayment = nil }()
	var a *activities.Activities
	recorded, err := runStep(ctx, "Record another means of payment", a.ProvidePayment, activities.ProvidePayment{
		OrderID: s.in.OrderID, CustomerID: s.in.CustomerID, RequestID: r.RequestID, RequestHash: r.RequestHash, Token: r.Token, Keep: r.Keep,
		Amount: s.missingAmount(), At: now(ctx),
	})
	if err != nil {
		return false, s.refusedWhileCancelled(err)
	}
	answer, err := authorizePayment(ctx, s.paymentInput(ctx, s.missingAmount()), nil)
	if err != nil {
		return false, s.refusedWhileCancelled(err)
	}
	if answer.DeclineCode == declinedByDeadline {
		return false, activities.Refusal(domain.Refuse(payment.CodePaymentUnderWay, "the gateway has not answered about the payment"))
	}
	if err := s.adoptPayment(ctx, answer); err != nil {
		return false, err
	}
	if s.atBank { // it looks at the payment, and waits on where the bank wants a confirmation again
		_ = workflow.SignalExternalWorkflow(ctx, PaymentSagaID(s.in.OrderID), "", PaymentUpdated, PaymentUpdate{}).Get(ctx, nil)
	}
	s.waitAtBank()
	return recorded.Replayed, nil
}

// refusedWhileCancelled returns the refusal of what the cancellation of the order has ended.
func (s *orderSaga) refusedWhileCancelled(err error) error {
	if !temporal.IsCanceledError(err) {
		return err
	}
	return s.refusal(domain.Refuse(payment.CodePaymentNotRequired, "order %s is being cancelled", s.state.OrderNumber))
}

// missingAmount is what has to be authorised for what has not left.
func (s *orderSaga) missingAmount() money.Money {
	if !s.confirmed() {
		return s.in.Total()
	}
	return s.plannedAmount()
}

// waitAtBank lets a confirmed order wait for its customer's bank beside all else.
func (s *orderSaga) waitAtBank() {
	if !s.confirmed() || s.atBank || s.state.Payment == nil || s.state.Payment.Status != payment.StatusActionRequired || !s.hasPlanned() {
		return
	}
	s.atBank = true
	ctx, stop := workflow.WithCancel(s.body)
	s.stopBank = stop
	workflow.GoNamed(ctx, "bank", func(ctx workflow.Context) {
		if _, _, err := s.askForPayment(s.withSteps(ctx), s.missingAmount(), nil); err != nil && ctx.Err() == nil {
			workflow.GetLogger(ctx).Error("An order does not wait for its customer's bank any more.", "error", err)
		}
		s.atBank, s.stopBank = false, nil
	})
}

// leaveBank ends the wait for the customer's bank: there is nothing left to pay.
func (s *orderSaga) leaveBank() {
	if s.stopBank != nil {
		s.stopBank()
	}
}

// lookDue is when the payment of what has not left has to be looked at; zero for never.
func (s *orderSaga) lookDue(ctx workflow.Context) time.Time {
	if s.lookAt.IsZero() || s.atBank || !s.costsMore() || s.lookAt.Sub(now(ctx)) > lookWithin {
		return time.Time{}
	}
	return s.lookAt
}

// payBy is when what has not left is cancelled for lack of money; zero for never.
func (s *orderSaga) payBy() time.Time {
	if s.required() == nil || !s.hasPlanned() {
		return time.Time{}
	}
	return s.required().DeadlineAt
}

// costsMore reports whether a shipment that costs something is still to leave.
func (s *orderSaga) costsMore() bool {
	return slices.ContainsFunc(s.state.Shipments, func(shipment order.Shipment) bool {
		return shipment.Status == order.ShipmentStatusPlanned && shipment.Amount.IsPositive()
	})
}

func (s *orderSaga) hasPlanned() bool {
	return slices.ContainsFunc(s.state.Shipments, func(shipment order.Shipment) bool { return shipment.Status == order.ShipmentStatusPlanned })
}

// keepAuthorized renews an authorisation that is about to end, or asks for one that has ended. A request to cancel the
// order ends it.
func (s *orderSaga) keepAuthorized(ctx workflow.Context) error {
	ctx, s.stopDispatch = workflow.WithCancel(ctx)
	defer func() { s.stopDispatch = nil }()
	var a *activities.Activities
	in := s.paymentInput(ctx, s.plannedAmount())
	answer, err := runStepWithin(ctx, keepWithin, "Keep "+in.Amount.String()+" authorised", a.AuthorizePayment, activities.AuthorizePayment{
		OrderID: in.OrderID, Amount: in.Amount, Token: in.Token, Sealed: in.Sealed, Again: true, Keep: in.Keep, Renew: true, Within: in.Within,
		At: now(ctx),
	})
	soonest := now(ctx).Add(keepWithin)
	if err != nil {
		workflow.GetLogger(ctx).Warn("An authorisation could not be kept.", "error", err)
		s.lookAt = soonest
		return nil
	}
	if !answer.LookAt.IsZero() && answer.LookAt.Before(soonest) {
		answer.LookAt = soonest
	}
	err = s.adoptPayment(ctx, answer)
	s.requestLook()
	return err
}

// giveUpUnpaid cancels what has not left, because nobody has paid it in time. It goes on when the money has come.
func (s *orderSaga) giveUpUnpaid(ctx workflow.Context) error {
	if order.CanCancel(s.order()) == nil {
		return s.abandonOrder(ctx, refuseOrder(order.ReasonPaymentDeadline, "nobody paid the order in time"))
	}
	var lines []order.LineQuantity
	for _, shipment := range s.state.Shipments {
		for _, l := range shipment.Lines {
			if shipment.Status == order.ShipmentStatusPlanned {
				lines = append(lines, order.LineQuantity{LineID: l.LineID, Quantity: l.Quantity})
			}
		}
	}
	_, err := s.cancelPieces(ctx, activities.CancelLines{
		OrderID: s.in.OrderID, RequestID: domain.DerivedID(s.in.OrderID, order.ReasonPaymentDeadline), Lines: lines,
		Reason: order.ReasonPaymentDeadline, By: order.BySystem, Unpaid: true, At: now(ctx),
	})
	if refusalCode(err) != "" {
		return s.goOnInstead(ctx)
	}
	s.lookAgain()
	s.lookIfWanted()
	return err
}
