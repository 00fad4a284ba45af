package invoice_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/invoice"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func eur(s string) money.Money { return money.Must(s, "EUR") }

// life is an order and its payment, and the documents of their events. Each has a number that tells its place.
type life struct {
	t       *testing.T
	o       order.Order
	p       payment.Payment
	book    invoice.Book
	events  int64
	written []invoice.Document
	names   map[uuid.UUID]string
}

func (l *life) happen(events []domain.Event, err error) {
	l.t.Helper()
	require.NoError(l.t, err)
	for _, e := range events {
		l.o, l.p = order.Evolve(l.o.Clone(), e), payment.Evolve(l.p, e)
		l.events++
		id := uuid.NewSHA1(uuid.NameSpaceOID, []byte{byte(l.events)})
		d, made := l.book.Apply(domain.Envelope{
			EventID: id, AggregateType: catalog.AggregateType(e.EventType()), Sequence: l.events, Timestamp: date,
		}, e)
		if made {
			number := map[invoice.Kind]string{invoice.KindInvoice: "INV-", invoice.KindCreditNote: "CN-"}[d.Kind] + string(rune('1'+len(l.written)))
			l.names[id] = number
			l.written = append(l.written, d.Numbered(number, "2026-11-27", l.names))
		}
	}
}

// shopped is an order of three cups at 9.90 with 7 % inside. Shipping is 4.90, with 19 % on top, and 5.00 are taken off
// the order. Two cups leave from Berlin, and one from Reno, which has left and is captured.
func shopped(t *testing.T) *life {
	t.Helper()
	l := &life{t: t, names: map[uuid.UUID]string{}}
	tax := func(name, rate string, included bool) []pricing.TaxRule {
		return []pricing.TaxRule{{Name: name, Rate: decimal.RequireFromString(rate), Included: included}}
	}
	content := order.Content{
		Items:         []order.Item{{ProductID: "p", SKU: "CUP", Name: "Cup", Quantity: 3, UnitPrice: eur("9.90")}},
		ShippingLines: []order.ShippingLine{{Method: "standard", Name: "DHL", Amount: eur("4.90")}},
		Discounts:     []order.Discount{{Target: pricing.TargetOrder}},
	}
	priced, err := pricing.Price(pricing.Order{
		Currency:  "EUR",
		Lines:     []pricing.Line{{UnitPrice: eur("9.90"), Quantity: 3, Taxes: tax("MwSt", "0.07", true)}},
		Shipping:  []pricing.ShippingLine{{Amount: eur("4.90"), Taxes: tax("MwSt", "0.19", false)}},
		Discounts: []pricing.Discount{{Target: pricing.TargetOrder, Amount: decimal.RequireFromString("5.00")}},
	})
	require.NoError(t, err)
	content = content.Priced(priced)
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	l.happen(order.Place(l.o, order.PlaceOrder{
		OrderID: id, CustomerID: "c", ShipToCountry: "DE", At: date, Items: content.Items, ShippingLines: content.ShippingLines, Discounts: content.Discounts,
		References: order.References{Channel: "web"},
	}))
	l.happen(order.Confirm(l.o, order.ConfirmOrder{At: date, Shipments: order.PlanShipments(l.o, []inventory.Allocation{
		{SKU: "CUP", Location: "berlin", Quantity: 2}, {SKU: "CUP", Location: "reno", Quantity: 1},
	})}))
	l.happen(payment.Authorize(l.p, payment.RecordAuthorization{
		OrderID: id, Amount: l.o.Total, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: date.AddDate(0, 1, 0), At: date,
	}))
	l.ship(1)
	return l
}

func (l *life) ship(n int) {
	l.t.Helper()
	id := l.o.Shipments[n].ShipmentID
	share := l.o.Share(id, l.p.Taken(), money.Limits{})
	l.happen(payment.Capture(l.p, payment.CapturePayment{CaptureID: id, Amount: share, GatewayRef: "g", At: date}))
	l.happen(order.Dispatch(l.o, order.DispatchShipment{ShipmentID: id, Carrier: "DHL", TrackingNumber: "1", At: date}))
	l.happen(order.Deliver(l.o, order.DeliverShipment{ShipmentID: id, At: date}))
}

func (l *life) refund(c payment.RefundPayment, status payment.RefundStatus) {
	l.t.Helper()
	c.At = date
	l.happen(payment.RequestRefund(l.p, c))
	l.answer(c.RefundID, status)
}

