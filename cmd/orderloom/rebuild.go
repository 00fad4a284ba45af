package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/spf13/cobra"
)

func (p *program) rebuildCommand() *cobra.Command {
	var dryRun, dropOld, abandon bool
	var output *format
	c := &cobra.Command{
		Use:   "rebuild <projection>",
		Short: "Fill a projection anew from the event store, and swap",
		Long: `Fill shadow tables of a projection from the event store, show how they differ from the live ones, and swap
them. Readers wait only for the swap. The old tables are kept until --drop-old.`,
		Args: arguments("projection"),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			if !dryRun {
				if err := m.Record(ctx, "rebuild", args[0]); err != nil {
					return err
				}
			}
			switch {
			case dropOld:
				if err := m.Views.DropOld(ctx, args[0]); err != nil {
					return err
				}
				return p.say(*output, map[string]any{"projection": args[0], "dropped": "old"}, "The tables that the last rebuild of %s has replaced are gone.", args[0])
			case abandon:
				if err := m.Views.AbandonRebuild(ctx, args[0]); err != nil {
					return err
				}
				return p.say(*output, map[string]any{"projection": args[0], "dropped": "shadow"}, "What the rebuild of %s has filled is gone.", args[0])
			}
			return p.rebuild(ctx, m, args[0], dryRun, *output)
		}),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the differences, and change nothing")
	c.Flags().BoolVar(&dropOld, "drop-old", false, "drop the tables that the last rebuild has replaced")
	c.Flags().BoolVar(&abandon, "abandon", false, "drop the shadow tables of an unfinished rebuild")
	c.MarkFlagsMutuallyExclusive("dry-run", "drop-old", "abandon")
	output = outputFlag(c)
	return c
}

func (p *program) rebuild(ctx context.Context, m *app.Maintenance, projection string, dryRun bool, output format) error {
	report, err := m.Views.Rebuild(ctx, m.Store, projection, maintain.RebuildOptions{
		DryRun: dryRun,
		Progress: func(r maintain.RebuildProgress) {
			p.doesWith(func() string {
				return fmt.Sprintf("filling %s: %d events, %.0f/s, %d%% done, %s left", projection, r.Events, r.PerSecond, percent(r.Position, r.HighWater), r.Left)
			})
		},
		Differences: func(tables []maintain.TableDiff) error {
			if output != outputTable { // the report has them
				return nil
			}
			return printDiff(p.stdout, tables)
		},
	})
	if err != nil {
		return err
	}
	if !report.Swapped {
		return p.say(output, report, "Nothing was changed. Run it again without --dry-run to swap the tables.")
	}
	return p.say(output, report, "%d events in %.1f s; the tables were swapped, readers waited %s.\nThe old ones are kept: \"rebuild --drop-old %s\" drops them.",
		report.Events, report.Seconds, report.Paused.Round(time.Millisecond), projection)
}

// percent is how much is done.
func percent(done, all int64) int64 {
	if all == 0 {
		return 100
	}
	return min(done, all) * 100 / all
}

// printDiff writes how the live and the rebuilt tables differ.
func printDiff(out io.Writer, tables []maintain.TableDiff) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "TABLE\tSAME\tDIFFERENT\tONLY LIVE\tONLY REBUILT\tMOVING")
	for _, t := range tables {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\n", t.Table, t.Same, t.Different, t.OnlyLive, t.OnlyShadow, t.Moving)
	}
	for _, t := range tables {
		for _, s := range t.Samples {
			_, _ = fmt.Fprintf(w, "%s: %s\n", t.Table, s)
		}
	}
	return w.Flush()
}
