package invoice

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/account"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
)

// row is what a line or shipping line costs in one shipment, or in all of an order without shipments.
type row struct {
	line Line // without amounts
	cost pricing.Breakdown
}

// rows returns the rows of the shipments that are chosen. An order that has none yet has the rows of its lines.
func (b *Book) rows(chosen func(order.Shipment) bool) (rows []row) {
	for _, s := range b.order.Shipments {
		if chosen(s) {
			rows = append(rows, rowsOf(b.order, s)...)
		}
	}
	if len(b.order.Shipments) > 0 || !chosen(order.Shipment{Status: order.ShipmentStatusPlanned}) {
		return rows
	}
	for _, i := range b.order.Items {
		rows = append(rows, row{goods(i, uuid.Nil, i.Quantity), i.Breakdown()})
	}
	for _, l := range b.order.ShippingLines {
		rows = append(rows, row{shipping(l, uuid.Nil), l.Breakdown()})
	}
	return rows
}

// rowsOf returns the rows of a shipment.
func rowsOf(o order.Order, s order.Shipment) (rows []row) {
	for _, l := range s.Lines {
		if l.Quantity == 0 {
			continue
		}
		item := order.Item{LineID: l.LineID, SKU: l.SKU, UnitPrice: l.UnitPrice}
		if i := slices.IndexFunc(o.Items, func(i order.Item) bool { return i.LineID == l.LineID }); i >= 0 {
			item.Name = o.Items[i].Name
		}
		rows = append(rows, row{goods(item, s.ShipmentID, l.Quantity), l.Breakdown()})
	}
	for _, share := range s.Shipping {
		line := order.ShippingLine{ShippingLineID: share.ShippingLineID}
		if i := slices.IndexFunc(o.ShippingLines, func(l order.ShippingLine) bool { return l.ShippingLineID == share.ShippingLineID }); i >= 0 {
			line.Method, line.Name = o.ShippingLines[i].Method, o.ShippingLines[i].Name
		}
		rows = append(rows, row{shipping(line, s.ShipmentID), share.Breakdown()})
	}
	return rows
}

func goods(i order.Item, shipment uuid.UUID, quantity int) Line {
	return Line{
		Kind: account.KindLine, ShipmentID: shipment, LineID: i.LineID, SKU: i.SKU, Name: i.Name, Quantity: quantity, UnitPrice: i.UnitPrice,
	}
}

func shipping(l order.ShippingLine, shipment uuid.UUID) Line {
	return Line{Kind: account.KindShipping, ShipmentID: shipment, LineID: l.ShippingLineID, SKU: l.Method, Name: l.Name}
}
