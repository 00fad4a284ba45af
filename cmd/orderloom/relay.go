package main

import (
	"context"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/relay"
	"github.com/spf13/cobra"
)

func (p *program) relayCommand() *cobra.Command {
	return group("relay", "Show how far the publishing to Kafka is; publish again",
		p.relayStatusCommand(), p.relayRewindCommand())
}

func (p *program) relayStatusCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show how far the relay is, and who leads",
		Args:  arguments(),
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			all, err := relay.Statuses(ctx, m.Pool, m.Store)
			if err != nil {
				return err
			}
			for _, s := range all {
				fmt.Fprintf(p.stdout, "%s: published up to sequence %d, %d events behind; led by %s in epoch %d; moved last at %s\n",
					s.Name, s.Position, s.Behind, s.Leader, s.Epoch, s.MovedAt.Format(time.RFC3339))
			}
			return nil
		}),
	}
}

func (p *program) relayRewindCommand() *cobra.Command {
	var to int64
	c := &cobra.Command{
		Use:   "rewind --to <sequence>",
		Short: "Publish again from there; consumers skip what they know",
		Args: func(c *cobra.Command, args []string) error {
			if to < 0 {
				return fmt.Errorf("%s: --to must not be below 0", c.CommandPath())
			}
			return arguments()(c, args)
		},
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			if err := relay.Rewind(ctx, m.Pool, m.Store, relay.Name, to); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stdout, "The relay goes on after sequence %d.\n", to)
			return err
		}),
	}
	c.Flags().Int64Var(&to, "to", 0, "the `sequence` after which the relay goes on")
	_ = c.MarkFlagRequired("to") // it is there
	return c
}
