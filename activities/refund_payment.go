package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/payments"
)

// RequestRefund is the input of [Activities.RequestRefund].
type RequestRefund struct {
	OrderID  uuid.UUID   `json:"order_id"`
	RefundID uuid.UUID   `json:"refund_id"`
	Amount   money.Money `json:"amount"`
	Reason   string      `json:"reason"`
	// Lines are what is asked for line by line: the amount follows from them.
	Lines []order.RefundLine `json:"lines,omitempty"`
	// Spread shares the amount out over all that is left of the order's lines and shipping lines. Otherwise it is for
	// none of them.
	Spread bool `json:"spread,omitzero"`
	// After is as in [payment.RefundPayment].
	After int       `json:"after,omitempty"`
	At    time.Time `json:"at"`
}

// RefundRequested is where a refund stands that was asked for.
type RefundRequested struct {
	Refund payment.RefundSummary `json:"refund"`
	// Replayed is true when it was requested before.
	Replayed bool `json:"replayed,omitempty"`
}

// RequestRefund records that the gateway is about to be asked for a refund, and reserves its amount. It asks nobody:
// [Activities.RefundPayment] does. It answers where the refund stands, also when it was requested before.
//
// Refusals: not_found for a refund by lines; idempotency_key_reused; refund_exceeds_capture; refund_under_way;
// payment_disputed; invalid.
func (a *Activities) RequestRefund(ctx context.Context, in RequestRefund) (RefundRequested, error) {
	p, replayed, err := a.requestRefund(ctx, asked(ctx, in.step(), in.OrderID, in.At), in)
	if err != nil {
		return RefundRequested{}, err
	}
	r, _ := p.Refund(in.RefundID)
	return RefundRequested{Refund: p.Summary(r), Replayed: replayed}, nil
}

// requestRefund returns the payment with the request.
func (a *Activities) requestRefund(ctx context.Context, st eventstore.Stamp, in RequestRefund) (p payment.Payment, replayed bool, err error) {
	command := payment.RefundPayment{RefundID: in.RefundID, Amount: in.Amount, Reason: in.Reason, After: in.After, At: in.At}
	byLine := len(in.Lines) > 0 || in.Spread || in.After > 0
	if !byLine {
		return a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) {
			command.Limits = a.limits(p.Captured.Currency)
			return payment.RequestRefund(p, command)
		})
	}
	err = a.events.Decide(ctx, st, withPayment(in.OrderID), func(tx *eventstore.Tx) error {
		id := payment.ID(in.OrderID)
		p = eventstore.State(tx, paymentAggregate, id)
		command.Limits = a.limits(p.Captured.Currency)
		lined, err := in.byLine(command, eventstore.State(tx, orderAggregate, in.OrderID), p)
		if err != nil {
			return err
		}
		events, err := payment.RequestRefund(p, lined)
		if err != nil {
			return err
		}
		eventstore.Record(tx, paymentAggregate, id, events...)
		p, replayed = eventstore.State(tx, paymentAggregate, id).Clone(), len(events) == 0
		return nil
	})
	if err != nil {
		return p, false, Refusal(fmt.Errorf("%s: %w", st.Source, err))
	}
	return p, replayed, nil
}

func (in RequestRefund) step() string {
	return fmt.Sprintf("refund/%s/request/%d", in.RefundID, in.After+1)
}

// byLine returns the request with what it comes to for each line that it is about.
func (in RequestRefund) byLine(c payment.RefundPayment, o order.Order, p payment.Payment) (payment.RefundPayment, error) {
	return account.Refund(o, p, account.RefundRequest{RefundPayment: c, Asked: in.Lines, Spread: in.Spread})
}

// changePayment is [changeAggregate] that returns the payment afterwards. Replayed is true when nothing was decided.
func (a *Activities) changePayment(
	ctx context.Context, orderID uuid.UUID, st eventstore.Stamp, decide func(payment.Payment) ([]domain.Event, error),
) (after payment.Payment, replayed bool, err error) {
	err = changeAggregate(ctx, a, paymentAggregate, payment.ID(orderID), st, func(p payment.Payment) ([]domain.Event, error) {
		events, err := decide(p)
		after, replayed = paymentAfter(p, events), len(events) == 0
		return events, err
	})
	return after, replayed, err
}

// RefundPayment is the input of [Activities.RefundPayment].
type RefundPayment struct {
	OrderID  uuid.UUID `json:"order_id"`
	RefundID uuid.UUID `json:"refund_id"`
	// After is as in [payment.RefundPayment].
	After int       `json:"after,omitempty"`
	At    time.Time `json:"at"`
}

