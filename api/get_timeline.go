package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// getTimeline shows what happened to an order, oldest first: GET /api/v1/orders/{order_id}/events.
func (a *API) getTimeline(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	entries, err := a.timeline(ctx, x, id)
	if err != nil {
		return err
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

// timeline returns what the caller may know of what happened to an order; nothing of one that does not exist.
func (a *API) timeline(ctx context.Context, x *httpx.Exchange, id uuid.UUID) ([]readmodel.TimelineEntry, error) {
	entries, err := a.orders.Timeline(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the timeline of order %s: %w", id, err)
	case x.Caller.SeesInternal():
		return entries, nil
	}
	kept := make([]readmodel.TimelineEntry, 0, len(entries))
	for _, e := range entries {
		if !order.Internal(e.EventType) {
			kept = append(kept, e)
		}
	}
	return kept, nil
}

type timelineBody struct {
	OrderID uuid.UUID                 `json:"order_id"`
	Events  []readmodel.TimelineEntry `json:"events"`
}
