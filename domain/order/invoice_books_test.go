package order_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// documents are the documents of books, written as the events came.
type documents struct {
	*moneyBooks
	book invoice.Book
	read int
	all  []invoice.Document
	// elsewhere is true once money was captured or refunded elsewhere, so that the parts are not known.
	elsewhere bool
}

// write writes the documents of what happened since.
func (d *documents) write() {
	for ; d.read < len(d.log); d.read++ {
		e := d.log[d.read]
		env := domain.Envelope{
			EventID: domain.DerivedID(orderID, fmt.Sprint("event/", d.read)), AggregateType: catalog.AggregateType(e.EventType()),
			Sequence: int64(d.read + 1), Timestamp: at,
		}
		if one, made := d.book.Apply(env, e); made {
			d.all = append(d.all, one)
		}
	}
}

// taxKey is a tax at a rate.
type taxKey struct {
	name string
	rate string
}

// check demands that the documents add up to what has moved, in all and by tax.
func (d *documents) check(t *rapid.T) {
	d.write()
	none := money.Zero(d.o.Total.Currency)
	invoiced, credited := none, none
	taxes := map[taxKey]money.Money{}
	for _, one := range d.all {
		checkDocument(t, one)
		sign := 1
		if one.Kind == invoice.KindCreditNote {
			credited, sign = credited.Add(one.Totals.Total), -1
		} else {
			invoiced = invoiced.Add(one.Totals.Total)
		}
		for _, tax := range one.Taxes {
			k := taxKey{tax.Name, tax.Rate.String()}
			taxes[k] = none.Add(taxes[k]).Add(tax.Tax.Times(sign))
		}
	}
	require.Zero(t, invoiced.Cmp(none.Add(d.p.Captured)), "the invoices are what was captured: %s, %s", invoiced, d.p.Captured)
	require.Zero(t, credited.Cmp(none.Add(d.p.Refunded)), "the credit notes are what went back: %s, %s", credited, d.p.Refunded)
	for k, tax := range taxes {
		require.False(t, tax.Amount.IsNegative(), "more tax of %v went back than was taken: %s", k, tax)
		if credited.Cmp(invoiced) == 0 {
			require.True(t, tax.IsZero(), "all went back, and not all tax of %v: %s", k, tax)
		}
	}
	if !d.elsewhere {
		d.checkParts(t)
	}
}

// checkParts demands that the invoices tell what has left, part by part.
func (d *documents) checkParts(t *rapid.T) {
	told := map[uuid.UUID]pricing.Breakdown{}
	for _, one := range d.all {
		for _, l := range one.Lines {
			if one.Kind != invoice.KindInvoice {
				continue
			}
			require.NotEqual(t, account.KindUnassigned, l.Kind, "each capture is for lines")
			// What is discounted to nothing leaves without a capture, so no invoice tells its price and its discount.
			part := pricing.Breakdown{Gross: l.Net, Taxes: l.Taxes, Payable: l.Total}
			if sum, some := told[l.LineID]; some {
				part = sum.Add(part)
			}
			told[l.LineID] = part
		}
	}
	for id, have := range told {
		left, _ := d.o.CapturedOf(id)
		left.Gross, left.Discounts = left.Net(), nil
		require.True(t, have.Equal(left), "what has left of a line is what the invoices tell:\n%+v\n%+v", have, left)
	}
}

// checkDocument demands that a document adds up by itself.
func checkDocument(t *rapid.T, d invoice.Document) {
	none := money.Zero(d.Currency())
	sums := invoice.Totals{Gross: none, Discount: none, Net: none, Tax: none, Total: none}
	sign := 1
	if d.Reversal {
		sign = -1
	}
	require.NotEmpty(t, d.Lines)
	for _, l := range d.Lines {
		tax, onTop := none, none
		for _, one := range l.Taxes {
			if tax = tax.Add(one.Amount); !one.Included {
				onTop = onTop.Add(one.Amount)
			}
			require.False(t, one.Amount.Times(sign).Amount.IsNegative(), "%+v", l)
		}
		for _, m := range []money.Money{l.Gross, l.Discount, l.Net, l.Total} {
			require.False(t, m.Times(sign).Amount.IsNegative(), "%+v", l)
		}
		require.Zero(t, l.Gross.Sub(l.Discount).Cmp(l.Net), "%+v", l)
		require.Zero(t, l.Net.Add(onTop).Cmp(l.Total), "%+v", l)
		sums.Gross, sums.Discount, sums.Net = sums.Gross.Add(l.Gross), sums.Discount.Add(l.Discount), sums.Net.Add(l.Net)
		sums.Tax, sums.Total = sums.Tax.Add(tax), sums.Total.Add(l.Total)
	}
	for i, m := range []money.Money{sums.Gross, sums.Discount, sums.Net, sums.Tax, sums.Total} {
		have := []money.Money{d.Totals.Gross, d.Totals.Discount, d.Totals.Net, d.Totals.Tax, d.Totals.Total}[i]
		require.Zero(t, m.Cmp(have), "%+v", d)
	}
	tax := none
	for _, one := range d.Taxes {
		tax = tax.Add(one.Tax)
	}
	require.Zero(t, tax.Cmp(sums.Tax))
	require.True(t, d.Totals.Total.Times(sign).IsPositive(), "a document is of some money")
}

