package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// adjustStock corrects what is on hand, up or down: POST /api/v1/stock/adjustments. With an
// Idempotency-Key it may be repeated.
func (a *API) adjustStock(ctx context.Context, x *exchange) error {
	key := x.idempotencyKey()
	var r workflows.StockAdjustment
	err := x.decode(func(d *decoder) {
		d.object(adjustmentMembers, func(name string) {
			switch name {
			case "sku":
				r.SKU = d.text()
			case "location":
				r.Location = d.text()
			case "delta":
				r.Delta = d.integer()
			case "reason":
				r.Reason = d.text()
			}
		})
	})
	if err != nil {
		return err
	}
	x.checkStockItem(r.SKU, r.Location)
	if r.Delta == 0 || r.Delta < -inventory.QuantityMax || r.Delta > inventory.QuantityMax {
		x.check(domain.Invalid("delta", "must be from -%d to %d and not 0, got %d", inventory.QuantityMax, inventory.QuantityMax, r.Delta))
	}
	x.checkText("reason", r.Reason, order.TextLengthMax)
	if err := x.invalid(); err != nil {
		return err
	}
	r.AdjustmentID = x.keyedID(adjustmentNamespace, key)
	if err := a.warehouse.AdjustStock(ctx, r); err != nil {
		return stockProblem(err)
	}
	return x.json(http.StatusCreated, adjustmentBody{
		AdjustmentID: r.AdjustmentID, SKU: r.SKU, Location: r.Location, Delta: r.Delta, Reason: r.Reason,
	})
}

var adjustmentMembers = []member{{"sku", true}, {"location", true}, {"delta", true}, {"reason", true}}

type adjustmentBody struct {
	AdjustmentID uuid.UUID `json:"adjustment_id"`
	SKU          string    `json:"sku"`
	Location     string    `json:"location"`
	Delta        int       `json:"delta"`
	Reason       string    `json:"reason"`
}
