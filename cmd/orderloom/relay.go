package main

import (
	"context"
	"errors"
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
		Short: "Show how far the relay is, and who leads; exit 1 when events do not reach Kafka",
		Long: `Show how far the relay is, and who leads. It compares the relay's cursor with the event store and with the end of
the topics. The exit status is 1 when the cursor is wrong, when Kafka has lost what was published, when events are
withheld because their topic takes nothing, when they wait for an append that stays open, or when the leader is silent.`,
		Args: arguments(),
		RunE: p.comparesKafka(func(ctx context.Context, m *app.Maintenance, _ []string) error {
			all, err := relay.Statuses(ctx, m.Pool, m.Store)
			if err != nil {
				return err
			}
			if len(all) == 0 {
				_, err := fmt.Fprintln(p.stdout, "No relay has led yet.")
				return err
			}
			var faults []error
			if err := m.Unconfirmed(ctx); err != nil {
				faults = append(faults, fmt.Errorf("nothing is published: %w", err))
			}
			open, err := openAppends(ctx, m)
			if err != nil {
				return err
			}
			faults = append(faults, open...)
			for _, s := range all {
				fmt.Fprintf(p.stdout, "%s: published up to sequence %d of %d, %d events behind; led by %s in epoch %d; moved last at %s\n",
					s.Name, s.Position, s.Last, s.Behind, s.Leader, s.Epoch, s.MovedAt.Format(time.RFC3339))
				faults = append(faults, faultsOf(ctx, m, s)...)
			}
			return errors.Join(faults...)
		}),
	}
}

// openAppendTooLong is how long an append may be open before it is a fault. Those of a healthy platform last
// milliseconds.
const openAppendTooLong = time.Second

// leaderTooSilent is how long a leader may be silent before it is a fault. A healthy one says something each second.
const leaderTooSilent = 3 * time.Second

// openAppends returns the appends that hold up publishing, and how to end each.
func openAppends(ctx context.Context, m *app.Maintenance) (faults []error, err error) {
	open, err := m.Store.OpenAppends(ctx)
	for _, a := range open {
		if a.For >= openAppendTooLong {
			faults = append(faults, fmt.Errorf("an append is open for %s (%s of %q at %s): events that came after it are not published until it ends, "+
				"and \"SELECT pg_terminate_backend(%d)\" ends it", a.For.Round(time.Millisecond), a.State, a.Application, a.Client, a.PID))
		}
	}
	return faults, err
}

// faultsOf returns what is wrong with a relay, and the remedy for each.
func faultsOf(ctx context.Context, m *app.Maintenance, s relay.Status) (faults []error) {
	for _, w := range s.Withheld {
		faults = append(faults, fmt.Errorf("%s: events of type %s are withheld since %s, those after sequence %d: %s. "+
			"They are published once the topic takes them (\"orderloom setup\" makes those of this program)",
			s.Name, w.AggregateType, w.Since.Format(time.RFC3339), w.Position, w.Error))
	}
	if s.Ahead() {
		return append(faults, fmt.Errorf("%s: the cursor is at %d, beyond the last event of the store (%d), so nothing is published: "+
			"set it back with \"orderloom relay rewind --to <sequence>\"", s.Name, s.Position, s.Last))
	}
	if s.SilentFor > leaderTooSilent {
		faults = append(faults, fmt.Errorf("%s: the leader has been silent for %s: after %s another relay leads, if one runs",
			s.Name, s.SilentFor.Round(time.Millisecond), relay.SilentMax))
	}
	if !s.LostSince.IsZero() {
		return append(faults, fmt.Errorf("%s: Kafka has lost events that were published, as was found at %s: "+
			"\"orderloom relay rewind --to 0\" publishes all again, and consumers skip those that they know", s.Name, s.LostSince.Format(time.RFC3339)))
	}
	loss, err := m.LostByKafka(ctx, s.Position)
	switch {
	case err != nil:
		faults = append(faults, fmt.Errorf("%s: the topics could not be looked at: %w", s.Name, err))
	case loss.Events > 0:
		faults = append(faults, fmt.Errorf("%s: Kafka has events up to sequence %d, and lacks %d that were published after that: "+
			"\"orderloom relay rewind --to %d\" publishes them again", s.Name, loss.Newest, loss.Events, loss.Newest))
	}
	return faults
}

func (p *program) relayRewindCommand() *cobra.Command {
	var to int64
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
			_, err := fmt.Fprintf(p.stdout, "The relay goes on after sequence %d.\n", to)
			return err
		}),
	}
	c.Flags().Int64Var(&to, "to", 0, "the `sequence` after which the relay goes on")
	_ = c.MarkFlagRequired("to") // it is there
	return c
}
