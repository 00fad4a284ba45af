package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/app"
)

// printPayouts tells people what the gateway has paid out, and what of it matches nothing.
func printPayouts(out io.Writer, r app.Reconciled) error {
	if r.PayoutsUnread != "" {
		_, _ = fmt.Fprintf(out, "The gateway's payouts could NOT be read: %s\n", r.PayoutsUnread)
	}
	if len(r.Payouts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	_, _ = fmt.Fprintln(w, "PAYOUT\tAT\tGROSS\tFEES\tNET\tMATCHED\tOF OTHERS\tUNMATCHED")
	for _, p := range r.Payouts {
		at := p.At.UTC().Format(time.RFC3339)
		if !p.Itemised {
			_, _ = fmt.Fprintf(w, "%s\t%s\t\t\t%s\tthe gateway does not tell what it consists of\t\t\n", p.Ref, at, p.Amount)
			continue
		}
		_, _ = fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%d\t%d\n", p.Ref, at, p.Gross.Text(), p.Fees.Text(), p.Net, p.Matched, p.Foreign, p.Unmatched)
	}
	for _, e := range r.UnmatchedEntries {
		of := ""
		if e.OrderID != uuid.Nil {
			of = " of order " + e.OrderID.String()
		}
		_, _ = fmt.Fprintf(w, "%s: %s %s of %s%s: %s\n", e.Payout, e.Kind, e.Ref, e.Amount, of, e.Why)
	}
	return w.Flush()
}
