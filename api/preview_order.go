package api

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
)

// previewedOrder is the body of POST /api/v1/orders/preview: that of a new order, of which much may be left out.
type previewedOrder newOrder

// Check names what is wrong with what was given, as a new order's Check does. What decides on money and goods has to be
// given.
func (r *previewedOrder) Check() error { return (*newOrder)(r).check(mayLack) }

// mayLack drops what blames a new order only for not saying whose it is, or where exactly it goes.
func mayLack(r *newOrder, bad domain.Invalids) domain.Invalids {
	recipient := r.recipient()
	address := recipient.ShippingAddress
	given := map[string]string{
		"customer_id": r.CustomerID, "recipient.name": recipient.Contact.Name, "shipping_address.line1": address.Line1,
		"shipping_address.city": address.City, "shipping_address.zip": address.Zip,
		"shipping_address.dependent_locality": address.DependentLocality,
	}
	return slices.DeleteFunc(bad, func(e *domain.Error) bool {
		value, known := given[e.Field]
		return known && value == ""
	})
}

// previewOrder answers with what an order would come to, and stores nothing: POST /api/v1/orders/preview. It is
// decided by the functions that price, place, allocate and plan an order, on the stock as the views show it.
func (a *API) previewOrder(ctx context.Context, x *httpx.Exchange, r *previewedOrder) error {
	body := (*newOrder)(r)
	id := uuid.New()
	content, err := a.priced(ctx, id, body)
	if err != nil {
		return err
	}
	if err := a.chargeable(content); err != nil {
		return err
	}
	supply, err := a.supply(ctx, inventory.SKUs(order.Lines(content.Items)))
	if err != nil {
		return err
	}
	p, err := order.PlaceOrder{
		OrderID: id, CustomerID: cmp.Or(r.CustomerID, "preview"), Items: content.Items, ShippingLines: content.ShippingLines,
		Discounts: content.Discounts, Rounding: content.Rounding, ShipToCountry: r.ShippingAddress.Country,
		Terms: order.Terms{AllowBackorder: r.AllowBackorder, ShippingByValue: a.shippingByValue}, At: a.now(),
	}.Preview(supply)
	if err != nil {
		return err
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, orderPreviewOf(p))
}

// supply is what new orders find of SKUs. Errors: unavailable.
func (a *API) supply(ctx context.Context, skus []string) (order.Supply, error) {
	if len(skus) == 0 {
		return order.Supply{}, nil
	}
	network, err := a.network(ctx)
	if err != nil {
		return order.Supply{}, err
	}
	levels, err := a.views.Stock(ctx, skus...)
	if err != nil {
		return order.Supply{}, fmt.Errorf("read the stock: %w", err)
	}
	type place struct{ sku, location string }
	available := make(map[place]int, len(levels))
	for _, l := range levels {
		available[place{l.SKU, l.Location}] = l.Available
	}
	return order.Supply{
		Locations: network.Active(), Allocator: a.allocator,
		Available: network.Available(func(sku, location string) int { return available[place{sku, location}] }),
	}, nil
}

// allocate returns where the goods of lines would come from. Errors: out_of_stock; unavailable.
func (a *API) allocate(ctx context.Context, items []order.Item, country string, backorder bool) ([]inventory.Allocation, error) {
	goods := order.Lines(items)
	supply, err := a.supply(ctx, inventory.SKUs(goods))
	if err != nil {
		return nil, err
	}
	return supply.Allocate(goods, country, backorder)
}

// orderPreview is what a new order would come to. Its lines and shipping lines are named by their positions in the
// request, from 0.
type orderPreview struct {
	Total         money.Money       `json:"total"`
	Totals        pricing.Totals    `json:"totals"`
	Items         []itemPreview     `json:"items"`
	ShippingLines []shippingPreview `json:"shipping_lines,omitempty"`
	Discounts     []discountPreview `json:"discounts,omitempty"`
	Goods         order.Goods       `json:"goods"`
	Stock         []order.Wanted    `json:"stock,omitempty"`
	Shipments     []shipmentPreview `json:"shipments,omitempty"`
}

type itemPreview struct {
	SKU      string            `json:"sku"`
	Quantity int               `json:"quantity"`
	Money    pricing.Breakdown `json:"money"`
}

type shippingPreview struct {
	Method string            `json:"method"`
	Money  pricing.Breakdown `json:"money"`
}

type discountPreview struct {
	Target pricing.Target `json:"target"`
	Code   string         `json:"code,omitempty"`
	Total  money.Money    `json:"total"`
}

// shipmentPreview is a shipment that would be made, and what would be captured with it.
type shipmentPreview struct {
	// Location is empty for what ships nothing, and for what the order waits for.
	Location string `json:"location,omitempty"`
	// Backordered says that the order waits for these goods.
	Backordered bool                   `json:"backordered,omitempty"`
	Amount      money.Money            `json:"amount"`
	Lines       []shipmentLinePreview  `json:"lines"`
	Shipping    []shippingSharePreview `json:"shipping,omitempty"`
}

type shipmentLinePreview struct {
	Item     int               `json:"item"`
	SKU      string            `json:"sku"`
	Quantity int               `json:"quantity"`
	Money    pricing.Breakdown `json:"money"`
}

type shippingSharePreview struct {
	ShippingLine int               `json:"shipping_line"`
	Money        pricing.Breakdown `json:"money"`
}

func orderPreviewOf(p order.Preview) orderPreview {
	o := p.Order
	out := orderPreview{Total: o.Total, Goods: p.Goods, Stock: p.Wanted}
	var lines, shipping []pricing.Breakdown
	for _, item := range o.Items {
		lines = append(lines, item.Breakdown())
		out.Items = append(out.Items, itemPreview{SKU: item.SKU, Quantity: item.Quantity, Money: item.Breakdown()})
	}
	for _, l := range o.ShippingLines {
		shipping = append(shipping, l.Breakdown())
		out.ShippingLines = append(out.ShippingLines, shippingPreview{Method: l.Method, Money: l.Breakdown()})
	}
	out.Totals = pricing.Sum(o.Total.Currency, lines, shipping)
	for _, d := range o.Discounts {
		out.Discounts = append(out.Discounts, discountPreview{Target: d.Target, Code: d.Code, Total: d.Total})
	}
	for _, s := range o.Shipments {
		out.Shipments = append(out.Shipments, shipmentPreviewOf(o, s))
	}
	return out
}

func shipmentPreviewOf(o order.Order, s order.Shipment) shipmentPreview {
	out := shipmentPreview{Location: s.Location, Amount: s.Amount}
	if s.Location == order.Awaited {
		out.Location, out.Backordered = "", true
	}
	for _, l := range s.Lines {
		item := slices.IndexFunc(o.Items, func(i order.Item) bool { return i.LineID == l.LineID })
		out.Lines = append(out.Lines, shipmentLinePreview{Item: item, SKU: l.SKU, Quantity: l.Quantity, Money: l.Breakdown()})
	}
	for _, share := range s.Shipping {
		line := slices.IndexFunc(o.ShippingLines, func(l order.ShippingLine) bool { return l.ShippingLineID == share.ShippingLineID })
		out.Shipping = append(out.Shipping, shippingSharePreview{ShippingLine: line, Money: share.Breakdown()})
	}
	return out
}
