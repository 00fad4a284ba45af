package order

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/money"
)

// Limits of what an order may hold.
const (
	ItemsMax      = 100
	QuantityMax   = 100_000
	IDLengthMax   = domain.IDLengthMax
	TextLengthMax = 200
)

// PlaceOrder asks for a new order.
type PlaceOrder struct {
	OrderID       uuid.UUID
	CustomerID    string
	Items         []Item
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
	return []domain.Event{OrderPlaced{
		OrderID: c.OrderID, OrderNumber: Number(c.OrderID), CustomerID: c.CustomerID, Items: withLineIDs(c.OrderID, c.Items), Total: Total(c.Items),
		ShipToCountry: c.ShipToCountry, Personal: c.Personal, RequestHash: c.RequestHash, PlacedAt: c.At,
		Terms: c.Terms, Allocations: c.Allocations,
	}}, nil
}

// Total is the sum of the lines, which have one currency.
func Total(items []Item) money.Money {
	var sum money.Money
	for _, i := range items {
		sum = sum.Add(i.Total())
	}
	return sum
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
	currency := ""
	for i, item := range items {
		if i == 0 {
			currency = item.UnitPrice.Currency
			if !money.KnownCurrency(currency) {
				bad.Add("currency", "%q is not an active ISO 4217 currency code", domain.Clip(currency))
			}
		}
		checkItem(&bad, fmt.Sprintf("items[%d]", i), item, currency)
	}
	if len(bad) == 0 {
		if _, err := money.New(Total(items).Amount, Total(items).Currency); err != nil {
			bad.Add("items", "the total is beyond what an order may cost")
		}
	}
	if !KnownCountry(country) {
		bad.Add("shipping_address.country", "%q is not an ISO 3166-1 alpha-2 country code in upper case", domain.Clip(country))
	}
	return bad.Err()
}

func checkItem(bad *domain.Invalids, path string, item Item, currency string) {
	bad.ID(path+".product_id", item.ProductID)
	bad.ID(path+".sku", item.SKU)
	if item.Quantity < 1 || item.Quantity > QuantityMax {
		bad.Add(path+".quantity", "must be from 1 to %d, got %d", QuantityMax, item.Quantity)
	}
	price, err := money.New(item.UnitPrice.Amount, item.UnitPrice.Currency)
	var refusal *domain.Error
	switch {
	case item.UnitPrice.Currency != currency:
		bad.Add(path+".unit_price", "an order has one currency: %q here, %q in the first line",
			domain.Clip(item.UnitPrice.Currency), domain.Clip(currency))
	case !money.KnownCurrency(currency):
		// Said once, for the whole order.
	case errors.As(err, &refusal):
		bad.Add(path+".unit_price", "%s", refusal.Message)
	case price.Amount.Cmp(priceMin) < 0:
		bad.Add(path+".unit_price", "must be at least 0.01, got %s", price.Text())
	}
}

var priceMin = money.Must("0.01", "EUR").Amount

// CheckAddress names everything that is wrong with an address, with JSON paths below prefix. The
// state may be empty, since most countries have none in their addresses.
func CheckAddress(prefix string, a Address) error {
	var bad domain.Invalids
	for _, f := range []struct {
		name, value string
		required    bool
	}{{"street", a.Street, true}, {"city", a.City, true}, {"state", a.State, false}, {"zip", a.Zip, true}} {
		switch {
		case f.required && strings.TrimSpace(f.value) == "":
			bad.Add(prefix+"."+f.name, "is required")
		default:
			bad.Text(prefix+"."+f.name, f.value, TextLengthMax)
		}
	}
	if !KnownCountry(a.Country) {
		bad.Add(prefix+".country", "%q is not an ISO 3166-1 alpha-2 country code in upper case", domain.Clip(a.Country))
	}
	return bad.Err()
}
