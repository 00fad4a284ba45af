package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// FuzzDecodeOrder holds an order that is taken against encoding/json: what one takes, the other reads as the same.
// What is not UTF-8 or not JSON is never taken.
func FuzzDecodeOrder(f *testing.F) {
	for _, seed := range []string{
		goodOrder, "{}", "[]", "null", "{", `{"customer_id": "\u00e9\ud83d\ude00"}`, `{"items": [{"quantity": 1e2, "unit_price": 0.10}]}`,
		`{"items": [{"unit_price": "1.0"}], "items": []}`, `{"x": [[[[{"y": null}]]]]}`, "\ufeff{}", `{"currency": "\ud800"}`, `{"a":1}x`,
		`{"items": [{"quantity": -0, "unit_price": -0.0e-5}]}`, `{"items": [1, "a", [], true, null]}`, strings.Replace(goodOrder, "Berlin", "\xff", 1),
		strings.Replace(goodOrder, `"19.90"`, `19.9e0, "currency": "EUR"`, 1), strings.Replace(goodOrder, `"items"`, `"allow_backorder": true, "items"`, 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		b := setup(t)
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, ordersPath, bytes.NewReader(text))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		b.api.ServeHTTP(w, r)
		if w.Code != http.StatusCreated {
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge}, w.Code, w.Body.String())
			require.True(t, b.untouched())
			return
		}
		require.True(t, utf8.Valid(text) && json.Valid(text), "%q", text)
		var theirs struct {
			CustomerID   string `json:"customer_id"`
			Currency     string `json:"currency"`
			PaymentToken string `json:"payment_token"`
			Items        []struct {
				ProductID string          `json:"product_id"`
				SKU       string          `json:"sku"`
				Quantity  json.Number     `json:"quantity"`
				UnitPrice json.RawMessage `json:"unit_price"`
				Currency  string          `json:"currency"`
			} `json:"items"`
			Recipient *struct {
				Name, Company, Phone, Email string
			} `json:"recipient"`
			ShippingAddress   newAddress  `json:"shipping_address"`
			BillingAddress    *newAddress `json:"billing_address"`
			CustomerNote      string      `json:"customer_note"`
			AllowBackorder    bool        `json:"allow_backorder"`
			KeepPaymentMethod bool        `json:"keep_payment_method"`
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(&theirs))
		require.Len(t, b.started, 1)
		for _, ours := range b.started {
			var token string
			require.NoError(t, b.Open(t.Context(), ours.Payment, &token))
			require.Equal(t, []string{theirs.CustomerID, theirs.PaymentToken}, []string{ours.CustomerID, token})
			require.Equal(t, theirs.ShippingAddress.Country, ours.ShipToCountry)
			require.Equal(t, theirs.AllowBackorder, ours.AllowBackorder)
			require.Len(t, ours.Items, len(theirs.Items))
			for i, item := range ours.Items {
				their := theirs.Items[i]
				require.Equal(t, []string{their.ProductID, their.SKU, theirs.Currency}, []string{item.ProductID, item.SKU, item.UnitPrice.Currency})
				quantity, err := decimal.NewFromString(their.Quantity.String())
				require.NoError(t, err)
				require.True(t, quantity.Equal(decimal.NewFromInt(int64(item.Quantity))))
				price, err := decimal.NewFromString(string(bytes.Trim(their.UnitPrice, `"`)))
				require.NoError(t, err)
				require.True(t, price.Equal(item.UnitPrice.Amount), "%s is not %s", their.UnitPrice, item.UnitPrice.Amount)
			}
		}
	})
}

