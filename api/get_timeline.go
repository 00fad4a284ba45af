package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
)

// getTimeline shows what happened to an order, oldest first: GET /api/v1/orders/{order_id}/events.
func (a *API) getTimeline(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	entries, err := a.orders.Timeline(ctx, id)
	if err != nil && domain.Code(err) != domain.CodeNotFound {
		return fmt.Errorf("read the timeline of order %s: %w", id, err)
	}
	if len(entries) == 0 {
		// Nothing has happened yet, or there is no such order.
		if _, _, err := a.findOrder(ctx, id, 0); err != nil {
			return err
		}
		entries = []readmodel.TimelineEntry{}
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, timelineBody{OrderID: id, Events: entries})
}

type timelineBody struct {
	OrderID uuid.UUID                 `json:"order_id"`
	Events  []readmodel.TimelineEntry `json:"events"`
}
