package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) orphansCommand() *cobra.Command {
	return group("orphans", "List open orders that have no saga, and resume them", p.orphansListCommand(), p.orphansResumeCommand())
}

func (p *program) orphansListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List open orders that have no saga; exit 1 when there are some",
		Args:  arguments(),
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, _ []string) error {
			w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
			n := 0
			for o, err := range f.Find(ctx) {
				if err != nil {
					return err
				}
				if n++; n == 1 {
					_, _ = fmt.Fprintln(w, "ORDER\tNUMBER\tSTATUS\tPLACED")
				}
				_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", o.ID, o.Number, o.Status, o.PlacedAt.Format(time.RFC3339))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			if n > 0 {
				return fmt.Errorf("%d open orders have no saga; resume them with \"orderloom orphans resume\"", n)
			}
			_, err := fmt.Fprintln(p.stdout, "Every open order has a saga.")
			return err
		}),
	}
}

func (p *program) orphansResumeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "resume [order-id]",
		Short: "Start a saga for each open order that has none, or for one order in any state",
		Args:  optionalOrder,
		RunE: p.withOrphans(func(ctx context.Context, f *app.Orphans, args []string) error {
			if len(args) == 1 {
				return p.resumeOne(ctx, f, uuid.MustParse(args[0]))
			}
			n := 0
			for o, err := range f.Find(ctx) {
				if err != nil {
					return err
				}
				started, err := f.Resume(ctx, o)
				if err != nil {
					return err
				}
				if started {
					n++
					fmt.Fprintf(p.stdout, "resumed %s %s\n", o.Number, o.ID)
				}
			}
			_, err := fmt.Fprintf(p.stdout, "%d orders resumed\n", n)
			return err
		}),
	}
}

func (p *program) resumeOne(ctx context.Context, f *app.Orphans, id uuid.UUID) error {
	var o order.Order
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
		if _, err := uuid.Parse(args[0]); err != nil {
			return fmt.Errorf("%s: <order-id> must be a UUID, got %q", c.CommandPath(), args[0])
		}
	}
	return nil
}

func (p *program) withOrphans(f func(ctx context.Context, o *app.Orphans, args []string) error) action {
	return p.runsWith(config.RoleWorker, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
		return app.WithOrphans(ctx, cfg, tel, func(o *app.Orphans) error { return f(ctx, o, args) })
	})
}
