package api

import (
	"context"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/workflows"
)

// receipt is the body of POST /api/v1/stock/receipts.
type receipt struct {
	SKU      string `json:"sku"`
	Location string `json:"location"`
	Quantity int    `json:"quantity"`
}

// Check names what the domain finds wrong.
func (r *receipt) Check() error { return checkStockItem(r.SKU, r.Location) }

// request is what is asked of the warehouse.
func (r *receipt) request() workflows.StockReceipt {
	return workflows.StockReceipt{SKU: r.SKU, Location: r.Location, Quantity: r.Quantity}
}

// receiveStock records goods that arrived: POST /api/v1/stock/receipts. With an Idempotency-Key it may be repeated.
func (a *API) receiveStock(ctx context.Context, x *httpx.Exchange, r *receipt) error {
	in := r.request()
	in.ReceiptID = x.KeyedID(receiptNamespace)
	recorded, err := a.warehouse.ReceiveStock(ctx, in)
	if err != nil {
		return stockProblem(withStanding(err, "receipt", receiptBodyOf))
	}
	replay(x, recorded.Replayed)
	return x.JSON(http.StatusCreated, receiptBodyOf(in))
}

func receiptBodyOf(r workflows.StockReceipt) receiptBody {
	return receiptBody{ReceiptID: r.ReceiptID, SKU: r.SKU, Location: r.Location, Quantity: r.Quantity}
}

type receiptBody struct {
	ReceiptID uuid.UUID `json:"receipt_id"`
	SKU       string    `json:"sku"`
	Location  string    `json:"location"`
	Quantity  int       `json:"quantity"`
}

// checkStockItem names what the domain finds wrong with the ids of a stock item.
func checkStockItem(sku, location string) error {
	var bad domain.Invalids
	bad.ID("sku", sku)
	bad.ID("location", location)
	return bad.Err()
}

// stockProblem blames the location of a body when the warehouse has none of this name.
func stockProblem(err error) error {
	if domain.Code(err) == location.CodeUnknownLocation {
		return httpx.InvalidBody(domain.Invalids{domain.Invalid("location", "is no location of this warehouse")})
	}
	return err
}
