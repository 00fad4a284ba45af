package eventstore_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// What is known of the times of events holds over partitions and archived ones, and is kept while the store may get
// events back.
func TestTheEventsBeforeATimeAreKnown(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	_, err := pool.Exec(t.Context(), `UPDATE orderloom.store SET partition_span = 7000, partitions_ahead = 7;
		DELETE FROM orderloom.partitions;
		DROP TABLE orderloom.events_0000000000000, orderloom.events_0000005000000, orderloom.events_0000010000000;
		SELECT orderloom.ensure_partitions()`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	const many, late = 33_000, 4_321 // one event is of an hour later than those around it
	_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.events
			(sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, payload)
		SELECT nextval('orderloom.event_sequence'), n, $2::timestamptz + (n + CASE n WHEN $4 THEN 3600 ELSE 0 END) * interval '1 second',
			$1, gen_random_uuid(), 1, 'order', 'OrderConfirmed', '{}' FROM generate_series(1, $3) n`, uuid.New(), begin, many, late)
	require.NoError(t, err)
	at := func(n int) int64 {
		t.Helper()
		sequence, err := store.Before(t.Context(), begin.Add(time.Duration(n)*time.Second))
		require.NoError(t, err)
		return sequence
	}
	require.Zero(t, at(many), "nothing is known before the first maintenance")

	_, err = pool.Exec(t.Context(), `UPDATE orderloom.store_epochs SET confirmed_at = NULL`)
	require.NoError(t, err)
	_, err = store.Identity(t.Context())
	require.NoError(t, err)
	_, err = store.Maintain(t.Context())
	require.NoError(t, err)
	require.Zero(t, at(many), "events may come back")
	_, err = pool.Exec(t.Context(), `UPDATE orderloom.store_epochs SET confirmed_at = now()`)
	require.NoError(t, err)

	_, err = store.Archive(t.Context())
	require.NoError(t, err)
	for range 2 {
		_, err = store.Maintain(t.Context())
		require.NoError(t, err)
		require.Zero(t, at(late))
		require.Zero(t, at(10_000))
		require.Equal(t, int64(10_000), at(10_001))
		require.Equal(t, int64(20_000), at(25_000))
		require.Equal(t, int64(30_000), at(many+1_000_000))
	}
}
