package order

import (
	"slices"

	"github.com/google/uuid"
)

// Events of version 1 named no lines. Their pieces are given to the lines that have the SKU and the price, in the
// order in which they were taken from them then. What is decided today names its lines.

// nameLines names the lines in the shipments of an OrderConfirmed of version 1.
func (o Order) nameLines() {
	left := map[uuid.UUID]int{}
	for _, item := range o.Items {
		left[item.LineID] = item.Quantity
	}
	for _, s := range o.Shipments {
		for j := range s.Lines {
			l := &s.Lines[j]
			if l.LineID != uuid.Nil {
				continue
			}
			i := slices.IndexFunc(o.Items, func(i Item) bool {
				return i.SKU == l.SKU && i.UnitPrice.Cmp(l.UnitPrice) == 0 && left[i.LineID] >= l.Quantity
			})
			if i >= 0 {
				l.LineID = o.Items[i].LineID
				left[l.LineID] -= l.Quantity
			}
		}
	}
}

// named names the line of a CancelledLine of version 1: the last one in the shipment that has the pieces.
func (c CancelledLine) named(o Order) CancelledLine {
	if s := o.shipment(c.ShipmentID); s != nil && c.LineID == uuid.Nil {
		for _, l := range s.Lines {
			if l.SKU == c.SKU && l.Quantity >= c.Quantity && l.UnitPrice.Times(c.Quantity).Cmp(c.Amount) == 0 {
				c.LineID = l.LineID
			}
		}
	}
	return c
}

// named names the shipment and the line of a ReturnedLine of version 1: the first one from its location that has the
// pieces.
func (r ReturnedLine) named(o Order) ReturnedLine {
	if r.LineID != uuid.Nil {
		return r
	}
	for _, s := range o.Shipments {
		if s.Location != r.Location || s.Status != ShipmentStatusDelivered {
			continue
		}
		for _, l := range s.Lines {
			if l.SKU == r.SKU && l.Quantity-l.Returned >= r.Quantity && l.UnitPrice.Times(r.Quantity).Cmp(r.Amount) == 0 {
				r.ShipmentID, r.LineID = s.ShipmentID, l.LineID
				return r
			}
		}
	}
	return r
}