func (l *life) answer(id uuid.UUID, status payment.RefundStatus) {
	l.t.Helper()
	r, _ := l.p.Refund(id)
	a := r.Attempts[len(r.Attempts)-1]
	l.happen(payment.AnswerRefund(l.p, payment.RefundAnswer{RefundID: id, Attempt: a.Attempt, Status: status, GatewayRef: "re", Cause: "no", At: date}))
}

// The shipment from Reno takes the shipping along. Its cup is the third of three that cost 24.70: two of them are
// 16.466, rounded 16.47, so it is 8.23. Of the tax of 1.62 it has 0.54.
func TestAnInvoiceTellsWhatItsShipmentCosts(t *testing.T) {
	t.Parallel()
	l := shopped(t)
	require.Len(t, l.written, 1)
	d := l.written[0]
	require.Equal(t, "web", d.Channel)
	require.Equal(t, `Invoice INV-1
2026-11-27, order `+l.o.Number+`, channel web
to Ada Lovelace, Torstraße 1, 10119 Berlin

                       qty  gross  discount    net   tax  total
CUP Cup                  1   9.90      1.67   8.23  0.54   8.23
shipping standard DHL        4.90      0.00   4.90  0.93   5.83
total in EUR                14.80      1.67  13.13  1.47  14.06

      rate  taxable   tax
MwSt   7 %     7.69  0.54
MwSt  19 %     4.90  0.93
`, d.Text([]string{"Ada Lovelace", "Torstraße 1", "10119 Berlin"}, nil))
}

// Two cups of the first shipment come back, and then the order is paid back for no line: that takes off what is left.
func TestACreditNoteNamesTheInvoicesThatItAmends(t *testing.T) {
	t.Parallel()
	l := shopped(t)
	l.ship(0)
	back := order.ReturnOrder{ReturnID: uuid.New(), Lines: []order.ReturnLine{{SKU: "CUP", Quantity: 2}}, Reason: "broken", At: date}
	goods, owed, err := account.Return(l.o, l.p, back, false, money.Limits{})
	l.happen(goods, err)
	l.happen(owed, nil)
	l.refund(payment.RefundPayment{RefundID: back.ReturnID}, payment.RefundStatusPaid)
	d := l.written[2]
	require.Equal(t, []string{"INV-2"}, d.Corrects, "the two cups are those of the first shipment")
	require.Equal(t, []any{invoice.KindCreditNote, "return", 2}, []any{d.Kind, d.Reason, d.Lines[0].Quantity})
	require.Equal(t, "16.47", d.Totals.Total.Text())

	l.refund(payment.RefundPayment{RefundID: uuid.New(), Amount: l.p.Refundable(), Reason: "sorry"}, payment.RefundStatusPaid)
	d = l.written[3]
	require.Equal(t, []string{"INV-1"}, d.Corrects)
	require.Equal(t, []string{"14.06", "1.47"}, []string{d.Totals.Total.Text(), d.Totals.Tax.Text()})
}

// A refund that the bank sends back was told to the customer: the credit note is taken back by another document.
func TestARefundThatFailsLaterIsReversed(t *testing.T) {
	t.Parallel()
	l := shopped(t)
	id := uuid.New()
	l.refund(payment.RefundPayment{RefundID: id, Amount: eur("3.00"), Reason: "late"}, payment.RefundStatusPending)
	l.answer(id, payment.RefundStatusFailed)
	require.Len(t, l.written, 3)
	note, reversal := l.written[1], l.written[2]
	require.True(t, reversal.Reversal)
	require.Equal(t, []string{note.Number}, reversal.Corrects)
	require.Equal(t, "-3.00", reversal.Totals.Total.Text())
	require.True(t, note.Totals.Tax.Add(reversal.Totals.Tax).IsZero())
	require.Equal(t, "INV-1", reversal.Lines[0].Invoice)
	require.Contains(t, reversal.Text(nil, nil), "Reversal CN-3")
	l.refund(payment.RefundPayment{RefundID: uuid.New(), Amount: l.p.Captured, Reason: "all"}, payment.RefundStatusPaid)
	require.Equal(t, "14.06", l.written[3].Totals.Total.Text(), "all of it can go back")
}

