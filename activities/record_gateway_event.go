package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// RecordGatewayEvent is the input of [Activities.RecordGatewayEvent]: what the gateway's report names.
type RecordGatewayEvent struct {
	PaymentID  uuid.UUID `json:"payment_id,omitzero"`
	GatewayRef string    `json:"gateway_ref,omitempty"`
	At         time.Time `json:"at"`
}

// GatewayEventsRecorded is what became known.
type GatewayEventsRecorded struct {
	// OrderID is the order whose payment it is; zero when the payment is none of ours.
	OrderID uuid.UUID `json:"order_id,omitzero"`
	// Recorded counts what was not known before.
	Recorded int `json:"recorded"`
	// Unusual is true when the gateway tells of a refund, a dispute, or something that was made elsewhere: the order's
	// saga has to look. It does not depend on what was known before, so that an answer which got lost is no harm.
	Unusual bool `json:"unusual,omitempty"`
	// Refunds are those that a saga has to carry on with now: see [payment.Payment.OpenRefunds].
	Refunds []uuid.UUID `json:"refunds,omitempty"`
	// Awaited is true when the gateway has decided what the saga of the payment still waits for.
	Awaited bool `json:"awaited,omitempty"`
}

// RecordGatewayEvent asks the gateway what has happened to a payment, and records what is not known. That is captures,
// refunds, disputes and authorisations that ended. Money that was reserved after the payment was closed is let go. They
// were made elsewhere, their answer was lost, or they failed later. Each counts once, whether a report or the
// reconciliation tells of it first. It does nothing for a payment that is none of ours.
func (a *Activities) RecordGatewayEvent(ctx context.Context, in RecordGatewayEvent) (GatewayEventsRecorded, error) {
	entry, err := a.gateway.Find(ctx, payments.FindRequest{PaymentID: in.PaymentID, GatewayRef: in.GatewayRef})
	if err != nil {
		return GatewayEventsRecorded{}, Refusal(fmt.Errorf("find payment %s: %w", in.PaymentID, err))
	}
	if entry.PaymentID == uuid.Nil {
		return GatewayEventsRecorded{}, nil
	}
	return a.recordGatewayEvents(ctx, entry, in.At)
}

// recordGatewayEvents records what an entry tells that is not known.
func (a *Activities) recordGatewayEvents(ctx context.Context, entry payments.LedgerEntry, at time.Time) (out GatewayEventsRecorded, err error) {
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, entry.PaymentID)
	if err != nil {
		return out, fmt.Errorf("load payment %s: %w", entry.PaymentID, err)
	}
	if p.OrderID == uuid.Nil {
		return out, nil
	}
	if err := a.noteAccess(ctx, p.OrderID, p.Access, at, nil); err != nil {
		return out, err
	}
	record := gatewayRecord{Activities: a, payment: p, at: at, unanswered: p.Lapsed && at.Sub(p.ExpiresAt) > captureUnderWayMax}
	// What was captured comes before what has become of it: only then is known what can have gone back.
	for _, step := range []func(context.Context, payments.LedgerEntry) error{record.captures, record.movements, record.hold, record.excess, record.surplus} {
		if err := step(ctx, entry); err != nil {
			return out, err
		}
	}
	p = record.payment
	return GatewayEventsRecorded{
		OrderID: p.OrderID, Recorded: record.recorded, Refunds: p.OpenRefunds(), Awaited: isAwaited(p, entry),
		Unusual: slices.ContainsFunc(entry.Events, isUnusual),
	}, nil
}

// captureUnderWayMax is how long after the end of an authorisation a capture may still be recorded by its own step.
const captureUnderWayMax = time.Hour

// gatewayRecord brings a payment up to what the gateway tells of it.
type gatewayRecord struct {
	*Activities
	payment  payment.Payment
	at       time.Time
	recorded int
	// unanswered is true when no capture of ours is under way. One that is not known is recorded then: its answer was
	// lost.
	unanswered bool
}

// change records what decide returns. The name is unique within the step, and the same when the same is told again.
func (r *gatewayRecord) change(ctx context.Context, name string, decide func(payment.Payment) ([]domain.Event, error)) error {
	// What may not be recorded is a difference that the reconciliation shows.
	if events, err := decide(r.payment); err != nil || len(events) == 0 {
		return nil //nolint:nilerr // said above
	}
	st := stamp(ctx, fmt.Sprintf("gateway/%s/%s", r.payment.ID, name), r.payment.OrderID, r.at)
	after, replayed, err := r.changePayment(ctx, r.payment.OrderID, st, decide)
	if err != nil {
		return err
	}
	if r.payment = after; !replayed {
		r.recorded++
	}
	return nil
}

