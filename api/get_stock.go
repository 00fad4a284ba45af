package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/readmodel"
)

// getStock shows how many of a SKU there are, and where: GET /api/v1/stock/{sku}. A SKU that was never
// received is no error: there are none of it.
func (a *API) getStock(ctx context.Context, x *httpx.Exchange) error {
	sku := x.Param("sku")
	levels, err := a.views.Stock(ctx, sku)
	if err != nil {
		return httpx.Unavailable(fmt.Errorf("read the stock of %s: %w", sku, err))
	}
	body := stockBody{SKU: sku, Levels: levels}
	if levels == nil {
		body.Levels = []readmodel.StockLevel{}
	}
	for _, l := range levels {
		body.OnHand += l.OnHand
		body.Reserved += l.Reserved
		body.Available += l.Available
		body.Backordered += l.Backordered
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, &body)
}

// stockBody is a SKU's stock, summed up and by location.
type stockBody struct {
	SKU         string                 `json:"sku"`
	OnHand      int                    `json:"on_hand"`
	Reserved    int                    `json:"reserved"`
	Available   int                    `json:"available"`
	Backordered int                    `json:"backordered"`
	Levels      []readmodel.StockLevel `json:"levels"`
}