// operations are those of the document that programs call, with a body that each takes.
var operations = map[string]string{
	"POST /api/v1/orders":                                             goodOrder,
	"POST /api/v1/orders/import":                                      "",
	"POST /api/v1/stock/import":                                       "",
	"POST /api/v1/orders/search":                                      `{"status": "shipped"}`,
	"POST /api/v1/orders/preview":                                     goodOrder,
	"POST /api/v1/orders/{order_id}/cancel":                           goodCancel,
	"POST /api/v1/orders/{order_id}/lines/cancel":                     goodCancelLines,
	"POST /api/v1/orders/{order_id}/edit":                             goodEdit,
	"POST /api/v1/orders/{order_id}/amend":                            goodAmend,
	"POST /api/v1/orders/{order_id}/details":                          goodDetails,
	"POST /api/v1/orders/{order_id}/notes":                            goodNote,
	"GET /api/v1/orders/{order_id}/notes":                             "",
	"GET /api/v1/orders/{order_id}/money":                             "",
	"GET /api/v1/payments":                                            "",
	"GET /api/v1/refunds":                                             "",
	"GET /api/v1/invoices":                                            "",
	"GET /api/v1/invoices/{number}":                                   "",
	"GET /api/v1/orders/{order_id}/invoices":                          "",
	"GET /api/v1/returns":                                             "",
	"GET /api/v1/shipments":                                           "",
	"GET /api/v1/stock":                                               "",
	"GET /api/v1/customers/{customer_id}":                             "",
	"POST /api/v1/orders/{order_id}/payment":                          `{"payment_token": "tok_approve"}`,
	"POST /api/v1/orders/{order_id}/approve":                          `{"by": "office"}`,
	"POST /api/v1/orders/{order_id}/reject":                           `{"by": "office"}`,
	"POST /api/v1/orders/{order_id}/returns":                          goodRequest,
	"POST /api/v1/orders/{order_id}/exchanges":                        goodExchange,
	"GET /api/v1/orders/{order_id}/returns":                           "",
	"POST /api/v1/orders/{order_id}/returns/{return_id}/approve":      goodApproval,
	"POST /api/v1/orders/{order_id}/returns/{return_id}/refuse":       goodRefusal,
	"POST /api/v1/orders/{order_id}/returns/{return_id}/cancel":       `{}`,
	"POST /api/v1/orders/{order_id}/returns/{return_id}/receive":      goodArrival,
	"POST /api/v1/orders/{order_id}/refunds":                          goodRefund,
	"POST /api/v1/orders/{order_id}/refunds/{refund_id}/retry":        `{}`,
	"POST /api/v1/orders/{order_id}/attention/{attention_id}/retry":   `{}`,
	"POST /api/v1/orders/{order_id}/attention/{attention_id}/resolve": `{"amount": "5.00", "currency": "EUR", "reference": "SEPA-1", "by": "ann"}`,
	"POST /api/v1/orders/{order_id}/shipments/{shipment_id}/dispatch": goodDispatch,
	"POST /api/v1/orders/{order_id}/shipments/{shipment_id}/tracking": goodDispatch,
	"POST /api/v1/orders/{order_id}/shipments/{shipment_id}/deliver":  `{}`,
	"POST /api/v1/orders/{order_id}/shipments/{shipment_id}/lost":     `{}`,
	"POST /api/v1/orders/{order_id}/shipments/{shipment_id}/refused":  `{}`,
	"POST /api/v1/test/orders/{order_id}/advance":                     `{}`,
	"POST /api/v1/stock/receipts":                                     goodReceipt,
	"POST /api/v1/stock/adjustments":                                  goodAdjustment,
	"POST /api/v1/keys":                                               goodKey,
	"GET /api/v1/keys":                                                "",
	"GET /api/v1/keys/{key_id}":                                       "",
	"POST /api/v1/keys/{key_id}/rotate":                               `{"overlap_seconds": 60}`,
	"POST /api/v1/keys/{key_id}/revoke":                               `{}`,
	"POST /api/v1/keys/{key_id}/version":                              `{"api_version": "2026-11-27"}`,
	"POST /api/v1/webhook-endpoints":                                  goodEndpoint,
	"GET /api/v1/webhook-endpoints":                                   "",
	"GET /api/v1/webhook-endpoints/{endpoint_id}":                     "",
	"POST /api/v1/webhook-endpoints/{endpoint_id}":                    goodEndpoint,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/rotate":             `{"overlap_seconds": 60}`,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/enable":             `{"skip": true}`,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/disable":            `{}`,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/delete":             `{}`,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/test":               `{}`,
	"POST /api/v1/webhook-endpoints/{endpoint_id}/resend":             `{"undelivered": true}`,
	"GET /api/v1/webhook-endpoints/{endpoint_id}/deliveries":          "",
	"GET /api/v1/webhook-endpoints/{endpoint_id}/pending":             "",
	"GET /api/v1/audit":                                               "",
	"POST /api/v1/locations":                                          goodLocation,
	"POST /api/v1/locations/{location_id}":                            `{"active": false}`,
	"GET /api/v1/locations":                                           "",
	"GET /api/v1/locations/{location_id}":                             "",
	"GET /api/v1/events":                                              "",
	"GET /api/v1/events/{event_id}":                                   "",
	"GET /api/v1/orders":                                              "",
	"GET /api/v1/orders/stream":                                       "",
	"GET /api/v1/orders/{order_id}":                                   "",
	"GET /api/v1/orders/{order_id}/events":                            "",
	"GET /api/v1/stock/{sku}":                                         "",
	"GET /api/v1/customers/{customer_id}/summary":                     "",
	"GET /api/v1/attention":                                           "",
	"GET /api/v1/projections":                                         "",
}

