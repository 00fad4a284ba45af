package workflows

import (
	"errors"
	"fmt"

	"github.com/google/uuid"
	"go.temporal.io/sdk/workflow"
)

// compensations undo steps, last in, first out.
//
// A compensation is pushed before its step runs, since a step that failed may still have happened. So each does nothing
// when there is nothing to undo.
type compensations []func(workflow.Context) error

func (c *compensations) push(undo func(workflow.Context) error) { *c = append(*c, undo) }

// compensate undoes everything and waits until it is done.
func (c *compensations) compensate(ctx workflow.Context) error { return c.start(ctx).wait() }

// undoing is what was begun to undo. UnderWay reports whether some of it outwaits an outage. Wait waits for all of it.
type undoing struct {
	wait     func() error
	underWay func() bool
	// refunds are carried on with afterwards.
	refunds []uuid.UUID
}

// start undoes everything, also where ctx was cancelled.
//
// Each compensation begins when the one pushed after it is done, or has begun to outwait an outage. So the stock is not
// held up while the payment gateway is down for a day. Steps are retried without end, so an error is a refusal; the
// other compensations are carried out all the same.
func (c *compensations) start(ctx workflow.Context) undoing {
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
	return undoing{
		underWay: func() bool { return open > 0 },
		wait: func() error {
			defer cancel()
			return errors.Join(append(errs, workflow.Await(ctx, func() bool { return open == 0 }))...)
		},
	}
}
