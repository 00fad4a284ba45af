package api

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// orderByReflection is an order as encoding/json shows it.
type orderByReflection struct {
	readmodel.OrderView
	Personal        *struct{}                  `json:"personal,omitempty"`
	ShippingAddress any                        `json:"shipping_address,omitempty"`
	Erased          bool                       `json:"erased,omitempty"`
	Provisional     bool                       `json:"provisional,omitempty"`
	Timeline        []readmodel.TimelineEntry  `json:"timeline,omitempty"`
	Customer        *readmodel.CustomerSummary `json:"customer,omitempty"`
}

func TestAnOrderIsWrittenAsEncodingJSONWritesIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		body := drawOrder(t)
		reference := orderByReflection{
			OrderView: *body.OrderView, Erased: body.Erased, Provisional: body.Provisional, Timeline: body.Timeline, Customer: body.Customer,
		}
		if body.addressShown {
			reference.ShippingAddress = body.ShippingAddress
		}
		want, err := json.Marshal(&reference)
		require.NoError(t, err)
		got, err := appendOrder([]byte("before"), &body)
		require.NoError(t, err)
		require.Equal(t, "before"+string(want), string(got))
	})
}

func drawOrder(t *rapid.T) orderBody {
	at := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "seconds"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
	})
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "SKU-1", "DE", `<"\&>`, "Größe\u2028\x7f\xff"}), rapid.String())
	id := rapid.Custom(func(t *rapid.T) uuid.UUID {
		return uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
	})
	amount := rapid.Custom(func(t *rapid.T) money.Money {
		return money.Money{
			Amount:   decimal.New(rapid.Int64().Draw(t, "coefficient"), rapid.Int32Range(-6, 4).Draw(t, "exponent")),
			Currency: rapid.SampledFrom([]string{"", "EUR", "JPY", "KWD", "CLF", `"`}).Draw(t, "currency"),
		}
	})
	line := rapid.Custom(func(t *rapid.T) order.ShipmentLine {
		return order.ShipmentLine{
			SKU: text.Draw(t, "sku"), Quantity: rapid.Int().Draw(t, "quantity"), UnitPrice: amount.Draw(t, "price"),
			Returned: rapid.IntRange(0, 2).Draw(t, "returned"),
		}
	})
	v := readmodel.OrderView{
		OrderID: id.Draw(t, "order"), OrderNumber: text.Draw(t, "number"), CustomerID: text.Draw(t, "customer"),
		Status: order.Status(text.Draw(t, "status")), PaymentStatus: text.Draw(t, "payment"), FulfillmentStatus: text.Draw(t, "fulfillment"),
		Total: amount.Draw(t, "total"), Captured: amount.Draw(t, "captured"), Refunded: amount.Draw(t, "refunded"),
		CancelReason: text.Draw(t, "reason"), Held: text.Draw(t, "held"), Overdue: rapid.Bool().Draw(t, "overdue"),
		PaymentActionURL: text.Draw(t, "url"), ShipToCountry: text.Draw(t, "country"), Personal: domain.Sealed{Key: "sealed"},
		CreatedAt: at.Draw(t, "created"), UpdatedAt: at.Draw(t, "updated"), Version: rapid.Int64().Draw(t, "version"),
		PaymentVersion: rapid.Int64().Draw(t, "payment version"), DeliveredAt: rapid.Ptr(at, true).Draw(t, "delivered"),
		Items: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Item {
			return order.Item{
				ProductID: text.Draw(t, "product"), SKU: text.Draw(t, "sku"), Quantity: rapid.Int().Draw(t, "quantity"), UnitPrice: amount.Draw(t, "price"),
			}
		}), 0, 3).Draw(t, "items"),
		Shipments: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Shipment {
			return order.Shipment{
				ShipmentID: id.Draw(t, "shipment"), Location: text.Draw(t, "location"), Lines: rapid.SliceOfN(line, 0, 2).Draw(t, "lines"),
				Amount: amount.Draw(t, "amount"), Status: order.ShipmentStatus(text.Draw(t, "status")), Carrier: text.Draw(t, "carrier"),
				TrackingNumber: text.Draw(t, "tracking"),
			}
		}), 0, 2).Draw(t, "shipments"),
		Refunds: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) readmodel.Refund {
			return readmodel.Refund{
				RefundID: id.Draw(t, "refund"), Amount: amount.Draw(t, "amount"), Reason: text.Draw(t, "reason"), RefundedAt: at.Draw(t, "at"),
			}
		}), 0, 2).Draw(t, "refunds"),
		Returns: rapid.SliceOfN(rapid.Custom(func(t *rapid.T) order.Refundable {
			return order.Refundable{ReturnID: id.Draw(t, "return"), Amount: amount.Draw(t, "amount")}
		}), 0, 2).Draw(t, "returns"),
	}
	body := orderBody{OrderView: &v, addressShown: rapid.Bool().Draw(t, "shown"), Erased: rapid.Bool().Draw(t, "erased")}
	body.Provisional = rapid.Bool().Draw(t, "provisional")
	if body.addressShown && !body.Erased {
		body.ShippingAddress = &order.Address{
			Street: text.Draw(t, "street"), City: text.Draw(t, "city"), State: text.Draw(t, "state"), Zip: text.Draw(t, "zip"), Country: text.Draw(t, "country"),
		}
	}
	if rapid.Bool().Draw(t, "expanded") {
		body.Timeline = []readmodel.TimelineEntry{{Summary: text.Draw(t, "summary"), OccurredAt: at.Draw(t, "at")}}
		body.Customer = &readmodel.CustomerSummary{CustomerID: text.Draw(t, "of"), Totals: []money.Money{amount.Draw(t, "sum")}}
	}
	return body
}
