package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/orphans"
	"github.com/spf13/cobra"
)

func (p *program) orphansCommand() *cobra.Command {
	return group("orphans", "List orders whose saga is gone or fails, and resume them", p.orphansListCommand(), p.orphansResumeCommand())
}

func (p *program) orphansListCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List orders whose saga is gone or fails; exit 3 when there are some",
		Long: `List orders that need a saga and have none, orders that have ended and still have one, and executions whose
workflow tasks keep failing. It changes nothing.`,
		Args: arguments(),
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, _ []string) error {
			p.does("comparing the orders with Temporal")
			found, err := lookForOrphans(ctx, f)
			if err != nil && found.Foreign == "" && len(found.Orders) == 0 {
				return err
			}
			if shown := p.show(*output, found, func(out io.Writer) error { return found.print(out, f.MinAge()) }); shown != nil || err != nil {
				return errors.Join(err, shown)
			}
			if len(found.Orders)+found.FailingCount > 0 {
				return foundError{fmt.Errorf("%d orders need another saga (\"orderloom orphans resume\"), %d sagas fail (docs/operations.md)",
					len(found.Orders), found.FailingCount)}
			}
			return nil
		}),
	}
	output = outputFlag(c)
	return c
}

// foundOrphans is what "orderloom orphans list" prints.
type foundOrphans struct {
	// Foreign says why nothing is resumed, where the namespace is another store's.
	Foreign string          `json:"foreign,omitempty"`
	Orders  []orphanedOrder `json:"orders"`
	// Failing are some of the executions whose workflow tasks keep failing, of FailingCount. FailingKnown is false
	// where the server does not tell.
	Failing      []failingExecution `json:"failing"`
	FailingCount int                `json:"failing_count"`
	FailingKnown bool               `json:"failing_known"`
}

type orphanedOrder struct {
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	Status      string    `json:"status"`
	PlacedAt    time.Time `json:"placed_at"`
	Cause       string    `json:"cause"`
}

type failingExecution struct {
	WorkflowID string `json:"workflow_id"`
	RunID      string `json:"run_id"`
	Cause      string `json:"cause"`
}

// lookForOrphans returns what there is, and what could not be looked at as an error.
func lookForOrphans(ctx context.Context, f *app.Orphans) (found foundOrphans, err error) {
	found = foundOrphans{Orders: []orphanedOrder{}, Failing: []failingExecution{}}
	err = f.CheckNamespace(ctx)
	if foreign := new(orphans.ForeignNamespaceError); errors.As(err, &foreign) {
		found.Foreign = foreign.Error()
	}
	if err != nil {
		return found, err
	}
	for o, failed := range f.Find(ctx) {
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		found.Orders = append(found.Orders, orphanedOrder{
			OrderID: o.Order.ID, OrderNumber: o.Order.Number, Status: string(o.Order.Status), PlacedAt: o.Order.PlacedAt, Cause: fmt.Sprint(o.Cause),
		})
	}
	failing, count, supported, failed := f.Failing(ctx)
	for _, e := range failing {
		found.Failing = append(found.Failing, failingExecution{WorkflowID: e.WorkflowID, RunID: e.RunID, Cause: fmt.Sprint(e.Cause)})
	}
	found.FailingCount, found.FailingKnown = count, supported
	return found, errors.Join(err, failed)
}

