package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/workflows"
)

// adjustment is the body of POST /api/v1/stock/adjustments.
type adjustment struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	Delta    int    `json:"delta"`
	Reason   string `json:"reason"`
}

// Check names what the domain finds wrong.
func (r *adjustment) Check() error { return checkStockItem(r.SKU, r.Location) }

// request is what is asked of the warehouse.
func (r *adjustment) request() workflows.StockAdjustment {
	return workflows.StockAdjustment{SKU: r.SKU, Location: r.Location, Delta: r.Delta, Reason: r.Reason}
}

// adjustStock corrects what is on hand, up or down: POST /api/v1/stock/adjustments. With an Idempotency-Key it may be
// repeated.
func (a *API) adjustStock(ctx context.Context, x *httpx.Exchange, r *adjustment) error {
	in := r.request()
	in.AdjustmentID = x.KeyedID(adjustmentNamespace)
	recorded, err := a.warehouse.AdjustStock(ctx, in)
	if err != nil {
		return stockProblem(withStanding(err, "adjustment", adjustmentBodyOf))
	}
	replay(x, recorded.Replayed)
	return x.JSON(http.StatusCreated, adjustmentBodyOf(in))
}

func adjustmentBodyOf(r workflows.StockAdjustment) adjustmentBody {
	return adjustmentBody{AdjustmentID: r.AdjustmentID, SKU: r.SKU, Location: r.Location, Delta: r.Delta, Reason: r.Reason}
}

type adjustmentBody struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
}
