package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// retried is a request whose retries are told from other requests under its Idempotency-Key.
type retried struct {
	// full returns the request with every member set, the same one each time.
	full func() any
	// mark is what retries are told apart by.
	mark func(t *testing.T, request any) string
}

func retriedRequests() map[string]retried {
	address := newAddress{
		Name: "n", Company: "o", Line1: "l", Street: "s", Line2: "m", DependentLocality: "d", City: "c", State: "t", Zip: "z", Country: "DE",
	}
	text := func(s string) *string { return &s }
	no := func() *bool { return new(bool) }
	seven, name, country := 7, "n", "DE"
	one := decimal.RequireFromString("1.00")
	taxes := func() []newTax { return []newTax{{Name: "t", Rate: one, Included: no(), Amount: new(one)}} }
	return map[string]retried{
		"order": {mark: byFingerprint, full: func() any {
			billing := address
			return &newOrder{
				CustomerID: "c", Currency: "EUR", PaymentToken: "t", AllowBackorder: true, KeepPaymentMethod: true, ShippingAddress: address,
				ExternalReference: "e", Channel: "c", Metadata: map[string]string{"k": "v"}, Tags: []string{"t"},
				Recipient: &newContact{Name: "n", Company: "c", Phone: "p", Email: "e"}, BillingAddress: &billing, CustomerNote: "n",
				PricesIncludeTax: true, Rounding: pricing.Rounding{Mode: pricing.HalfEven, Per: pricing.PerUnit},
				ShippingLines: []newShippingLine{{Method: "m", Name: "n", Amount: one, TaxClass: "c", Taxes: taxes()}},
				Discounts:     []newDiscount{{Target: "line", Items: []int{1}, Percentage: one, Amount: one, Code: "c", Reason: "r"}},
				Items: []newItem{
					{
						ProductID: "p", SKU: "s", Quantity: 1, UnitPrice: decimal.RequireFromString("1.00"), Currency: "EUR",
						Name: "n", TaxClass: "c", Taxes: taxes(), RequiresShipping: no(), Metadata: map[string]string{"k": "v"},
					},
					{
						ProductID: "q", SKU: "r", Quantity: 2, UnitPrice: decimal.RequireFromString("2.00"), Currency: "EUR",
						Name: "m", TaxClass: "d", Taxes: taxes(), RequiresShipping: no(), Metadata: map[string]string{"k": "w"},
					},
				},
			}
		}},
		"note": {mark: byFingerprint, full: func() any { return &newNote{Text: "t", Author: "a"} }},
		"details": {
			full: func() any {
				return &changedDetails{Metadata: map[string]string{"k": "v"}, RemoveMetadata: []string{"m"}, AddTags: []string{"a"}, RemoveTags: []string{"r"}, By: "b"}
			},
			mark: func(_ *testing.T, r any) string {
				d := r.(*changedDetails)
				return order.ChangeDetails{RequestID: uuid.NameSpaceOID, Change: d.change(), By: d.By}.Request().Content.String()
			},
		},
		"amendment": {mark: byFingerprint, full: func() any {
			shipping, billing := address, address
			return &amendment{
				ShippingAddress: &shipping, BillingAddress: &billing, BillToRecipient: true, CustomerNote: text("n"), By: "customer",
				Recipient: &changedContact{Name: text("n"), Company: text("c"), Phone: text("p"), Email: text("e")},
			}
		}},
		"edit": {mark: byFingerprint, full: func() any {
			return &edit{
				Add: []newItem{{
					ProductID: "p", SKU: "s", Quantity: 1, UnitPrice: one, Currency: "EUR",
					Name: "n", TaxClass: "c", Taxes: taxes(), RequiresShipping: no(), Metadata: map[string]string{"k": "v"},
				}},
				PricesIncludeTax: true, Lines: []order.LineQuantity{{LineID: uuid.NameSpaceDNS, SKU: "s", Quantity: 1}}, Reason: "r", By: "customer",
			}
		}},
		// The order's events tell these apart, by what the domain reads from them.
		"cancelled lines": {
			full: func() any {
				return &cancelledLines{Lines: []order.LineQuantity{{LineID: uuid.NameSpaceDNS, SKU: "s", Quantity: 1}, {LineID: uuid.NameSpaceURL, SKU: "t", Quantity: 2}}, Reason: "r", By: "customer"}
			},
			mark: func(_ *testing.T, r any) string {
				in := r.(*cancelledLines).request()
				return order.CancelLines{RequestID: uuid.NameSpaceOID, Lines: in.Lines, Reason: in.Reason, By: in.By}.Request().Content.String()
			},
		},
		// The sagas' memos tell these apart, by all that was asked of them.
		"returned goods": {
			full: func() any {
				return &returned{Status: "requested", By: "customer", Reason: "r", Lines: []returnedLine{
					{LineID: uuid.NameSpaceDNS, SKU: "s", Quantity: 1, Restock: no(), Location: "l", Reason: "other", Note: "n"},
					{LineID: uuid.NameSpaceURL, SKU: "t", Quantity: 2, Restock: no(), Location: "l", Reason: "damaged", Note: "m"},
				}}
			},
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*returned).request()) },
		},
		"refund": {
			full: func() any {
				lines := []order.RefundLine{{LineID: uuid.NameSpaceURL, SKU: "s", ShippingLineID: uuid.NameSpaceOID, Quantity: 1, Amount: one}}
				return &refund{Amount: one, Currency: "EUR", Lines: lines, Spread: true, Reason: "r"}
			},
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*refund).request()) },
		},
		"receipt": {
			full: func() any { return &receipt{SKU: "s", Location: "l", Quantity: 1} },
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*receipt).request()) },
		},
		"location": {
			full: func() any {
				return &newLocation{
					ID: "l", Name: "n", Country: "DE", Address: &location.Address{Street: "s", City: "c", State: "t", Zip: "z"},
					Active: no(), Priority: new(seven),
				}
			},
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*newLocation).request()) },
		},
		"changed location": {
			full: func() any {
				return &locationChange{
					Name: new(name), Country: new(country), Address: &location.Address{Street: "s", City: "c", State: "t", Zip: "z"},
					Active: no(), Priority: new(seven),
				}
			},
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*locationChange).change()) },
		},
		"adjustment": {
			full: func() any { return &adjustment{SKU: "s", Location: "l", Delta: 1, Reason: "r"} },
			mark: func(t *testing.T, r any) string { return inJSON(t, r.(*adjustment).request()) },
		},
	}
}

