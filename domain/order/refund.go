package order

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
)

// NeverArrived reports whether the shipment left and did not reach the customer, so that its amount is refunded.
func (s Shipment) NeverArrived() bool {
	return s.Status == ShipmentStatusLost || s.Status == ShipmentStatusRefused
}

// RefundID is the id of the refund of a shipment's whole amount. It is the same for every saga of the order.
func (s Shipment) RefundID() uuid.UUID { return domain.DerivedID(s.ShipmentID, "refund") }

// CapturedFor is what was captured for a line of the order: the price of its pieces that have left.
func (o Order) CapturedFor(lineID uuid.UUID) money.Money {
	captured := money.Zero(o.Total.Currency)
	for _, s := range o.Shipments {
		if !s.Status.Left() {
			continue
		}
		for _, l := range s.Lines {
			if l.LineID == lineID {
				captured = captured.Add(l.UnitPrice.Times(l.Quantity))
			}
		}
	}
	return captured
}
