package payment

import (
	"fmt"
	"slices"
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
	// CodeRefundUnderWay refuses another refund while one that was asked for has no answer of the gateway. It may be
	// the same one, asked for again under another key.
	CodeRefundUnderWay domain.ErrorCode = "refund_under_way"
)

// Why less is owed than before.
const (
	// ReasonRefundedElsewhere says that the money went back otherwise.
	ReasonRefundedElsewhere = "refunded_elsewhere"
	// ReasonJoined says that another refund pays it too, because the gateway pays no amount that small.
	ReasonJoined = "joined_another_refund"
	// ReasonOwedInstead says that a refund which nobody owed has failed, and what it had covered is owed in its place.
	ReasonOwedInstead = "owed_instead"
)

// RefundPayment asks to give captured money back: a new refund, or one that is owed or failed.
type RefundPayment struct {
	RefundID uuid.UUID
	// Amount, Reason and Lines are of a new refund. One that is known keeps its own.
	Amount money.Money
	Reason string
	// Lines share out the amount, where it is asked for line by line.
	Lines []OwedLine
	// Limits are the amounts that the gateway moves.
	Limits money.Limits
	// After is how many attempts the caller has seen fail, 0 for the first request. A further attempt is made only
	// while there are no more than these. So a request that comes again asks the gateway for nothing new.
	After int
	At    time.Time
}

// RequestRefund decides what the gateway is asked for, and reserves it. It is recorded before the gateway is asked. The
// amount is shared out over the gateway's payments that the money came from, in amounts that the gateway moves.
//
// What is owed is never refused, but may turn out to be less, when the money went back otherwise. It takes along what
// other obligations could not pay by themselves. What the gateway pays in no way fails at once, and the gateway is not
// asked for it. It joins the next obligation that is paid, or a person settles it.
//
// It returns no events when the request was recorded before, or nothing remains to be asked for.
//
// Errors: idempotency_key_reused when a refund of another amount or other lines was asked for under this id. Never more
// goes back than was captured, in all and of each line: refund_exceeds_capture. refund_under_way for a new one while
// another one that was asked for has no answer. payment_disputed. [domain.Invalids] for an amount that the gateway does
// not move.
func RequestRefund(p Payment, c RefundPayment) ([]domain.Event, error) {
	r, known := p.Refund(c.RefundID)
	if known && !r.Owed && c.After == 0 && !c.asks(r) {
		return nil, domain.Refuse(domain.CodeIdempotencyKeyReused, "refund %s was of %s", c.RefundID, r.Amount)
	}
	if known && (len(r.Attempts) > c.After || r.MadeElsewhere || !r.Remaining().IsPositive()) {
		return nil, nil
	}
	if p.Disputed() {
		return nil, domain.Refuse(CodePaymentDisputed, "payment %s is disputed: refunds wait for the end of the dispute", p.ID)
	}
	if !known {
		r = c.refund()
	}
	var events []domain.Event
	if r.Owed {
		r, events = p.fitObligation(r, c)
		if !r.Remaining().IsPositive() {
			return events, nil
		}
	} else if err := p.canRefund(r, known, c); err != nil {
		return nil, err
	}
	if !known {
		r.Lines = p.explainAll(c.Lines)
	}
	parts, unpaid := p.shareOut(r.Remaining(), len(r.Attempts), c.Limits)
	request := RefundRequested{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Amount: r.Amount, Reason: r.Reason, Lines: r.Lines, Parts: parts, RequestedAt: c.At,
	}
	if unpaid.IsPositive() {
		failed := RefundPart{Attempt: len(r.Attempts) + len(parts) + 1, Amount: unpaid}
		request.Parts = append(request.Parts, failed)
		for _, e := range append(events, request) {
			p = Evolve(p, e)
		}
		return append(append(events, request), p.fail(RefundFailed{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Attempt: failed.Attempt, Amount: unpaid, Cause: CauseNotPayable, FailedAt: c.At,
		})...), nil
	}
	return append(events, request), nil
}

