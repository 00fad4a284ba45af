package workflows

import (
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// The pauses after which a child that an earlier run has left is asked whether it is still there. Each is twice the one
// before.
const (
	askPause    = 15 * time.Second
	askPauseMax = time.Hour
)

// child is a saga that waits for somebody on behalf of an order, as an execution of its own. It outlives the execution
// that has started it: the order's next run finds it by its id, and waits for it.
type child struct {
	id, summary string
	saga        any
	// timer is its deadline.
	timer order.Timer
}

// runChild runs a child and waits for its answer, which it stores in out. Input makes the child's input, with what is
// left of its deadline. One that somebody has terminated has undone nothing: another one takes its place, and goes on
// from the events.
//
// A child of an earlier run that is still there is waited for instead. It answers nothing that could be believed:
// survivor tells how it has ended, and the events tell what it did. Survivor is nil otherwise.
func runChild[I any](
	ctx workflow.Context, c child, deadline time.Duration, input func(left time.Duration) I, out any,
) (survivor *ChildEnd, err error) {
	if ctx.Err() != nil { // before anything was waited for
		return nil, temporal.NewCanceledError()
	}
	begun := now(ctx)
	w := watchOf(ctx)
	w.s.children[c.id], w.s.dues[c.timer] = true, begun.Add(orUnset(deadline))
	defer func() {
		delete(w.s.children, c.id)
		delete(w.s.dues, c.timer)
	}()
	options := workflow.WithChildOptions(ctx, workflow.ChildWorkflowOptions{
		WorkflowID: c.id, StaticSummary: c.summary, WaitForCancellation: true, ParentClosePolicy: enums.PARENT_CLOSE_POLICY_ABANDON,
	})
	err = w.outwait(ctx, func() error {
		for {
			left := max(orUnset(deadline)-now(ctx).Sub(begun), time.Millisecond)
			err := workflow.ExecuteChildWorkflow(options, c.saga, input(left)).Get(ctx, out)
			var terminated *temporal.TerminatedError
			switch {
			case temporal.IsWorkflowExecutionAlreadyStartedError(err):
				survivor = &ChildEnd{}
				*survivor, err = w.s.awaitSurvivor(ctx, c.id)
				return err
			case ctx.Err() != nil || !errors.As(err, &terminated):
				return err
			}
			workflow.GetLogger(ctx).Warn("A child execution was terminated: another one takes its place.", "error", err)
		}
	})
	delete(w.s.leftBehind, c.id)
	return survivor, err
}

// closedBySurvivor returns the refusal of a step after a child of an earlier run has ended. Where the child has given
// up what it waited for because somebody has cancelled it, that is the reason.
func closedBySurvivor(survivor *ChildEnd, refusal error, closed domain.ErrorCode) error {
	if survivor != nil && survivor.Outcome == ChildCancelled && refusalCode(refusal) == closed {
		return temporal.NewCanceledError()
	}
	return refusal
}

// awaitSurvivor waits until a child has ended that an earlier run has left. Where ctx is cancelled it ends the child,
// as it would end its own one, and is cancelled too.
func (s *orderSaga) awaitSurvivor(ctx workflow.Context, id string) (ChildEnd, error) {
	end, err := s.awaitChildEnd(ctx, id)
	if ctx.Err() != nil {
		err = s.endSurvivor(ctx, id)
		if err == nil {
			err = temporal.NewCanceledError()
		}
	}
	return end, err
}

// awaitChildEnd asks a child to tell when it ends, and waits for that. It asks again after pauses: the child may have
// been terminated. End is empty when nobody is there.
//
// Whoever sends [ChildEnded] for the child has the caller look at the events, and no more.
func (s *orderSaga) awaitChildEnd(ctx workflow.Context, id string) (end ChildEnd, err error) {
	signals, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	for pause := askPause; ; pause = min(2*pause, askPauseMax) {
		watchOf(ctx).stopWhenClosing(ctx)
		delete(s.childEnds, id)
		if isGone(workflow.SignalExternalWorkflow(signals, id, "", OrderWaits, nil).Get(signals, nil)) {
			return ChildEnd{}, nil
		}
		ended, err := workflow.AwaitWithOptions(ctx, workflow.AwaitOptions{
			Timeout: pause, TimerOptions: workflow.TimerOptions{Summary: "ask whether " + id + " is still there"},
		}, func() bool { return s.childEnds[id] != nil })
		switch {
		case err != nil:
			return ChildEnd{}, err
		case ended:
			return *s.childEnds[id], nil
		}
	}
}

// isGone reports whether nobody was there for a signal or a cancellation. A child that can't be reached for another
// reason is there.
func isGone(err error) bool {
	var unknown *temporal.UnknownExternalWorkflowExecutionError
	return errors.As(err, &unknown)
}

// endSurvivor cancels a child that an earlier run has left, and waits until it has undone what it did and has ended. It
// does nothing when nobody is there.
func (s *orderSaga) endSurvivor(ctx workflow.Context, id string) error {
	ctx, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	if isGone(workflow.RequestCancelExternalWorkflow(ctx, id, "").Get(ctx, nil)) {
		return nil
	}
	_, err := s.awaitChildEnd(ctx, id)
	return err
}

// noteLeftBehind notes which children earlier runs may have left, by where the order stands.
func (s *orderSaga) noteLeftBehind(standing activities.Standing) {
	s.leftBehind = map[string]bool{
		InventorySagaID(s.in.OrderID): standing.Reserved.Waiting,
		PaymentSagaID(s.in.OrderID):   standing.Payment == payment.StatusActionRequired,
	}
}

// endLeftBehind ends the children that an earlier run has left and this one has not come to wait for. An order that is
// confirmed waits for its bank beside all else, and ends that itself.
func (s *orderSaga) endLeftBehind(ctx workflow.Context) error {
	if s.confirmed() || !s.leftBehind[InventorySagaID(s.in.OrderID)] && !s.leftBehind[PaymentSagaID(s.in.OrderID)] {
		return nil
	}
	return watchOf(ctx).outwait(ctx, func() error {
		for _, id := range []string{InventorySagaID(s.in.OrderID), PaymentSagaID(s.in.OrderID)} {
			if !s.leftBehind[id] {
				continue
			}
			if err := s.endSurvivor(ctx, id); err != nil {
				return err
			}
			delete(s.leftBehind, id)
		}
		return nil
	})
}

// takeChildEnds takes the signals [ChildEnded] that have come. A run that continues as new need not leave them to the
// next one, which asks the child itself.
func (s *orderSaga) takeChildEnds(ctx workflow.Context) {
	channel := workflow.GetSignalChannel(ctx, ChildEnded)
	for channel.Len() > 0 {
		var raw converter.RawValue
		received := channel.ReceiveAsync(&raw)
		s.queue.taken++
		end, err := decodeChildEnd(raw, received)
		switch {
		case err != nil:
			s.showRefusal(ctx, err)
		case end.ChildID == InventorySagaID(s.in.OrderID) || end.ChildID == PaymentSagaID(s.in.OrderID):
			s.childEnds[end.ChildID] = &end
		default:
			s.showRefusal(ctx, activities.Refusal(domain.Refuse(domain.CodeInvalid, "the order has no child %s", domain.Clip(end.ChildID))))
		}
	}
}

func decodeChildEnd(raw converter.RawValue, received bool) (end ChildEnd, err error) {
	if !received {
		return end, activities.Refusal(domain.Refuse(domain.CodeInvalid, "a signal %s can't be decoded", ChildEnded))
	}
	body, err := requestBody(raw)
	if err != nil {
		return end, err
	}
	return decodeRequest[ChildEnd](body)
}

// tellWaitingOrder is called by a child that is about to end, with how. It tells the order's saga if that waits for a
// child which it has not started itself. Each [OrderWaits] that the server took in is answered.
func tellWaitingOrder(ctx workflow.Context, orderID uuid.UUID, err error) {
	ctx, stop := workflow.NewDisconnectedContext(ctx)
	defer stop()
	self := workflow.GetInfo(ctx).WorkflowExecution
	end := ChildEnd{ChildID: self.ID, RunID: self.RunID, Outcome: ChildDone}
	switch {
	case temporal.IsCanceledError(err):
		end.Outcome = ChildCancelled
	case err != nil:
		end.Outcome = ChildFailed
	}
	for waits := workflow.GetSignalChannel(ctx, OrderWaits); waits.Len() > 0; {
		for waits.Len() > 0 {
			waits.ReceiveAsync(nil)
		}
		if err := workflow.SignalExternalWorkflow(ctx, OrderSagaID(orderID), "", ChildEnded, end).Get(ctx, nil); err != nil {
			workflow.GetLogger(ctx).Debug("The order that has waited has no open saga.", "order_id", orderID.String(), "error", err)
		}
	}
}
