package invoice

import (
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Book writes the documents of one order. The zero value is the book of an order of which nothing is known.
type Book struct {
	order   order.Order
	payment payment.Payment
	// invoiced is what invoices tell of each line and shipping line. told are the pieces that one of them has told.
	invoiced map[uuid.UUID]pricing.Breakdown
	told     map[place]bool
	// open are the lines of all invoices, with what no credit note has taken off.
	open []openLine
	// credits are the credit notes of what went back, by the attempts of refunds.
	credits map[attempt]credit
	// origins are the shipments that a refund is about, where its id tells.
	origins map[uuid.UUID][]uuid.UUID
}

// place is a line in a shipment.
type place struct{ shipment, line uuid.UUID }

// attempt is an attempt at a refund.
type attempt struct {
	refund uuid.UUID
	number int
}

// openLine is a line of an invoice.
type openLine struct {
	line  Line
	event uuid.UUID // that the invoice is for
	left  pricing.Breakdown
}

// Apply takes the next event of the order or of its payment, and returns the document that it makes; false for none.
// The events come in their global order, each once.
//
// A document tells of money that has moved. So what costs nothing has none: an order or a shipment of 0.00 captures
// nothing. Nor has money that the customer's bank takes back in a dispute.
func (b *Book) Apply(env domain.Envelope, e domain.Event) (Document, bool) {
	if env.AggregateType == domain.AggregateOrder {
		b.order = order.Evolve(b.order, e)
		b.noteOrigins(e)
		return Document{}, false
	}
	captured, accepted := b.payment.Captured, acceptedOf(b.payment)
	b.payment = payment.Evolve(b.payment, e)
	d := Document{
		Channel: b.order.Channel, OrderID: b.order.ID, OrderNumber: b.order.Number, CustomerID: b.order.CustomerID,
		PaidAt: movedAt(e, env.Timestamp).UTC(), Personal: b.order.Personal, EventID: env.EventID, Sequence: env.Sequence,
		RecordedAt: env.Timestamp,
	}
	if news := b.payment.Captured.Sub(captured); news.IsPositive() {
		own, _ := e.(payment.PaymentCaptured)
		return b.invoice(d, own.CaptureID, news), true
	}
	made := false
	for _, r := range b.payment.Refunds {
		for _, a := range r.Attempts {
			key := attempt{r.RefundID, a.Attempt}
			was, is := accepted[key], isAccepted(a)
			if was == is || !a.Amount.IsPositive() {
				continue
			}
			if made = true; is {
				d = b.creditNote(d, key, r, a.Amount)
			} else {
				d = b.reversal(d, key, r)
			}
		}
	}
	return d, made
}

// acceptedOf returns which attempts at refunds the gateway has paid, or has accepted and pays later.
func acceptedOf(p payment.Payment) map[attempt]bool {
	accepted := map[attempt]bool{}
	for _, r := range p.Refunds {
		for _, a := range r.Attempts {
			if isAccepted(a) {
				accepted[attempt{r.RefundID, a.Attempt}] = true
			}
		}
	}
	return accepted
}

func isAccepted(a payment.RefundAttempt) bool {
	return a.Status == payment.RefundStatusPending || a.Status == payment.RefundStatusPaid
}

// movedAt is when an event has moved money. Of what was done elsewhere the gateway tells the time.
func movedAt(e domain.Event, recorded time.Time) time.Time {
	var at time.Time
	switch e := e.(type) {
	case payment.PaymentCaptured:
		at = e.CapturedAt
	case payment.PaymentCapturedElsewhere:
		at = e.CapturedAt
	case payment.RefundPending:
		at = e.AcceptedAt
	case payment.PaymentRefunded:
		at = e.RefundedAt
	case payment.RefundResolved:
		at = e.ResolvedAt
	case payment.RefundFailed:
		at = e.FailedAt
	}
	if at.IsZero() {
		return recorded
	}
	return at
}

// noteOrigins notes which shipments the refund of a return is about.
func (b *Book) noteOrigins(e domain.Event) {
	returned, is := e.(order.OrderReturned)
	if !is {
		return
	}
	if b.origins == nil {
		b.origins = map[uuid.UUID][]uuid.UUID{}
	}
	for _, l := range returned.Lines {
		b.origins[returned.ReturnID] = append(b.origins[returned.ReturnID], l.ShipmentID)
	}
}

// invoice writes the invoice of money that was captured.
//
// Money of a capture is for the lines of its own shipment first, then for others that have left. Money that was
// captured elsewhere is for what has left, and then for what is to leave. What no line explains is unassigned.
func (b *Book) invoice(d Document, capture uuid.UUID, amount money.Money) Document {
	d.Kind, d.ShipmentID = KindInvoice, capture
	all := b.rows(func(s order.Shipment) bool { return s.Status != order.ShipmentStatusCancelled })
	left := b.rows(func(s order.Shipment) bool { return s.Status.Left() })
	var own []row
	if s, known := b.order.Leaving(capture); known {
		if own = rowsOf(b.order, s); s.Status == order.ShipmentStatusPlanned {
			left = append(left, own...)
		}
	}
	amount = b.take(&d, own, all, amount, true)
	amount = b.take(&d, left, left, amount, false)
	if capture == uuid.Nil {
		amount = b.take(&d, all, all, amount, false)
	}
	if amount.IsPositive() {
		rest := pricing.Plain(amount)
		d.Lines = append(d.Lines, Line{Kind: account.KindUnassigned, ShipmentID: capture}.with(rest))
		b.open = append(b.open, openLine{line: d.Lines[len(d.Lines)-1], event: d.EventID, left: rest})
	}
	d.sum(b.payment.Captured.Currency)
	return d
}

// take gives an amount to rows, as far as no invoice has told them, and returns what is beyond them. Counted are the
// rows that limit what a line has left. Whole says that rows of no amount are told too.
func (b *Book) take(d *Document, rows, counted []row, amount money.Money, whole bool) money.Money {
	for _, r := range rows {
		left, cost := b.leftOf(r.line.LineID, counted), r.cost
		part := smaller(smaller(amount, cost.Payable), left.Payable)
		at := place{r.line.ShipmentID, r.line.LineID}
		free := whole && cost.Payable.IsZero() && !b.told[at]
		switch {
		case part.IsPositive():
		case free:
			part = money.Zero(cost.Payable.Currency)
		default:
			continue
		}
		share := portion(left, cost, part)
		l := r.line.with(share)
		if b.told[at] {
			l.Quantity = 0
		}
		if b.told == nil {
			b.told, b.invoiced = map[place]bool{}, map[uuid.UUID]pricing.Breakdown{}
		}
		b.told[at] = true
		if sum, some := b.invoiced[r.line.LineID]; some {
			b.invoiced[r.line.LineID] = sum.Add(share)
		} else {
			b.invoiced[r.line.LineID] = share
		}
		d.Lines = append(d.Lines, l)
		b.open = append(b.open, openLine{line: l, event: d.EventID, left: share})
		amount = amount.Sub(part)
	}
	return amount
}

// leftOf is what rows of a line cost that no invoice tells.
func (b *Book) leftOf(line uuid.UUID, rows []row) (left pricing.Breakdown) {
	some := false
	for _, r := range rows {
		switch {
		case r.line.LineID != line:
		case some:
			left = left.Add(r.cost)
		default:
			left, some = r.cost, true
		}
	}
	if sum, told := b.invoiced[line]; told && some {
		left = left.Sub(sum)
	}
	return left
}

// portion is an amount of what is left. It is just what is wanted, where that is a part of what is left. Otherwise it
// is in proportion. No amount of what stays is below zero.
func portion(left, want pricing.Breakdown, amount money.Money) pricing.Breakdown {
	switch {
	case amount.Cmp(want.Payable) == 0 && want.PartOf(left):
		return want
	case left.Consistent() && amount.Cmp(left.Payable) <= 0:
		return left.Part(amount)
	default: // more was told of the line than it costs now, since some of it was cancelled
		return want.Part(amount)
	}
}

func smaller(a, b money.Money) money.Money {
	if a.Cmp(b) < 0 {
		return a
	}
	return b
}
