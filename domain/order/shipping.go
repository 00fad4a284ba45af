package order

import (
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// The shipping lines of an order are captured with its shipments. By default the plan puts all of them on its first
// shipment of goods, and they go to whichever of these leaves first. With [Terms.ShippingByValue] each shipment has its
// share for good.

// Digital reports whether the shipment holds what needs no shipping. It has no location, takes nothing from the stock,
// and the order's saga lets it leave and arrive.
func (s Shipment) Digital() bool { return s.Location == "" }

// AwaitsGoods reports whether a confirmed order waits for its first shipment of goods to leave. What ships nothing has
// left before.
func (o Order) AwaitsGoods() bool {
	if o.Status != StatusConfirmed && o.Status != StatusShipped {
		return false
	}
	planned := false
	for _, s := range o.Shipments {
		if s.Status.Left() && !s.Digital() {
			return false
		}
		planned = planned || s.Status == ShipmentStatusPlanned && !s.Digital()
	}
	return planned
}

// Leaving returns a shipment as it would leave now, with the shipping lines that it would take along. It is false when
// the order has no shipment with this id.
func (o Order) Leaving(id uuid.UUID) (Shipment, bool) {
	if !slices.ContainsFunc(o.Shipments, func(s Shipment) bool { return len(s.Shipping) > 0 }) {
		return o.Shipment(id)
	}
	o = o.Clone()
	s := o.shipment(id)
	if s == nil {
		return Shipment{}, false
	}
	o.loadShipping(s)
	return *s, true
}

// planShipping puts the shipping lines onto planned shipments.
func (o Order) planShipping(shipments []Shipment) {
	if len(o.ShippingLines) == 0 || len(shipments) == 0 {
		return
	}
	goods := slices.IndexFunc(shipments, func(s Shipment) bool { return !s.Digital() })
	value := make([]int64, len(shipments)) // what counts when the lines are shared out
	var whole int64
	for i, s := range shipments {
		if goods < 0 || !s.Digital() {
			value[i] = s.Amount.MinorUnits()
			whole += value[i]
		}
	}
	if !o.Terms.ShippingByValue || whole == 0 {
		clear(value)
		value[max(goods, 0)], whole = 1, 1
	}
	var before int64
	for i := range shipments {
		if value[i] == 0 {
			continue
		}
		for _, l := range o.ShippingLines {
			shipments[i].carry(shippingShare(l.ShippingLineID, l.Breakdown().Share(whole, before, before+value[i])))
		}
		before += value[i]
	}
}

func (s *Shipment) carry(shares ...ShippingShare) {
	for _, share := range shares {
		s.Shipping = append(s.Shipping, share)
		s.Amount = s.Amount.Add(share.Amount)
	}
}

// unload takes all shipping lines off a shipment.
func (s *Shipment) unload() (shares []ShippingShare) {
	shares, s.Shipping = s.Shipping, nil
	for _, share := range shares {
		s.Amount = s.Amount.Sub(share.Amount)
	}
	return shares
}

// loadShipping moves the shipping lines to the shipment that leaves, from those that have not left. Once one has left
// with them, nothing moves any more.
func (o Order) loadShipping(to *Shipment) {
	if o.Terms.ShippingByValue || to.Digital() || to.Status != ShipmentStatusPlanned {
		return
	}
	for i := range o.Shipments {
		if s := &o.Shipments[i]; s != to && s.Status == ShipmentStatusPlanned && len(s.Shipping) > 0 {
			to.carry(s.unload()...)
		}
	}
}

// rescueShipping moves the shipping lines of shipments that were cancelled to the next one of goods that is to leave.
// What stays behind is cancelled with its shipment, and returned.
func (o Order) rescueShipping() (cancelled []ShippingShare) {
	for i := range o.Shipments {
		s := &o.Shipments[i]
		if s.Status != ShipmentStatusCancelled || len(s.Shipping) == 0 {
			continue
		}
		next := slices.IndexFunc(o.Shipments, func(s Shipment) bool { return s.Status == ShipmentStatusPlanned && !s.Digital() })
		if next >= 0 && !o.Terms.ShippingByValue {
			o.Shipments[next].carry(s.unload()...)
			continue
		}
		cancelled = append(cancelled, s.unload()...)
	}
	return cancelled
}

// withoutShipping takes cancelled shares out of the order's shipping lines.
func (o Order) withoutShipping(cancelled []ShippingShare) {
	for _, share := range cancelled {
		i := slices.IndexFunc(o.ShippingLines, func(l ShippingLine) bool { return l.ShippingLineID == share.ShippingLineID })
		if i < 0 {
			continue
		}
		l := &o.ShippingLines[i]
		left := l.Breakdown().Sub(share.Breakdown())
		l.Amount, l.Money = left.Gross, left.Detail()
	}
}

// withShippingLineIDs returns the shipping lines with the ids that they have in this order.
func withShippingLineIDs(orderID uuid.UUID, lines []ShippingLine) []ShippingLine {
	lines = slices.Clone(lines)
	for i := range lines {
		lines[i].ShippingLineID = ShippingLineID(orderID, i+1)
	}
	return lines
}

// CheckShipping names what is wrong with how the shipping lines and the discounts are called, as [domain.Invalids].
// Their amounts are checked by [pricing.CheckTerms].
func CheckShipping(lines []ShippingLine, discounts []Discount) error {
	var bad domain.Invalids
	for i, l := range lines {
		checkText(&bad, path("shipping_lines", i)+".method", l.Method)
		bad.Text(path("shipping_lines", i)+".name", l.Name, TextLengthMax)
		bad.Text(path("shipping_lines", i)+".tax_class", l.TaxClass, TextLengthMax)
	}
	for i, d := range discounts {
		bad.Text(path("discounts", i)+".code", d.Code, TextLengthMax)
		bad.Text(path("discounts", i)+".reason", d.Reason, TextLengthMax)
	}
	return bad.Err()
}

// sumOf is what shares of shipping lines come to.
func sumOf(shares []ShippingShare, currency string) money.Money {
	sum := money.Zero(currency)
	for _, s := range shares {
		sum = sum.Add(s.Amount)
	}
	return sum
}

// shippingOf is what shipments carry of a shipping line, of those that count.
func (o Order) shippingOf(id uuid.UUID, counts func(ShipmentStatus) bool) (b pricing.Breakdown, carried bool) {
	for _, s := range o.Shipments {
		for _, share := range s.Shipping {
			if share.ShippingLineID != id || !counts(s.Status) {
				continue
			}
			if carried {
				b = b.Add(share.Breakdown())
			} else {
				b, carried = share.Breakdown(), true
			}
		}
	}
	return b, carried
}
