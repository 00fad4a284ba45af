package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/spf13/cobra"
)

func (p *program) rebuildCommand() *cobra.Command {
	var dryRun, dropOld, abandon bool
	c := &cobra.Command{
		Use:   "rebuild <projection>",
		Short: "Fill a projection anew from the event store, and swap",
		Long: `Fill shadow tables of a projection from the event store, show how they differ from the live ones, and swap
them. Readers wait only for the swap. The old tables are kept until --drop-old.`,
		Args: arguments("projection"),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			switch {
			case dropOld:
				return m.Views.DropOld(ctx, args[0])
			case abandon:
				return m.Views.AbandonRebuild(ctx, args[0])
			}
			return rebuild(ctx, m, args[0], dryRun, p.stdout)
		}),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "show the differences, and change nothing")
	c.Flags().BoolVar(&dropOld, "drop-old", false, "drop the tables that the last rebuild has replaced")
	c.Flags().BoolVar(&abandon, "abandon", false, "drop the shadow tables of an unfinished rebuild")
	c.MarkFlagsMutuallyExclusive("dry-run", "drop-old", "abandon")
	return c
}

// progressInterval is how often the progress of a rebuild is drawn.
const progressInterval = 200 * time.Millisecond

func rebuild(ctx context.Context, m *app.Maintenance, projection string, dryRun bool, out io.Writer) error {
	var told time.Time
	report, err := m.Views.Rebuild(ctx, m.Store, projection, maintain.RebuildOptions{
		DryRun: dryRun,
		Progress: func(p maintain.RebuildProgress) {
			if time.Since(told) > progressInterval || p.Position >= p.HighWater {
				told = time.Now()
				fmt.Fprintf(out, "\r%s %d events, %.0f/s, %s left   ", bar(p.Position, p.HighWater), p.Events, p.PerSecond, p.Left)
			}
		},
		Differences: func(tables []maintain.TableDiff) error { return printDiff(out, tables) },
	})
	if err != nil {
		return err
	}
	if !report.Swapped {
		_, err = fmt.Fprintln(out, "Nothing was changed. Run it again without --dry-run to swap the tables.")
		return err
	}
	_, err = fmt.Fprintf(out, "%d events in %.1f s; the tables were swapped, readers waited %s.\nThe old ones are kept: \"rebuild --drop-old %s\" drops them.\n",
		report.Events, report.Seconds, report.Paused.Round(time.Millisecond), projection)
	return err
}

// bar draws how much is done.
func bar(done, all int64) string {
	const width = 30
	n := width
	if all > 0 {
		n = int(min(done, all) * width / all)
	}
	return "[" + strings.Repeat("=", n) + strings.Repeat(" ", width-n) + "]"
}

// printDiff writes how the live and the rebuilt tables differ.
func printDiff(out io.Writer, tables []maintain.TableDiff) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "\nTABLE\tSAME\tDIFFERENT\tONLY LIVE\tONLY REBUILT\tMOVING")
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
