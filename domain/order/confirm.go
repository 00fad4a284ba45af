package order

import (
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
)

// ConfirmOrder asks to confirm an order whose stock is reserved and whose payment is authorised.
type ConfirmOrder struct {
	// Shipments is the plan of parcels, from [PlanShipments].
	Shipments []Shipment
	At        time.Time
}

// Confirm accepts an order for fulfilment. It returns no events when the order is confirmed already
// or has gone further. Errors: not_found; not_confirmable when the order is cancelled.
func Confirm(o Order, c ConfirmOrder) ([]domain.Event, error) {
	switch o.Status {
	case StatusCreated:
		return []domain.Event{OrderConfirmed{OrderID: o.ID, Shipments: c.Shipments, ConfirmedAt: c.At}}, nil
	case StatusConfirmed, StatusShipped, StatusDelivered:
		return nil, nil
	case StatusCancelled:
		return nil, domain.Refuse("not_confirmable", "order %s is cancelled", o.Number)
	default:
		return nil, notFound(o)
	}
}

// PlanShipments groups what was reserved into one parcel per location, in the order in which the
// locations first appear. The parcels' amounts add up to the order's total.
func PlanShipments(o Order, allocations []inventory.Allocation) []Shipment {
	// Lines of one SKU may differ in price, so pieces are priced line by line.
	left := make([]int, len(o.Items))
	for i, item := range o.Items {
		left[i] = item.Quantity
	}
	price := func(sku string, quantity int) money.Money {
		sum := money.Zero(o.Total.Currency)
		for i, item := range o.Items {
			if item.SKU == sku && quantity > 0 {
				n := min(quantity, left[i])
				left[i] -= n
				quantity -= n
				sum = sum.Add(item.UnitPrice.Times(n))
			}
		}
		return sum
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
				Amount: money.Zero(o.Total.Currency), Status: ShipmentPlanned,
			})
		}
		s := &shipments[i]
		s.Lines = append(s.Lines, ShipmentLine{SKU: a.SKU, Quantity: a.Quantity})
		s.Amount = s.Amount.Add(price(a.SKU, a.Quantity))
	}
	return shipments
}

func notFound(o Order) error { return domain.Refuse("not_found", "order %s does not exist", o.ID) }
