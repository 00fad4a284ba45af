package order

import (
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
)

// Goods says whether the goods of a new order are there.
type Goods string

// What the stock means for a new order.
const (
	// GoodsAvailable is an order whose goods are all there, or that needs none.
	GoodsAvailable Goods = "available"
	// GoodsBackordered is an order that would wait for some of its goods.
	GoodsBackordered Goods = "backordered"
	// GoodsOutOfStock is an order that would be cancelled, because it may not wait.
	GoodsOutOfStock Goods = "out_of_stock"
)

// Supply is the stock as a new order would find it.
type Supply struct {
	// Locations are those that take reservations.
	Locations []inventory.Location
	// Available says how many pieces of a SKU may be reserved at a location.
	Available func(sku, location string) int
	// Allocator chooses where goods come from; nil is [inventory.NearestFirst].
	Allocator inventory.Allocator
}

// Preview is what would become of a new order.
type Preview struct {
	// Order is the order as it would be confirmed. It has no shipments when its goods are out of stock. What it would
	// wait for lies in a shipment of its own from [Awaited].
	Order Order
	Goods Goods
	// Wanted are the goods, each SKU once.
	Wanted []Wanted
}

// Wanted is how many pieces of a SKU a new order wants.
type Wanted struct {
	SKU      string `json:"sku"`
	Quantity int    `json:"quantity"`
	// Available is how many there are, at all locations together.
	Available int `json:"available"`
	// Missing says that the order would wait for all of them, or be cancelled.
	Missing bool `json:"missing,omitempty"`
}

// Awaited stands for the location of goods that are not there yet. No location has this id.
const Awaited = "\x00awaited"

// Preview tells what would become of the order, by the functions that place, allocate and plan it. It changes nothing.
//
// Where goods that are missing will come from is not known. So they are planned as one shipment of their own. Errors:
// as [Place].
func (c PlaceOrder) Preview(s Supply) (Preview, error) {
	events, err := Place(Order{}, c)
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Goods: GoodsAvailable}
	for _, e := range events {
		p.Order = Evolve(p.Order, e)
	}
	lines := Lines(p.Order.Items)
	allocations, err := s.Allocate(lines, c.ShipToCountry, c.Terms.AllowBackorder)
	if domain.Code(err) == inventory.CodeOutOfStock {
		p.Goods = GoodsOutOfStock
		allocations, err = s.Allocate(lines, c.ShipToCountry, true) // it tells all that is missing
	}
	if err != nil {
		return Preview{}, err
	}
	if p.want(s, lines, allocations) && p.Goods == GoodsAvailable {
		p.Goods = GoodsBackordered
	}
	if p.Goods == GoodsOutOfStock {
		return p, nil
	}
	confirmed, err := Confirm(p.Order, ConfirmOrder{Shipments: PlanShipments(p.Order, allocations), At: c.At})
	for _, e := range confirmed {
		p.Order = Evolve(p.Order, e)
	}
	return p, err
}

// Allocate chooses where goods come from. With backorders allowed, what is missing comes from [Awaited]. Error:
// out_of_stock.
func (s Supply) Allocate(lines []inventory.Line, country string, backorder bool) ([]inventory.Allocation, error) {
	if len(lines) == 0 {
		return nil, nil
	}
	allocator := s.Allocator
	if allocator == nil {
		allocator = inventory.NearestFirst{}
	}
	allocations, err := allocator.Allocate(lines, s.Locations, s.Available, country, backorder)
	for i := range allocations {
		if allocations[i].Backordered {
			allocations[i].Location = Awaited
		}
	}
	return allocations, err
}

// want counts what is wanted of each SKU and what there is of it, and reports whether some is missing.
func (p *Preview) want(s Supply, lines []inventory.Line, allocations []inventory.Allocation) (missing bool) {
	for _, sku := range inventory.SKUs(lines) {
		w := Wanted{SKU: sku}
		for _, l := range s.Locations {
			w.Available += s.Available(sku, l.ID)
		}
		for _, a := range allocations {
			if a.SKU == sku {
				w.Quantity += a.Quantity
				w.Missing = w.Missing || a.Backordered
			}
		}
		missing = missing || w.Missing
		p.Wanted = append(p.Wanted, w)
	}
	return missing
}
