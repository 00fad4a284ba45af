package readmodel

import (
	"slices"

	"github.com/orderloom/orderloom/domain/order"
)

// What lists of parts of orders look for, beside the statuses of the parts.
const (
	partShipment = "shipment"
	partRefund   = "refund"
	partReturn   = "return"
)

// Parts are the parts that the order has, as lists look for them: each sort of refunds and shipments with its status,
// once, sorted. Delivered shipments are left out: nearly every order has one.
func (v OrderView) Parts() []string {
	var parts []string
	for _, s := range v.Shipments {
		if s.Status != order.ShipmentStatusDelivered {
			parts = append(parts, partShipment+":"+string(s.Status))
		}
	}
	for _, r := range v.Refunds {
		parts = append(parts, partRefund, partRefund+":"+string(r.Status))
	}
	for _, r := range v.Returns {
		parts = append(parts, partReturn, partReturn+":"+string(r.Status))
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}
