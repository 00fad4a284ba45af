package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/orderloom/orderloom/readmodel"
)

// getProjections shows how far each view is behind the events: GET /api/v1/projections.
func (a *API) getProjections(ctx context.Context, x *exchange) error {
	x.query()
	if err := x.invalid(); err != nil {
		return err
	}
	projections, err := a.views.Projections(ctx)
	if err != nil {
		return unavailable(fmt.Errorf("read the projections: %w", err))
	}
	if projections == nil {
		projections = []readmodel.ProjectionStatus{}
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.json(http.StatusOK, projectionsBody{Projections: projections})
}

type projectionsBody struct {
	Projections []readmodel.ProjectionStatus `json:"projections"`
}
