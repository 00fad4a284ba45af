package workflows

import (
	"slices"

	"go.temporal.io/sdk/workflow"
)

// stepWatch is told of the steps of an order's saga, through their context.
type stepWatch struct {
	s *orderSaga
	// lanes are those whose requests wait for these steps.
	lanes []lane
	// looks is true for the steps that look at the payment.
	looks bool
}

type stepWatchKey struct{}

// withSteps returns a context whose steps these lanes wait for.
func (s *orderSaga) withSteps(ctx workflow.Context, in ...lane) workflow.Context {
	return workflow.WithValue(ctx, stepWatchKey{}, &stepWatch{s: s, lanes: in})
}

// watchOf returns the watch of a context; nil in a saga that has none, which is fine to use.
func watchOf(ctx workflow.Context) *stepWatch {
	w, _ := ctx.Value(stepWatchKey{}).(*stepWatch)
	return w
}

// runLocally runs a local activity. Senders that have waited for long are answered first. A saga that is about to
// continue as new begins no step, and goes on after none: the next run does that.
func (w *stepWatch) runLocally(ctx workflow.Context, run func() error) error {
	if w == nil {
		return run()
	}
	w.stopWhenClosing(ctx)
	w.s.queue.tellUnderWay(workflow.Now(ctx), lateAfter, w.lanes...)
	w.s.localSteps++
	err := run()
	w.s.localSteps--
	w.stopWhenClosing(ctx)
	return err
}

// outwait runs what may take as long as an outage, or as a person. Nobody is kept waiting for an answer meanwhile.
func (w *stepWatch) outwait(ctx workflow.Context, run func() error) error {
	if w == nil {
		return run()
	}
	w.stopWhenClosing(ctx)
	w.s.queue.tellUnderWay(workflow.Now(ctx), 0, w.lanes...)
	if !w.s.known {
		w.s.queue.tellUnderWay(workflow.Now(ctx), 0, laneAddress)
	}
	shipments := slices.Contains(w.lanes, laneShipments)
	for _, in := range w.lanes {
		w.s.queue.outwaits[in] = !shipments || in == laneShipments
	}
	w.s.outwaiting++
	err := run()
	w.s.outwaiting--
	for _, in := range w.lanes {
		w.s.queue.outwaits[in] = false
	}
	w.stopWhenClosing(ctx)
	return err
}

// stopWhenClosing stops the coroutine for good when the execution is about to continue as new.
func (w *stepWatch) stopWhenClosing(ctx workflow.Context) {
	for w.s.closing {
		forever, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Await(forever, func() bool { return false })
	}
}