// RefundPayment carries on with a refund that is owed or was requested, until the gateway has answered, and tells where
// it stands then. What is owed is requested first: recorded, before the gateway is asked. A request that has no answer
// is made again under the same key. A refusal of the gateway is an answer, and recorded: the refund has failed. What is
// owed in its place is carried on with at once.
//
// It does nothing for a refund that is not known, that has ended, or that waits for the end of a dispute.
func (a *Activities) RefundPayment(ctx context.Context, in RefundPayment) (payment.RefundSummary, error) {
	id := payment.ID(in.OrderID)
	p, _, err := eventstore.Fold(ctx, a.events, paymentAggregate, id)
	if err != nil {
		return payment.RefundSummary{}, fmt.Errorf("load payment %s: %w", id, err)
	}
	r, known := p.Refund(in.RefundID)
	if known && len(r.Attempts) <= in.After && r.Remaining().IsPositive() {
		again := RequestRefund{OrderID: in.OrderID, RefundID: in.RefundID, After: in.After, At: in.At}
		requested, _, err := a.requestRefund(ctx, stamp(ctx, again.step(), in.OrderID, in.At), again)
		switch {
		case isRefusal(err, payment.CodePaymentDisputed) && r.Owed:
			return p.Summary(r), nil
		case err != nil:
			return payment.RefundSummary{}, err
		}
		p = requested
		r, _ = p.Refund(in.RefundID)
	}
	for _, attempt := range r.Attempts {
		if attempt.Status != payment.RefundStatusRequested {
			continue
		}
		if p, err = a.askForRefund(ctx, in, p, r, attempt); err != nil {
			return payment.RefundSummary{}, err
		}
	}
	r, _ = p.Refund(in.RefundID)
	if err := a.refundCreditor(ctx, r, in.At); err != nil {
		return payment.RefundSummary{}, err
	}
	if !r.Owed && known {
		if err := a.refundAll(ctx, in.OrderID, p.OwedInstead(), in.At); err != nil {
			return payment.RefundSummary{}, err
		}
	}
	return p.Summary(r), nil
}

// refundAll carries on with several refunds of an order, as [Activities.RefundPayment] does with one.
func (a *Activities) refundAll(ctx context.Context, orderID uuid.UUID, refunds []uuid.UUID, at time.Time) error {
	for _, id := range refunds {
		if _, err := a.RefundPayment(ctx, RefundPayment{OrderID: orderID, RefundID: id, At: at}); err != nil {
			return err
		}
	}
	return nil
}

// askForRefund asks the gateway for an attempt that was recorded, and records the answer.
func (a *Activities) askForRefund(
	ctx context.Context, in RefundPayment, p payment.Payment, r payment.Refund, attempt payment.RefundAttempt,
) (payment.Payment, error) {
	if from, credited := payment.CreditedOrder(attempt.Source); credited {
		return a.returnCredit(ctx, in, r, attempt, from)
	}
	id := payment.ID(in.OrderID)
	key := payment.RefundKey(id, r.RefundID, attempt.Attempt)
	answer := payment.RefundAnswer{RefundID: r.RefundID, Attempt: attempt.Attempt, Status: payment.RefundStatusPaid, At: in.At}
	result, err := a.gateway.Refund(ctx, payments.RefundRequest{
		IdempotencyKey: key, AskedAt: attempt.RequestedAt, PaymentID: id, GatewayRef: attempt.Source, Amount: attempt.Amount, Reason: r.Reason,
	})
	err = a.noteAccess(ctx, in.OrderID, p.Access, in.At, err)
	var refused *domain.Error
	switch {
	case errors.As(err, &refused):
		answer.Status, answer.Cause = payment.RefundStatusFailed, refused.Message
	case err != nil:
		return p, Refusal(fmt.Errorf("refund %s of payment %s: %w", r.RefundID, id, err))
	case result.Pending:
		answer.Status, answer.GatewayRef = payment.RefundStatusPending, result.Ref
	default:
		answer.GatewayRef = result.Ref
	}
	st := stamp(ctx, fmt.Sprintf("refund/%s/%d/%s", r.RefundID, attempt.Attempt, answer.Status), in.OrderID, in.At)
	p, _, err = a.changePayment(ctx, in.OrderID, st, func(p payment.Payment) ([]domain.Event, error) { return payment.AnswerRefund(p, answer) })
	return p, err
}
