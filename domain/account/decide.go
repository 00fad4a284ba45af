package account

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Owed is what is owed for a line or shipping line of the order, which never gets back more than was captured for it.
func Owed(o order.Order, l order.LineAmount) payment.OwedLine {
	captured, _ := o.CapturedOf(l.LineID)
	return payment.OwedLine{LineID: l.LineID, Amount: l.Amount, Quantity: l.Quantity, Cost: l.Cost, Captured: captured}
}

// ReturnOwes is what the customer is owed for goods that came back.
func ReturnOwes(o order.Order, e order.OrderReturned, limits money.Limits) payment.OweRefund {
	owed := payment.OweRefund{RefundID: e.ReturnID, Amount: e.Amount, Reason: payment.ReasonReturn, Limits: limits, At: e.ReturnedAt}
	owed.CreditID = order.Exchange{ReturnID: e.ReturnID}.CreditID()
	for _, l := range e.Lines {
		owed.Lines = append(owed.Lines, Owed(o, order.LineAmount{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Amount, Cost: l.Money}))
	}
	return owed
}

// Return decides what goods that came back have cost, and what is owed for them. With approved they are those of a
// return that was approved before. Errors: as [order.Return] or [order.Receive].
func Return(o order.Order, p payment.Payment, c order.ReturnOrder, approved bool, limits money.Limits) (goods, owed []domain.Event, err error) {
	decide := order.Return
	if approved {
		decide = order.Receive
	}
	goods, err = decide(o, c)
	for i, e := range goods {
		if returned, is := e.(order.OrderReturned); is {
			owes := payment.Owe(p, ReturnOwes(o, returned, limits))
			returned.NothingOwed = len(owes) == 0
			goods[i], owed = returned, append(owed, owes...)
		}
	}
	return goods, owed, err
}

// RefundRequest asks to give money back without goods: an amount, or what lines come to.
type RefundRequest struct {
	payment.RefundPayment
	// Asked are what is asked for line by line. The amount follows from them.
	Asked []order.RefundLine
	// Spread shares the amount out over all that is left of the lines and shipping lines.
	Spread bool
}

// Refund returns the request with what it comes to for each line that it is about. A refund that is tried again is for
// the lines that it has.
//
// What pieces come to is cut off to the gateway's step, together. The next pieces of these lines take along what is cut
// off, and the last piece all that is left.
//
// Errors: as [order.RefundLines]; [domain.Invalids] for lines that come to an amount that the gateway does not give
// back.
func Refund(o order.Order, p payment.Payment, r RefundRequest) (payment.RefundPayment, error) {
	c := r.RefundPayment
	before, known := p.Refund(c.RefundID)
	lines := make([]order.LineAmount, len(before.Lines))
	for i, l := range before.Lines {
		lines[i] = order.LineAmount{LineID: l.LineID, Quantity: l.Quantity, Amount: l.Amount}
	}
	switch {
	case r.Spread && len(before.Lines) == 0:
		lines = order.SpreadRefund(o, c.Amount, func(id uuid.UUID) money.Money {
			captured, _ := o.CapturedOf(id)
			return p.LeftOf(id, captured)
		})
	case len(r.Asked) > 0 && (!known || !order.AsksFor(o, r.Asked, lines)):
		var err error
		lines, err = order.RefundLines(o, r.Asked, func(id uuid.UUID) order.GoneBack { return order.GoneBack(p.WentBack(id)) })
		if err != nil {
			return c, err
		}
		if lines, err = inSteps(o, lines, c.Limits); err != nil {
			return c, err
		}
	}
	if len(r.Asked) > 0 {
		c.Amount = sumOf(o, lines)
	}
	for _, l := range lines {
		c.Lines = append(c.Lines, Owed(o, l))
	}
	return c, nil
}

// inSteps cuts the lines off to an amount that the gateway gives back, from the last one that is for pieces.
func inSteps(o order.Order, lines []order.LineAmount, limits money.Limits) ([]order.LineAmount, error) {
	sum := sumOf(o, lines)
	over := sum.Sub(limits.Floor(sum))
	for i, l := range slices.Backward(lines) {
		if l.Quantity > 0 {
			cut := smaller(over, l.Amount)
			lines[i].Amount, over = l.Amount.Sub(cut), over.Sub(cut)
		}
	}
	given := sumOf(o, lines)
	if given.IsZero() {
		given = sum // less than a step
	}
	if !sum.IsPositive() {
		return lines, nil // of which nothing is left: the payment says so
	}
	if err := payment.CheckRefundable("lines", given, limits); err != nil {
		return nil, err
	}
	return lines, nil
}

func sumOf(o order.Order, lines []order.LineAmount) money.Money {
	sum := money.Zero(o.Total.Currency)
	for _, l := range lines {
		sum = sum.Add(l.Amount)
	}
	return sum
}
