package account

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Text is the statement as a table for people, in columns whose amounts are aligned.
func (s Statement) Text() string {
	table := [][]string{{"", "qty", "gross", "discount", "tax", "payable", "captured", "refunded", "left"}}
	shipment := ""
	for _, r := range s.Rows {
		if id := r.ShipmentID.String(); r.Status != "" && id != shipment {
			shipment = id
			table = append(table, []string{fmt.Sprintf("shipment %s, %s", id, r.Status)})
		}
		quantity := ""
		if r.Quantity > 0 {
			quantity = fmt.Sprint(r.Quantity)
		}
		name := r.Name
		switch r.Kind {
		case KindShipping:
			name = "shipping " + name
		case KindUnassigned:
			name = "for no line"
		}
		table = append(table, append([]string{"  " + name, quantity}, r.texts()...))
	}
	table = append(table, append([]string{"total in " + s.Currency, ""}, s.Totals.texts()...))
	if !s.Owed.IsZero() {
		table = append(table, []string{"to go back besides: " + s.Owed.Text()})
	}
	for _, c := range s.Credits {
		direction := "from"
		if c.Amount.Amount.IsNegative() {
			direction = "to"
		}
		table = append(table, []string{fmt.Sprintf("credit %s order %s: %s", direction, c.OrderID, c.Amount.Text())})
	}
	return aligned(table)
}

func (a Amounts) texts() []string {
	return []string{a.Gross.Text(), a.Discount.Text(), a.Tax.Text(), a.Payable.Text(), a.Captured.Text(), a.Refunded.Text(), a.Left.Text()}
}

// aligned writes rows with their first cell to the left and the others to the right. A row of one cell takes no part.
func aligned(table [][]string) string {
	widths := make([]int, len(table[0]))
	for _, row := range table {
		for i, cell := range row {
			if len(row) > 1 {
				widths[i] = max(widths[i], utf8.RuneCountInString(cell))
			}
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
