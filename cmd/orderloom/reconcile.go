package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

// sinceDefault is how far a reconciliation looks back that is asked for without --since, as the nightly one does.
const sinceDefault = "26h"

func (p *program) reconcileCommand() *cobra.Command {
	var orderID, since string
	var output *format
	c := &cobra.Command{
		Use:   "reconcile",
		Short: "Compare the payments with the gateway, both ways; exit 3 when they differ",
		Long: `Compare the payments with the gateway's ledger, both ways: what has changed at the gateway, and what has changed in
the events. Each payment is compared as a whole. What only the gateway knows of is recorded, and the sagas of those orders
go on from it. What differs still is recorded and shown as attention; it goes away once both agree.

What the gateway has paid out in that time is matched with the captures, refunds and disputes of orders. For each payout
it tells gross, fees and net, and it names the entries that match nothing.

A worker carries it out. It may run at any time, and beside the nightly one.`,
		Args: arguments(),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		in, err := reconciliationInput(orderID, since, c.Flags().Changed("since"), time.Now())
		if err != nil {
			return err
		}
		return p.reconciles(in, *output)(c, args)
	}
	c.Flags().StringVar(&orderID, "order", "", "the id of the one order whose payment is compared, whenever it changed")
	c.Flags().StringVar(&since, "since", sinceDefault, "compare what has changed since then: a duration such as 48h, or a time such as 2026-11-26T08:00:00Z")
	output = outputFlag(c)
	return c
}

// reconciles returns the action of a reconciliation with this input.
func (p *program) reconciles(in app.Reconciliation, output format) action {
	return p.runsWith(config.RoleReconcile, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
		var counted atomic.Pointer[app.Reconciled]
		counted.Store(&app.Reconciled{})
		p.doesWith(func() string { return counting(*counted.Load()) })
		out, err := app.Reconcile(ctx, cfg, tel, in, func(r app.Reconciled) { counted.Store(&r) })
		if err != nil {
			return err
		}
		err = p.show(output, out, func(w io.Writer) error { return printReconciled(w, out) })
		if err == nil {
			err = differing(out)
		}
		return err
	})
}

// differing is the error of a reconciliation that has found differences; nil of one that has not.
func differing(r app.Reconciled) error {
	switch {
	case r.Differences > 0:
		return foundError{fmt.Errorf("%s from the gateway's", plural(r.Differences, "amount differs", "amounts differ"))}
	case r.Unmatched > 0:
		return foundError{fmt.Errorf("%s matched by no event", plural(r.Unmatched, "entry of a payout is", "entries of payouts are"))}
	}
	return nil
}

// counting tells how far a reconciliation has come.
func counting(r app.Reconciled) string {
	return fmt.Sprintf("comparing the payments with the gateway: %d compared, %d of others, %s adopted, %s",
		r.Compared, r.Foreign, plural(r.Adopted, "event", "events"), plural(r.Differences, "difference", "differences"))
}

// reconciliationInput reads the flags.
func reconciliationInput(orderID, since string, sinceGiven bool, now time.Time) (in app.Reconciliation, err error) {
	in.To = now.UTC()
	if orderID != "" {
		if in.OrderID, err = parseID("--order", orderID); err != nil {
			return in, err
		}
		if sinceGiven {
			return in, fmt.Errorf("--since does not go with --order: the payment of one order is compared as a whole")
		}
		return in, nil
	}
	in.From, err = parseSince(since, now)
	return in, err
}

// parseSince reads a duration before now, or a time.
func parseSince(text string, now time.Time) (time.Time, error) {
	if d, err := time.ParseDuration(text); err == nil {
		if d <= 0 {
			return time.Time{}, fmt.Errorf("--since must be a duration of more than nothing, got %q", text)
		}
		if at := now.Add(-d).UTC(); at.After(sinceMin) {
			return at, nil
		}
		return time.Time{}, fmt.Errorf("--since must not lie before %s, got %q", sinceMin.Format(time.RFC3339), text)
	}
	at, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("--since must be a duration such as 48h or a time such as 2026-11-26T08:00:00Z, got %q", text)
	case !at.Before(now):
		return time.Time{}, fmt.Errorf("--since must lie in the past, got %q", text)
	case at.Before(sinceMin):
		return time.Time{}, fmt.Errorf("--since must not lie before %s, got %q", sinceMin.Format(time.RFC3339), text)
	}
	return at.UTC(), nil
}

// sinceMin is before any payment. The zero time would stand for another one.
var sinceMin = time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC)

// printReconciled tells people what was adopted, what differs, and what to do.
func printReconciled(out io.Writer, r app.Reconciled) error {
	_, _ = fmt.Fprintf(out, "Compared %s with the gateway: %s adopted, %s.\n", plural(r.Compared, "payment", "payments"),
		plural(r.Adopted, "event", "events"), plural(r.Differences, "difference", "differences"))
	if r.Foreign > 0 {
		_, _ = fmt.Fprintf(out, "%s to no order here.\n", plural(r.Foreign, "payment at the gateway belongs", "payments at the gateway belong"))
	}
	if r.NoLedger {
		_, _ = fmt.Fprintln(out, "The gateway has no ledger: it was asked about each payment that has changed in the events.")
	}
	if err := printPayouts(out, r); err != nil || len(r.Found) == 0 {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "ORDER\tFOUND\tGATEWAY\tEVENTS\tSINCE\tWHAT TO DO")
	for _, f := range r.Found {
		if f.Adopted > 0 {
			_, _ = fmt.Fprintf(w, "%s\t%s adopted\t\t\t\tnothing: its saga goes on from that\n", f.OrderID, plural(f.Adopted, "event", "events"))
		}
		for _, d := range f.Differences {
			_, _ = fmt.Fprintf(w, "%s\t%s differs\t%s\t%s\t%s\t%s\n", f.OrderID, d.What, d.Gateway, d.Stream, d.FoundAt.UTC().Format(time.RFC3339), whatToDo(f))
		}
	}
	return errors.Join(w.Flush(), moreFound(out, r))
}

// plural is a number with its noun.
func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func whatToDo(f app.FoundPayment) string {
	if f.Unknown {
		return "the gateway does not know payment " + f.PaymentID.String() + ": check its account and key"
	}
	return "find payment " + f.PaymentID.String() + " in the gateway's dashboard, mend it there, and reconcile again"
}

func moreFound(out io.Writer, r app.Reconciled) error {
	if len(r.Found) < app.FoundMax {
		return nil
	}
	_, err := fmt.Fprintf(out, "Only the first %d payments are listed; all are shown by \"orderloom attention list\".\n", len(r.Found))
	return err
}