// settle asks for what is owed. The gateway pays it, accepts it to pay it later, or refuses it.
func (d *documents) settle(t *rapid.T) {
	for _, id := range d.p.OpenRefunds() {
		before, _ := d.p.Refund(id)
		c := payment.RefundPayment{RefundID: id, After: len(before.Attempts), At: at}
		if !d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) }) {
			continue
		}
		d.answer(t, id, rapid.SampledFrom([]payment.RefundStatus{
			payment.RefundStatusPaid, payment.RefundStatusPaid, payment.RefundStatusPending, payment.RefundStatusFailed,
		}).Draw(t, "answer"))
	}
}

// answer answers what was asked for of a refund.
func (d *documents) answer(t *rapid.T, id uuid.UUID, status payment.RefundStatus) {
	r, _ := d.p.Refund(id)
	for _, a := range r.Attempts {
		if a.Status != payment.RefundStatusRequested && a.Status != payment.RefundStatusPending {
			continue
		}
		require.True(t, d.pay(t, func(p payment.Payment) ([]domain.Event, error) {
			return payment.AnswerRefund(p, payment.RefundAnswer{
				RefundID: id, Attempt: a.Attempt, Status: status, GatewayRef: fmt.Sprint(id, a.Attempt), Cause: "no", At: at,
			})
		}))
	}
}

// hearLater lets the gateway tell what has become of a refund that it had accepted, or had paid.
func (d *documents) hearLater(t *rapid.T) {
	var ids []uuid.UUID
	for _, r := range d.p.Refunds {
		if s := r.Status(); s == payment.RefundStatusPending || s == payment.RefundStatusPaid && r.Amount.IsPositive() {
			ids = append(ids, r.RefundID)
		}
	}
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(t, "refund")
	status := rapid.SampledFrom([]payment.RefundStatus{payment.RefundStatusPaid, payment.RefundStatusFailed}).Draw(t, "in the end")
	r, _ := d.p.Refund(id)
	for _, a := range r.Attempts {
		if a.Status == payment.RefundStatusPending || a.Status == payment.RefundStatusPaid && status == payment.RefundStatusFailed {
			d.pay(t, func(p payment.Payment) ([]domain.Event, error) {
				return payment.AnswerRefund(p, payment.RefundAnswer{RefundID: id, Attempt: a.Attempt, Status: status, GatewayRef: a.GatewayRef, Cause: "no", At: at})
			})
		}
	}
}

// refundAnything asks for an amount that is for no line.
func (d *documents) refundAnything(t *rapid.T) {
	left := d.p.Refundable()
	if !left.IsPositive() {
		return
	}
	c := payment.RefundPayment{
		RefundID: d.request(), Amount: money.FromMinorUnits(rapid.Int64Range(1, left.MinorUnits()).Draw(t, "amount"), left.Currency), Reason: "sorry", At: at,
	}
	if d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) }) {
		d.answer(t, c.RefundID, payment.RefundStatusPaid)
	}
}

// actions are what happens to an order whose money moves through the platform alone.
func (d *documents) actions() map[string]func(*rapid.T) {
	b := d.moneyBooks
	ship := func(in order.ShipmentStatus, then func(*rapid.T, order.Shipment)) func(*rapid.T) {
		return func(t *rapid.T) {
			if s, ok := b.shipment(t, in); ok {
				then(t, s)
			}
		}
	}
	return map[string]func(*rapid.T){
		"leave": ship(order.ShipmentStatusPlanned, func(t *rapid.T, s order.Shipment) {
			if !b.o.Status.Ended() {
				b.leave(t, s.ShipmentID)
			}
		}),
		"cancel lines": func(t *rapid.T) {
			if len(b.o.Items) > 0 {
				b.cancelSome(t)
			}
		},
		"edit":   b.editSome,
		"arrive": ship(order.ShipmentStatusDispatched, func(t *rapid.T, s order.Shipment) { b.change(t, deliver(s.ShipmentID)) }),
		"lose":   ship(order.ShipmentStatusDispatched, func(t *rapid.T, s order.Shipment) { b.lose(t, s, lose) }),
		"refuse": ship(order.ShipmentStatusDispatched, func(t *rapid.T, s order.Shipment) { b.lose(t, s, comeBack) }),
		"return": func(t *rapid.T) {
			if item, ok := b.item(t); ok {
				b.returnSome(t, item, rapid.IntRange(1, item.Quantity).Draw(t, "pieces"))
			}
		},
		"refund pieces": func(t *rapid.T) {
			if item, ok := b.item(t); ok {
				b.refund(t, true, order.RefundLine{LineID: item.LineID, Quantity: rapid.IntRange(1, item.Quantity).Draw(t, "pieces")})
			}
		},
		"refund an amount of a line": func(t *rapid.T) {
			if item, ok := b.item(t); ok {
				amount := money.FromMinorUnits(rapid.Int64Range(1, 500).Draw(t, "amount"), b.o.Total.Currency)
				b.refund(t, true, order.RefundLine{LineID: item.LineID, Amount: amount.Amount})
			}
		},
		"refund for no line": d.refundAnything,
		"return's life": func(t *rapid.T) {
			if b.o.Status == order.StatusDelivered {
				b.returnLife(t)
			}
		},
		"settle":     d.settle,
		"hear later": d.hearLater,
		"":           d.check,
	}
}