func (f foundOrphans) print(out io.Writer, minAge time.Duration) error {
	if f.Foreign != "" {
		_, err := fmt.Fprintf(out, "Nothing is resumed: %s\n", f.Foreign)
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	if len(f.Orders) > 0 {
		_, _ = fmt.Fprintln(w, "ORDER\tNUMBER\tSTATUS\tPLACED\tCAUSE")
	}
	for _, o := range f.Orders {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.OrderID, o.OrderNumber, o.Status, o.PlacedAt.Format(time.RFC3339), o.Cause)
	}
	_ = w.Flush()
	if f.FailingCount > 0 {
		_, _ = fmt.Fprintln(w, "FAILING EXECUTION\tRUN\tCAUSE")
	}
	for _, e := range f.Failing {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", e.WorkflowID, e.RunID, e.Cause)
	}
	if more := f.FailingCount - len(f.Failing); more > 0 {
		_, _ = fmt.Fprintf(w, "and %d more\n", more)
	}
	switch {
	case !f.FailingKnown:
		_, _ = fmt.Fprintln(w, "The Temporal server does not tell which executions keep failing.")
	case len(f.Orders)+f.FailingCount == 0:
		_, _ = fmt.Fprintf(w, "Every open order that is older than %s has a saga, and none fails.\n", minAge)
	}
	return w.Flush()
}

func (p *program) orphansResumeCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "resume [order-id]",
		Short: "Start another saga for each order that needs one, or for one order in any state",
		Args:  optionalOrder,
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, args []string) error {
			if len(args) == 1 {
				return p.resumeOne(ctx, f, uuid.MustParse(args[0]), *output)
			}
			return p.resumeAll(ctx, f, *output)
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) resumeAll(ctx context.Context, f *app.Orphans, output format) error {
	progress := resumeProgress{say: p.tell, begun: time.Now()}
	p.does("resuming orders")
	report, err := f.ResumeAll(ctx, progress.tell)
	if err != nil {
		return err
	}
	seconds := time.Since(progress.begun).Seconds()
	err = p.say(output, map[string]any{"resumed": report.Resumed, "failed": report.Failed, "seconds": seconds, "not_resumed": progress.failures},
		"%d orders resumed in %.1f s, %.0f/s", report.Resumed, seconds, float64(report.Resumed)/seconds)
	if report.Failed > 0 {
		return errors.Join(err, fmt.Errorf("%d orders could not be resumed", report.Failed))
	}
	return err
}

// resumeProgress tells how far resuming has come.
type resumeProgress struct {
	say         progress.Log
	begun, told time.Time
	failures    []string // the first of them
}

// resumeFailuresMax is how many orders that could not be resumed are named to programs.
const resumeFailuresMax = 100

// resumeInterval is how often progress is told.
const resumeInterval = time.Second

func (r *resumeProgress) tell(report orphans.Report, o orphans.Orphan, err error) {
	if err != nil {
		r.say("not resumed: %v", err)
		if len(r.failures) < resumeFailuresMax {
			r.failures = append(r.failures, err.Error())
		}
		return
	}
	if now := time.Now(); now.Sub(r.told) >= resumeInterval {
		r.told = now
		r.say("%d orders found, %d resumed, %.0f/s; last %s %s", report.Orphaned+report.Surplus, report.Resumed,
			float64(report.Resumed)/now.Sub(r.begun).Seconds(), o.Order.Number, o.Order.ID)
	}
}

func (p *program) resumeOne(ctx context.Context, f *app.Orphans, id uuid.UUID, output format) error {
	o, err := f.Order(ctx, id)
	if err != nil {
		return err
	}
	started, err := f.Resume(ctx, o)
	if err != nil {
		return err
	}
	sentence := "order %s, %s, has an open saga; nothing was done"
	if started {
		sentence = "resumed %s %s"
	}
	return p.say(output, map[string]any{"order_id": o.ID, "order_number": o.Number, "resumed": started}, sentence, o.Number, o.ID)
}

// optionalOrder checks the argument [order-id].
func optionalOrder(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes at most one <order-id>, got %d arguments", c.CommandPath(), len(args))
	}
	if len(args) == 1 {
		_, err := parseID("<order-id>", args[0])
		return about(c, err)
	}
	return nil
}

func (p *program) withOrphans(f func(ctx context.Context, o *app.Orphans, args []string) error) action {
	return p.runsWith(config.RoleOrphans, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
		return app.WithOrphans(ctx, cfg, tel, func(o *app.Orphans) error { return f(ctx, o, args) })
	})
}
