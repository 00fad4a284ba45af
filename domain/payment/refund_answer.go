package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// RefundAnswer is what the gateway says of a refund: to the request, or later by itself.
type RefundAnswer struct {
	// RefundID and Attempt name what was asked for. Without them, the refund is the one with this GatewayRef.
	RefundID uuid.UUID
	Attempt  int
	// GatewayRef is the gateway's reference of the refund; empty for a request that it refused.
	GatewayRef string
	// Status is pending, paid or failed.
	Status RefundStatus
	// Amount, Source and Reason are of a refund that was made elsewhere.
	Amount money.Money
	Source string
	Reason string
	// Cause is the gateway's reason for a failure.
	Cause string
	At    time.Time
}

// CodeUnknownRefund refuses an answer about a refund that is not known.
const CodeUnknownRefund domain.ErrorCode = "unknown_refund"

// AnswerRefund records what the gateway says of a refund that was asked for. A refund that failed gives its amount back
// to the books, and one that is owed stays owed. What one that nobody owed had covered of an obligation is owed then.
//
// It returns no events for an answer that is known, or that is older than what is known. A refund which the gateway has
// paid is not pending any more, and one which failed stays so. Errors: unknown_refund; unknown_gateway_answer.
func AnswerRefund(p Payment, c RefundAnswer) ([]domain.Event, error) {
	r, a := p.findAttempt(c)
	if a == nil {
		return nil, domain.Refuse(CodeUnknownRefund, "payment %s knows no refund %s", p.ID, domain.Clip(c.GatewayRef))
	}
	failed := a.Status == RefundStatusFailed && (a.GatewayRef != "" || c.GatewayRef == "")
	switch {
	case c.Status != RefundStatusPaid && c.Status != RefundStatusPending && c.Status != RefundStatusFailed:
		return nil, domain.Refuse(CodeUnknownGatewayAnswer, "the gateway answered %q", domain.Clip(string(c.Status)))
	case c.Status == a.Status && !a.Outside, failed, a.Status == RefundStatusPaid && c.Status == RefundStatusPending:
		return nil, nil
	}
	ref := domain.Valid(c.GatewayRef)
	if ref == "" {
		ref = a.GatewayRef
	}
	switch c.Status {
	case RefundStatusPending:
		return []domain.Event{RefundPending{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Attempt: a.Attempt, Amount: a.Amount, GatewayRef: ref, AcceptedAt: c.At,
		}}, nil
	case RefundStatusFailed:
		return p.fail(RefundFailed{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Attempt: a.Attempt, Amount: a.Amount, GatewayRef: ref,
			Cause: domain.Clip(domain.Valid(c.Cause)), FailedAt: c.At,
		}), nil
	}
	return []domain.Event{PaymentRefunded{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Attempt: a.Attempt, Amount: a.Amount, Reason: r.Reason, GatewayRef: ref,
		RefundedAt: c.At,
	}}, nil
}

// RecordGatewayRefund records what the gateway tells of a refund by itself, whoever has made it. One that was made
// elsewhere, such as in the gateway's dashboard, is counted once by its reference, however often it is told.
//
// It returns no events for what is known. Errors: unknown_gateway_answer; refund_exceeds_capture for an amount that is
// none, or in another currency.
func RecordGatewayRefund(p Payment, c RefundAnswer) ([]domain.Event, error) {
	if _, a := p.findAttempt(c); a != nil {
		return AnswerRefund(p, c)
	}
	switch {
	case c.Status == RefundStatusFailed || c.GatewayRef == "":
		return nil, nil
	case c.Status != RefundStatusPaid && c.Status != RefundStatusPending:
		return nil, domain.Refuse(CodeUnknownGatewayAnswer, "the gateway answered %q", domain.Clip(string(c.Status)))
	case !c.Amount.IsPositive() || !c.Amount.SameCurrency(p.Captured):
		return nil, domain.Refuse(CodeRefundExceedsCapture, "payment %s has captured %s, and %s was refunded at the gateway", p.ID, p.Captured, c.Amount)
	}
	return []domain.Event{PaymentRefunded{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: domain.DerivedID(p.ID, "gateway-refund/"+c.GatewayRef), Attempt: 1, Amount: c.Amount,
		Reason: domain.Clip(domain.Valid(c.Reason)), GatewayRef: c.GatewayRef, Source: c.Source, MadeElsewhere: true, RefundedAt: c.At,
	}}, nil
}

// findAttempt returns the attempt that an answer is about; nil when it is about none.
func (p Payment) findAttempt(c RefundAnswer) (Refund, *RefundAttempt) {
	if r, known := p.Refund(c.RefundID); known {
		if a := r.attempt(c.Attempt); a != nil {
			return r, a
		}
	}
	for _, r := range p.Refunds {
		for i := range r.Attempts {
			if c.GatewayRef != "" && r.Attempts[i].GatewayRef == c.GatewayRef {
				return r, &r.Attempts[i]
			}
		}
	}
	return Refund{}, nil
}
