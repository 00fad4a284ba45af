package order

import (
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// LineID is the id of the line that stood at this position, from 1, when the order was placed. The line keeps it,
// whatever becomes of the lines before it.
func LineID(orderID uuid.UUID, position int) uuid.UUID {
	return derived(orderID, "line", position)
}

func derived(orderID uuid.UUID, kind string, position int) uuid.UUID {
	return domain.DerivedID(orderID, fmt.Sprintf("%s/%d", kind, position))
}

// path names one of a list.
func path(list string, i int) string { return fmt.Sprintf("%s[%d]", list, i) }

// Breakdown explains what the pieces cost that were not cancelled.
func (l ShipmentLine) Breakdown() pricing.Breakdown { return l.pieces(0, l.Quantity) }

// Cost is what the pieces cost that were not cancelled.
func (l ShipmentLine) Cost() money.Money {
	if l.Money == nil {
		return l.UnitPrice.Times(l.Quantity)
	}
	return l.Breakdown().Payable
}

// Kept is what the pieces cost that were neither cancelled nor returned.
func (l ShipmentLine) Kept() money.Money { return l.pieces(l.Returned, l.Quantity-l.Returned).Payable }

// next explains what the next n pieces cost that are neither cancelled nor returned.
func (l ShipmentLine) next(n int) pricing.Breakdown { return l.pieces(l.Returned, n) }

// pieces explains what n pieces cost that were not cancelled, after the first few of these.
func (l ShipmentLine) pieces(after, n int) pricing.Breakdown {
	if l.Money == nil {
		return pricing.Plain(l.UnitPrice.Times(n))
	}
	first := int64(l.Cancelled + after)
	return l.whole().Share(int64(l.Quantity+l.Cancelled), first, first+int64(n))
}

// whole explains what the pieces cost with which the order was confirmed.
func (l ShipmentLine) whole() pricing.Breakdown {
	return breakdown(l.Money, l.UnitPrice.Times(l.Quantity+l.Cancelled))
}

// LineQuantity is some pieces of one line of an order, as a request asks for them.
//
// The line is named by its id, or by a SKU that no other line of the order has. Where both are given they agree. A
// line all of whose pieces were cancelled is no line of the order any more: the SKU may then name the other one.
type LineQuantity struct {
	LineID   uuid.UUID `json:"line_id,omitzero"`
	SKU      string    `json:"sku,omitempty"`
	Quantity int       `json:"quantity"`
}

// withLineIDs returns the items with the ids that they have as lines of this order.
func withLineIDs(orderID uuid.UUID, items []Item) []Item {
	items = slices.Clone(items)
	for i := range items {
		items[i].LineID = LineID(orderID, i+1)
	}
	return items
}

// StockLines returns what pieces of an order's lines are in the stock. It leaves out a line that the order does not
// have: which of them may be asked for is said elsewhere.
func (o Order) StockLines(pieces []LineQuantity) []inventory.Line {
	var lines []inventory.Line
	for _, p := range pieces {
		sku, digital := p.SKU, false
		if i := o.item(p.LineID); i >= 0 {
			sku, digital = o.Items[i].SKU, o.Items[i].Digital()
		}
		if sku != "" && !digital {
			lines = append(lines, inventory.Line{SKU: sku, Quantity: p.Quantity})
		}
	}
	return lines
}

// checkLines names what is wrong with the lines of a request, whatever the order holds.
func checkLines(bad *domain.Invalids, lines []LineQuantity) {
	if len(lines) < 1 || len(lines) > ItemsMax {
		bad.Add("lines", "has from 1 to %d entries, got %d", ItemsMax, len(lines))
		return
	}
	for i, l := range lines {
		if l.LineID == uuid.Nil && l.SKU == "" {
			bad.Add(fmt.Sprintf("lines[%d]", i), "names no line: line_id or sku is required")
		}
		if l.Quantity < 1 {
			bad.Add(fmt.Sprintf("lines[%d].quantity", i), "must be at least 1, got %d", l.Quantity)
		}
	}
}

// lineIDsShownMax bounds the lines that a message names.
const lineIDsShownMax = 10

// lineMeant returns the line that an entry of a request means. When it means none, or more than one, bad blames the
// part of the entry that says so; path is where the entry stands.
func (o Order) lineMeant(bad *domain.Invalids, path string, l LineQuantity) (Item, bool) {
	if l.LineID != uuid.Nil {
		i := o.item(l.LineID)
		switch {
		case i < 0:
			bad.Add(path+".line_id", "order %s has no line %s, or all of it was cancelled", o.Number, l.LineID)
			return Item{}, false
		case l.SKU != "" && l.SKU != o.Items[i].SKU:
			bad.Add(path+".sku", "line %s has another SKU", l.LineID)
			return Item{}, false
		}
		return o.Items[i], true
	}
	var lines []Item
	for _, item := range o.Items {
		if item.SKU == l.SKU {
			lines = append(lines, item)
		}
	}
	switch len(lines) {
	case 0:
		bad.Add(path+".sku", "order %s has no line of %s", o.Number, domain.Clip(l.SKU))
		return Item{}, false
	case 1:
		return lines[0], true
	}
	bad.Add(path+".sku", "several lines have this SKU, so that a line_id is needed: %s", lineIDs(lines))
	return Item{}, false
}

func lineIDs(lines []Item) string {
	var ids []string
	for _, l := range lines[:min(len(lines), lineIDsShownMax)] {
		ids = append(ids, l.LineID.String())
	}
	text := strings.Join(ids, ", ")
	if more := len(lines) - len(ids); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// item returns the index of the line with this id, -1 for none.
func (o Order) item(lineID uuid.UUID) int {
	return slices.IndexFunc(o.Items, func(i Item) bool { return i.LineID == lineID })
}

// line returns the index of the line with this id in the shipment, -1 for none.
func (s Shipment) line(lineID uuid.UUID) int {
	return slices.IndexFunc(s.Lines, func(l ShipmentLine) bool { return l.LineID == lineID })
}

// takeLines takes the pieces that a request names, and returns what was taken for each of its entries. An entry that
// names no line or several is blamed. So is one of more pieces than there are that have, say, not left yet.
func takeLines[T any](
	o Order, bad *domain.Invalids, lines []LineQuantity, have string, take func(lineID uuid.UUID, quantity int) (taken []T, short int),
) [][]T {
	taken := make([][]T, len(lines))
	for i, l := range lines {
		path := fmt.Sprintf("lines[%d]", i)
		line, known := o.lineMeant(bad, path, l)
		if !known {
			continue
		}
		var short int
		if taken[i], short = take(line.LineID, l.Quantity); short > 0 {
			bad.Add(path, "of this line of %s only %d %s", domain.Clip(line.SKU), l.Quantity-short, have)
		}
	}
	return taken
}
