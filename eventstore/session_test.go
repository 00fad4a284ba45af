package eventstore

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// Fails where the settings of the pool come after the store's own.
func TestTheStoresSessionKeepsItsOwnSettings(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	ours := pool.Config()
	ours.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "SET idle_in_transaction_session_timeout = '30s'; SET search_path = elsewhere")
		return err
	}
	pooled, err := pgxpool.NewWithConfig(t.Context(), ours)
	require.NoError(t, err)
	defer pooled.Close()
	conn, err := connect(t.Context(), pooled)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var idle, path string
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW idle_in_transaction_session_timeout").Scan(&idle))
	require.NoError(t, conn.QueryRow(t.Context(), "SHOW search_path").Scan(&path))
	require.Equal(t, []string{"10s", "elsewhere"}, []string{idle, path})
}
