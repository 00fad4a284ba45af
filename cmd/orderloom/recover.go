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
	var output *format
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

Workers carry the last step out. When none runs, the exit status is 5, and the command to run afterwards is printed.

It may be repeated, also after it was interrupted. What is lost for good is listed, and has to be accepted.`,
		Args: func(c *cobra.Command, args []string) error {
			if acceptLoss && !confirm {
				return fmt.Errorf("%s: --accept-loss goes with --confirm", c.CommandPath())
			}
			return arguments()(c, args)
		},
		RunE: p.runsWith(config.RoleRecover, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			p.does("comparing the event store with Kafka and Temporal")
			r := recovering{program: p, output: *output}
			err := r.run(ctx, cfg, tel, confirm, acceptLoss)
			if *output != outputTable && r.told != nil {
				err = errors.Join(err, p.show(*output, r.told, nil))
			}
			return err
		}),
	}
	output = outputFlag(c)
	c.Flags().BoolVar(&confirm, "confirm", false, "carry it out, and confirm the store")
	c.Flags().BoolVar(&acceptLoss, "accept-loss", false, "go on without what is lost for good")
	return c
}

// recovering is one call of the command.
type recovering struct {
	*program

	output format
	told   *recovered // nil until the store was looked at
}

// recovered is what "orderloom recover" tells programs.
type recovered struct {
	StoreID   uuid.UUID `json:"store_id"`
	Epoch     int64     `json:"epoch"`
	Confirmed bool      `json:"confirmed"`
	Reason    string    `json:"reason,omitempty"`
	// KnownEpoch and Known are what Kafka and Temporal know, and Behind says what the store lacks of it.
	KnownEpoch int64  `json:"known_epoch"`
	Known      int64  `json:"known_sequence"`
	Behind     string `json:"behind,omitempty"`
	// Lost counts the events that Kafka can give back, of Streams streams, and Taken those that it has given back.
	Lost      int64 `json:"lost_events"`
	Streams   int   `json:"streams"`
	Taken     int64 `json:"taken_back"`
	ToErase   int   `json:"customers_to_erase"`
	Keys      int   `json:"customer_keys_to_take_back"`
	Invoiced  int64 `json:"invoiced_up_to"`
	OpenSagas int   `json:"open_sagas"`
	// Placed are orders that are placed again, and Unread those with an event of a newer program.
	Placed []uuid.UUID `json:"placed_again"`
	Unread []uuid.UUID `json:"unread,omitempty"`
	// Gaps and Unplaced are lost for good.
	Gaps     []string    `json:"gaps,omitempty"`
	Unplaced []uuid.UUID `json:"unplaced,omitempty"`
	// ReconcileWith is the command that compares the payments, Reconciled what it has come to.
	ReconcileWith string          `json:"reconcile_with,omitempty"`
	Reconciled    *app.Reconciled `json:"reconciled,omitempty"`
	// LostKeys says whose keys are gone.
	LostKeys string `json:"lost_keys,omitempty"`
}

// sayf writes a line for people.
func (r *recovering) sayf(format string, args ...any) {
	if r.output == outputTable {
		_, _ = fmt.Fprintf(r.stdout, format+"\n", args...)
	}
}

func (r *recovering) run(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, confirm, acceptLoss bool) error {
	if confirm {
		return r.confirm(ctx, cfg, tel, acceptLoss)
	}
	f, err := app.LookForLoss(ctx, cfg, tel, r.tell)
	if err != nil {
		return err
	}
	r.printFound(f)
	if f.Identity.Confirmed && f.Behind == "" {
		r.sayf("Nothing is to be done: epoch %d is confirmed, and the store has all that Kafka has.", f.Identity.Epoch)
		return nil
	}
	return foundError{errors.New("the event store is to be recovered: run it with --confirm")}
}

func (r *recovering) confirm(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, acceptLoss bool) error {
	f, err := app.Recover(ctx, cfg, tel, acceptLoss, r.tell)
	if f.Identity.ID != uuid.Nil { // else the store could not be looked at
		r.printFound(f)
	}
	if errors.Is(err, recovery.ErrIncomplete) {
		return foundError{fmt.Errorf("%w: nothing is confirmed; go on without it with --accept-loss", err)}
	}
	if err != nil {
		return err
	}
	r.told.Confirmed = true
	r.sayf("Epoch %d is confirmed.", f.Identity.Epoch)
	return errors.Join(r.reconcile(ctx, cfg, tel, f), r.tellLostKeys(ctx, cfg, tel))
}

// reconcile compares the payments with the gateway since the time of the backup.
func (r *recovering) reconcile(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, f recovery.Found) error {
	if f.Since.IsZero() {
		return nil // it was confirmed before, or has no events
	}
	command := "orderloom reconcile --since " + f.Since.Format(time.RFC3339)
	r.told.ReconcileWith = command
	r.sayf("Comparing the payments with the gateway: %s", command)
	out, err := app.ReconcileRecovered(ctx, cfg, tel, f.Since, func(sofar app.Reconciled) { r.does(counting(sofar)) })
	if err != nil {
		return fmt.Errorf("the store is confirmed, but the payments were not compared with the gateway: %w; run afterwards: %s", err, command)
	}
	r.told.Reconciled = &out
	if r.output == outputTable {
		if err := printReconciled(r.stdout, out); err != nil {
			return err
		}
	}
	return differing(out)
}

// tellLostKeys names orders whose customers' keys are gone: neither the backup nor Kafka had them.
func (r *recovering) tellLostKeys(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	m, err := app.OpenMaintenance(ctx, cfg, tel)
	if err != nil {
		return err
	}
	_, err = m.CheckCustomerKeys(ctx)
	if fault := (doctor.Fault{}); errors.As(err, &fault) {
		r.told.LostKeys = fault.What
		r.sayf("As far as the views are up to date, %s. \"orderloom doctor --whole\" looks again.", fault.What)
		err = nil
	}
	return errors.Join(err, m.Close(ctx))
}

// printFound shows what is known outside, and what is lost.
func (r *recovering) printFound(f recovery.Found) {
	r.told = toldOf(f)
	state := "confirmed"
	if !f.Identity.Confirmed {
		state = "not confirmed: " + f.Identity.Reason
	}
	r.sayf("Event store %s, epoch %d, %s.", f.Identity.ID, f.Identity.Epoch, state)
	r.sayf("Known outside: epoch %d, events up to %d.", f.Known.Epoch, f.Known.Sequence)
	if f.Behind != "" {
		r.sayf("Behind: %s.", f.Behind)
	}
	r.sayf("Lost events that Kafka has: %d of %d streams; taken back: %d.", f.Lost, f.Streams, f.Taken)
	r.sayf("Customers to be erased again: %d. Customers' keys to be taken back: %d.", f.Erased, f.Keys)
	r.sayf("Invoices have numbers up to event %d. What was captured and refunded after it gets the numbers that it had.", f.Invoiced)
	r.sayf("Open sagas to go on from the events: %d. Orders that only Temporal knows, to be placed again: %d.", f.Open, len(f.Placed))
	for _, id := range f.Placed {
		r.sayf("  order %s is placed again", id)
	}
	if len(f.Unread) > 0 {
		r.sayf("Orders with an event that this program does not know: %d. Recover with the program that made it. "+
			"With --accept-loss their sagas are left as they are.", len(f.Unread))
	}
	for _, id := range f.Unread {
		r.sayf("  order %s", id)
	}
	if f.Complete() {
		return
	}
	r.sayf("Lost for good: events of %d streams, %d orders. Numbers of invoices that were given for them go to others.", len(f.Gaps), len(f.Unplaced))
	for _, g := range f.Gaps {
		r.sayf("  %s", g)
	}
	for _, id := range f.Unplaced {
		r.sayf("  order %s: Temporal does not know any more what was ordered", id)
	}
}

// toldOf is what was found, for programs.
func toldOf(f recovery.Found) *recovered {
	told := &recovered{
		StoreID: f.Identity.ID, Epoch: f.Identity.Epoch, Confirmed: f.Identity.Confirmed, Reason: f.Identity.Reason,
		KnownEpoch: f.Known.Epoch, Known: f.Known.Sequence, Behind: f.Behind, Lost: f.Lost, Streams: f.Streams, Taken: f.Taken,
		ToErase: f.Erased, Keys: f.Keys, Invoiced: f.Invoiced, OpenSagas: f.Open,
		Placed: append([]uuid.UUID{}, f.Placed...), Unread: f.Unread, Unplaced: f.Unplaced,
	}
	for _, g := range f.Gaps {
		told.Gaps = append(told.Gaps, g.String())
	}
	return told
}
