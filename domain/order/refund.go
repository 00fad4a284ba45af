package order

import (
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// NeverArrived reports whether the shipment left and did not reach the customer, so that its amount is refunded.
func (s Shipment) NeverArrived() bool {
	return s.Status == ShipmentStatusLost || s.Status == ShipmentStatusRefused
}

// RefundID is the id of the refund of a shipment's whole amount. It is the same for every saga of the order.
func (s Shipment) RefundID() uuid.UUID { return domain.DerivedID(s.ShipmentID, "refund") }
