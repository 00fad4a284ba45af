package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
	"go.temporal.io/sdk/activity"
)

// ReconcilePayments is the input of [Activities.ReconcilePayments].
type ReconcilePayments struct {
	// From and To bound the time in which payments changed, at the gateway or in the events; To lies a quarter of an
	// hour back or more, since a gateway shows a change with some delay.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// OrderID is the one order whose payment is compared, whenever it changed; zero for all.
	OrderID uuid.UUID `json:"order_id,omitzero"`
}

// Reconciled sums up a reconciliation.
type Reconciled struct {
	// Compared counts the payments of ours that were compared, and Foreign those at the gateway that belong to no order
	// of ours.
	Compared int `json:"compared"`
	Foreign  int `json:"foreign,omitempty"`
	// Adopted counts what was recorded because only the gateway knew of it.
	Adopted int `json:"adopted,omitempty"`
	// Differences counts the amounts that differ.
	Differences int `json:"differences"`
	// Found are the payments with something adopted or different, at most [FoundMax].
	Found []FoundPayment `json:"found,omitempty"`
	// Changed are those whose sagas have to look at them. More is true when there may be others: the same
	// reconciliation, carried out once more, finds them.
	Changed []ChangedPayment `json:"changed,omitempty"`
	More    bool             `json:"more,omitempty"`
	// NoLedger is true when the gateway can't list its ledger: it was asked about each payment of ours.
	NoLedger bool `json:"no_ledger,omitempty"`
	// Payouts are what the gateway has paid out, at most [PayoutsMax]. Unmatched counts what of it should belong to an
	// order and does not. UnmatchedEntries are that and what belongs to no order here, at most [UnmatchedMax].
	Payouts          []ReconciledPayout `json:"payouts,omitempty"`
	Unmatched        int                `json:"unmatched,omitempty"`
	UnmatchedEntries []UnmatchedEntry   `json:"unmatched_entries,omitempty"`
	// PayoutsUnread says why the gateway's payouts could not be read; empty when they were, or there are none.
	PayoutsUnread string `json:"payouts_unread,omitempty"`
}

// After returns r as the end of a reconciliation that was carried out in several pieces, with what the one before has
// adopted. It names no changed payments any more.
func (r Reconciled) After(before Reconciled) Reconciled {
	r.Adopted += before.Adopted
	r.Changed = nil
	for _, f := range before.Found {
		i := slices.IndexFunc(r.Found, func(g FoundPayment) bool { return g.PaymentID == f.PaymentID })
		switch {
		case i >= 0:
			r.Found[i].Adopted += f.Adopted
		case f.Adopted > 0 && len(r.Found) < FoundMax:
			r.Found = append(r.Found, f)
		}
	}
	return r
}

// FoundPayment is a payment that a reconciliation has changed, or that differs from the gateway's ledger.
type FoundPayment struct {
	OrderID   uuid.UUID `json:"order_id"`
	PaymentID uuid.UUID `json:"payment_id"`
	// Unknown is true when the gateway does not know the payment.
	Unknown bool `json:"unknown,omitempty"`
	// Adopted counts what was recorded, and Differences are what differs still.
	Adopted     int                  `json:"adopted,omitempty"`
	Differences []payment.Difference `json:"differences,omitempty"`
}

// ChangedPayment is a payment of which something became known: see [GatewayEventsRecorded].
type ChangedPayment struct {
	OrderID uuid.UUID   `json:"order_id"`
	Refunds []uuid.UUID `json:"refunds,omitempty"`
	Awaited bool        `json:"awaited,omitempty"`
}

// Bounds of what a reconciliation answers.
const (
	// FoundMax is how many payments are named.
	FoundMax = 100
	// changedMax is how many changed payments are answered at once.
	changedMax = 500
	// eventsPage is how many events of payments are read at once.
	eventsPage = 1_000
)

// PaymentLog reads the events of payments in the order in which they were recorded. [eventstore.Store] is one.
type PaymentLog interface {
	Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error)
}

