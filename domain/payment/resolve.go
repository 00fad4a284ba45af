package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// SettledOutside says how a person has settled outside of the platform what the gateway had refused.
type SettledOutside struct {
	// RefundID is the refund that failed; none for a hold.
	RefundID uuid.UUID
	// Amount is what the customer got back, or what the gateway let go. It may be nothing.
	Amount money.Money
	// Reference is where it is found, such as the number of a bank transfer or the gateway's reference of a refund.
	Reference string
	// By is who says so.
	By string
	At time.Time
}

// ResolveRefund records that a refund which failed was settled outside. Its amount counts as refunded once, also when a
// refund of that reference is known from the gateway. Nothing more of the refund is owed then.
//
// A credit that another order has and whose goods never came is settled in the same way, by what the customer has paid.
//
// It returns no events for a refund that does not wait any more. Errors: refund_exceeds_capture for more than the
// refund still lacks, or than was captured and has not gone back; [domain.Invalids] for texts that can't be kept.
func ResolveRefund(p Payment, c SettledOutside) ([]domain.Event, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	r, known := p.Refund(c.RefundID)
	switch {
	case !known:
		return nil, domain.Refuse(CodeUnknownRefund, "payment %s knows no refund %s", p.ID, c.RefundID)
	case r.Reason == ReasonExchange && !r.SettledOutside && p.Standing(r.RefundID).IsPositive():
		return []domain.Event{CreditSettled{
			PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Amount: c.Amount, Reference: c.Reference, ResolvedBy: c.By, ResolvedAt: c.At,
		}}, nil
	case r.Status() != RefundStatusFailed:
		return nil, nil
	}
	_, a := p.findAttempt(RefundAnswer{GatewayRef: c.Reference})
	counted := a != nil && a.Status != RefundStatusFailed
	most := smaller(r.Remaining(), p.payable())
	if !r.Owed {
		most = smaller(most, p.Refundable())
	}
	if !c.Amount.SameCurrency(p.Captured) || c.Amount.Amount.IsNegative() || !counted && c.Amount.Cmp(most) > 0 {
		return nil, domain.Refuse(CodeRefundExceedsCapture, "%s of refund %s can have gone back, not %s", most, r.RefundID, c.Amount)
	}
	return []domain.Event{RefundResolved{
		PaymentID: p.ID, OrderID: p.OrderID, RefundID: r.RefundID, Attempt: len(r.Attempts) + 1, Amount: c.Amount, Reference: c.Reference,
		CountedBefore: counted, ResolvedBy: c.By, ResolvedAt: c.At,
	}}, nil
}

// ResolveVoid records that the gateway holds nothing any more, which a person has seen to. It returns no events when no
// void waits. Errors: [domain.Invalids] for texts that can't be kept.
func ResolveVoid(p Payment, c SettledOutside) ([]domain.Event, error) {
	if err := c.check(); err != nil || p.VoidFailure == nil {
		return nil, err
	}
	return []domain.Event{VoidResolved{
		PaymentID: p.ID, OrderID: p.OrderID, Amount: c.Amount, Reference: c.Reference, ResolvedBy: c.By, ResolvedAt: c.At,
	}}, nil
}

// CheckSettled names what is wrong with an amount that was settled outside, as [domain.Invalids]. It may be nothing.
func CheckSettled(amount money.Money) error {
	if _, err := money.New(amount.Amount, amount.Currency); err == nil && amount.IsZero() {
		return nil
	}
	return CheckRefund(amount)
}

func (c SettledOutside) check() error {
	var bad domain.Invalids
	bad.Text("reference", c.Reference, TextLengthMax)
	bad.Text("by", c.By, TextLengthMax)
	return bad.Err()
}

// RefundedOutside is what went back to the customer without the gateway, by what people have told.
func (p Payment) RefundedOutside() money.Money {
	total := money.Zero(p.Captured.Currency)
	for _, r := range p.Refunds {
		for _, a := range r.Attempts {
			if a.Outside {
				total = total.Add(a.Amount)
			}
		}
	}
	return total
}
