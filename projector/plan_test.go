package projector_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/stretchr/testify/require"
)

func TestPostgreSQLKeepsThePlansOfBatches(t *testing.T) {
	t.Parallel()
	pool := pgtest.Session(t)
	mender := projector.NewMender(projector.MenderOptions{Pool: pool, Source: eventtest.NewStore(), Projections: views.All()})
	for _, e := range eventtest.Lives(3, 4) {
		require.NoError(t, mender.Project(t.Context(), []domain.Envelope{e}))
	}
	var kept, made int
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT sum(generic_plans), sum(custom_plans) FROM pg_prepared_statements
		WHERE statement LIKE '%orderloom.%'`).Scan(&kept, &made))
	require.Greater(t, kept, 100)
	require.Zero(t, made)
}
