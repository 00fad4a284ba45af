package order_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

// dinars are the limits of a gateway that takes dinars in steps of ten fils.
var dinars = money.Limits{
	Step: decimal.RequireFromString("0.010"), AuthorizeMin: decimal.RequireFromString("0.150"), CaptureMin: decimal.RequireFromString("0.150"),
	Max: decimal.RequireFromString("100.000"),
}

// Two locations send goods for amounts that the gateway can't capture one by one, whichever leaves first.
func TestSharesOfShipmentsAddUpToTheTotal(t *testing.T) {
	t.Parallel()
	one, two := uuid.New(), uuid.New()
	for name, c := range map[string]struct {
		first, second uuid.UUID
		shares        [2]string
	}{"one after the other": {one, two, [2]string{"17.600", "17.600"}}, "the other way round": {two, one, [2]string{"17.590", "17.610"}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := order.Order{Total: money.Must("35.200", "KWD"), Shipments: []order.Shipment{
				{ShipmentID: one, Amount: money.Must("17.605", "KWD"), Status: order.ShipmentStatusPlanned},
				{ShipmentID: two, Amount: money.Must("17.595", "KWD"), Status: order.ShipmentStatusPlanned},
			}}
			require.Equal(t, "17.605", o.Share(one, money.Money{}, money.Limits{}).Text(), "without limits it is the shipment's amount")
			first := o.Share(c.first, money.Zero("KWD"), dinars)
			require.Equal(t, c.shares[0], first.Text())
			for i := range o.Shipments {
				if o.Shipments[i].ShipmentID == c.first {
					o.Shipments[i].Status = order.ShipmentStatusDispatched
				}
			}
			require.Equal(t, c.shares[1], o.Share(c.second, first, dinars).Text())
		})
	}
}

func TestAnOrderThatCannotBeChargedIsRefused(t *testing.T) {
	t.Parallel()
	item := func(quantity int, price, currency string) order.Item {
		return order.Item{SKU: "A", Quantity: quantity, UnitPrice: money.Must(price, currency)}
	}
	for name, c := range map[string]struct {
		items    []order.Item
		taken    bool
		expected []string
	}{
		"a total in steps":                    {[]order.Item{item(1, "17.605", "KWD"), item(1, "17.595", "KWD")}, true, nil},
		"a total between steps":               {[]order.Item{item(2, "1.000", "KWD"), item(1, "17.605", "KWD")}, true, []string{"items[1].unit_price"}},
		"too little":                          {[]order.Item{item(1, "0.140", "KWD")}, true, []string{"items"}},
		"too much":                            {[]order.Item{item(1, "100.010", "KWD")}, true, []string{"items"}},
		"another currency":                    {[]order.Item{item(1, "10.00", "EUR")}, false, []string{"currency"}},
		"what is refused for other reasons":   {[]order.Item{item(1, "10.00", "EUR"), item(1, "1.000", "KWD")}, true, nil},
		"nothing, refused for another reason": {nil, true, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := order.CheckChargeable(order.Content{Items: c.items}, dinars, c.taken)
			if c.expected == nil {
				require.NoError(t, err)
				return
			}
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			var fields []string
			for _, f := range bad {
				fields = append(fields, f.Field)
			}
			require.Equal(t, c.expected, fields)
		})
	}
}
