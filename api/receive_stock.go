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

// receiveStock records goods that arrived: POST /api/v1/stock/receipts. With an Idempotency-Key it may
// be repeated.
func (a *API) receiveStock(ctx context.Context, x *exchange) error {
	key := x.idempotencyKey()
	var r workflows.StockReceipt
	err := x.decode(func(d *decoder) {
		d.object(receiptMembers, func(name string) {
			switch name {
			case "sku":
				r.SKU = d.text()
			case "location":
				r.Location = d.text()
			case "quantity":
				r.Quantity = d.integer()
			}
		})
	})
	if err != nil {
		return err
	}
	x.checkStockItem(r.SKU, r.Location)
	if r.Quantity < 1 || r.Quantity > inventory.QuantityMax {
		x.check(domain.Invalid("quantity", "must be from 1 to %d, got %d", inventory.QuantityMax, r.Quantity))
	}
	if err := x.invalid(); err != nil {
		return err
	}
	r.ReceiptID = x.keyedID(receiptNamespace, key)
	if err := a.warehouse.ReceiveStock(ctx, r); err != nil {
		return stockProblem(err)
	}
	return x.json(http.StatusCreated, receiptBody{ReceiptID: r.ReceiptID, SKU: r.SKU, Location: r.Location, Quantity: r.Quantity})
}

var receiptMembers = []member{{"sku", true}, {"location", true}, {"quantity", true}}

type receiptBody struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
}

// checkStockItem notes what is wrong with the SKU and the location of a body.
func (x *exchange) checkStockItem(sku, location string) {
	if p := idProblem(sku, order.IDLengthMax); p != "" {
		x.check(domain.Invalid("sku", "%s", p))
	}
	if p := idProblem(location, order.IDLengthMax); p != "" {
		x.check(domain.Invalid("location", "%s", p))
	}
}

// stockProblem blames the location of a body when the warehouse has none of this name.
func stockProblem(err error) error {
	if domain.Code(err) == inventory.CodeUnknownLocation {
		return invalid([]fieldError{{In: inBody, Field: "location", Pointer: "#/location", Message: "is no location of this warehouse"}})
	}
	return err
}
