package api

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// FuzzDecodeOrder holds the decoder against encoding/json: what one takes, the other reads as the
// same, and what is no JSON to one is none to the other, but for what the decoder refuses on purpose.
func FuzzDecodeOrder(f *testing.F) {
	for _, seed := range []string{
		goodOrder, "{}", "[]", "null", "{", `{"customer_id": "\u00e9\ud83d\ude00"}`, `{"items": [{"quantity": 1e2, "unit_price": 0.10}]}`,
		`{"items": [{"unit_price": "1.0"}], "items": []}`, `{"x": [[[[{"y": null}]]]]}`, "\ufeff{}", `{"currency": "\ud800"}`, `{"a":1}x`,
		`{"items": [{"quantity": -0, "unit_price": -0.0e-5}]}`, `{"items": [1, "a", [], true, null]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var d decoder
		var r orderRequest
		err := d.decode(text, func() { r.decode(&d) })
		if err != nil {
			var syntax *syntaxError
			require.ErrorAs(t, err, &syntax)
			require.True(t, syntax.Offset >= 0 && syntax.Offset <= len(text) && syntax.Line >= 1 && syntax.Column >= 1)
			onPurpose := !utf8.ValidString(text) || strings.Contains(syntax.message, "levels deep") || strings.Contains(syntax.message, "escape")
			require.True(t, onPurpose || !json.Valid([]byte(text)), "%v: %q", err, text)
			return
		}
		require.True(t, json.Valid([]byte(text)), "%q", text)
		for _, b := range d.bad {
			require.NotEmpty(t, b.Message)
			require.True(t, utf8.ValidString(b.Field+b.Pointer+b.Message))
		}
		if len(d.bad) > 0 {
			return
		}
		var v struct {
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
			ShippingAddress struct {
				Street, City, State, Zip, Country string
			} `json:"shipping_address"`
			AllowBackorder bool `json:"allow_backorder"`
		}
		j := json.NewDecoder(strings.NewReader(text))
		j.DisallowUnknownFields()
		require.NoError(t, j.Decode(&v))
		require.Equal(t, []string{v.CustomerID, v.Currency, v.PaymentToken}, []string{r.customerID, r.currency, r.paymentToken})
		require.Equal(t, v.ShippingAddress.Street, r.address.Street)
		require.Equal(t, v.AllowBackorder, r.backorder)
		require.Equal(t, len(v.Items), r.itemCount)
		for i := range min(len(v.Items), len(r.items)) {
			theirs, ours := v.Items[i], r.items[i]
			require.Equal(t, []string{theirs.ProductID, theirs.SKU, theirs.Currency}, []string{ours.ProductID, ours.SKU, ours.UnitPrice.Currency})
			quantity, err := decimal.NewFromString(theirs.Quantity.String())
			require.NoError(t, err)
			require.True(t, quantity.Equal(decimal.NewFromInt(int64(ours.Quantity))))
			price, err := decimal.NewFromString(string(bytes.Trim(theirs.UnitPrice, `"`)))
			require.NoError(t, err)
			require.True(t, price.Equal(ours.UnitPrice.Amount), "%s is not %s", theirs.UnitPrice, ours.UnitPrice.Amount)
		}
	})
}

func TestDecoderReadsNumbersExactly(t *testing.T) {
	t.Parallel()
	for text, amount := range map[string]string{
		`0.1`: "0.1", `"0.10"`: "0.1", `1e2`: "100", `1.5E-1`: "0.15", `-0`: "0", `123456789012345678901234567890`: "123456789012345678901234567890",
		`"99999999999999.99"`: "99999999999999.99", `0.30000000000000004`: "0.30000000000000004",
	} {
		var d decoder
		var got decimal.Decimal
		require.NoError(t, d.decode(text, func() { got = d.amount() }))
		require.Empty(t, d.bad)
		require.True(t, got.Equal(decimal.RequireFromString(amount)), "%s became %s", text, got)
	}
	for text, n := range map[string]int{`0`: 0, `-7`: -7, `3.0`: 3, `1e3`: 1000, `12300e-2`: 123, `0e999999999`: 0, `0.0e-99`: 0} {
		var d decoder
		var got int
		require.NoError(t, d.decode(text, func() { got = d.integer() }))
		if text != `0e999999999` { // refused as out of range, which is as good
			require.Empty(t, d.bad, text)
		}
		require.Equal(t, n, got, text)
	}
}

func TestDecoderReadsEscapes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`"a\"\\\/\b\f\n\r\t\u00e9z"`: "a\"\\/\b\f\n\r\té" + "z", `"\ud83d\ude00"`: "😀", `"\uFFFD"`: "\ufffd", `"ü"`: "ü", `""`: "",
	} {
		var d decoder
		var got string
		require.NoError(t, d.decode(text, func() { got = d.text() }))
		require.Equal(t, want, got)
	}
	for _, text := range []string{`"\ud83d"`, `"\ude00\ud83d"`, `"\ud83dx"`, `"\u12"`, `"\u123g"`, `"\`, `"\x41"`} {
		var d decoder
		require.Error(t, d.decode(text, func() { d.text() }), text)
	}
}

func TestDecoderPointers(t *testing.T) {
	t.Parallel()
	var d decoder
	require.NoError(t, d.decode(`{"a/b~c": 1, "": 2, "`+strings.Repeat("ü", 60)+`": 3}`, func() { d.object(nil, func(string) {}) }))
	require.Equal(t, "#/a~1b~0c", d.bad[0].Pointer)
	require.Equal(t, "#/"+strings.Repeat("ü", 40)+"…", d.bad[2].Pointer)
}

// A stranger's text must not keep the decoder busy for longer than reading it takes.
func TestDecoderIsLinear(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		strings.Repeat("[", 200_000), strings.Repeat(`{"a":`, 50_000), `{"x":"` + strings.Repeat(`\u0041`, 40_000) + `"}`,
		`{` + strings.TrimSuffix(strings.Repeat(`"k":1,`, 40_000), ",") + `}`, `[` + strings.Repeat("9", 200_000) + `]`,
	} {
		var d decoder
		var r orderRequest
		_ = d.decode(text, func() { r.decode(&d) })
		require.LessOrEqual(t, len(d.bad), errorsMax)
	}
}
