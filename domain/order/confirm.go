package order

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/pricing"
)

// ConfirmOrder asks to confirm an order whose stock is reserved and whose payment is authorised.
type ConfirmOrder struct {
	// Shipments is the plan of shipments, from [PlanShipments].
	Shipments []Shipment
	At        time.Time
}

// CodeNotConfirmable refuses to confirm an order that is cancelled or held, or whose shipments differ from it.
const CodeNotConfirmable domain.ErrorCode = "not_confirmable"

// Confirm accepts an order for fulfilment. It returns no events when the order is confirmed already or has gone
// further.
//
// Errors: not_found; not_confirmable when the order is cancelled or held, or the shipments do not carry exactly what
// was ordered. No order is confirmed that would ship too little or take too much money.
func Confirm(o Order, c ConfirmOrder) ([]domain.Event, error) {
	switch o.Status {
	case StatusCreated:
		if o.Held != "" {
			return nil, domain.Refuse(CodeNotConfirmable, "order %s waits for a review", o.Number)
		}
		if !carries(c.Shipments, o) {
			return nil, domain.Refuse(CodeNotConfirmable, "the shipments do not carry exactly what order %s holds", o.Number)
		}
		return []domain.Event{OrderConfirmed{OrderID: o.ID, Shipments: c.Shipments, ConfirmedAt: c.At}}, nil
	case StatusConfirmed, StatusShipped, StatusDelivered:
		return nil, nil
	case StatusCancelled:
		return nil, domain.Refuse(CodeNotConfirmable, "order %s is cancelled", o.Number)
	default:
		return nil, notFound(o)
	}
}

// Lines returns what the items of an order want of each SKU, in their order. What ships nothing wants nothing.
func Lines(items []Item) []inventory.Line {
	out := make([]inventory.Line, 0, len(items))
	for _, item := range items {
		if !item.Digital() {
			out = append(out, inventory.Line{SKU: item.SKU, Quantity: item.Quantity})
		}
	}
	return out
}

// PlanShipments groups what was reserved into one shipment per location, in the order in which the
// locations first appear. What ships nothing is a shipment of its own, without a location, after the others. The
// shipments' amounts add up to the order's total: each line's pieces are shared out in the order of the plan.
func PlanShipments(o Order, allocations []inventory.Allocation) []Shipment {
	// Several lines may have one SKU, so what lies at a location is given to the order's lines one by one.
	given := make([]int, len(o.Items))
	var shipments []Shipment
	index := map[string]int{}
	for _, a := range allocations {
		i, ok := index[a.Location]
		if !ok {
			i = len(shipments)
			index[a.Location] = i
			shipments = append(shipments, o.newShipment(a.Location))
		}
		s := &shipments[i]
		want := a.Quantity
		for j, item := range o.Items {
			if n := min(want, item.Quantity-given[j]); item.SKU == a.SKU && !item.Digital() && n > 0 {
				s.add(item, given[j], n)
				given[j] += n
				want -= n
			}
		}
	}
	digital := o.newShipment("")
	for _, item := range o.Items {
		if item.Digital() {
			digital.add(item, 0, item.Quantity)
		}
	}
	if len(digital.Lines) > 0 {
		shipments = append(shipments, digital)
	}
	o.planShipping(shipments)
	return shipments
}

func (o Order) newShipment(location string) Shipment {
	return Shipment{
		ShipmentID: domain.DerivedID(o.ID, "shipment/"+location), Location: location,
		Amount: money.Zero(o.Total.Currency), Status: ShipmentStatusPlanned,
	}
}

// add puts n pieces of an order's line into the shipment, after those that others have.
func (s *Shipment) add(item Item, before, n int) {
	share := pricing.Plain(item.UnitPrice.Times(n))
	if item.Money != nil {
		share = item.Money.Share(int64(item.Quantity), int64(before), int64(before+n))
	}
	s.Amount = s.Amount.Add(share.Payable)
	j := s.line(item.LineID)
	if j < 0 {
		s.Lines = append(s.Lines, ShipmentLine{LineID: item.LineID, SKU: item.SKU, UnitPrice: item.UnitPrice, Quantity: n, Money: share.Detail()})
		return
	}
	l := &s.Lines[j]
	l.Money = l.whole().Add(share).Detail()
	l.Quantity += n
}

// carries reports whether the shipments hold what the order does. That is all pieces of each line, at the line's price,
// and all that each line and shipping line costs. No shipment has a line twice.
func carries(shipments []Shipment, o Order) bool {
	missing := make([]int, len(o.Items))
	uncovered := make([]pricing.Breakdown, len(o.Items))
	for i, item := range o.Items {
		missing[i], uncovered[i] = item.Quantity, item.Breakdown()
	}
	ids := map[uuid.UUID]bool{}
	for _, s := range shipments {
		if ids[s.ShipmentID] || !s.Amount.SameCurrency(o.Total) || len(s.Lines) == 0 {
			return false
		}
		ids[s.ShipmentID] = true
		costs := sumOf(s.Shipping, o.Total.Currency)
		for j, l := range s.Lines {
			i := o.item(l.LineID)
			if i < 0 || s.line(l.LineID) != j || l.Quantity < 1 || l.SKU != o.Items[i].SKU || l.UnitPrice.Cmp(o.Items[i].UnitPrice) != 0 {
				return false
			}
			missing[i] -= l.Quantity
			uncovered[i] = uncovered[i].Sub(l.Breakdown())
			costs = costs.Add(l.Cost())
		}
		if s.Amount.Cmp(costs) != 0 {
			return false
		}
	}
	for i, item := range o.Items {
		if missing[i] != 0 || !uncovered[i].Equal(item.Breakdown().Share(1, 0, 0)) {
			return false
		}
	}
	return carriesShipping(shipments, o)
}

// carriesShipping reports whether the shipments hold all that each shipping line costs, and no more.
func carriesShipping(shipments []Shipment, o Order) bool {
	planned := Order{Shipments: shipments}
	for _, l := range o.ShippingLines {
		carried, ok := planned.shippingOf(l.ShippingLineID, func(ShipmentStatus) bool { return true })
		if !ok || !carried.Equal(l.Breakdown()) {
			return false
		}
	}
	for _, s := range shipments {
		for _, share := range s.Shipping {
			if !slices.ContainsFunc(o.ShippingLines, func(l ShippingLine) bool { return l.ShippingLineID == share.ShippingLineID }) {
				return false
			}
		}
	}
	return true
}

func notFound(o Order) error {
	return domain.Refuse(domain.CodeNotFound, "order %s does not exist", o.ID)
}
