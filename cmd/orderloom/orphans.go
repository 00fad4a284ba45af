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
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/orphans"
	"github.com/spf13/cobra"
)

func (p *program) orphansCommand() *cobra.Command {
	return group("orphans", "List orders whose saga is gone or fails, and resume them", p.orphansListCommand(), p.orphansResumeCommand())
}

func (p *program) orphansListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List orders whose saga is gone or fails; exit 1 when there are some",
		Long: `List orders that need a saga and have none, orders that have ended and still have one, and executions whose
workflow tasks keep failing. It changes nothing.`,
		Args: arguments(),
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, _ []string) error {
			err := f.CheckNamespace(ctx)
			if foreign := new(orphans.ForeignNamespaceError); errors.As(err, &foreign) {
				fmt.Fprintf(p.stdout, "Nothing is resumed: %s\n", foreign)
			}
			if err != nil {
				return err
			}
			done := p.tick("comparing the orders with Temporal")
			found, err := p.listOrphans(ctx, f)
			done()
			failing, failed := p.listFailing(ctx, f)
			if err = errors.Join(err, failed); err != nil {
				return err
			}
			if found+failing > 0 {
				return fmt.Errorf("%d orders need another saga (\"orderloom orphans resume\"), %d sagas fail (docs/operations.md)", found, failing)
			}
			_, err = fmt.Fprintf(p.stdout, "Every open order that is older than %s has a saga, and none fails.\n", f.MinAge())
			return err
		}),
	}
}

// listOrphans prints the orders that need another saga, and counts them.
func (p *program) listOrphans(ctx context.Context, f *app.Orphans) (found int, err error) {
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	for o, failed := range f.Find(ctx) {
		if failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		if found++; found == 1 {
			_, _ = fmt.Fprintln(w, "ORDER\tNUMBER\tSTATUS\tPLACED\tCAUSE")
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.Order.ID, o.Order.Number, o.Order.Status, o.Order.PlacedAt.Format(time.RFC3339), o.Cause)
	}
	return found, errors.Join(err, w.Flush())
}

// listFailing prints the executions whose workflow tasks keep failing, and counts them.
func (p *program) listFailing(ctx context.Context, f *app.Orphans) (count int, err error) {
	failing, count, supported, err := f.Failing(ctx)
	if err != nil {
		return 0, err
	}
	if !supported {
		_, err = fmt.Fprintln(p.stdout, "The Temporal server does not tell which executions keep failing.")
		return 0, err
	}
	if count == 0 {
		return 0, nil
	}
	w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "FAILING EXECUTION\tRUN\tCAUSE")
	for _, e := range failing {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\n", e.WorkflowID, e.RunID, e.Cause)
	}
	if more := count - len(failing); more > 0 {
		_, _ = fmt.Fprintf(w, "and %d more\n", more)
	}
	return count, w.Flush()
}

func (p *program) orphansResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume [order-id]",
		Short: "Start another saga for each order that needs one, or for one order in any state",
		Args:  optionalOrder,
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, args []string) error {
			if len(args) == 1 {
				return p.resumeOne(ctx, f, uuid.MustParse(args[0]))
			}
			return p.resumeAll(ctx, f)
		}),
	}
}

func (p *program) resumeAll(ctx context.Context, f *app.Orphans) error {
	progress := resumeProgress{out: p.stdout, begun: time.Now()}
	done := p.tick("resuming orders")
	report, err := f.ResumeAll(ctx, progress.tell)
	done()
	if err != nil {
		return err
	}
	seconds := time.Since(progress.begun).Seconds()
	_, err = fmt.Fprintf(p.stdout, "%d orders resumed in %.1f s, %.0f/s\n", report.Resumed, seconds, float64(report.Resumed)/seconds)
	if report.Failed > 0 {
		return errors.Join(err, fmt.Errorf("%d orders could not be resumed", report.Failed))
	}
	return err
}

// resumeProgress tells how far resuming has come.
type resumeProgress struct {
	out         io.Writer
	begun, told time.Time
}

// resumeInterval is how often progress is told.
const resumeInterval = time.Second

func (r *resumeProgress) tell(report orphans.Report, o orphans.Orphan, err error) {
	if err != nil {
		fmt.Fprintf(r.out, "not resumed: %v\n", err)
		return
	}
	if now := time.Now(); now.Sub(r.told) >= resumeInterval {
		r.told = now
		fmt.Fprintf(r.out, "%d orders found, %d resumed, %.0f/s; last %s %s\n", report.Orphaned+report.Surplus, report.Resumed,
			float64(report.Resumed)/now.Sub(r.begun).Seconds(), o.Order.Number, o.Order.ID)
	}
}

func (p *program) resumeOne(ctx context.Context, f *app.Orphans, id uuid.UUID) error {
	o, err := f.Order(ctx, id)
	if err != nil {
		return err
	}
	started, err := f.Resume(ctx, o)
	switch {
	case err != nil:
		return err
	case !started:
		_, err = fmt.Fprintf(p.stdout, "order %s has an open saga; nothing was done\n", o.Number)
	default:
		_, err = fmt.Fprintf(p.stdout, "resumed %s %s\n", o.Number, o.ID)
	}
	return err
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
