package main

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/spf13/cobra"
)

func (p *program) eventsCommand() *cobra.Command {
	return group("events", "Follow what happens, and show an event", p.eventsTailCommand(), p.eventsShowCommand())
}

func (p *program) eventsTailCommand() *cobra.Command {
	var q client.EventQuery
	var orderID string
	var output *format
	c := &cobra.Command{
		Use:   "tail",
		Short: "Print each event as it happens, until Ctrl-C",
		Long: `Print each event as it happens, until Ctrl-C: those that the key may see. --after goes on after a cursor, which
-o json shows of each event, and misses nothing in between.`,
		Args: func(c *cobra.Command, args []string) (err error) {
			if orderID != "" {
				if q.OrderID, err = parseID("--order", orderID); err != nil {
					return about(c, err)
				}
			}
			return arguments()(c, args)
		},
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, _ []string) error {
		return follow(ctx, api.StreamEvents(ctx, q), func(event client.Event) error {
			return p.each(*output, event, "%s  %-28s %s %s/%d  by %s  %s", event.OccurredAt.Format(time.RFC3339), event.Type,
				event.Aggregate.Type, event.Aggregate.ID, event.Version, orNone(event.Actor), event.EventID)
		})
	})
	c.Flags().StringSliceVar(&q.Types, "type", nil, "a type of events, or several with commas")
	c.Flags().StringVar(&orderID, "order", "", "the id of the order whose events, and those of its payment, are printed")
	c.Flags().StringVar(&q.Cursor, "after", "", "the `cursor` after which to go on")
	output = outputFlag(c)
	return c
}

func (p *program) eventsShowCommand() *cobra.Command {
	var personal bool
	var output *format
	c := &cobra.Command{
		Use:   "show <event-id>",
		Short: "Show an event with all that it says",
		Args:  idArgument("event-id"),
	}
	c.RunE = p.calls(func(ctx context.Context, api *client.Client, args []string) error {
		event, err := api.GetEvent(ctx, uuid.MustParse(args[0]), personal)
		if err != nil {
			return err
		}
		return p.show(*output, event, func(out io.Writer) error { return printEvent(out, event) })
	})
	c.Flags().BoolVar(&personal, "personal", false, "show what is sealed of persons; the key needs the scope personal:read")
	output = outputFlag(c)
	return c
}

func printEvent(out io.Writer, e client.Event) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "event\t%s, version %d of its schema\n", e.Type, e.SchemaVersion)
	_, _ = fmt.Fprintf(w, "id\t%s\n", e.EventID)
	_, _ = fmt.Fprintf(w, "of\t%s %s, version %d\n", e.Aggregate.Type, e.Aggregate.ID, e.Version)
	if e.OrderID != uuid.Nil {
		_, _ = fmt.Fprintf(w, "order\t%s\n", e.OrderID)
	}
	_, _ = fmt.Fprintf(w, "at\t%s\n", e.OccurredAt.Format(time.RFC3339Nano))
	_, _ = fmt.Fprintf(w, "by\t%s\n", orNone(e.Actor))
	_, _ = fmt.Fprintf(w, "cursor\t%s\n", e.Cursor)
	if err := w.Flush(); err != nil {
		return err
	}
	if e.Data == nil {
		_, err := fmt.Fprintln(out, "A newer version of the platform has recorded it: ask that one what it says.")
		return err
	}
	return writeIndented(out, e.Data)
}