// refund is the new refund that is asked for.
func (c RefundPayment) refund() Refund {
	r := Refund{RefundID: c.RefundID, Amount: c.Amount, Reason: c.Reason}
	for _, l := range c.Lines {
		r.Lines = append(r.Lines, RefundLine{LineID: l.LineID, Amount: l.Amount})
	}
	return r
}

// asks reports whether a refund is the one that is asked for.
func (c RefundPayment) asks(r Refund) bool {
	asked := c.refund()
	return r.Amount.SameCurrency(c.Amount) && r.Amount.Cmp(c.Amount) == 0 && slices.EqualFunc(r.Lines, asked.Lines, func(a, b RefundLine) bool {
		return a.LineID == b.LineID && a.Amount.SameCurrency(b.Amount) && a.Amount.Cmp(b.Amount) == 0
	})
}

// canRefund says why what a person asks for can't go back; nil when it can.
func (p Payment) canRefund(r Refund, known bool, c RefundPayment) error {
	if open, found := p.unanswered(); found && !known {
		return domain.Refuse(CodeRefundUnderWay, "the gateway has not answered yet about refund %s of %s", open.RefundID, open.Amount)
	}
	if !r.Amount.IsPositive() || !r.Amount.SameCurrency(p.Captured) || r.Remaining().Cmp(p.Refundable()) > 0 {
		return p.exceeded(r.Amount)
	}
	_, asked := splitLines(r.Lines, r.Live()) // of one that is tried again, a part may be paid
	for _, l := range c.Lines {
		if left := p.leftOf(l); amountOf(asked, l.LineID).Cmp(left) > 0 {
			return domain.Refuse(CodeRefundExceedsCapture, "can refund %s of line %s, asked for %s", left, l.LineID, amountOf(asked, l.LineID))
		}
	}
	if known { // a part of it may have been paid
		return nil
	}
	return CheckRefundable("amount", r.Amount, c.Limits)
}

// unanswered returns the refund that was asked for and that the gateway has not answered.
func (p Payment) unanswered() (Refund, bool) {
	i := slices.IndexFunc(p.Refunds, func(r Refund) bool { return !r.Owed && r.Status() == RefundStatusRequested })
	if i < 0 {
		return Refund{}, false
	}
	return p.Refunds[i], true
}

// fitObligation returns what is owed as the books stand now, with what other obligations could not pay by themselves.
func (p Payment) fitObligation(r Refund, c RefundPayment) (Refund, []domain.Event) {
	var events []domain.Event
	if left := p.payable(); r.Remaining().Cmp(left) > 0 {
		r.Amount = r.Live().Add(left)
		r.Lines = trimLines(r.Lines, r.Amount)
		events = append(events, p.reduced(r.RefundID, r.Amount, ReasonRefundedElsewhere, c.At))
	}
	if !r.Remaining().IsPositive() {
		return r, events
	}
	for _, other := range p.Refunds {
		stuck := other.Remaining()
		now, _ := c.Limits.Refundable(stuck)
		if other.RefundID == r.RefundID || !other.Owed || !stuck.IsPositive() || now.IsPositive() || r.Remaining().Add(stuck).Cmp(p.payable()) > 0 {
			continue
		}
		_, lines := splitLines(other.Lines, other.Live())
		r.Amount, r.Lines = r.Amount.Add(stuck), append(slices.Clip(r.Lines), lines...)
		events = append(events, p.reduced(other.RefundID, other.Live(), ReasonJoined, c.At))
	}
	return r, events
}

func (p Payment) reduced(id uuid.UUID, to money.Money, reason string, at time.Time) RefundReduced {
	return RefundReduced{PaymentID: p.ID, OrderID: p.OrderID, RefundID: id, Amount: to, Reason: reason, ReducedAt: at}
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
