package invoice

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// Kind is what a document is.
type Kind string

// The kinds of documents.
const (
	KindInvoice    Kind = "invoice"
	KindCreditNote Kind = "credit_note"
)

// Document is an invoice or a credit note. It has what article 226 of the EU's VAT directive (2006/112/EC) asks of an
// invoice. What is left out is the shop's own: its name, address and VAT number. A credit note names the invoices that
// it amends, as article 219 asks.
type Document struct {
	// Number and Date are empty until a number is given. The date of issue has the form 2026-11-27.
	Number string `json:"number"`
	Kind   Kind   `json:"kind"`
	Date   string `json:"date"`
	// Channel is the order's; empty for none.
	Channel     string    `json:"channel,omitempty"`
	OrderID     uuid.UUID `json:"order_id"`
	OrderNumber string    `json:"order_number"`
	CustomerID  string    `json:"customer_id"`
	// ShipmentID is the shipment whose money was captured; zero for money that was captured elsewhere.
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	// RefundID and Reason are of the refund of a credit note.
	RefundID uuid.UUID `json:"refund_id,omitzero"`
	Reason   string    `json:"reason,omitempty"`
	// PaidAt is when the money was captured, or went back.
	PaidAt time.Time `json:"paid_at"`
	// Reversal is true of a credit note that takes another one back, because its refund has failed.
	Reversal bool `json:"reversal,omitempty"`
	// Corrects are the numbers of the invoices that a credit note amends, or of the credit note that a reversal takes
	// back.
	Corrects []string `json:"corrects,omitempty"`
	Lines    []Line   `json:"lines"`
	// Taxes sum up the lines by tax and rate. What has no tax stands in an entry without a name.
	Taxes  []TaxTotal `json:"taxes"`
	Totals Totals     `json:"totals"`
	// Personal seals the recipient and the billing address as they were.
	Personal domain.Sealed `json:"-"`
	// EventID, Sequence and RecordedAt are of the event that the document is for.
	EventID    uuid.UUID `json:"-"`
	Sequence   int64     `json:"-"`
	RecordedAt time.Time `json:"-"`
	// corrects are the events of the documents that it corrects.
	corrects []uuid.UUID
}

// Line is what a document is about of one line or shipping line of the order.
type Line struct {
	Kind account.Kind `json:"kind"`
	// Invoice is the number of the invoice that a line of a credit note amends; empty where no invoice explains it.
	Invoice string `json:"invoice,omitempty"`
	// ShipmentID is the shipment that the pieces are in; zero for what is for none.
	ShipmentID uuid.UUID `json:"shipment_id,omitzero"`
	// LineID is the id of the line or of the shipping line, SKU its SKU or method, and Name what people call it.
	LineID uuid.UUID `json:"line_id,omitzero"`
	SKU    string    `json:"sku,omitempty"`
	Name   string    `json:"name,omitempty"`
	// Quantity is left out where a line is an amount, and where an earlier document had the pieces.
	Quantity  int         `json:"quantity,omitzero"`
	UnitPrice money.Money `json:"unit_price,omitzero"`
	// Gross less Discount is Net, which contains the included taxes. Total is what is paid.
	Gross    money.Money   `json:"gross"`
	Discount money.Money   `json:"discount"`
	Net      money.Money   `json:"net"`
	Taxes    []pricing.Tax `json:"taxes,omitempty"`
	Total    money.Money   `json:"total"`

	invoice uuid.UUID // the event of the invoice that it amends
}

// TaxTotal is one tax at one rate over all lines of a document.
type TaxTotal struct {
	Name string          `json:"name,omitempty"`
	Rate decimal.Decimal `json:"rate,omitzero"`
	// Taxable is what the tax is computed of: the net without the included taxes.
	Taxable money.Money `json:"taxable"`
	Tax     money.Money `json:"tax"`
}

// Totals are the sums of the lines. Tax is all taxes, the included ones too.
type Totals struct {
	Gross    money.Money `json:"gross"`
	Discount money.Money `json:"discount"`
	Net      money.Money `json:"net"`
	Tax      money.Money `json:"tax"`
	Total    money.Money `json:"total"`
}

// Numbered returns the document with its number and date. Names are the numbers of the order's earlier documents, by
// their events.
func (d Document) Numbered(number, date string, names map[uuid.UUID]string) Document {
	d.Number, d.Date = number, date
	d.Corrects, d.Lines = nil, slices.Clone(d.Lines)
	for _, event := range d.corrects {
		d.Corrects = append(d.Corrects, names[event])
	}
	for i := range d.Lines {
		d.Lines[i].Invoice = names[d.Lines[i].invoice]
	}
	return d
}

// Currency is that of all amounts.
func (d Document) Currency() string { return d.Totals.Total.Currency }

// sum fills in what follows from the lines.
func (d *Document) sum(currency string) {
	none := money.Zero(currency)
	d.Totals, d.Taxes = Totals{Gross: none, Discount: none, Net: none, Tax: none, Total: none}, nil
	for _, l := range d.Lines {
		t := &d.Totals
		t.Gross, t.Discount, t.Net, t.Total = t.Gross.Add(l.Gross), t.Discount.Add(l.Discount), t.Net.Add(l.Net), t.Total.Add(l.Total)
		taxable := l.Net
		for _, tax := range l.Taxes {
			if t.Tax = t.Tax.Add(tax.Amount); tax.Included {
				taxable = taxable.Sub(tax.Amount)
			}
		}
		for i, tax := range l.Taxes {
			base := taxable
			if slices.ContainsFunc(l.Taxes[:i], func(t pricing.Tax) bool { return t.Name == tax.Name && t.Rate.Equal(tax.Rate) }) {
				base = none // the line was counted with the first tax of this name and rate
			}
			d.addTax(tax.Name, tax.Rate, base, tax.Amount)
		}
		if len(l.Taxes) == 0 {
			d.addTax("", decimal.Zero, taxable, none)
		}
		if l.invoice != uuid.Nil && !slices.Contains(d.corrects, l.invoice) && !d.Reversal {
			d.corrects = append(d.corrects, l.invoice)
		}
	}
}

func (d *Document) addTax(name string, rate decimal.Decimal, taxable, tax money.Money) {
	i := slices.IndexFunc(d.Taxes, func(t TaxTotal) bool { return t.Name == name && t.Rate.Equal(rate) })
	if i < 0 {
		i = len(d.Taxes)
		d.Taxes = append(d.Taxes, TaxTotal{Name: name, Rate: rate, Taxable: money.Zero(tax.Currency), Tax: money.Zero(tax.Currency)})
	}
	t := &d.Taxes[i]
	t.Taxable, t.Tax = t.Taxable.Add(taxable), t.Tax.Add(tax)
}

// with returns the line with these amounts.
func (l Line) with(b pricing.Breakdown) Line {
	none := money.Zero(b.Payable.Currency)
	l.Gross, l.Discount, l.Net, l.Taxes, l.Total = none.Add(b.Gross), none.Add(b.Discount()), none.Add(b.Net()), b.Taxes, none.Add(b.Payable)
	return l
}
