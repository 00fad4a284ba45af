package readmodel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// An order as a view's columns keep it is read as encoding/json reads it, with members in another order, white space
// and unknown members in between, as in what PostgreSQL makes of jsonb.
func TestColumnsAreReadAsEncodingJSONReadsThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		o := drawState(t)
		written, err := json.Marshal(o)
		require.NoError(t, err)
		var members map[string]any // sorted when written, which is another order
		numbers := json.NewDecoder(bytes.NewReader(written))
		numbers.UseNumber()
		require.NoError(t, numbers.Decode(&members))
		members["unknown"] = []any{map[string]any{"a": "]}\\\"", "b": nil}, true, 1.5, ""}
		text, err := json.MarshalIndent(members, "", rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent"))
		require.NoError(t, err)

		var want order.Order
		require.NoError(t, json.Unmarshal(text, &want))
		var got order.Order
		in := jsonText{}
		require.True(t, in.open(string(text)))
		in.object(func(name string) {
			switch name {
			case "items":
				got.Items = listOf(&in, readItem)
			case "shipments":
				got.Shipments = listOf(&in, readShipment)
			case "returns":
				got.Returns = listOf(&in, readReturn)
			case "personal":
				readSealed(&in, &got.Personal)
			case "overdue":
				got.Overdue = in.boolean()
			case "delivered_at":
				got.DeliveredAt = in.time()
			default:
				in.skip()
			}
		})
		require.NoError(t, in.err)
		require.Equal(t, 0, int(in.next()), "all of it was read")
		require.Equal(t, jsonOf(order.Order{
			Items: want.Items, Shipments: want.Shipments, Returns: want.Returns, Personal: want.Personal, Overdue: want.Overdue, DeliveredAt: want.DeliveredAt,
		}), jsonOf(got))
	})
}

func TestTextThatIsNotWhatWasWrittenIsAnError(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`{`, `[{}]`, `{"key"}`, `{"key":"a`, `{"key":1}`, `{"key":"a"`, `{"data":"%"}`, `{"key":"a" "data":""}`, `n`, `{"key":"\x"}`} {
		in := jsonText{}
		require.True(t, in.open(text))
		var v OrderView
		readSealed(&in, &v.Personal)
		require.Error(t, in.err, text)
		require.False(t, in.open(`{}`), "an error stays")
	}
	rapid.Check(t, func(t *rapid.T) {
		in := jsonText{}
		in.open(rapid.StringOfN(rapid.RuneFrom([]rune(`{}[]",:\n0u`)), 1, 30, -1).Draw(t, "text"))
		listOf(&in, readShipment) // ends, without a panic
	})
}

func TestShortAmountsAreReadAsLongOnes(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"0", "19.90", "0.005", "-3.50", "1234567890123456789012.5", "1e3", "999999999999999999", ".5", "5."} {
		want, wantErr := decimal.NewFromString(text)
		got, err := decimalOf(text)
		require.Equal(t, wantErr == nil, err == nil, text)
		require.Equal(t, want.String(), got.String(), text)
		require.Equal(t, want.Exponent(), got.Exponent(), text)
	}
	for _, text := range []string{"", ".", "1.2.3", "x", "1,5"} {
		_, err := decimalOf(text)
		require.Error(t, err, text)
	}
}

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func drawState(t *rapid.T) order.Order {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "SKU-1", `<"\&>`}), rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(s, "") }))
	id := rapid.Custom(func(t *rapid.T) uuid.UUID { return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id")) })
	amount := rapid.Custom(func(t *rapid.T) money.Money {
		return money.FromMinorUnits(rapid.Int64().Draw(t, "amount"), rapid.SampledFrom([]string{"EUR", "JPY", "KWD"}).Draw(t, "currency"))
	})
	lines := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.ShipmentLine {
		return order.ShipmentLine{SKU: text.Draw(t, "sku"), Quantity: rapid.Int().Draw(t, "n"), UnitPrice: amount.Draw(t, "price"), Returned: rapid.IntRange(0, 2).Draw(t, "back")}
	}), 0, 2)
	o := order.Order{
		Items: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Item {
			return order.Item{ProductID: text.Draw(t, "product"), SKU: text.Draw(t, "sku"), Quantity: rapid.Int().Draw(t, "n"), UnitPrice: amount.Draw(t, "price")}
		}), 0, 3).Draw(t, "items"),
		Shipments: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Shipment {
			return order.Shipment{
				ShipmentID: id.Draw(t, "shipment"), Location: text.Draw(t, "location"), Lines: lines.Draw(t, "lines"), Amount: amount.Draw(t, "amount"),
				Status: order.ShipmentStatus(text.Draw(t, "status")), Carrier: text.Draw(t, "carrier"), TrackingNumber: text.Draw(t, "tracking"),
			}
		}), 0, 3).Draw(t, "shipments"),
		Returns: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Refundable {
			return order.Refundable{ReturnID: id.Draw(t, "return"), Amount: amount.Draw(t, "amount")}
		}), 0, 2).Draw(t, "returns"),
		Overdue: rapid.Bool().Draw(t, "overdue"), DeliveredAt: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 5).UTC(),
	}
	o.Personal.Key, o.Personal.Data = text.Draw(t, "key"), rapid.SliceOf(rapid.Byte()).Draw(t, "data")
	if rapid.Bool().Draw(t, "nothing") {
		o.Items, o.Shipments, o.Returns = nil, nil, nil
	}
	return o
}
