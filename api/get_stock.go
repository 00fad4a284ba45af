package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/readmodel"
)

// getStock shows how many of a SKU there are, and where: GET /api/v1/stock/{sku}. A SKU that was never
// received is no error: there are none of it. Nothing is available at a location that is not active, nor of a SKU that
// orders wait for: it goes to them.
func (a *API) getStock(ctx context.Context, x *httpx.Exchange) error {
	sku := x.Param("sku")
	levels, err := a.views.Stock(ctx, sku)
	if err != nil {
		return fmt.Errorf("read the stock of %s: %w", sku, err)
	}
	network, err := a.network(ctx)
	if err != nil {
		return err
	}
	body := stockBody{SKU: sku, Levels: []readmodel.StockLevel{}}
	for _, l := range levels {
		body.Backordered += l.Backordered
		if l.Location == "" {
			continue // the queue
		}
		if here, _ := network.Location(l.Location); !here.Active || network.Backordered[sku] {
			l.Available = 0
		}
		body.OnHand += l.OnHand
		body.Reserved += l.Reserved
		body.Available += l.Available
		body.Levels = append(body.Levels, l)
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
