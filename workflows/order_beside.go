package workflows

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"go.temporal.io/sdk/workflow"
)

// beside runs what an order need not wait for, such as a refund. It returns once that is done, or outwaits an outage:
// whatever comes after it in a lane goes on then. The saga ends no earlier than what runs beside it. What runs under
// this name already is not begun again.
func (s *orderSaga) beside(ctx workflow.Context, name string, run func(workflow.Context) error) error {
	if s.besides[name] {
		return nil
	}
	if w := watchOf(ctx); w != nil {
		s.queue.tellUnderWay(workflow.Now(ctx), lateAfter, w.lanes...)
	}
	var err error
	ended, outwaits := false, false
	s.besides[name] = true
	workflow.GoNamed(s.body, name, func(ctx workflow.Context) {
		err = run(s.withSteps(workflow.WithValue(ctx, outwaitsKey{}, &outwaits)))
		if err != nil && outwaits {
			workflow.GetLogger(ctx).Error("What ran beside the order was refused.", "what", name, "error", err)
		}
		ended = true
		delete(s.besides, name)
		if outwaits { // nobody waits for it who would look at the payment
			s.lookIfWanted()
		}
	})
	if waitErr := workflow.Await(ctx, func() bool { return ended || outwaits }); waitErr != nil || outwaits {
		return waitErr
	}
	return err
}

// awaitBesides waits until nothing runs beside the order any more.
func (s *orderSaga) awaitBesides(ctx workflow.Context) error {
	return workflow.Await(ctx, func() bool { return len(s.besides) == 0 })
}

// refund carries on with refunds that are owed or were requested. What names them for operators.
func (s *orderSaga) refund(ctx workflow.Context, ids []uuid.UUID, what string) error {
	for _, id := range ids {
		err := s.beside(ctx, "refund "+id.String(), func(ctx workflow.Context) error { return s.refundPayment(ctx, id, what) })
		if err != nil {
			return err
		}
	}
	return nil
}

// settleCaptures carries out what a step about the shipments has left to do with the order's money. It gives back what
// is owed, and lets go what nothing is left to be captured from.
func (s *orderSaga) settleCaptures(ctx workflow.Context, moved activities.Moved, what string) error {
	s.open = moved.Open
	if err := s.refund(ctx, moved.Refunds, what); err != nil {
		return err
	}
	if !moved.HoldsMore {
		return nil
	}
	return s.beside(ctx, "void", func(ctx workflow.Context) error { return s.voidPayment(ctx, "lines_cancelled") })
}
