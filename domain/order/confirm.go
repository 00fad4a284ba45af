package order

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
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

// Lines returns what the items of an order want of each SKU, in their order.
func Lines(items []Item) []inventory.Line {
	out := make([]inventory.Line, len(items))
	for i, item := range items {
		out[i] = inventory.Line{SKU: item.SKU, Quantity: item.Quantity}
	}
	return out
}

// PlanShipments groups what was reserved into one shipment per location, in the order in which the
// locations first appear. The shipments' amounts add up to the order's total.
func PlanShipments(o Order, allocations []inventory.Allocation) []Shipment {
	// Several lines may have one SKU, so what lies at a location is given to the order's lines one by one.
	left := make([]int, len(o.Items))
	for i, item := range o.Items {
		left[i] = item.Quantity
	}
	var shipments []Shipment
	index := map[string]int{}
	for _, a := range allocations {
		i, ok := index[a.Location]
		if !ok {
			i = len(shipments)
			index[a.Location] = i
			shipments = append(shipments, Shipment{
				ShipmentID: domain.DerivedID(o.ID, "shipment/"+a.Location), Location: a.Location,
				Amount: money.Zero(o.Total.Currency), Status: ShipmentStatusPlanned,
			})
		}
		s := &shipments[i]
		want := a.Quantity
		for j, item := range o.Items {
			if n := min(want, left[j]); item.SKU == a.SKU && n > 0 {
				left[j] -= n
				want -= n
				s.add(item, n)
			}
		}
	}
	return shipments
}

// add puts n pieces of an order's line into the shipment.
func (s *Shipment) add(item Item, n int) {
	j := s.line(item.LineID)
	if j < 0 {
		j = len(s.Lines)
		s.Lines = append(s.Lines, ShipmentLine{LineID: item.LineID, SKU: item.SKU, UnitPrice: item.UnitPrice})
	}
	s.Lines[j].Quantity += n
	s.Amount = s.Amount.Add(item.UnitPrice.Times(n))
}

// carries reports whether the shipments hold what the order does: all pieces of each line, at the line's price. No
// shipment has a line twice.
func carries(shipments []Shipment, o Order) bool {
	missing := make([]int, len(o.Items))
	for i, item := range o.Items {
		missing[i] = item.Quantity
	}
	ids := map[uuid.UUID]bool{}
	for _, s := range shipments {
		if ids[s.ShipmentID] || !s.Amount.SameCurrency(o.Total) || !s.Amount.IsPositive() {
			return false
		}
		ids[s.ShipmentID] = true
		costs := money.Zero(o.Total.Currency)
		for j, l := range s.Lines {
			i := o.item(l.LineID)
			if i < 0 || s.line(l.LineID) != j || l.Quantity < 1 || l.SKU != o.Items[i].SKU || l.UnitPrice.Cmp(o.Items[i].UnitPrice) != 0 {
				return false
			}
			missing[i] -= l.Quantity
			costs = costs.Add(l.UnitPrice.Times(l.Quantity))
		}
		if s.Amount.Cmp(costs) != 0 {
			return false
		}
	}
	return !slices.ContainsFunc(missing, func(n int) bool { return n != 0 })
}

func notFound(o Order) error {
	return domain.Refuse(domain.CodeNotFound, "order %s does not exist", o.ID)
}
