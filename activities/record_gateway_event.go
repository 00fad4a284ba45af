package activities

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
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
	// Refunds are those that a saga has to carry on with now: see [payment.Payment.OpenRefunds].
	Refunds []uuid.UUID `json:"refunds,omitempty"`
}

// RecordGatewayEvent asks the gateway what has happened to a payment, and records the refunds and disputes that are not
// known. They were made elsewhere, their answer was lost, or they failed later. Each counts once, whether a report or
// the reconciliation tells of it first. It does nothing for a payment that is none of ours.
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

func (a *Activities) recordGatewayEvents(ctx context.Context, entry payments.LedgerEntry, at time.Time) (out GatewayEventsRecorded, err error) {
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, entry.PaymentID)
	if err != nil {
		return out, fmt.Errorf("load payment %s: %w", entry.PaymentID, err)
	}
	if p.OrderID == uuid.Nil {
		return out, nil
	}
	for _, e := range entry.Events {
		// What may not be recorded is a difference that the reconciliation shows.
		if events, err := decideGatewayEvent(p, e, at); err != nil || len(events) == 0 {
			continue
		}
		st := stamp(ctx, fmt.Sprintf("gateway/%s/%s/%s", p.ID, e.Kind, e.Ref), p.OrderID, at)
		var replayed bool
		p, replayed, err = a.changePayment(ctx, p.OrderID, st, func(p payment.Payment) ([]domain.Event, error) { return decideGatewayEvent(p, e, at) })
		if err != nil {
			return out, err
		}
		if !replayed {
			out.Recorded++
		}
	}
	out.OrderID, out.Refunds = p.OrderID, p.OpenRefunds()
	return out, nil
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