// movements records refunds and disputes.
func (r *gatewayRecord) movements(ctx context.Context, entry payments.LedgerEntry) error {
	for _, e := range entry.Events {
		err := r.change(ctx, fmt.Sprintf("%s/%s", e.Kind, e.Ref), func(p payment.Payment) ([]domain.Event, error) { return decideGatewayEvent(p, e, r.at) })
		if err != nil {
			return err
		}
	}
	return nil
}

// captures records what was captured elsewhere.
func (r *gatewayRecord) captures(ctx context.Context, entry payments.LedgerEntry) error {
	var told []payment.GatewayCapture
	var name string
	for _, e := range entry.Events {
		if e.Kind != payments.EventCaptured {
			continue
		}
		c := payment.GatewayCapture{CaptureRef: e.Ref, GatewayRef: e.GatewayRef, Amount: e.Amount, At: e.At}
		id, ours := payment.ParseCaptureKey(r.payment.ID, e.Key)
		_, known := r.payment.Captures[id]
		switch {
		case e.Elsewhere(), ours && !known && r.unanswered:
			name += "/" + e.Ref + "/" + e.Amount.Text()
		case ours:
			c.CaptureID = id
		default:
			continue
		}
		told = append(told, c)
	}
	return r.change(ctx, "captured"+name, func(p payment.Payment) ([]domain.Event, error) { return payment.RecordCaptures(p, told, r.at) })
}

// hold records that an authorisation has ended, and lets go of one that came too late.
func (r *gatewayRecord) hold(ctx context.Context, entry payments.LedgerEntry) error {
	late := holdsLate(entry, r.payment)
	if _, _, ended := endOf(entry, r.payment); !ended && !late {
		return nil
	}
	// The entry may be older than what is recorded by now. So the gateway is asked after the events were read.
	generation := r.payment.Generation
	fresh, err := r.gateway.Find(ctx, payments.FindRequest{PaymentID: r.payment.ID, GatewayRef: r.payment.GatewayRef})
	if err != nil {
		return Refusal(fmt.Errorf("find payment %s: %w", r.payment.ID, err))
	}
	if late && holdsLate(fresh, r.payment) {
		if err := r.voidLatePayment(ctx, r.payment.OrderID, lateHold(fresh, r.at)); err != nil {
			return err
		}
		r.recorded++
		r.payment, _, err = eventstore.Fold(ctx, r.events, paymentAggregate, r.payment.ID)
		return err
	}
	reason, at, ended := endOf(fresh, r.payment)
	if !ended {
		return nil
	}
	o, err := r.foldOrder(ctx, r.payment.OrderID)
	if err != nil || r.payment.VoidFailure == nil && !o.Uncaptured().IsPositive() {
		return err // it was let go by a void of ours, which is about to be recorded
	}
	return r.change(ctx, fmt.Sprintf("ended/%d", generation), func(p payment.Payment) ([]domain.Event, error) {
		if p.Generation != generation {
			return nil, nil
		}
		return payment.EndAuthorization(p, reason, at), nil
	})
}

// holdsLate reports whether the gateway holds money of a payment that is closed. It has taken all that was captured, so
// nothing of that is what it holds.
func holdsLate(e payments.LedgerEntry, p payment.Payment) bool {
	return p.Closed() && !p.HeldLate.IsPositive() && e.Balance.Held.IsPositive() &&
		(p.CapturedAtGateway().IsZero() || e.Balance.Captured.SameCurrency(p.Captured) && e.Balance.Captured.Cmp(p.CapturedAtGateway()) >= 0)
}

// endOf tells that the present authorisation of a payment is gone at the gateway, and why. The time is the gateway's.
func endOf(entry payments.LedgerEntry, p payment.Payment) (reason payment.EndReason, at time.Time, ended bool) {
	if !p.Held().IsPositive() && p.VoidFailure == nil || comparableBalance(entry, p).Held.IsPositive() {
		return "", at, false
	}
	for _, e := range entry.Events {
		if e.GatewayRef != p.GatewayRef || ended && e.At.Before(at) {
			continue
		}
		switch e.Kind {
		case payments.EventExpired:
			reason, at, ended = payment.EndReasonExpired, e.At, true
		case payments.EventVoided:
			reason, at, ended = payment.EndReasonVoidedElsewhere, e.At, true
		}
	}
	return reason, at, ended
}

// lateHold is what the gateway holds for a payment that is closed.
func lateHold(entry payments.LedgerEntry, at time.Time) payment.LateAuthorization {
	return payment.LateAuthorization{Amount: entry.Balance.Held, GatewayRef: entry.Authorization.GatewayRef, At: at}
}