// Whatever becomes of an order, its invoices add up to what was captured, and its credit notes to what went back. They
// do in all, by line and by tax.
func TestInvoicesAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := &documents{moneyBooks: placedBooks(t)}
		t.Repeat(d.actions())
		d.giveBackWhatIsLeft(t)
	})
}

// giveBackWhatIsLeft gives everything back that was captured.
func (d *documents) giveBackWhatIsLeft(t *rapid.T) {
	for _, id := range d.p.OpenRefunds() {
		before, _ := d.p.Refund(id)
		c := payment.RefundPayment{RefundID: id, After: len(before.Attempts), At: at}
		d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) })
		d.answer(t, id, payment.RefundStatusPaid)
	}
	if left := d.p.Refundable(); left.IsPositive() {
		c := payment.RefundPayment{RefundID: d.request(), Amount: left, Reason: "all", At: at}
		d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) })
		d.answer(t, c.RefundID, payment.RefundStatusPaid)
	}
	d.check(t)
}

// The same holds where money is captured and refunded at the gateway by others. What was captured before anything has
// left is for the lines that are to leave.
func TestInvoicesAddUpWhereMoneyMovesElsewhere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := &documents{moneyBooks: placedBooks(t), elsewhere: true}
		if d.o.Total.IsZero() {
			t.Skip("nothing can be captured")
		}
		amount := func(most money.Money) money.Money {
			return money.FromMinorUnits(rapid.Int64Range(1, max(most.MinorUnits(), 1)).Draw(t, "amount"), most.Currency)
		}
		actions := d.actions()
		actions["leave"] = func(t *rapid.T) {
			if s, ok := d.shipment(t, order.ShipmentStatusPlanned); ok && !d.o.Status.Ended() {
				d.leavePaidElsewhere(t, s.ShipmentID)
			}
		}
		actions["edit"] = func(*rapid.T) {}
		actions["capture elsewhere"] = func(t *rapid.T) {
			c := payment.GatewayCapture{CaptureRef: fmt.Sprint("c", d.requests), GatewayRef: "g", Amount: amount(d.o.Total), At: at}
			d.requests++
			told := []payment.GatewayCapture{c}
			for _, known := range d.p.CapturedElsewhere {
				told = append(told, payment.GatewayCapture{CaptureRef: known.CaptureRef, GatewayRef: "g", Amount: known.Amount})
			}
			told = append(told, d.ownCaptures()...)
			d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RecordCaptures(p, told, at) })
		}
		actions["refund elsewhere"] = func(t *rapid.T) {
			if left := d.p.Captured.Sub(d.p.Refunded); left.IsPositive() {
				d.requests++
				answer := payment.RefundAnswer{GatewayRef: fmt.Sprint("r", d.requests), Status: payment.RefundStatusPaid, Amount: amount(left), Reason: "dashboard", At: at}
				d.pay(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RecordGatewayRefund(p, answer) })
			}
		}
		t.Repeat(actions)
	})
}

// ownCaptures are what the platform itself has captured, as the gateway tells it.
func (d *documents) ownCaptures() (own []payment.GatewayCapture) {
	for _, e := range d.log {
		if c, is := e.(payment.PaymentCaptured); is {
			own = append(own, payment.GatewayCapture{CaptureID: c.CaptureID, CaptureRef: c.CaptureID.String(), GatewayRef: "g", Amount: c.Amount})
		}
	}
	return own
}

// leavePaidElsewhere lets a shipment leave, which money that was captured elsewhere pays for first.
func (d *documents) leavePaidElsewhere(t *rapid.T, id uuid.UUID) {
	share := d.o.Share(id, d.p.Taken(), money.Limits{})
	if share.IsPositive() {
		applied := d.p.Applicable(share, money.Limits{})
		if !d.pay(t, func(p payment.Payment) ([]domain.Event, error) {
			return payment.Capture(p, payment.CapturePayment{CaptureID: id, Amount: share.Sub(applied), Applied: applied, GatewayRef: "g", At: at})
		}) {
			return
		}
	}
	d.change(t, dispatch(id))
}
