package payment

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// evolveRefund is [Evolve] for the events of refunds and disputes.
func evolveRefund(p Payment, e domain.Event) Payment {
	unapplied := p.Unapplied()
	switch e := e.(type) {
	case RefundOwed:
		return p.withObligation(e)
	case RefundRequested:
		return p.changeRefund(e.RefundID, func(r *Refund) {
			r.Amount, r.Lines = e.Amount, e.Lines
			if r.CreatedAt.IsZero() {
				r.Reason, r.CreatedAt = e.Reason, e.RequestedAt
				r.Unapplied = unappliedOf(unapplied, *r)
			}
			for _, part := range e.Parts {
				r.Attempts = append(r.Attempts, RefundAttempt{RefundPart: part, Status: RefundStatusRequested, RequestedAt: e.RequestedAt})
			}
		})
	case RefundReduced:
		by := p.covering(uuid.Nil)
		return p.changeRefund(e.RefundID, func(r *Refund) {
			if r.Owed && e.Reason == ReasonRefundedElsewhere {
				r.Covers = append(slices.Clip(r.Covers), Cover{Amount: r.Amount.Sub(e.Amount), By: by})
			}
			r.Amount, r.Lines = e.Amount, trimLines(r.Lines, e.Amount)
		})
	case RefundPending:
		return p.changeRefund(e.RefundID, func(r *Refund) {
			r.settle(e.Attempt, RefundStatusPending, e.GatewayRef, "", e.AcceptedAt)
		})
	case PaymentRefunded:
		return p.changeRefund(e.RefundID, func(r *Refund) {
			if !slices.ContainsFunc(r.Attempts, func(a RefundAttempt) bool { return a.Attempt == e.Attempt }) {
				// It was made elsewhere, or before refunds were requested.
				r.Amount, r.Reason, r.CreatedAt, r.MadeElsewhere = e.Amount, e.Reason, e.RefundedAt, e.MadeElsewhere
				r.Unapplied = unappliedOf(unapplied, *r)
				r.Attempts = append(r.Attempts, RefundAttempt{
					RefundPart: RefundPart{Attempt: e.Attempt, Source: e.Source, Amount: e.Amount}, RequestedAt: e.RefundedAt,
				})
			}
			r.settle(e.Attempt, RefundStatusPaid, e.GatewayRef, "", e.RefundedAt)
		})
	case RefundFailed:
		return p.changeRefund(e.RefundID, func(r *Refund) {
			r.settle(e.Attempt, RefundStatusFailed, e.GatewayRef, e.Cause, e.FailedAt)
		})
	case RefundResolved:
		return p.changeRefund(e.RefundID, func(r *Refund) {
			if e.Amount.IsPositive() && !e.CountedBefore {
				r.Attempts = append(r.Attempts, RefundAttempt{
					RefundPart: RefundPart{Attempt: e.Attempt, Amount: e.Amount}, Status: RefundStatusPaid, GatewayRef: e.Reference, Outside: true,
					RequestedAt: e.ResolvedAt, SettledAt: e.ResolvedAt,
				})
			}
			r.Amount = r.Live()
			r.Lines = trimLines(r.Lines, r.Amount)
		})
	case CreditReturned:
		return p.withoutCredit(e)
	case CreditSettled:
		return p.changeRefund(e.RefundID, func(r *Refund) { r.SettledOutside = true })
	case DisputeOpened:
		return p.withDispute(Dispute{GatewayRef: e.GatewayRef, Amount: e.Amount, Status: DisputeStatusOpen, Reason: e.Reason, OpenedAt: e.OpenedAt})
	case DisputeFundsWithdrawn:
		return p.withDispute(Dispute{GatewayRef: e.GatewayRef, Amount: e.Amount, Status: DisputeStatusFundsWithdrawn})
	case DisputeWon:
		return p.withDispute(Dispute{GatewayRef: e.GatewayRef, Amount: e.Amount, Status: DisputeStatusWon})
	case DisputeLost:
		return p.withDispute(Dispute{GatewayRef: e.GatewayRef, Amount: e.Amount, Status: DisputeStatusLost})
	}
	return p
}

// settle sets what has become of an attempt.
func (r *Refund) settle(attempt int, status RefundStatus, ref, cause string, at time.Time) {
	if a := r.attempt(attempt); a != nil {
		a.Status, a.GatewayRef, a.Cause, a.SettledAt, a.Outside = status, ref, cause, at, false
	}
	if live := r.Live(); live.Cmp(r.Amount) > 0 { // it had failed, and was made all the same
		r.Amount = live
	}
}
