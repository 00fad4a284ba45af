package workflows

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/sdk/workflow"
)

// The pauses after which the gateway is asked whether it still holds the money of an order that has ended. Each is
// twice the one before.
const (
	holdPause    = time.Hour
	holdPauseMax = 24 * time.Hour
)

// tellOrder lets the saga of an order look at its payment. An order whose saga has ended needs no signal: its attention
// is in the views. One whose saga is gone is looked at by the saga that takes its place.
func tellOrder(ctx workflow.Context, orderID uuid.UUID) {
	if err := workflow.SignalExternalWorkflow(ctx, OrderSagaID(orderID), "", PaymentChanged, nil).Get(ctx, nil); err != nil {
		workflow.GetLogger(ctx).Debug("The order has no open saga.", "order_id", orderID.String(), "error", err)
	}
}

// requestLook lets the saga look at its payment at once: others have changed it, or a step was refused.
func (s *orderSaga) requestLook() {
	s.lookWanted = true
	s.lookIfWanted()
}

// lookIfWanted looks at the payment where a step before has wished for it.
func (s *orderSaga) lookIfWanted() {
	if !s.lookWanted || s.looking || s.closing {
		return // a run that comes after this one looks first of all
	}
	s.looking = true
	workflow.GoNamed(s.body, "attention", func(ctx workflow.Context) {
		defer func() { s.looking = false }()
		if err := s.awaitKnown(ctx); err != nil || !s.known {
			return
		}
		for ctx = workflow.WithValue(ctx, stepWatchKey{}, &stepWatch{s: s, looks: true}); s.lookWanted; {
			s.lookWanted = false
			var a *activities.Activities
			facts, err := runStep(ctx, "Look at the payment", a.LookAtPayment, activities.LookAtPayment{OrderID: s.in.OrderID, At: now(ctx)})
			if err == nil {
				err = s.adoptFacts(ctx, facts)
			}
			if err != nil {
				workflow.GetLogger(ctx).Error("What of the order waits for a person is not searchable.", "error", err)
			}
		}
	})
}

// lookAgain wishes for a look at an order that waits for a person, perhaps no more. It costs any other one nothing.
func (s *orderSaga) lookAgain() { s.lookWanted = s.lookWanted || len(s.attention) > 0 }

// lookAfter looks at the payment after a request about shipments, where that may have changed what waits for a person.
func (s *orderSaga) lookAfter(err error) {
	switch refusalCode(err) {
	case activities.CodeGatewayRefused, order.ReasonPaymentDeclined, order.ReasonPaymentDeadline, payment.CodePaymentRequired:
		s.lookWanted = true
	default:
		s.lookAgain()
	}
	s.lookIfWanted()
}

// adoptFacts takes over what the events say of the payment, and makes it searchable for what the order waits for a
// person.
func (s *orderSaga) adoptFacts(ctx workflow.Context, facts activities.PaymentFacts) error {
	s.facts = facts
	var causes []string
	for _, c := range facts.Attention {
		causes = append(causes, string(c))
	}
	if slices.Equal(causes, s.attention) {
		return nil
	}
	s.attention = causes
	if causes == nil {
		return workflow.UpsertTypedSearchAttributes(ctx, KeyAttention.ValueUnset())
	}
	return workflow.UpsertTypedSearchAttributes(ctx, KeyAttention.ValueSet(causes))
}

// voidPayment lets go of what is authorised and not captured. A refusal of the gateway is for a person.
func (s *orderSaga) voidPayment(ctx workflow.Context, reason string) error {
	out, err := voidPayment(ctx, activities.VoidPayment{OrderID: s.in.OrderID, Reason: reason, Currency: s.in.Total().Currency})
	if err != nil {
		return err
	}
	s.facts.MoneyHeld, s.lookWanted = false, s.lookWanted || out.Refused != ""
	s.lookAgain()
	return nil
}

