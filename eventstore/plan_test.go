package eventstore_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/storetest"
	"github.com/stretchr/testify/require"
)

// To plan the load of a stream takes PostgreSQL several times as long as to carry it out. It keeps the plan after
// five calls. It does not if what it expects of that plan is worse than what it expects of one for the very
// arguments.
func TestPostgreSQLKeepsThePlanOfALoad(t *testing.T) {
	t.Parallel()
	pool := pgtest.Session(t)
	store := openWith(t, pool, nil)
	a := storetest.To(storetest.Stream(domain.AggregateOrder), eventstore.NoStream, 3)
	_, err := store.Append(t.Context(), a)
	require.NoError(t, err)
	const loads = 20
	for range loads {
		events, err := store.Load(t.Context(), a.Stream, 0)
		require.NoError(t, err)
		require.Len(t, events, 3)
	}
	var kept int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT generic_plans FROM pg_prepared_statements WHERE name = 'orderloom_load_one'").Scan(&kept))
	require.GreaterOrEqual(t, kept, loads-5)
}
