package api

import (
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const (
	receiptsPath    = "/api/v1/stock/receipts"
	adjustmentsPath = "/api/v1/stock/adjustments"
	goodReceipt     = `{"sku": "SKU-1", "location": "berlin", "quantity": 480}`
	goodAdjustment  = `{"sku": "SKU-1", "location": "berlin", "delta": -3, "reason": "counted"}`
)

func TestReceiveStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, receiptsPath, goodReceipt, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, a.body, b.post(t, receiptsPath, goodReceipt, "Idempotency-Key", "k").body)
	require.NotEqual(t, a.body, b.post(t, receiptsPath, goodReceipt).body)
	require.Equal(t, b.received[0], b.received[1])
	require.Equal(t, workflows.StockReceipt{ReceiptID: b.received[0].ReceiptID, SKU: "SKU-1", Location: "berlin", Quantity: 480}, b.received[0])
}

func TestReceiveStockRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, fields := range map[string][]string{
		`{}`: {"body:sku", "body:location", "body:quantity"},
		`{"sku": "", "location": 1, "quantity": 0.5, "x": 1}`:          {"body:sku", "body:location", "body:quantity", "body:x"},
		`{"sku": "a", "location": "b", "quantity": 0}`:                 {"body:quantity"},
		`{"sku": "a", "location": "b", "quantity": -1}`:                {"body:quantity"},
		`{"sku": "a", "location": "b", "quantity": 1000000001}`:        {"body:quantity"},
		`{"sku": "a", "location": "b", "quantity": 9e99}`:              {"body:quantity"},
		`{"sku": " a", "location": "b", "quantity": 1, "quantity": 1}`: {"body:sku", "body:quantity"},
	} {
		t.Run(body, func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, receiptsPath, body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	require.True(t, b.untouched())
	b.stockErr = &domain.Error{Code: "unknown_location", Field: "location", Message: "there is none"}
	require.Equal(t, []string{"body:location"}, b.post(t, receiptsPath, goodReceipt).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	b.stockErr = domain.Refuse(codeKeyReused, "another receipt")
	b.post(t, receiptsPath, goodReceipt, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
	b.stockErr = sagaclient.ErrUnavailable
	b.post(t, receiptsPath, goodReceipt).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

func TestAdjustStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, adjustmentsPath, goodAdjustment, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Equal(t, workflows.StockAdjustment{
		AdjustmentID: b.adjusted[0].AdjustmentID, SKU: "SKU-1", Location: "berlin", Delta: -3, Reason: "counted",
	}, b.adjusted[0])
	b.post(t, receiptsPath, goodReceipt, "Idempotency-Key", "k")
	require.NotEqual(t, b.adjusted[0].AdjustmentID, b.received[0].ReceiptID, "one key may serve for one of each")
}

func TestAdjustStockRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, fields := range map[string][]string{
		`{}`: {"body:sku", "body:location", "body:delta", "body:reason"},
		`{"sku": "a", "location": "b", "delta": 0, "reason": ""}`:                                   {"body:delta", "body:reason"},
		`{"sku": "a", "location": "b", "delta": "1", "reason": "` + strings.Repeat("x", 201) + `"}`: {"body:delta", "body:reason"},
		`{"sku": "a", "location": "b", "delta": -1000000001, "reason": "x"}`:                        {"body:delta"},
	} {
		t.Run(domain.Clip(body), func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, adjustmentsPath, body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	require.True(t, b.untouched())
	b.stockErr = domain.Refuse(codeInsufficientStock, "2 of SKU-1 are available at berlin, can't take 3 away")
	b.post(t, adjustmentsPath, goodAdjustment).problem(t, http.StatusConflict, codeInsufficientStock)
	b.stockErr = domain.Refuse("some_new_rule", "because")
	require.Equal(t, "because", b.post(t, adjustmentsPath, goodAdjustment).problem(t, http.StatusConflict, codeRefused).Detail)
}

func TestGetStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []any{}, b.get(t, "/api/v1/stock/SKU-1").object(t)["levels"])
	b.net = location.Network{Locations: []location.Location{{ID: "berlin", Active: true}, {ID: "reno", Active: true}}}
	b.stock["A/B 1"] = []readmodel.StockLevel{
		{SKU: "A/B 1", Location: "berlin", OnHand: 5, Reserved: 2, Available: 3, UpdatedAt: acceptedAt, Version: 2},
		{SKU: "A/B 1", Location: "reno", OnHand: 1, Available: 1, UpdatedAt: acceptedAt, Version: 1},
	}
	body := b.get(t, "/api/v1/stock/A%2FB%201").object(t)
	require.EqualValues(t, 6, body["on_hand"])
	require.EqualValues(t, 2, body["reserved"])
	require.EqualValues(t, 4, body["available"])
	require.Equal(t, []string{"path:sku"}, b.get(t, "/api/v1/stock/"+strings.Repeat("x", 65)).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.Equal(t, []string{"path:sku"}, b.get(t, "/api/v1/stock/%20").problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.Equal(t, []string{"path:sku"}, b.get(t, "/api/v1/stock/%ff").problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
}
