package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/projector"
	"github.com/spf13/cobra"
)

// parkedDefault is how many parked aggregates are listed.
const parkedDefault = 100

func (p *program) parkedCommand() *cobra.Command {
	return group("parked", "List, show, retry and discard what the projections can't go on with",
		p.parkedListCommand(), p.parkedShowCommand(), p.parkedRetryCommand(), p.parkedDiscardCommand())
}

func (p *program) parkedListCommand() *cobra.Command {
	var limit int
	var output *format
	c := &cobra.Command{
		Use:   "list",
		Short: "List what is parked, oldest first",
		Args:  listArguments(&limit),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			parked, err := m.Views.ListParked(ctx, limit)
			if err != nil {
				return err
			}
			return p.show(*output, map[string]any{"parked": parked}, func(out io.Writer) error { return printParked(out, parked) })
		}),
	}
	c.Flags().IntVar(&limit, "limit", parkedDefault, "the most that are listed")
	output = outputFlag(c)
	return c
}

func (p *program) parkedShowCommand() *cobra.Command {
	output := outputJSON // the events are shown with their payloads
	c := &cobra.Command{
		Use:   "show <projection> <aggregate-id>",
		Short: "Show the failing event and those that wait behind it",
		Args:  aggregateArguments,
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			parked, events, err := m.Views.ShowParked(ctx, args[0], uuid.MustParse(args[1]))
			if err != nil {
				return err
			}
			return p.show(output, map[string]any{"parked": parked, "waiting": events}, func(out io.Writer) error {
				return printParked(out, []projector.Parked{parked})
			})
		}),
	}
	c.Flags().VarP(&output, "output", "o", "print a table, json or yaml")
	return c
}

func (p *program) parkedRetryCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "retry <projection> <aggregate-id>",
		Short: "Try again, such as after a fix",
		Args:  aggregateArguments,
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			if err := m.Record(ctx, "parked retry", strings.Join(args, "/")); err != nil {
				return err
			}
			free, err := m.Views.RetryParked(ctx, args[0], uuid.MustParse(args[1]))
			return p.freed(*output, args, free, err)
		}),
	}
	output = outputFlag(c)
	return c
}

func (p *program) parkedDiscardCommand() *cobra.Command {
	var reason string
	var output *format
	c := &cobra.Command{
		Use:   "discard <projection> <aggregate-id> --reason <why>",
		Short: "Leave the failing event out for good, and go on",
		Args:  aggregateArguments,
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
			if err := m.Record(ctx, "parked discard", strings.Join(args, "/")); err != nil {
				return err
			}
			free, err := m.Views.DiscardParked(ctx, args[0], uuid.MustParse(args[1]), reason)
			return p.freed(*output, args, free, err)
		}),
	}
	c.Flags().StringVar(&reason, "reason", "", "why, for the record")
	_ = c.MarkFlagRequired("reason") // it is there
	output = outputFlag(c)
	return c
}

// listArguments checks that a list has no arguments and shows at least one entry.
func listArguments(limit *int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if *limit < 1 {
			return fmt.Errorf("%s: --limit must be at least 1, got %d", c.CommandPath(), *limit)
		}
		return arguments()(c, args)
	}
}

// aggregateArguments checks the arguments <projection> <aggregate-id>.
func aggregateArguments(c *cobra.Command, args []string) error {
	if err := arguments("projection", "aggregate-id")(c, args); err != nil {
		return err
	}
	_, err := parseID("<aggregate-id>", args[1])
	return about(c, err)
}

// freed says whether an aggregate is free again.
func (p *program) freed(output format, args []string, free bool, err error) error {
	if err != nil {
		return err
	}
	if !free {
		return fmt.Errorf("an event still fails: see \"orderloom parked show %s %s\"", args[0], args[1])
	}
	return p.say(output, map[string]any{"projection": args[0], "aggregate_id": args[1], "free": true}, "free again, and up to date")
}

// printParked writes a table of what is parked.
func printParked(out io.Writer, parked []projector.Parked) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PROJECTION\tAGGREGATE\tID\tEVENT\tVERSION\tWAITING\tATTEMPTS\tSINCE\tERROR")
	for _, p := range parked {
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", p.Projection, p.AggregateType, p.AggregateID, p.EventType, p.Version,
			p.LastVersion-p.Version, p.Attempts, time.Since(p.ParkedAt).Round(time.Second), p.Error)
	}
	return w.Flush()
}
