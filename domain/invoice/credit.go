package invoice

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// credit is a credit note that was written: what it took off the lines of invoices, and what is left to be taken off.
type credit struct {
	event uuid.UUID
	// taken are the parts of lines of invoices, and beyond is what no invoice explains.
	taken  []taken
	beyond money.Money
	// lines are what of it each line of the refund got.
	lines map[uuid.UUID]money.Money
}

// taken is what was taken off a line of an invoice.
type taken struct {
	open     int // its index
	part     pricing.Breakdown
	quantity int
}

// creditNote writes the credit note of money that went back.
//
// A refund that names lines is for these. Of a line it takes what the refund tells of price, discount and tax. It is
// taken off the invoices of the shipments that it is about, then off the oldest. What is for no line is taken off what
// invoices left unassigned, and then off all lines in proportion. A price that is reduced afterwards reduces what is
// taxed (article 90 of the directive). So each credit note tells the tax that goes back with it.
func (b *Book) creditNote(d Document, key attempt, r payment.Refund, amount money.Money) Document {
	d.Kind, d.RefundID, d.Reason = KindCreditNote, r.RefundID, r.Reason
	c := credit{event: d.EventID, lines: map[uuid.UUID]money.Money{}}
	before := b.creditedOf(r.RefundID)
	for _, l := range r.Lines {
		skip := smaller(l.Amount, zeroOr(before[l.LineID], amount.Currency))
		before[l.LineID] = zeroOr(before[l.LineID], amount.Currency).Sub(skip)
		want := smaller(l.Amount.Sub(skip), amount)
		if !want.IsPositive() {
			continue
		}
		rest := b.takeBack(&c, r.RefundID, demand{line: l.LineID, quantity: l.Quantity, want: wanted(l, skip, want)})
		c.lines[l.LineID] = zeroOr(c.lines[l.LineID], amount.Currency).Add(want)
		amount = amount.Sub(want).Add(rest)
	}
	c.beyond = b.spread(&c, r.RefundID, amount)
	if b.credits == nil {
		b.credits = map[attempt]credit{}
	}
	b.credits[key] = c
	d.Lines = append(d.Lines, b.linesOf(c)...)
	d.sum(b.payment.Captured.Currency)
	return d
}

// reversal takes a credit note back whose refund came to nothing.
func (b *Book) reversal(d Document, key attempt, r payment.Refund) Document {
	d.Kind, d.RefundID, d.Reason, d.Reversal = KindCreditNote, r.RefundID, r.Reason, true
	c := b.credits[key]
	delete(b.credits, key)
	if !slices.Contains(d.corrects, c.event) {
		d.corrects = append(d.corrects, c.event)
	}
	for _, t := range c.taken {
		b.open[t.open].left = b.open[t.open].left.Add(t.part)
	}
	for _, l := range b.linesOf(c) {
		negative := l
		negative.Gross, negative.Discount, negative.Net, negative.Total = minus(l.Gross), minus(l.Discount), minus(l.Net), minus(l.Total)
		negative.Taxes = slices.Clone(l.Taxes)
		for i := range negative.Taxes {
			negative.Taxes[i].Amount = minus(l.Taxes[i].Amount)
		}
		d.Lines = append(d.Lines, negative)
	}
	d.sum(b.payment.Captured.Currency)
	return d
}

// creditedOf is what each line of a refund got by earlier attempts at it.
func (b *Book) creditedOf(refund uuid.UUID) map[uuid.UUID]money.Money {
	lines := map[uuid.UUID]money.Money{}
	for key, c := range b.credits {
		if key.refund != refund {
			continue
		}
		for id, amount := range c.lines {
			lines[id] = zeroOr(lines[id], amount.Currency).Add(amount)
		}
	}
	return lines
}

// demand is what a refund gives back of a line.
type demand struct {
	line     uuid.UUID
	quantity int
	want     pricing.Breakdown
}

