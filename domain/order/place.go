package order

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/pricing"
)

// Limits of what an order may hold.
const (
	ItemsMax      = 100
	QuantityMax   = pricing.QuantityMax
	IDLengthMax   = domain.IDLengthMax
	TextLengthMax = 200
)

// PlaceOrder asks for a new order.
type PlaceOrder struct {
	OrderID    uuid.UUID
	CustomerID string
	Items      []Item
	// ShippingLines, Discounts and Rounding are as they were priced, and so are the items: see [Content.Priced].
	ShippingLines []ShippingLine
	Discounts     []Discount
	Rounding      pricing.Rounding
	References
	// Caller is the account that places it, and whose external reference it is.
	Caller        string
	ShipToCountry string
	Personal      domain.Sealed
	RequestHash   string
	Terms         Terms
	// Allocations are where the goods are set aside in the same append; none when they are not.
	Allocations []inventory.Allocation
	At          time.Time
}

// Place accepts a new order and computes its number, the ids of its lines, and its total.
//
// It returns no events when the same request was placed before. Errors: [domain.Invalids] naming
// every wrong field; idempotency_key_reused when the order exists and came from another request.
func Place(o Order, c PlaceOrder) ([]domain.Event, error) {
	if o.Status != "" {
		if o.RequestHash != c.RequestHash {
			return nil, domain.Refuse(domain.CodeIdempotencyKeyReused, "order %s was placed by another request under the same key", o.Number)
		}
		return nil, nil
	}
	if err := CheckOrder(c.CustomerID, c.Items, c.ShipToCountry); err != nil {
		return nil, err
	}
	content := c.content()
	var bad domain.Invalids
	if content.check(&bad); len(bad) > 0 {
		return nil, bad
	}
	references, err := c.References.Checked()
	if err != nil {
		return nil, err
	}
	return []domain.Event{OrderPlaced{
		OrderID: c.OrderID, OrderNumber: Number(c.OrderID), CustomerID: c.CustomerID, Items: content.Items, Total: content.Total(),
		ShippingLines: content.ShippingLines, Discounts: c.Discounts, Rounding: c.Rounding, Totals: content.Totals(),
		ShipToCountry: c.ShipToCountry, Personal: c.Personal, RequestHash: c.RequestHash, PlacedAt: c.At,
		Terms: c.Terms, Allocations: c.Allocations, References: references, Caller: c.Caller,
	}}, nil
}

// content is what is ordered, with the ids that the lines have.
func (c PlaceOrder) content() Content {
	return Content{
		Items: withLineIDs(c.OrderID, c.Items), ShippingLines: withShippingLineIDs(c.OrderID, c.ShippingLines),
		Discounts: c.Discounts, Rounding: c.Rounding,
	}
}

// CheckOrder names everything that is wrong with an order as a customer sends it, with the JSON path
// of each field, as [domain.Invalids].
func CheckOrder(customerID string, items []Item, country string) error {
	var bad domain.Invalids
	bad.ID("customer_id", customerID)
	switch {
	case len(items) == 0:
		bad.Add("items", "an order has at least one item")
	case len(items) > ItemsMax:
		bad.Add("items", "an order has at most %d items, got %d", ItemsMax, len(items))
		return bad
	}
	lines := make([]pricing.Line, len(items))
	for i, item := range items {
		checkItem(&bad, path("items", i), item)
		lines[i] = pricing.Line{UnitPrice: item.UnitPrice, Quantity: item.Quantity}
	}
	if err := pricing.CheckLines(lines); err != nil {
		var wrong domain.Invalids
		errors.As(err, &wrong)
		bad = append(bad, wrong...)
	}
	if !KnownCountry(country) {
		bad.Add("shipping_address.country", "%q is not an ISO 3166-1 alpha-2 country code in upper case", domain.Clip(country))
	}
	return bad.Err()
}

func checkItem(bad *domain.Invalids, path string, item Item) {
	bad.ID(path+".product_id", item.ProductID)
	bad.ID(path+".sku", item.SKU)
	bad.Text(path+".name", item.Name, TextLengthMax)
	bad.Text(path+".tax_class", item.TaxClass, TextLengthMax)
	checkMetadata(bad, path+".metadata", item.Metadata)
}

// Limits of the shop's own data.
const (
	MetadataKeysMax        = 50
	MetadataKeyLengthMax   = 40
	MetadataValueLengthMax = 500
)

func checkMetadata(bad *domain.Invalids, field string, metadata map[string]string) {
	if n := len(metadata); n > MetadataKeysMax {
		bad.Add(field, "has at most %d keys, got %d", MetadataKeysMax, n)
		return
	}
	for _, key := range slices.Sorted(maps.Keys(metadata)) {
		if domain.Blank(key) {
			bad.Add(field, "has an empty key")
			continue
		}
		bad.Text(field, key, MetadataKeyLengthMax)
		bad.Text(field+"."+domain.Clip(key), metadata[key], MetadataValueLengthMax)
	}
}
