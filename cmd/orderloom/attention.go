package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/spf13/cobra"
)

// attentionDefault is how many orders and parked aggregates are listed.
const attentionDefault = 100

func (p *program) attentionCommand() *cobra.Command {
	return group("attention", "List what waits for a person", p.attentionListCommand())
}

func (p *program) attentionListCommand() *cobra.Command {
	var limit int
	c := &cobra.Command{
		Use:   "list",
		Short: "List what waits for a person: orders by their causes, and parked aggregates",
		Args:  listArguments(&limit),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			waiting, err := m.WaitingOrders(ctx, limit)
			if err != nil {
				return err
			}
			parked, err := m.Views.ListParked(ctx, limit)
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(p.stdout, 0, 4, 2, ' ', 0)
			_, _ = fmt.Fprintln(w, "CAUSE\tOF\tSINCE\tAMOUNT\tTRIED\tDETAIL\tACTIONS\tID")
			for _, o := range waiting {
				for _, item := range o.Items {
					_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\t%s\t%s\n", item.Cause, o.OrderID, item.Since.Format(time.RFC3339),
						amountOf(item), item.Attempts, item.Detail, actionsOf(item), item.AttentionID)
				}
			}
			for _, a := range parked {
				_, _ = fmt.Fprintf(w, "%s\t%s %s\t%s\t\t%d\t%s\torderloom parked retry\t%s\n", attention.CauseParked, a.Projection, a.AggregateType,
					a.ParkedAt.UTC().Format(time.RFC3339), a.Attempts, a.Error, a.AggregateID)
			}
			return w.Flush()
		}),
	}
	c.Flags().IntVar(&limit, "limit", attentionDefault, "the most orders, and the most parked aggregates, that are listed")
	return c
}

func amountOf(item attention.Item) string {
	if item.Amount == nil {
		return ""
	}
	return item.Amount.String()
}

func actionsOf(item attention.Item) string {
	words := make([]string, len(item.Actions))
	for i, a := range item.Actions {
		words[i] = string(a)
	}
	return strings.Join(words, ", ")
}