// excess records what the gateway has taken beyond what anybody had asked for, and did not give back with a void. It is
// for a payment that takes nothing for its order any more.
func (r *gatewayRecord) excess(ctx context.Context, entry payments.LedgerEntry) error {
	over := func(e payments.LedgerEntry, p payment.Payment) []domain.Event {
		return payment.RecordExcess(p, payment.Excess{Taken: e.Balance.Captured, GatewayRef: refOfExcess(e, p), At: r.at})
	}
	if len(over(entry, r.payment)) == 0 || r.payment.Lapsed && !r.unanswered {
		return nil
	}
	// The entry may be older than what is recorded by now. So the gateway is asked after the events were read.
	fresh, err := r.gateway.Find(ctx, payments.FindRequest{PaymentID: r.payment.ID, GatewayRef: r.payment.GatewayRef})
	if err != nil {
		return Refusal(fmt.Errorf("find payment %s: %w", r.payment.ID, err))
	}
	o, err := r.foldOrder(ctx, r.payment.OrderID)
	if err != nil || o.Uncaptured().IsPositive() {
		return err
	}
	return r.change(ctx, "excess/"+fresh.Balance.Captured.Text(), func(p payment.Payment) ([]domain.Event, error) { return over(fresh, p), nil })
}

// refOfExcess is the gateway's payment that has taken the most beyond what is known.
func refOfExcess(e payments.LedgerEntry, p payment.Payment) (ref string) {
	var most money.Money
	for _, candidate := range e.Refs {
		taken := money.Zero(p.Captured.Currency)
		for _, event := range e.Events {
			if event.Kind == payments.EventCaptured && event.GatewayRef == candidate && event.Amount.SameCurrency(taken) {
				taken = taken.Add(event.Amount)
			}
		}
		if over := taken.Sub(p.TakenFrom(candidate)); ref == "" || over.Cmp(most) > 0 {
			ref, most = candidate, over
		}
	}
	return ref
}

// surplus records that money is owed which was captured elsewhere and pays for nothing of an order that has ended.
func (r *gatewayRecord) surplus(ctx context.Context, _ payments.LedgerEntry) error {
	if !r.payment.Unapplied().IsPositive() {
		return nil
	}
	o, err := r.foldOrder(ctx, r.payment.OrderID)
	if err != nil || !o.Status.Ended() {
		return err
	}
	return r.change(ctx, "owed/"+r.payment.SurplusKey(), func(p payment.Payment) ([]domain.Event, error) { return payment.OweUnapplied(p, r.at), nil })
}

// isAwaited reports whether the gateway has decided what a payment waits for.
func isAwaited(p payment.Payment, entry payments.LedgerEntry) bool {
	switch entry.Authorization.Status {
	case "", payment.StatusActionRequired, payments.StatusProcessing:
		return false
	}
	return p.Status == payment.StatusActionRequired
}

// isUnusual reports whether an event is none of those that every order has.
func isUnusual(e payments.Event) bool {
	switch e.Kind {
	case payments.EventAuthorized:
		return false
	case payments.EventCaptured:
		return e.Elsewhere()
	}
	return true
}

// refundStatuses and disputeStatuses are what the kinds of a gateway's events say.
var (
	refundStatuses = map[payments.EventKind]payment.RefundStatus{
		payments.EventRefundPending: payment.RefundStatusPending, payments.EventRefunded: payment.RefundStatusPaid,
		payments.EventRefundFailed: payment.RefundStatusFailed,
	}
	disputeStatuses = map[payments.EventKind]payment.DisputeStatus{
		payments.EventDisputeOpened: payment.DisputeStatusOpen, payments.EventDisputeWithdrawn: payment.DisputeStatusFundsWithdrawn,
		payments.EventDisputeWon: payment.DisputeStatusWon, payments.EventDisputeLost: payment.DisputeStatusLost,
	}
)

// decideGatewayEvent decides what an event at the gateway means for the books: nothing, when it is known or moves no
// captured money.
func decideGatewayEvent(p payment.Payment, e payments.Event, at time.Time) ([]domain.Event, error) {
	if !e.At.IsZero() {
		at = e.At
	}
	if status, ok := disputeStatuses[e.Kind]; ok {
		return payment.RecordDispute(p, payment.GatewayDispute{GatewayRef: e.Ref, Amount: e.Amount, Status: status, Reason: e.Code, At: at})
	}
	status, ok := refundStatuses[e.Kind]
	if !ok {
		return nil, nil
	}
	answer := payment.RefundAnswer{GatewayRef: e.Ref, Status: status, Amount: e.Amount, Source: e.GatewayRef, Cause: e.Code, Reason: "made_at_the_gateway", At: at}
	if !e.Elsewhere() {
		if answer.RefundID, answer.Attempt, ok = payment.ParseRefundKey(p.ID, e.Key); !ok {
			return nil, nil // another request of ours, such as a void that gave back what was taken in excess
		}
	}
	return payment.RecordGatewayRefund(p, answer)
}