// An order without discounts, taxes and shipping needs none of it.
func TestAPlainOrderHasAPlainInvoice(t *testing.T) {
	t.Parallel()
	l := &life{t: t, names: map[uuid.UUID]string{}}
	id := uuid.New()
	l.happen(order.Place(l.o, order.PlaceOrder{
		OrderID: id, CustomerID: "c", ShipToCountry: "DE", At: date, Items: []order.Item{{ProductID: "p", SKU: "CUP", Quantity: 2, UnitPrice: eur("10.00")}},
	}))
	l.happen(order.Confirm(l.o, order.ConfirmOrder{At: date, Shipments: order.PlanShipments(l.o, []inventory.Allocation{{SKU: "CUP", Location: "berlin", Quantity: 2}})}))
	l.happen(payment.Authorize(l.p, payment.RecordAuthorization{
		OrderID: id, Amount: l.o.Total, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: date.AddDate(0, 1, 0), At: date,
	}))
	l.ship(0)
	d := l.written[0]
	require.Equal(t, []invoice.TaxTotal{{Taxable: eur("20.00"), Tax: d.Taxes[0].Tax}}, d.Taxes)
	require.True(t, d.Totals.Tax.IsZero())
	require.Equal(t, 2, d.Lines[0].Quantity)
}

// A credit that pays for another order is told by a credit note here, and by an invoice of that order. When some of it
// comes back, a reversal takes the credit note back, and what stands is told anew.
func TestACreditForAnotherOrderIsTold(t *testing.T) {
	t.Parallel()
	l := shopped(t)
	l.ship(0)
	other, credit := uuid.New(), uuid.New()
	captured, _ := l.o.CapturedOf(l.o.Items[0].LineID)
	events, taken, err := payment.Give(l.p, payment.GiveCredit{
		CreditID: credit, To: other, Most: eur("5.00"), At: date,
		Lines: []payment.OwedLine{{LineID: l.o.Items[0].LineID, Amount: eur("5.00"), Captured: captured}},
	})
	l.happen(events, err)
	require.Equal(t, "5.00", taken.Text())
	l.happen(payment.TakeBack(l.p, other, eur("2.00"), date), nil)
	var told []string
	sum := eur("0")
	for _, d := range l.written[2:] {
		told = append(told, d.Totals.Total.Text())
		sum = sum.Add(d.Totals.Total)
	}
	require.Equal(t, []string{"5.00", "-5.00", "3.00"}, told)
	require.Zero(t, sum.Cmp(l.p.Refunded))
	require.Equal(t, []string{l.written[2].Number}, l.written[3].Corrects)
}

// Two taxes of a line that are called the same, and have one rate, tax the line once.
func TestALineIsTaxableOnce(t *testing.T) {
	t.Parallel()
	l := &life{t: t, names: map[uuid.UUID]string{}}
	city := pricing.TaxRule{Name: "City", Rate: decimal.RequireFromString("0.02")}
	priced, err := pricing.Price(pricing.Order{
		Currency: "EUR", Lines: []pricing.Line{{UnitPrice: eur("10.00"), Quantity: 1, Taxes: []pricing.TaxRule{city, {Name: "VAT", Rate: city.Rate}, city}}},
	})
	require.NoError(t, err)
	id := uuid.MustParse("3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11")
	l.happen(order.Place(l.o, order.PlaceOrder{OrderID: id, CustomerID: "c", ShipToCountry: "DE", At: date, Items: []order.Item{
		{ProductID: "p", SKU: "CUP", Quantity: 1, UnitPrice: eur("10.00"), Money: priced.Lines[0].Detail()},
	}}))
	l.happen(order.Confirm(l.o, order.ConfirmOrder{At: date, Shipments: order.PlanShipments(l.o, []inventory.Allocation{{SKU: "CUP", Location: "berlin", Quantity: 1}})}))
	l.happen(payment.Authorize(l.p, payment.RecordAuthorization{
		OrderID: id, Amount: l.o.Total, Status: payment.StatusAuthorized, GatewayRef: "g", ExpiresAt: date.AddDate(0, 1, 0), At: date,
	}))
	l.ship(0)
	require.Equal(t, []invoice.TaxTotal{
		{Name: "City", Rate: city.Rate, Taxable: eur("10.00"), Tax: eur("0.40")}, {Name: "VAT", Rate: city.Rate, Taxable: eur("10.00"), Tax: eur("0.20")},
	}, l.written[0].Taxes)
}