// Whatever the document says of a request is checked: no operation is served without its schemas.
func TestEveryOperationIsHeldToTheDocument(t *testing.T) {
	t.Parallel()
	for _, name := range contract().Operations() {
		method, template, _ := strings.Cut(name, " ")
		body, known := operations[name]
		if !known { // for people or scrapers, or checked by its signature
			require.NotContains(t, template, "/api/", "%s has no body in the table", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			place := []string{"paths", template, strings.ToLower(method)}
			path := strings.NewReplacer("{order_id}", someOrder.String(), "{shipment_id}", someShipment.String(), "{sku}", "SKU-1", "{location_id}", "berlin", "{customer_id}", "cust-1").
				Replace(template)
			fault := func(want, target, body string, headers ...string) {
				t.Helper()
				b := setup(t)
				require.Contains(t, b.do(t, method, target, body, headers...).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields(), want)
				require.True(t, b.untouched())
			}
			fault("query:none_such", path+"?none_such=1", body)
			parameters, _ := contract().At(below(place, "parameters")...).([]any)
			for i := range parameters {
				p := contract().At(below(place, "parameters", fmt.Sprint(i))...).(map[string]any)
				switch field := fmt.Sprint(p["in"], ":", p["name"]); p["in"] {
				case "path":
					wrong := strings.Replace(path, valueIn(path, template, p["name"].(string)), strings.Repeat("x", 70), 1)
					fault(field, wrong, body)
				case "query":
					fault(field, path+"?"+p["name"].(string)+"=%00", body)
				case "header":
					if p["schema"].(map[string]any)["maxLength"] != nil {
						fault(field, path, body, p["name"].(string), strings.Repeat("x", 300))
					}
				}
			}
			if body != "" {
				unknown := strings.Replace(strings.Replace(body, "{", `{"none_such": 1,`, 1), ",}", "}", 1)
				fault("body:none_such", path, unknown)
			}
		})
	}
}

// valueIn is the value of a parameter in a path.
func valueIn(path, template, name string) string {
	for i, part := range strings.Split(template, "/") {
		if part == "{"+name+"}" {
			return strings.Split(path, "/")[i]
		}
	}
	return ""
}

// Limits stand in the document, because clients read it, and in the domain, which must hold without the API.
func TestTheDocumentAndTheDomainHaveTheSameLimits(t *testing.T) {
	t.Parallel()
	for place, want := range map[string]int{
		"NewOrder properties items maxItems":  order.ItemsMax,
		"NewItem properties quantity maximum": order.QuantityMax,
		"Id maxLength":                        domain.IDLengthMax,
		"Text maxLength":                      order.TextLengthMax,
		"OptionalText maxLength":              order.TextLengthMax,
		"NewOrder properties items minItems":  1,
		"NewItem properties quantity minimum": 1,
	} {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			got := contract().At(append([]string{"components", "schemas"}, strings.Fields(place)...)...)
			require.Equal(t, fmt.Sprint(want), fmt.Sprint(got))
		})
	}
	require.Equal(t, inventory.ReasonLengthMax, order.TextLengthMax)
	for path, limits := range map[string][2]string{
		"/api/v1/stock/receipts":    {"quantity", fmt.Sprint("1 ", inventory.QuantityMax)},
		"/api/v1/stock/adjustments": {"delta", fmt.Sprint(-inventory.QuantityMax, " ", inventory.QuantityMax)},
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			m := contract().At("paths", path, "post", "requestBody", "content", "application/json", "schema", "properties", limits[0]).(map[string]any)
			require.Equal(t, limits[1], fmt.Sprint(m["minimum"], " ", m["maximum"]))
		})
	}
}