// wanted is an amount of what a line of a refund gets back, after what earlier attempts gave back of it.
func wanted(l payment.RefundLine, skip, amount money.Money) pricing.Breakdown {
	if l.Money == nil {
		return pricing.Plain(amount)
	}
	left := *l.Money
	if skip.IsPositive() {
		left = left.Sub(left.Part(skip))
	}
	return left.Part(amount)
}

// takeBack takes a demand off the lines of invoices, and returns what is beyond them.
func (b *Book) takeBack(c *credit, refund uuid.UUID, d demand) money.Money {
	amount := d.want.Payable
	for _, i := range b.invoicesOf(refund, func(l Line) bool { return l.LineID == d.line }) {
		part := smaller(amount, b.open[i].left.Payable)
		if !part.IsPositive() {
			continue
		}
		b.takeOff(c, i, portion(b.open[i].left, d.want, part), d.quantity)
		amount, d.quantity = amount.Sub(part), 0
		if !amount.IsPositive() {
			break
		}
		d.want = d.want.Part(amount)
	}
	return amount
}

// spread takes an amount that is for no line off what is unassigned, then off all lines, and returns what is beyond
// them.
func (b *Book) spread(c *credit, refund uuid.UUID, amount money.Money) money.Money {
	for _, i := range b.invoicesOf(refund, func(l Line) bool { return l.Kind == account.KindUnassigned }) {
		if part := smaller(amount, b.open[i].left.Payable); part.IsPositive() {
			b.takeOff(c, i, b.open[i].left.Part(part), 0)
			amount = amount.Sub(part)
		}
	}
	if !amount.IsPositive() {
		return amount
	}
	lefts := make([]money.Money, len(b.open))
	for i := range b.open {
		lefts[i] = b.open[i].left.Payable
	}
	for i, part := range pricing.Spread(amount, lefts) {
		if part.IsPositive() {
			b.takeOff(c, i, b.open[i].left.Part(part), 0)
			amount = amount.Sub(part)
		}
	}
	return amount
}

// invoicesOf returns the indexes of the lines of invoices that are chosen. Those of the shipments that a refund is
// about come first, each from the oldest.
func (b *Book) invoicesOf(refund uuid.UUID, chosen func(Line) bool) (first []int) {
	about := b.origins[refund]
	for _, s := range b.order.Shipments {
		if s.RefundID() == refund {
			about = []uuid.UUID{s.ShipmentID}
		}
	}
	var others []int
	for i, o := range b.open {
		switch {
		case !chosen(o.line):
		case slices.Contains(about, o.line.ShipmentID):
			first = append(first, i)
		default:
			others = append(others, i)
		}
	}
	return append(first, others...)
}

// takeOff takes a part off a line of an invoice.
func (b *Book) takeOff(c *credit, open int, part pricing.Breakdown, quantity int) {
	b.open[open].left = b.open[open].left.Sub(part)
	for i := range c.taken {
		if t := &c.taken[i]; t.open == open {
			t.part, t.quantity = t.part.Add(part), t.quantity+quantity
			return
		}
	}
	c.taken = append(c.taken, taken{open, part, quantity})
}

// linesOf are the lines of a credit note.
func (b *Book) linesOf(c credit) (lines []Line) {
	for _, t := range c.taken {
		l := b.open[t.open].line
		l.Quantity, l.invoice = t.quantity, b.open[t.open].event
		lines = append(lines, l.with(t.part))
	}
	if c.beyond.IsPositive() {
		lines = append(lines, Line{Kind: account.KindUnassigned}.with(pricing.Plain(c.beyond)))
	}
	return lines
}

func minus(m money.Money) money.Money { return money.Zero(m.Currency).Sub(m) }

// zeroOr is an amount of a map, which is zero in this currency where it is not there.
func zeroOr(m money.Money, currency string) money.Money { return money.Zero(currency).Add(m) }
