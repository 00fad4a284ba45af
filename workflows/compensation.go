package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"
)

// compensations undo steps, last in, first out.
//
// A compensation is pushed before its step runs, since a step that failed may still have happened; so
// each of them does nothing when there is nothing to undo.
type compensations []func(workflow.Context) error

func (c *compensations) push(undo func(workflow.Context) error) { *c = append(*c, undo) }

// run undoes everything. It goes on where ctx was cancelled, and its steps are retried without end,
// so that an error here is a refusal: the others still run, and the first one is returned.
func (c *compensations) run(ctx workflow.Context) (err error) {
	ctx, cancel := workflow.NewDisconnectedContext(ctx)
	defer cancel()
	for i := len(*c) - 1; i >= 0; i-- {
		if e := (*c)[i](ctx); e != nil {
			workflow.GetLogger(ctx).Error("A compensation was refused.", "error", e)
			if err == nil {
				err = fmt.Errorf("compensate: %w", e)
			}
		}
	}
	*c = nil
	return err
}