// What the document says of ids and texts is what the domain says, but for the length of an id in bytes.
func TestTheDocumentAndTheDomainAgreeOnTexts(t *testing.T) {
	t.Parallel()
	id, err := contract().Schema("components", "schemas", "Id")
	require.NoError(t, err)
	text, err := contract().Schema("components", "schemas", "Text")
	require.NoError(t, err)
	optional, err := contract().Schema("components", "schemas", "OptionalText")
	require.NoError(t, err)
	some := rapid.StringOfN(rapid.OneOf(
		rapid.Rune(), rapid.SampledFrom([]rune{' ', '\t', 0, 0x7f, 0x85, 0xa0, 0x200b, 0x2028, 0x3000, 0xfeff, 'a', 'é', '商', '́'}),
	), 0, 205, -1)
	rapid.Check(t, func(t *rapid.T) {
		s := some.Draw(t, "text")
		var badID, badOptional domain.Invalids
		if badID.ID("id", s); len(s) <= domain.IDLengthMax {
			require.Equal(t, badID.Err() == nil, id.Validate(s) == nil, "%q", s)
		}
		require.Equal(t, order.CheckReviewer(s) == nil, text.Validate(s) == nil, "%q", s)
		badOptional.Text("text", s, order.TextLengthMax)
		require.Equal(t, badOptional.Err() == nil, optional.Validate(s) == nil, "%q", s)
	})
}

// A schema of a request that forgets a limit lets a stranger send what it does not expect.
func TestEverySchemaOfARequestHasItsLimits(t *testing.T) {
	t.Parallel()
	for name, body := range operations {
		if body == "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			method, template, _ := strings.Cut(name, " ")
			limited(t, "paths", template, strings.ToLower(method), "requestBody", "content", "application/json", "schema")
		})
	}
}

// limited requires that a schema, and all below it, has its limits.
func limited(t *testing.T, place ...string) {
	t.Helper()
	m, _ := contract().At(place...).(map[string]any)
	if to, ok := m["$ref"].(string); ok { // with words beside it
		limited(t, strings.Split(strings.TrimPrefix(to, "#/"), "/")...)
		return
	}
	has := func(keywords ...string) {
		t.Helper()
		for _, k := range keywords {
			require.Contains(t, m, k, "%v", place)
		}
	}
	switch m["type"] {
	case "object":
		if _, open := m["additionalProperties"].(map[string]any); open { // the caller names the members
			has("maxProperties")
			limited(t, below(place, "additionalProperties")...)
			return
		}
		require.Equal(t, false, m["additionalProperties"], "%v", place)
		properties, _ := m["properties"].(map[string]any)
		for name := range properties {
			limited(t, below(place, "properties", name)...)
		}
	case "array":
		has("maxItems")
		limited(t, below(place, "items")...)
	case "string":
		if m["enum"] == nil && m["pattern"] == nil {
			has("maxLength")
		}
	case "integer":
		has("minimum", "maximum")
	case "number":
		has("multipleOf")
		require.True(t, m["minimum"] != nil || m["exclusiveMinimum"] != nil, "%v", place)
		require.True(t, m["maximum"] != nil || m["exclusiveMaximum"] != nil, "%v", place)
	case "boolean":
	default:
		has("oneOf")
		for i := range m["oneOf"].([]any) {
			limited(t, below(place, "oneOf", fmt.Sprint(i))...)
		}
	}
	if m["pattern"] != nil {
		has("x-message")
	}
}