// refundPayment carries on with a refund. One that the gateway refuses is for a person.
func (s *orderSaga) refundPayment(ctx workflow.Context, refundID uuid.UUID, what string) error {
	refund, err := refundPayment(ctx, s.in.OrderID, refundID, 0, what)
	s.lookWanted = s.lookWanted || err == nil && refund.Status == payment.RefundStatusFailed
	return err
}

// awaitUndone waits until everything is undone that was done. Meanwhile the order does not look as if it had ended.
func (s *orderSaga) awaitUndone(ctx workflow.Context, undone undoing) error {
	if undone.underWay() {
		s.setWaitingFor(ctx, "Waiting for the payment gateway, to let the money go.")
		if err := s.setMark(ctx, MarkMoneyHeld); err != nil {
			return err
		}
	}
	if err := undone.wait(); err != nil {
		return err
	}
	return s.refund(ctx, undone.refunds, "what was captured elsewhere")
}

// awaitRelease waits until the gateway holds no money any more of an order that has ended, and then makes it searchable
// how it has. It looks when others have changed the payment, such as a person who has settled it. By itself it asks the
// gateway, after pauses that grow.
func (s *orderSaga) awaitRelease(ctx workflow.Context) error {
	if s.besides["void"] {
		s.setWaitingFor(ctx, "Waiting for the payment gateway, to let the money go.")
		if err := s.setMark(ctx, MarkMoneyHeld); err != nil {
			return err
		}
	}
	if err := s.awaitBesides(ctx); err != nil {
		return err
	}
	s.lookIfWanted()
	quiet := func() bool { return !s.looking && !s.lookWanted }
	if err := workflow.Await(ctx, quiet); err != nil {
		return err
	}
	for pause := holdPause; s.facts.MoneyHeld; pause = min(2*pause, holdPauseMax) {
		s.setWaitingFor(ctx, "The order has ended, and the payment gateway still holds its money. A person has to look into it.")
		if err := s.setMark(ctx, MarkMoneyHeld); err != nil {
			return err
		}
		due := now(ctx).Add(pause)
		for s.facts.MoneyHeld && now(ctx).Before(due) {
			if err := s.awaitReleased(ctx, due.Sub(now(ctx)), quiet); err != nil {
				return err
			}
		}
		if !s.facts.MoneyHeld {
			break
		}
		var a *activities.Activities
		facts, err := runStep(ctx, "Ask whether the gateway still holds the money", a.LookForHold,
			activities.LookAtPayment{OrderID: s.in.OrderID, At: now(ctx)})
		if err == nil {
			err = s.adoptFacts(ctx, facts)
		}
		if err != nil {
			return err
		}
	}
	if s.mark == MarkMoneyHeld {
		s.setWaitingFor(ctx, "")
	}
	return s.setMark(ctx, string(s.state.Status))
}

// awaitReleased waits until the money is let go, or the gateway is to be asked. Meanwhile it refuses requests about
// shipments: the order has ended.
func (s *orderSaga) awaitReleased(ctx workflow.Context, pause time.Duration, quiet func() bool) error {
	_, err := s.awaitUntil(ctx, order.TimerHold, pause, "ask whether the money is still held", func() bool {
		return !s.facts.MoneyHeld && quiet() || s.queue.next(laneShipments) != nil
	})
	for r := s.queue.next(laneShipments); r != nil; r = s.queue.next(laneShipments) {
		s.finish(ctx, r, r.kind.validate(r.Body))
	}
	return err
}

// takePaymentChanges takes the signals [PaymentChanged] that have come. What was let go elsewhere is authorised anew,
// or waited for. The signals are not believed: the events decide. They count as requests do: each is written to the
// history.
func (s *orderSaga) takePaymentChanges(ctx workflow.Context) {
	channel := workflow.GetSignalChannel(ctx, PaymentChanged)
	if channel.Len() > 0 && s.confirmed() {
		s.lookAt = now(ctx)
	}
	for channel.Len() > 0 && channel.ReceiveAsync(nil) {
		s.queue.taken++
		s.requestLook()
	}
}
