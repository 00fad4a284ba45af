package projector_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// While the lag can't be measured, it is not shown as it was: it grows.
// Fails where a report that fails leaves the gauges alone.
func TestTheLagGrowsWhileItCannotBeMeasured(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(65, 5)
	b := viewtest.Setup(t, events...)
	registry := prometheus.NewRegistry()
	b.Publish(events...)
	b.Start(func(o *projector.Options) { o.Registerer = registry })
	b.AwaitEqual()
	lag := func() float64 {
		return metric(t, registry, "orderloom_projection_lag_seconds", "projection", "timeline")
	}
	require.Eventually(t, func() bool { return lag() == 0 }, viewtest.Patience, 20*time.Millisecond)
	_, err := b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.projections RENAME TO away`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return lag() > 1.5 }, viewtest.Patience, 20*time.Millisecond)
	_, err = b.Pool.Exec(t.Context(), `ALTER TABLE orderloom.away RENAME TO projections`)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return lag() == 0 }, viewtest.Patience, 20*time.Millisecond)
}

// A report that is slower than a batch puts the batch's place back. Fails where that stays so until another message
// comes: the platform at rest would look as if it were behind, for ever.
func TestALagThatWasMeasuredTooEarlyDoesNotStay(t *testing.T) {
	t.Parallel()
	events := eventtest.Lives(66, 5)
	b := viewtest.Setup(t, events...)
	registry := prometheus.NewRegistry()
	b.Publish(events...)
	b.Start(func(o *projector.Options) { o.Registerer = registry })
	b.AwaitEqual()
	lag := func() float64 {
		return metric(t, registry, "orderloom_projection_lag_events", "projection", "timeline")
	}
	require.Eventually(t, func() bool {
		var applied, reported int
		require.NoError(t, b.Pool.QueryRow(t.Context(),
			`SELECT coalesce(sum(next_offset), 0), coalesce(sum(end_offset), 0) FROM orderloom.projection_checkpoints`).Scan(&applied, &reported))
		return applied == len(events) && reported == len(events)
	}, viewtest.Patience, 20*time.Millisecond)
	set, err := b.Pool.Exec(t.Context(), `UPDATE orderloom.projection_checkpoints SET next_offset = next_offset - 1 WHERE next_offset > 0`)
	require.NoError(t, err)
	require.Positive(t, set.RowsAffected())
	var behind int
	require.Eventually(t, func() bool {
		require.NoError(t, b.Pool.QueryRow(t.Context(),
			`SELECT count(*) FROM orderloom.projection_checkpoints WHERE next_offset < end_offset`).Scan(&behind))
		return behind == 0
	}, viewtest.Patience, 20*time.Millisecond)
	require.Eventually(t, func() bool { return lag() == 0 }, viewtest.Patience, 20*time.Millisecond)
}
