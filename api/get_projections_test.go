package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestGetProjections(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []any{}, b.get(t, "/api/v1/projections").object(t)["projections"])
	at := acceptedAt
	b.projections = []readmodel.ProjectionStatus{{Name: "order_views", LagEvents: 3, LagSeconds: 0.25, UpdatedAt: &at, Rebuild: "filling"}, {Name: "stock_levels", Stale: true}}
	require.Len(t, b.get(t, "/api/v1/projections").object(t)["projections"], 2)
	b.get(t, "/api/v1/projections?x=1").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	b.viewErr = errAway
	b.get(t, "/api/v1/projections").problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