func byFingerprint(t *testing.T, request any) string {
	t.Helper()
	hash, err := httpx.Fingerprint("key", request)
	require.NoError(t, err)
	return hash
}

func inJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	return string(text)
}

// A member that did not count would let another request replay the old one.
func TestEveryMemberOfARequestTellsItFromAnother(t *testing.T) {
	t.Parallel()
	for name, r := range retriedRequests() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			original := r.mark(t, r.full())
			require.Equal(t, original, r.mark(t, r.full()))
			seen := map[string]string{original: "the request itself"}
			for i := 0; ; i++ {
				request, left := r.full(), i
				field := changeLeaf(t, reflect.ValueOf(request).Elem(), name, &left)
				if field == "" {
					require.Greater(t, i, 1)
					return
				}
				mark := r.mark(t, request)
				require.NotContains(t, seen, mark, "a change of %s is a change of %s", field, seen[mark])
				seen[mark] = field
			}
		})
	}
}

// changeLeaf changes the leaf of v that n leaves stand before, and returns its name. It returns "" when there are no
// more. A list is a leaf as well: it loses its last element.
func changeLeaf(t *testing.T, v reflect.Value, name string, n *int) string {
	t.Helper()
	leaf := func(set func()) string {
		if *n--; *n >= 0 {
			return ""
		}
		set()
		return name
	}
	if amount, ok := v.Addr().Interface().(*decimal.Decimal); ok {
		require.False(t, amount.IsZero(), "%s is not set", name)
		return leaf(func() { *amount = amount.Add(decimal.New(1, -2)) })
	}
	require.False(t, v.IsZero(), "%s is not set: the test needs a full request", name)
	if id, ok := v.Addr().Interface().(*uuid.UUID); ok {
		return leaf(func() { *id = domain.DerivedID(*id, name) })
	}
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			require.True(t, f.IsExported(), "%s.%s is not exported, so it is not decoded", name, f.Name)
			if changed := changeLeaf(t, v.Field(i), name+"."+f.Name, n); changed != "" {
				return changed
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if changed := changeLeaf(t, v.Index(i), fmt.Sprintf("%s[%d]", name, i), n); changed != "" {
				return changed
			}
		}
		name += "[]"
		return leaf(func() { v.Set(v.Slice(0, v.Len()-1)) })
	case reflect.Pointer:
		if v.Elem().Kind() != reflect.Bool {
			return changeLeaf(t, v.Elem(), name, n)
		}
		flipped := reflect.New(v.Type().Elem())
		flipped.Elem().SetBool(!v.Elem().Bool())
		return leaf(func() { v.Set(flipped) })
	case reflect.Map:
		return leaf(func() {
			v.Set(reflect.MakeMap(v.Type()))
			v.SetMapIndex(reflect.ValueOf(name), reflect.Zero(v.Type().Elem()))
		})
	case reflect.String:
		return leaf(func() { v.SetString(v.String() + name) })
	case reflect.Int:
		return leaf(func() { v.SetInt(v.Int() + 7) })
	case reflect.Bool:
		return leaf(func() { v.SetBool(!v.Bool()) })
	default:
		require.Fail(t, "the test can't change a "+v.Kind().String(), name)
	}
	return ""
}

