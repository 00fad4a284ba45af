package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/recovery"
	"github.com/spf13/cobra"
)

func (p *program) recoverCommand() *cobra.Command {
	var confirm, acceptLoss bool
	c := &cobra.Command{
		Use:   "recover",
		Short: "Take back what a restored event store has lost, and confirm it; without --confirm only show it",
		Long: `Compare the event store with what Kafka and Temporal know, and show what the store has lost and what would be done.
Nothing is changed then, and the exit status is 3 when something is to be done.

With --confirm it is carried out:

  1. Events that Kafka still has are taken back, with their ids, versions and sequences.
  2. Customers who were erased since the backup are erased again, and keys that were made since are taken back.
  3. Every open saga starts anew from the events. Orders that only Temporal knows are placed again.
  4. The store's epoch is confirmed: appends, publishing and sagas go on.
  5. The payments are compared with the gateway since the time of the backup, as "orderloom reconcile" does.

Workers carry the last step out. When none runs, the exit status is 1, and the command to run afterwards is printed.

It may be repeated, also after it was interrupted. What is lost for good is listed, and has to be accepted.`,
		Args: func(c *cobra.Command, args []string) error {
			if acceptLoss && !confirm {
				return fmt.Errorf("%s: --accept-loss goes with --confirm", c.CommandPath())
			}
			return arguments()(c, args)
		},
		Annotations: map[string]string{exitNote: ", 3 when something is to be done, or payments differ"},
		RunE: p.runsWith(config.RoleRecover, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			progress := func(format string, args ...any) { _, _ = fmt.Fprintf(p.stderr, format+"\n", args...) }
			done := p.tick("comparing the event store with Kafka and Temporal")
			defer done()
			if confirm {
				f, err := app.Recover(ctx, cfg, tel, acceptLoss, progress)
				if f.Identity.ID != uuid.Nil { // else the store could not be looked at
					p.printFound(f)
				}
				if errors.Is(err, recovery.ErrIncomplete) {
					return fmt.Errorf("%w: nothing is confirmed; go on without it with --accept-loss", err)
				}
				if err != nil {
					return err
				}
				_, _ = fmt.Fprintf(p.stdout, "Epoch %d is confirmed.\n", f.Identity.Epoch)
				return errors.Join(p.reconcileRecovered(ctx, cfg, tel, f), p.tellLostKeys(ctx, cfg, tel))
			}
			f, err := app.LookForLoss(ctx, cfg, tel, progress)
			if err != nil {
				return err
			}
			p.printFound(f)
			if f.Identity.Confirmed && f.Behind == "" {
				_, err = fmt.Fprintf(p.stdout, "Nothing is to be done: epoch %d is confirmed, and the store has all that Kafka has.\n", f.Identity.Epoch)
				return err
			}
			return differentError{errors.New("the event store is to be recovered: run it with --confirm")}
		}),
	}
	c.Flags().BoolVar(&confirm, "confirm", false, "carry it out, and confirm the store")
	c.Flags().BoolVar(&acceptLoss, "accept-loss", false, "go on without what is lost for good")
	return c
}

// tellLostKeys names orders whose customers' keys are gone: neither the backup nor Kafka had them.
func (p *program) tellLostKeys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	m, err := app.OpenMaintenance(ctx, cfg, tel)
	if err != nil {
		return err
	}
	_, err = m.CheckCustomerKeys(ctx)
	if fault := (doctor.Fault{}); errors.As(err, &fault) {
		_, _ = fmt.Fprintf(p.stdout, "As far as the views are up to date, %s. \"orderloom doctor --whole\" looks again.\n", fault.What)
		err = nil
	}
	return errors.Join(err, m.Close(ctx))
}

// reconcileRecovered compares the payments with the gateway since the time of the backup.
func (p *program) reconcileRecovered(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, f recovery.Found) error {
	if f.Since.IsZero() {
		return nil // it was confirmed before, or has no events
	}
	command := "orderloom reconcile --since " + f.Since.Format(time.RFC3339)
	_, _ = fmt.Fprintf(p.stdout, "Comparing the payments with the gateway: %s\n", command)
	out, err := app.ReconcileRecovered(ctx, cfg, tel, f.Since, func(app.Reconciled) {})
	if err != nil {
		return fmt.Errorf("the store is confirmed, but the payments were not compared with the gateway: %w; run afterwards: %s", err, command)
	}
	if err := printReconciled(p.stdout, out); err != nil {
		return err
	}
	return differing(out)
}

// printFound shows what is known outside, and what is lost.
func (p *program) printFound(f recovery.Found) {
	say := func(format string, args ...any) { _, _ = fmt.Fprintf(p.stdout, format+"\n", args...) }
	state := "confirmed"
	if !f.Identity.Confirmed {
		state = "not confirmed: " + f.Identity.Reason
	}
	say("Event store %s, epoch %d, %s.", f.Identity.ID, f.Identity.Epoch, state)
	say("Known outside: epoch %d, events up to %d.", f.Known.Epoch, f.Known.Sequence)
	if f.Behind != "" {
		say("Behind: %s.", f.Behind)
	}
	say("Lost events that Kafka has: %d of %d streams; taken back: %d.", f.Lost, f.Streams, f.Taken)
	say("Customers to be erased again: %d. Customers' keys to be taken back: %d.", f.Erased, f.Keys)
	say("Invoices have numbers up to event %d. What was captured and refunded after it gets the numbers that it had.", f.Invoiced)
	say("Open sagas to go on from the events: %d. Orders that only Temporal knows, to be placed again: %d.", f.Open, len(f.Placed))
	for _, id := range f.Placed {
		say("  order %s is placed again", id)
	}
	if len(f.Unread) > 0 {
		say("Orders with an event that this program does not know: %d. Recover with the program that made it. "+
			"With --accept-loss their sagas are left as they are.", len(f.Unread))
	}
	for _, id := range f.Unread {
		say("  order %s", id)
	}
	if f.Complete() {
		return
	}
	say("Lost for good: events of %d streams, %d orders. Numbers of invoices that were given for them go to others.", len(f.Gaps), len(f.Unplaced))
	for _, g := range f.Gaps {
		say("  %s", g)
	}
	for _, id := range f.Unplaced {
		say("  order %s: Temporal does not know any more what was ordered", id)
	}
}
