package payment

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// OweRefund says that a fact, such as a lost shipment, owes the customer money.
type OweRefund struct {
	// RefundID follows from the fact, so that it owes once.
	RefundID uuid.UUID
	Amount   money.Money
	Reason   string
	// Lines share out the amount; empty when it is not known which lines it is for.
	Lines []OwedLine
	At    time.Time
}

// OwedLine is what is owed for one line of the order.
type OwedLine struct {
	LineID uuid.UUID
	Amount money.Money
	// Captured is all that was captured for the line: it never gets back more.
	Captured money.Money
}

// Owe records an obligation. Its amount is capped by what is refundable, of each line and of the whole payment. So it
// never stands in the way of the fact that owes it, and it belongs into the same append.
//
// It returns no events when the obligation is known, or nothing can be owed any more.
func Owe(p Payment, c OweRefund) []domain.Event {
	if _, known := p.Refund(c.RefundID); known || !c.Amount.SameCurrency(p.Captured) {
		return nil
	}
	e := RefundOwed{PaymentID: p.ID, OrderID: p.OrderID, RefundID: c.RefundID, Amount: c.Amount, Reason: c.Reason, OwedAt: c.At}
	if len(c.Lines) > 0 {
		e.Amount = money.Zero(c.Amount.Currency)
	}
	for _, l := range c.Lines {
		amount := atLeastNothing(smaller(l.Amount, l.Captured.Sub(p.refundedOf(l.LineID))))
		if amount.IsPositive() {
			e.Lines, e.Amount = append(e.Lines, RefundLine{LineID: l.LineID, Amount: amount}), e.Amount.Add(amount)
		}
	}
	if e.Amount = smaller(e.Amount, p.Refundable()); !e.Amount.IsPositive() {
		return nil
	}
	e.Lines = trimLines(e.Lines, e.Amount)
	return []domain.Event{e}
}

// trimLines shortens the lines from the last one until they sum up to no more than amount.
func trimLines(lines []RefundLine, amount money.Money) (trimmed []RefundLine) {
	for _, l := range lines {
		if l.Amount = smaller(l.Amount, amount); l.Amount.IsPositive() {
			trimmed, amount = append(trimmed, l), amount.Sub(l.Amount)
		}
	}
	return trimmed
}

func smaller(a, b money.Money) money.Money {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