// ReconcilePayments compares the gateway's ledger with the payment streams, payment by payment and both ways. It looks
// at what has changed at the gateway, and at what has changed in the events. Each payment is compared as a whole.
//
// What only the gateway knows of is recorded, as [Activities.RecordGatewayEvent] does. Each amount that still differs
// is recorded as an event of the payment's stream, and so is the end of a difference.
//
// Then it matches what the gateway has paid out in that time: see [ReconciledPayout].
//
// It may be repeated: a difference that is known is not recorded again. Payments at the gateway that belong to no order
// of ours are counted. Refusals: not_found for an order that does not exist; ledger_out_of_reach.
func (a *Activities) ReconcilePayments(ctx context.Context, in ReconcilePayments) (Reconciled, error) {
	r := reconciliation{Activities: a, in: in, compared: map[uuid.UUID]bool{}}
	if in.OrderID != uuid.Nil {
		return r.order(ctx)
	}
	if err := r.ledger(ctx); err != nil {
		return r.out, err
	}
	if err := r.events(ctx); err != nil || r.out.More {
		return r.out, err
	}
	err := r.payouts(ctx)
	return r.out, err
}

// reconciliation is a comparison under way.
type reconciliation struct {
	*Activities
	in  ReconcilePayments
	out Reconciled
	// compared are the payments that were compared, each once.
	compared map[uuid.UUID]bool
}

// order compares the payment of one order.
func (r *reconciliation) order(ctx context.Context) (Reconciled, error) {
	o, err := r.foldOrder(ctx, r.in.OrderID)
	if err != nil {
		return r.out, err
	}
	if o.Status == "" {
		return r.out, Refusal(domain.Refuse(domain.CodeNotFound, "order %s does not exist", r.in.OrderID))
	}
	err = r.ask(ctx, payment.ID(r.in.OrderID))
	return r.out, err
}

// ledger compares what has changed at the gateway.
func (r *reconciliation) ledger(ctx context.Context) error {
	ledger, ok := r.gateway.(payments.LedgerReader)
	if r.out.NoLedger = !ok; !ok {
		return nil
	}
	for entry, err := range ledger.Ledger(ctx, r.in.From, r.in.To) {
		if err != nil {
			return Refusal(fmt.Errorf("read the gateway's ledger: %w", err))
		}
		if err := r.compare(ctx, entry.PaymentID, entry); err != nil || r.out.More {
			return err
		}
	}
	return nil
}

// events compares what has changed in the events and was not compared yet.
func (r *reconciliation) events(ctx context.Context) error {
	o := eventstore.ReadOptions{Limit: eventsPage, Filter: eventstore.Filter{
		AggregateTypes: []string{domain.AggregatePayment}, From: r.in.From, To: r.in.To,
	}}
	for more := r.log != nil; more && !r.out.More; {
		page, err := r.log.Read(ctx, o)
		if err != nil {
			return fmt.Errorf("read the events of payments: %w", err)
		}
		for _, e := range page.Events {
			if r.compared[e.AggregateID] {
				continue
			}
			if err := r.ask(ctx, e.AggregateID); err != nil || r.out.More {
				return err
			}
		}
		o.After, more = page.Next, page.More
	}
	return nil
}

// ask compares a payment with what the gateway answers.
func (r *reconciliation) ask(ctx context.Context, id uuid.UUID) error {
	p, _, err := eventstore.Fold(ctx, r.Activities.events, paymentAggregate, id)
	if err != nil {
		return fmt.Errorf("load payment %s: %w", id, err)
	}
	entry, err := r.gateway.Find(ctx, payments.FindRequest{PaymentID: id, GatewayRef: p.GatewayRef})
	if err != nil {
		return Refusal(fmt.Errorf("find payment %s: %w", id, err))
	}
	return r.compare(ctx, id, entry)
}