// Two spellings of the same order have one hash, at the API as a whole.
func TestEqualRequestsHaveOneFingerprint(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const item = `{"product_id": "p-1", "sku": "SKU-1", "quantity": 2, "unit_price": "19.90"}`
	first := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k").body
	for name, body := range map[string]string{
		"without white space":   inOneLine(t, goodOrder),
		"with another price":    replaced(t, goodOrder, `"19.90"`, `"19.9000"`),
		"with a number":         replaced(t, goodOrder, `"19.90"`, `1.99e1`),
		"with a whole fraction": replaced(t, goodOrder, `"quantity": 2`, `"quantity": 0.2e1`),
		"with escapes":          replaced(t, goodOrder, `"Berlin"`, `"\u0042erlin"`),
		"with its defaults":     replaced(t, goodOrder, `"items"`, `"allow_backorder": false, "items"`),
		"with its currency":     replaced(t, goodOrder, item, replaced(t, item, `"sku"`, `"currency": "EUR", "sku"`)),
		"without its state":     replaced(t, goodOrder, `"state": "", `, ``),
	} {
		t.Run(name, func(t *testing.T) {
			replay := b.post(t, ordersPath, body, "Idempotency-Key", "k")
			require.Equal(t, "true", replay.header.Get("Idempotent-Replayed"), replay.body)
			require.Equal(t, first, replay.body)
		})
	}
}

func replaced(t *testing.T, s, old, replacement string) string {
	t.Helper()
	require.Contains(t, s, old)
	return strings.Replace(s, old, replacement, 1)
}

func inOneLine(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Compact(&b, []byte(text)))
	return b.String()
}

// olderItem, olderAddress and olderOrder are a request as it was when an order had neither recipient nor taxes, and
// olderAmendment is one of its kind.
type olderItem struct {
	ProductID string          `json:"product_id"`
	SKU       string          `json:"sku"`
	Quantity  int             `json:"quantity"`
	UnitPrice decimal.Decimal `json:"unit_price"`
	Currency  string          `json:"currency"`
}

type olderAddress struct {
	Street  string `json:"street"`
	City    string `json:"city"`
	State   string `json:"state"`
	Zip     string `json:"zip"`
	Country string `json:"country"`
}

type olderOrder struct {
	CustomerID        string       `json:"customer_id"`
	Currency          string       `json:"currency"`
	Items             []olderItem  `json:"items"`
	ShippingAddress   olderAddress `json:"shipping_address"`
	PaymentToken      string       `json:"payment_token"`
	AllowBackorder    bool         `json:"allow_backorder"`
	KeepPaymentMethod bool         `json:"keep_payment_method,omitempty"`
}

type olderAmendment struct {
	ShippingAddress olderAddress `json:"shipping_address"`
	By              string       `json:"by"`
}

// A request that says what could be said before has the fingerprint that it had. Otherwise an order from before is not
// known again when its request comes once more.
func TestOlderRequestsHaveTheirFingerprints(t *testing.T) {
	t.Parallel()
	address := olderAddress{Street: " Torstraße 1", City: "Berlin", Zip: "10119", Country: "DE"}
	older := olderOrder{
		CustomerID: "c-confirmed", Currency: "EUR", ShippingAddress: address, PaymentToken: "tok_approve", AllowBackorder: true,
		Items: []olderItem{{ProductID: "p", SKU: "confirmed", Quantity: 2, UnitPrice: decimal.RequireFromString("10.00"), Currency: "EUR"}},
	}
	for name, c := range map[string]struct{ was, is any }{
		"order": {older, &newOrder{}}, "amendment": {olderAmendment{ShippingAddress: address, By: "customer"}, &amendment{}},
	} {
		require.NoError(t, json.Unmarshal([]byte(inJSON(t, c.was)), c.is))
		was, err := httpx.Fingerprint("key-confirmed", c.was)
		require.NoError(t, err)
		is, err := httpx.Fingerprint("key-confirmed", c.is)
		require.NoError(t, err)
		require.Equal(t, was, is, name)
	}
	stored, err := httpx.Fingerprint("key-confirmed", older)
	require.NoError(t, err)
	require.Equal(t, "93cbf4d0213773f956db19b3799e57870c9a179f5b104935856808cca4b7290c", stored, "it stands in an event")
}
