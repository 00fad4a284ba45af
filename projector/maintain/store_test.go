package maintain_test

import (
	"context"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/viewtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

// Views that have events which the event store has lost are not kept any further, until they are rebuilt from it.
// Fails without CheckStore in Projector.begin.
func TestProjectorRefusesARestoredStore(t *testing.T) {
	t.Parallel()
	b := viewtest.Setup(t)
	store, err := eventstore.Open(t.Context(), b.Pool, eventstore.Options{Logger: viewtest.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	b.Maintainer = viewtest.Maintainer(t, b.Pool, source{store}, views.All())
	events := eventtest.Lives(61, 20)
	half := len(events) / 2
	published := int64(0)
	publish := func(events []domain.Envelope) {
		for _, e := range events {
			appendEvent(t, store, e)
		}
		page, err := store.Read(t.Context(), eventstore.ReadOptions{After: published})
		require.NoError(t, err)
		require.Len(t, page.Events, len(events))
		published = page.Next
		b.Publish(page.Events...)
	}
	entries := func() (n int) {
		require.NoError(t, b.Pool.QueryRow(t.Context(), `SELECT count(*) FROM orderloom.order_timeline`).Scan(&n))
		return n
	}
	publish(events[:half])
	stop := b.Start(func(o *projector.Options) { o.Source = source{store} })
	require.Eventually(t, func() bool { return entries() == half }, viewtest.Patience, 10*time.Millisecond)
	stop()

	// As after a restore of a backup with five events: a new epoch has begun behind them.
	_, err = b.Pool.Exec(t.Context(), `INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint, confirmed_at)
		SELECT epoch + 1, 5, fingerprint, now() FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1`)
	require.NoError(t, err)
	publish(events[half:])
	registry := prometheus.NewRegistry()
	b.Start(func(o *projector.Options) { o.Source, o.Registerer = source{store}, registry })
	require.Eventually(t, func() bool { return failures(t, registry) >= 2 }, viewtest.Patience, 10*time.Millisecond)
	require.Equal(t, half, entries(), "nothing is written")
	var changed *eventstore.StoreChangedError
	for _, p := range views.All() {
		require.ErrorAs(t, b.Maintainer.CheckStore(t.Context(), p), &changed, p.Name())
		require.Equal(t, eventstore.CodeStoreBehind, changed.Code)
	}
	for i, p := range views.All() {
		_, err := b.Maintainer.Rebuild(t.Context(), store, p.Name(), maintain.RebuildOptions{})
		require.NoError(t, err)
		require.NoError(t, b.Maintainer.CheckStore(t.Context(), p))
		for _, other := range views.All()[i+1:] {
			require.Error(t, b.Maintainer.CheckStore(t.Context(), other), "%s is not rebuilt yet", other.Name())
		}
	}
	appendEvent(t, store, later(events[len(events)-1]))
	page, err := store.Read(t.Context(), eventstore.ReadOptions{After: published})
	require.NoError(t, err)
	b.Publish(page.Events...)
	require.Eventually(t, func() bool { return entries() == len(events)+1 }, viewtest.Patience, 10*time.Millisecond, "the projector goes on")
}

// failures is how often the projector has failed.
func failures(t *testing.T, registry *prometheus.Registry) float64 {
	t.Helper()
	families, err := registry.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() == "orderloom_projection_failures_total" {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// later returns an event of the same stream behind the last one.
func later(last domain.Envelope) domain.Envelope {
	last.EventID, last.Version = domain.DerivedID(last.EventID, "later"), last.Version+1
	return last
}

func appendEvent(t *testing.T, store *eventstore.Store, e domain.Envelope) {
	t.Helper()
	_, err := store.Append(t.Context(), eventtest.AppendOf(e))
	require.NoError(t, err)
}

// An interrupted rebuild begins anew when the store was restored meanwhile.
func TestRebuildBeginsAnewFromARestoredStore(t *testing.T) {
	t.Parallel()
	b := viewtest.Setup(t)
	store, err := eventstore.Open(t.Context(), b.Pool, eventstore.Options{Logger: viewtest.Logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) })
	b.Maintainer = viewtest.Maintainer(t, b.Pool, source{store}, views.All())
	events := eventtest.Lives(62, 10)
	for _, e := range events {
		appendEvent(t, store, e)
	}
	_, err = b.Maintainer.Rebuild(t.Context(), store, "timeline", maintain.RebuildOptions{DryRun: true})
	require.NoError(t, err)
	_, err = b.Pool.Exec(t.Context(), `INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint, confirmed_at)
		SELECT epoch + 1, 5, fingerprint, now() FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1`)
	require.NoError(t, err)
	counting := &failing{GlobalSource: store, page: 1000, after: 1 << 30, firstAfter: -1}
	report, err := b.Maintainer.Rebuild(t.Context(), counting, "timeline", maintain.RebuildOptions{})
	require.NoError(t, err)
	require.Zero(t, counting.firstAfter, "it reads from the beginning")
	require.EqualValues(t, len(events), report.Events)
}