// compare records what an entry tells and where it differs. The entry has no payment id when the gateway does not know
// the payment.
func (r *reconciliation) compare(ctx context.Context, id uuid.UUID, entry payments.LedgerEntry) error {
	if r.compared[id] {
		return nil
	}
	r.compared[id] = true
	found := FoundPayment{PaymentID: id, Unknown: entry.PaymentID == uuid.Nil}
	if !found.Unknown {
		adopted, err := r.recordGatewayEvents(ctx, entry, r.in.To)
		if err != nil {
			return err
		}
		if found.Adopted = adopted.Recorded; adopted.Recorded > 0 || adopted.Awaited {
			r.out.Changed = append(r.out.Changed, ChangedPayment{OrderID: adopted.OrderID, Refunds: adopted.Refunds, Awaited: adopted.Awaited})
		}
	}
	known, err := r.difference(ctx, id, entry)
	if err != nil {
		return err
	}
	r.count(ctx, found, known)
	return nil
}

// difference records where a payment differs from the gateway's ledger, and returns it as it is then.
func (r *reconciliation) difference(ctx context.Context, id uuid.UUID, entry payments.LedgerEntry) (payment.Payment, error) {
	p, version, err := eventstore.Fold(ctx, r.Activities.events, paymentAggregate, id)
	if err != nil {
		return p, fmt.Errorf("load payment %s: %w", id, err)
	}
	if p.OrderID == uuid.Nil || len(payment.Reconcile(p, comparableBalance(entry, p), r.in.To)) == 0 {
		return p, nil
	}
	// The entry may be older than what is recorded by now, or a step may be about to record what it tells. So the
	// gateway is asked again, until nothing is recorded meanwhile.
	for before := int64(-1); before != version; {
		before = version
		if entry, err = r.gateway.Find(ctx, payments.FindRequest{PaymentID: id, GatewayRef: p.GatewayRef}); err != nil {
			return p, Refusal(fmt.Errorf("find payment %s: %w", id, err))
		}
		if p, version, err = eventstore.Fold(ctx, r.Activities.events, paymentAggregate, id); err != nil {
			return p, fmt.Errorf("load payment %s: %w", id, err)
		}
	}
	st := stamp(ctx, fmt.Sprintf("reconcile/%s/%d", id, version), p.OrderID, r.in.To)
	after, _, err := r.changePayment(ctx, p.OrderID, st, func(now payment.Payment) ([]domain.Event, error) {
		return payment.Reconcile(now, comparableBalance(entry, now), r.in.To), nil
	})
	return after, err
}

// count sums up what was found of a payment.
func (r *reconciliation) count(ctx context.Context, found FoundPayment, p payment.Payment) {
	if p.OrderID == uuid.Nil {
		r.out.Foreign++
		return
	}
	found.OrderID, found.Differences = p.OrderID, p.Differences
	r.out.Compared++
	r.out.Adopted += found.Adopted
	r.out.Differences += len(found.Differences)
	if (found.Adopted > 0 || len(found.Differences) > 0) && len(r.out.Found) < FoundMax {
		r.out.Found = append(r.out.Found, found)
	}
	r.out.More = len(r.out.Changed) >= changedMax
	activity.RecordHeartbeat(ctx, Reconciled{ // the worker sends on the last one, every two seconds or so
		Compared: r.out.Compared, Foreign: r.out.Foreign, Adopted: r.out.Adopted, Differences: r.out.Differences, NoLedger: r.out.NoLedger,
	})
}

// comparableBalance returns the gateway's balance as it would be if the gateway captured shipment by shipment. A
// gateway that can capture only once is ahead of the stream for that reason alone.
func comparableBalance(e payments.LedgerEntry, p payment.Payment) payment.GatewayBalance {
	b := e.Balance
	if !e.TakenAtOnce || !b.Captured.SameCurrency(p.Captured) || !b.Held.SameCurrency(p.Captured) && !b.Held.IsZero() {
		return b
	}
	ahead := b.Captured.Sub(p.CapturedAtGateway())
	if ahead.IsPositive() && ahead.Cmp(p.Capturable()) <= 0 {
		b.Captured, b.Held = b.Captured.Sub(ahead), b.Held.Add(ahead)
	}
	return b
}
