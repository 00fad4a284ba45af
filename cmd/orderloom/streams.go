package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/spf13/cobra"
)

func (p *program) streamsCommand() *cobra.Command {
	return group("streams", "Show the events of an aggregate, as the event store has them", p.streamsShowCommand())
}

func (p *program) streamsShowCommand() *cobra.Command {
	var data bool
	var output *format
	c := &cobra.Command{
		Use:   "show <aggregate-id>",
		Short: "Show the events of an aggregate: what happened when, who asked for it, and which step recorded it",
		Long: `Show the events of an aggregate, as the event store has them: of an order with its payment, of a payment alone, or of
a SKU's stock. The id of an order is that of its stream. What is sealed stays sealed.`,
		Args: idArgument("aggregate-id"),
	}
	c.RunE = p.maintains(func(ctx context.Context, m *app.Maintenance, args []string) error {
		events, err := m.Streams(ctx, uuid.MustParse(args[0]))
		if err != nil {
			return err
		}
		return p.show(*output, map[string]any{"events": events}, func(out io.Writer) error { return printStream(out, events, data) })
	})
	c.Flags().BoolVar(&data, "data", false, "also print what each event says")
	output = outputFlag(c)
	return c
}

// printStream writes the events of streams, one after the other.
func printStream(out io.Writer, events []domain.Envelope, data bool) error {
	if data {
		for _, e := range events {
			_, _ = fmt.Fprintf(out, "%s %d  %s v%d  %s  by %s  %s\n", e.AggregateType, e.Version, e.EventType, e.EventVersion,
				e.Timestamp.Format(time.RFC3339Nano), orNone(e.Metadata.UserID), e.Metadata.CausationID)
			if err := writeIndented(out, e.Payload); err != nil {
				return err
			}
		}
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "STREAM\tVERSION\tEVENT\tAT\tBY\tSEQUENCE\tCAUSE")
	for _, e := range events {
		_, _ = fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%d\t%s\n", e.AggregateType, e.Version, e.EventType, e.Timestamp.Format(time.RFC3339),
			orNone(e.Metadata.UserID), e.Sequence, orNone(e.Metadata.CausationID))
	}
	return w.Flush()
}

// writeIndented writes JSON for people.
func writeIndented(out io.Writer, text json.RawMessage) error {
	var b bytes.Buffer
	if err := json.Indent(&b, text, "", "  "); err != nil {
		return err
	}
	b.WriteByte('\n')
	_, err := b.WriteTo(out)
	return err
}
