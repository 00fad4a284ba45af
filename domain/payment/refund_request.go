package payment

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// Refusals.
const (
	// CodeRefundExceedsCapture refuses to refund more than was captured and neither refunded nor owed.
	CodeRefundExceedsCapture domain.ErrorCode = "refund_exceeds_capture"
	// CodePaymentDisputed refuses a refund while a dispute is open: the customer's bank may take the money back itself.
	CodePaymentDisputed domain.ErrorCode = "payment_disputed"
)

// ReasonRefundedElsewhere is why less is owed than before: the money went back otherwise.
const ReasonRefundedElsewhere = "refunded_elsewhere"

// RefundPayment asks to give captured money back: a new refund, or one that is owed or failed.
type RefundPayment struct {
	RefundID uuid.UUID
	// Amount, Reason and Lines are of a new refund. One that is known keeps its own.
	Amount money.Money
	Reason string
	Lines  []RefundLine
	// After is how many attempts the caller has seen fail, 0 for the first request. A further attempt is made only
	// while there are no more than these. So a request that comes again asks the gateway for nothing new.
	After int
	At    time.Time
}

// RequestRefund decides what the gateway is asked for, and reserves it. It is recorded before the gateway is asked. The
// amount is shared out over the gateway's payments that the money came from.
//
// What is owed is never refused, but may turn out to be less, when the money went back otherwise. It returns no events
// when the request was recorded before, or nothing remains to be asked for.
//
// Errors: idempotency_key_reused when a refund of another amount was asked for under this id; refund_exceeds_capture,
// never more than was captured; payment_disputed.
func RequestRefund(p Payment, c RefundPayment) ([]domain.Event, error) {
	r, known := p.Refund(c.RefundID)
	if known && !r.Owed && c.After == 0 && (!r.Amount.SameCurrency(c.Amount) || r.Amount.Cmp(c.Amount) != 0) {
		return nil, domain.Refuse(domain.CodeIdempotencyKeyReused, "refund %s was of %s", c.RefundID, r.Amount)
	}
	if known && (len(r.Attempts) > c.After || r.MadeElsewhere || !r.Remaining().IsPositive()) {
		return nil, nil
	}
	if p.Disputed() {
		return nil, domain.Refuse(CodePaymentDisputed, "payment %s is disputed: refunds wait for the end of the dispute", p.ID)
	}
	if !known {
		r = Refund{RefundID: c.RefundID, Amount: c.Amount, Reason: c.Reason, Lines: c.Lines}
	}
	var events []domain.Event
	if !r.Owed {
		if !r.Amount.IsPositive() || !r.Amount.SameCurrency(p.Captured) || r.Remaining().Cmp(p.Refundable()) > 0 {
			return nil, p.exceeded(r.Amount)
		}
	} else if left := p.payable(); r.Remaining().Cmp(left) > 0 {
		reduced := RefundReduced{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Amount: r.Live().Add(left), Reason: ReasonRefundedElsewhere, ReducedAt: c.At,
		}
		events = append(events, reduced)
		if r.Amount = reduced.Amount; !r.Remaining().IsPositive() {
			return events, nil
		}
	}
	return append(events, RefundRequested{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Amount: r.Amount, Reason: r.Reason, Lines: r.Lines,
		Parts: p.shareOut(r.Remaining(), len(r.Attempts)), RequestedAt: c.At,
	}), nil
}

// shareOut shares out an amount over the gateway's payments that money was captured from, the last one first.
func (p Payment) shareOut(amount money.Money, attempts int) (parts []RefundPart) {
	take := func(source string, most money.Money) {
		if most = smaller(most, amount); most.IsPositive() {
			parts = append(parts, RefundPart{Attempt: attempts + len(parts) + 1, Source: source, Amount: most})
			amount = amount.Sub(most)
		}
	}
	take(p.GatewayRef, p.capturedHere().Sub(p.refundedFrom(p.GatewayRef)))
	for _, s := range p.Earlier {
		take(s.GatewayRef, s.Captured.Sub(p.refundedFrom(s.GatewayRef)))
	}
	// Refunds that were made elsewhere may not say which payment they came from.
	take(p.GatewayRef, amount)
	return parts
}

// refundedFrom is what was taken back from one of the gateway's payments.
func (p Payment) refundedFrom(source string) money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		for _, a := range r.Attempts {
			if a.Source == source && a.Status != RefundStatusFailed {
				total = total.Add(a.Amount)
			}
		}
	}
	return total
}

// RefundKey is the idempotency key of an attempt at a refund.
func RefundKey(paymentID, refundID uuid.UUID, attempt int) string {
	return fmt.Sprintf("%s/refund/%s/%d", paymentID, refundID, attempt)
}

// ParseRefundKey reads a [RefundKey]; false when the key is none of this payment.
func ParseRefundKey(paymentID uuid.UUID, key string) (refundID uuid.UUID, attempt int, ok bool) {
	rest, ours := strings.CutPrefix(key, paymentID.String()+"/refund/")
	id, number, found := strings.Cut(rest, "/")
	refundID, idErr := uuid.Parse(id)
	attempt, numberErr := strconv.Atoi(number)
	return refundID, attempt, ours && found && idErr == nil && numberErr == nil && attempt > 0
}

// exceeded refuses to refund more than there is. A payment that was never asked for has neither an id nor a currency.
func (p Payment) exceeded(asked money.Money) error {
	if !p.Refundable().IsPositive() {
		return domain.Refuse(CodeRefundExceedsCapture, "nothing that was captured is left to refund, asked for %s", asked)
	}
	return domain.Refuse(CodeRefundExceedsCapture, "can refund %s of payment %s, asked for %s", p.Refundable(), p.ID, asked)
}
