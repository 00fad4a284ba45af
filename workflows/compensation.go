package workflows

import (
	"errors"
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// compensations undo steps, last in, first out.
//
// A compensation is pushed before its step runs, since a step that failed may still have happened; so
// each of them does nothing when there is nothing to undo.
type compensations []func(workflow.Context) error

func (c *compensations) push(undo func(workflow.Context) error) { *c = append(*c, undo) }

// start undoes everything, also where ctx was cancelled. Each compensation begins when the one pushed
// after it is done, or has begun to outwait an outage: while the payment gateway is down for a day,
// the stock is not held up with it.
//
// The returned function waits until all is done. Steps are retried without end, so that an error is a
// refusal; the others are carried out all the same.
func (c *compensations) start(ctx workflow.Context) (wait func() error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	var errs []error
	open := 0
	for i := len(*c) - 1; i >= 0; i-- {
		undo := (*c)[i]
		ended, outwaits := false, false
		open++
		workflow.GoNamed(ctx, "compensation", func(ctx workflow.Context) {
			if err := undo(workflow.WithValue(ctx, outwaitsKey{}, &outwaits)); err != nil {
				workflow.GetLogger(ctx).Error("A compensation was refused.", "error", err)
				errs = append(errs, fmt.Errorf("compensate: %w", err))
			}
			ended = true
			open--
		})
		_ = workflow.Await(ctx, func() bool { return ended || outwaits }) // fails only for a cancelled context
	}
	*c = nil
	return func() error {
		defer cancel()
		return errors.Join(append(errs, workflow.Await(ctx, func() bool { return open == 0 }))...)
	}
}

// run undoes everything and waits until it is done.
func (c *compensations) run(ctx workflow.Context) error { return c.start(ctx)() }

// outwaitsKey is the key of a *bool in a context that a step sets when it goes on as a durable activity.
type outwaitsKey struct{}
