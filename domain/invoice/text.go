package invoice

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
)

// Text is the document for people: what it is, whom it is for, its lines and its taxes. Recipient and billing are the
// lines of the addresses; they may be empty.
func (d Document) Text(recipient, billing []string) string {
	var b strings.Builder
	title := "Invoice"
	switch {
	case d.Reversal:
		title = "Reversal"
	case d.Kind == KindCreditNote:
		title = "Credit note"
	}
	fmt.Fprintf(&b, "%s %s\n%s, order %s", title, d.Number, d.Date, d.OrderNumber)
	if d.Channel != "" {
		fmt.Fprintf(&b, ", channel %s", d.Channel)
	}
	b.WriteByte('\n')
	if len(d.Corrects) > 0 {
		fmt.Fprintf(&b, "corrects %s\n", strings.Join(d.Corrects, ", "))
	}
	writeAddress(&b, "to", recipient)
	writeAddress(&b, "billed to", billing)
	b.WriteByte('\n')
	table := [][]string{{"", "qty", "gross", "discount", "net", "tax", "total"}}
	for _, l := range d.Lines {
		quantity := ""
		if l.Quantity > 0 {
			quantity = fmt.Sprint(l.Quantity)
		}
		tax := pricing.Breakdown{Taxes: l.Taxes, Payable: l.Total}.Tax()
		table = append(table, []string{l.title(), quantity, l.Gross.Text(), l.Discount.Text(), l.Net.Text(), tax.Text(), l.Total.Text()})
	}
	t := d.Totals
	table = append(table, []string{
		"total in " + d.Currency(), "", t.Gross.Text(), t.Discount.Text(), t.Net.Text(), t.Tax.Text(), t.Total.Text(),
	})
	b.WriteString(aligned(table))
	b.WriteByte('\n')
	taxes := [][]string{{"", "rate", "taxable", "tax"}}
	for _, tax := range d.Taxes {
		name, rate := tax.Name, ""
		if name == "" {
			name = "without tax"
		}
		if !tax.Rate.IsZero() {
			rate = tax.Rate.Mul(decimal.NewFromInt(100)).String() + " %"
		}
		taxes = append(taxes, []string{name, rate, tax.Taxable.Text(), tax.Tax.Text()})
	}
	b.WriteString(aligned(taxes))
	return b.String()
}

func writeAddress(b *strings.Builder, label string, lines []string) {
	if len(lines) > 0 {
		fmt.Fprintf(b, "%s %s\n", label, strings.Join(lines, ", "))
	}
}

func (l Line) title() string {
	name := l.SKU
	if l.Name != "" {
		name += " " + l.Name
	}
	switch l.Kind {
	case account.KindShipping:
		name = "shipping " + name
	case account.KindUnassigned:
		name = "for no line"
	}
	return name
}

// aligned writes rows with their first cell to the left and the others to the right.
func aligned(table [][]string) string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range table {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", max(0, widths[i]-utf8.RuneCountInString(cell)))
			if i == 0 {
				line.WriteString(cell + pad)
			} else {
				line.WriteString("  " + pad + cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}
