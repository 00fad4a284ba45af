package order

import (
	"slices"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
)

// Allocate records where the goods of an order are reserved, or waited for. So the order finds its own stock, whatever
// the settings say later.
//
// It returns no events when the order knows that already, or was never placed: InventorySaga reserves goods for any id.
func Allocate(o Order, allocations []inventory.Allocation, at time.Time) []domain.Event {
	if o.Status == "" || slices.Equal(o.Allocations, allocations) {
		return nil
	}
	return []domain.Event{StockAllocated{OrderID: o.ID, Allocations: allocations, AllocatedAt: at}}
}

// StockLocations returns where goods of the order lie, or have lain, by its own events: each location once.
func (o Order) StockLocations() []string {
	var locations []string
	add := func(location string) {
		if !slices.Contains(locations, location) {
			locations = append(locations, location)
		}
	}
	for _, a := range o.Allocations {
		if !a.Backordered { // what is waited for lies nowhere yet
			add(a.Location)
		}
	}
	for _, s := range o.Shipments {
		add(s.Location)
	}
	return locations
}
