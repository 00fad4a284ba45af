package main

import (
	"context"
	"errors"
	"fmt"
	"io"
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
	var output *format
	c := &cobra.Command{
		Use:   "status",
		Short: "Show how far the relay is, and who leads; exit 3 when events do not reach Kafka",
		Long: `Show how far the relay is, and who leads. It compares the relay's cursor with the event store and with the end of
the topics. The exit status is 3 when the cursor is wrong, when Kafka has lost what was published, when events are
withheld because their topic takes nothing, when they wait for an append that stays open, when the leader is silent, or when they wait and nobody leads.`,
		Args: arguments(),
		RunE: p.comparesKafka(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			all, err := relay.Statuses(ctx, m.Pool, m.Store)
			if err != nil {
				return err
			}
			var faults []error
			if err := m.Unconfirmed(ctx); err != nil {
				faults = append(faults, fmt.Errorf("nothing is published: %w", err))
			}
			open, err := m.OpenAppends(ctx)
			if err != nil {
				return err
			}
			faults = append(faults, open...)
			for _, s := range all {
				faults = append(faults, m.RelayFaults(ctx, s)...)
			}
			shown := p.show(*output, map[string]any{"relays": append([]relay.Status{}, all...)}, func(out io.Writer) error { return printRelays(out, all) })
			if len(all) == 0 {
				return shown // nothing was to be published yet
			}
			return errors.Join(found(faults...), shown)
		}),
	}
	output = outputFlag(c)
	return c
}

// printRelays tells how far each relay is.
func printRelays(out io.Writer, all []relay.Status) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(out, "No relay has led yet.")
		return err
	}
	for _, s := range all {
		led := "led"
		if !s.Led {
			led = "led by nobody, and last"
		}
		_, err := fmt.Fprintf(out, "%s: published up to sequence %d of %d, %d events behind; %s by %s in epoch %d; moved last at %s\n",
			s.Name, s.Position, s.Last, s.Behind, led, s.Leader, s.Epoch, s.MovedAt.Format(time.RFC3339))
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *program) relayRewindCommand() *cobra.Command {
	var to int64
	var output *format
	c := &cobra.Command{
		Use:   "rewind --to <sequence>",
		Short: "Publish again from there; consumers skip what they know",
		Long: `Publish again what comes after a sequence; consumers skip what they know. The sequence lies between 0 and what is
published: a later one would leave events out. From 0, customers' keys are copied to Kafka again as well.`,
		Args: func(c *cobra.Command, args []string) error {
			if to < 0 {
				return fmt.Errorf("%s: --to must not be below 0", c.CommandPath())
			}
			return arguments()(c, args)
		},
		RunE: p.maintains(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			if err := m.Rewind(ctx, to); err != nil {
				return err
			}
			return p.say(*output, map[string]any{"after": to}, "The relay goes on after sequence %d.", to)
		}),
	}
	c.Flags().Int64Var(&to, "to", 0, "the `sequence` after which the relay goes on")
	_ = c.MarkFlagRequired("to") // it is there
	output = outputFlag(c)
	return c
}
