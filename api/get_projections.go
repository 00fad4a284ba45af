package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/readmodel"
)

// getProjections shows how far each view is behind the events: GET /api/v1/projections.
func (a *API) getProjections(ctx context.Context, x *httpx.Exchange) error {
	projections, err := a.views.Projections(ctx)
	if err != nil {
		return fmt.Errorf("read the projections: %w", err)
	}
	if projections == nil {
		projections = []readmodel.ProjectionStatus{}
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, projectionsBody{Projections: projections})
}

type projectionsBody struct {
	Projections []readmodel.ProjectionStatus `json:"projections"`
}
