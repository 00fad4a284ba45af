package migrations_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/migrations"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the list of the indexes anew")

// The list is what the migrations make: "go test ./migrations -run Listed -update" writes it.
func TestEveryIndexIsListed(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	made, invalid, err := migrations.IndexesThere(t.Context(), pool)
	require.NoError(t, err)
	require.Empty(t, invalid)
	text := strings.Join(made, "\n") + "\n"
	if *update {
		require.NoError(t, os.WriteFile("indexes.txt", []byte(text), 0o644)) //nolint:gosec // to be read by all
	}
	kept, err := os.ReadFile("indexes.txt")
	require.NoError(t, err)
	require.Equal(t, text, string(kept), `run "go test ./migrations -run Listed -update"`)
}

func TestIndexesThatAreGoneAreNamed(t *testing.T) {
	t.Parallel()
	pool := empty(t)
	require.NoError(t, migrations.Apply(t.Context(), pool))
	faults, err := migrations.IndexFaults(t.Context(), pool)
	require.NoError(t, err)
	require.Empty(t, faults)
	_, err = pool.Exec(t.Context(), `ALTER TABLE orderloom.api_keys DROP CONSTRAINT api_keys_pkey CASCADE`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `ALTER INDEX orderloom.order_views_pkey RENAME TO order_views_rebuilt_pkey`)
	require.NoError(t, err, "a view that was rebuilt has other names")
	_, err = pool.Exec(t.Context(), `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'orderloom.order_views_rebuilt_pkey'::regclass`)
	require.NoError(t, err)
	faults, err = migrations.IndexFaults(t.Context(), pool)
	require.NoError(t, err)
	require.Len(t, faults, 2)
	require.Equal(t, "api_keys_pkey", faults[0].Name)
	require.Equal(t, migrations.IndexFault{Name: "order_views_rebuilt_pkey"}, faults[1])
	_, err = pool.Exec(t.Context(), faults[0].Statement)
	require.NoError(t, err, "what it says mends it")
	faults, err = migrations.IndexFaults(t.Context(), pool)
	require.NoError(t, err)
	require.Len(t, faults, 1)
}
