package inventory_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/stretchr/testify/require"
)

func TestReceiveRefusesWhatIsNoReceipt(t *testing.T) {
	t.Parallel()
	good := inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: uuid.New(), Quantity: 5, At: at}
	for field, spoil := range map[string]func(*inventory.ReceiveStock){
		"sku":        func(c *inventory.ReceiveStock) { c.SKU = "a\x00b" },
		"location":   func(c *inventory.ReceiveStock) { c.Location = "" },
		"receipt_id": func(c *inventory.ReceiveStock) { c.ReceiptID = uuid.Nil },
		"quantity":   func(c *inventory.ReceiveStock) { c.Quantity = 0 },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			c := good
			spoil(&c)
			_, err := inventory.Receive(inventory.Stock{}, c)
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			require.Len(t, bad, 1)
			require.Equal(t, field, bad[0].Field)
		})
	}
	_, err := inventory.Receive(inventory.Stock{}, inventory.ReceiveStock{Quantity: math.MinInt})
	var bad domain.Invalids
	require.ErrorAs(t, err, &bad)
	require.Len(t, bad, 4, "everything at once")
}

func TestReceiveStaysBelowTheMost(t *testing.T) {
	t.Parallel()
	s := received(t, inventory.QuantityMax)
	for _, n := range []int{1, math.MaxInt} {
		_, err := inventory.Receive(s, inventory.ReceiveStock{SKU: sku, Location: location, ReceiptID: uuid.New(), Quantity: n, At: at})
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
}

func TestAdjustRefusesWhatCantBe(t *testing.T) {
	t.Parallel()
	s := received(t, 10)
	order := uuid.New()
	events, err := inventory.Reserve(s, inventory.ReserveStock{SKU: sku, Location: location, OrderID: order, Quantity: 6, At: at})
	require.NoError(t, err)
	s = apply(s, events)
	for _, c := range []struct {
		delta  int
		reason string
		code   domain.ErrorCode
	}{
		{0, "count", domain.CodeInvalid},
		{1, " ", domain.CodeInvalid},
		{1, "a\x00b", domain.CodeInvalid},
		{1, strings.Repeat("x", 201), domain.CodeInvalid},
		{math.MinInt, "count", domain.CodeInvalid},
		{math.MaxInt, "count", domain.CodeInvalid},
		{-5, "count", "insufficient_stock"},
		{-4, "count", ""},
	} {
		t.Run(fmt.Sprintf("%d %q", c.delta, domain.Clip(c.reason)), func(t *testing.T) {
			_, err := inventory.Adjust(s, inventory.AdjustStock{
				SKU: sku, Location: location, AdjustmentID: uuid.New(), Delta: c.delta, Reason: c.reason, At: at,
			})
			require.Equal(t, c.code, domain.Code(err), "%d %q", c.delta, c.reason)
		})
	}
}
