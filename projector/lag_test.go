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
