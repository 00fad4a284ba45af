package breaker_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

var errAway = errors.New("connection refused")

func settings() breaker.Settings {
	return breaker.Settings{Of: "toy", Failures: 3, Window: time.Minute, Rest: 10 * time.Second, Probes: 2, Patience: 5 * time.Second}
}

func away() error { return errAway }

func present() error { return nil }

// fail calls something that is away so often that a breaker opens.
func fail(t *testing.T, b *breaker.Breaker) {
	t.Helper()
	for range settings().Failures {
		require.ErrorIs(t, b.Do(t.Context(), away), errAway)
	}
	require.Error(t, b.Err())
}

func TestAnOpenBreakerTurnsCallsAwayAndTellsWhy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(settings())
		require.NoError(t, b.Err())
		fail(t, b)
		time.Sleep(4 * time.Second) //nolint:forbidigo // the clock is the test's
		called := false
		err := b.Do(t.Context(), func() error { called = true; return nil })
		var open *breaker.OpenError
		require.ErrorAs(t, err, &open)
		require.ErrorIs(t, err, errAway)
		require.False(t, called)
		require.Equal(t, 6*time.Second, open.Rest)
		require.Equal(t, 4*time.Second, open.Lasts)
		require.EqualError(t, err, "the breaker of toy is open for 4s: connection refused")
	})
}

func TestAHalfOpenBreakerLetsFewThrough(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(settings())
		fail(t, b)
		time.Sleep(11 * time.Second) //nolint:forbidigo // the clock is the test's
		var all sync.WaitGroup
		var through, turnedAway atomic.Int32
		for range 100 {
			all.Go(func() {
				err := b.Do(t.Context(), func() error { through.Add(1); time.Sleep(time.Second); return nil }) //nolint:forbidigo // as above
				if err != nil {
					turnedAway.Add(1)
				}
			})
		}
		all.Wait()
		require.EqualValues(t, settings().Probes, through.Load())
		require.EqualValues(t, 98, turnedAway.Load())
		require.NoError(t, b.Err(), "they have closed it")
	})
}

func TestAFailedProbeOpensTheBreakerAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(settings())
		fail(t, b)
		time.Sleep(11 * time.Second) //nolint:forbidigo // the clock is the test's
		require.ErrorIs(t, b.Do(t.Context(), away), errAway)
		var open *breaker.OpenError
		require.ErrorAs(t, b.Do(t.Context(), present), &open)
		require.Equal(t, 10*time.Second, open.Rest)
		require.Equal(t, 11*time.Second, open.Lasts, "it was never closed")
	})
}

// What is quiet after an outage tells of it no longer than it lasts.
func TestAHalfOpenBreakerThatNobodyCallsCloses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reg := prometheus.NewRegistry()
		b := breaker.NewSet(nil, reg).Add(settings())
		fail(t, b)
		time.Sleep(70 * time.Second) //nolint:forbidigo // the clock is the test's
		require.ErrorIs(t, b.Do(t.Context(), away), errAway, "somebody waits, and tries again")
		time.Sleep(70 * time.Second) //nolint:forbidigo // as above
		require.NoError(t, b.Do(t.Context(), present), "fewer calls than close it")
		time.Sleep(100 * time.Second) //nolint:forbidigo // as above
		require.Error(t, b.Err(), "those who wait may come again")
		time.Sleep(21 * time.Second) //nolint:forbidigo // as above
		families, err := reg.Gather()
		require.NoError(t, err)
		require.Equal(t, "orderloom_breaker_state", families[0].GetName())
		require.Zero(t, families[0].GetMetric()[0].GetGauge().GetValue())
		require.NoError(t, b.Err())
		fail(t, b)
	})
}

func TestFailuresFarApartOpenNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := breaker.New(settings())
		for range 10 {
			require.ErrorIs(t, b.Do(t.Context(), away), errAway)
			time.Sleep(40 * time.Second) //nolint:forbidigo // the clock is the test's
		}
		require.NoError(t, b.Err())
	})
}

func TestWhatSaysNothingOfTheThing(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, c := range map[string]struct {
		lasts time.Duration
		err   error
		opens bool
	}{
		"an answer that is no failure":              {0, refused, false},
		"a caller that leaves soon":                 {time.Second, context.DeadlineExceeded, false},
		"a caller that leaves after it was patient": {6 * time.Second, context.DeadlineExceeded, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				o := settings()
				o.IsFailure = func(err error) bool { return !errors.Is(err, refused) }
				b := breaker.New(o)
				for range 5 {
					ctx, cancel := context.WithTimeout(t.Context(), c.lasts)
					_ = b.Do(ctx, func() error { <-ctx.Done(); return c.err })
					cancel()
				}
				require.Equal(t, c.opens, b.Err() != nil)
			})
		})
	}
}

func TestAPanicIsAFailure(t *testing.T) {
	t.Parallel()
	b := breaker.New(settings())
	for range settings().Failures {
		require.Panics(t, func() { _ = b.Do(t.Context(), func() error { panic("broken") }) })
	}
	require.Error(t, b.Err())
}

func TestWithoutABreakerEveryCallIsMade(t *testing.T) {
	t.Parallel()
	var b *breaker.Breaker
	for range 10 {
		require.ErrorIs(t, b.Do(t.Context(), away), errAway)
	}
}

func TestASetShowsItsBreakers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var said bytes.Buffer
		registry := prometheus.NewRegistry()
		set := breaker.NewSet(slog.New(slog.NewTextHandler(&said, nil)), registry)
		b := set.Add(settings())
		require.Panics(t, func() { set.Add(settings()) })
		require.Equal(t, []*breaker.Breaker{b}, set.All())
		shows := func(state float64) {
			t.Helper()
			require.Equal(t, map[string]float64{"orderloom_breaker_state": state}, gathered(t, registry, "orderloom_breaker_state"))
		}
		shows(0)
		fail(t, b)
		shows(2)
		require.Contains(t, said.String(), `msg="a breaker opens: calls are turned away" of=toy rest=10s error="connection refused"`)
		require.Error(t, b.Do(t.Context(), present))
		time.Sleep(11 * time.Second) //nolint:forbidigo // the clock is the test's
		shows(1)
		require.NoError(t, b.Do(t.Context(), present))
		require.NoError(t, b.Do(t.Context(), present))
		shows(0)
		require.Contains(t, said.String(), `msg="a breaker closes: calls are made again" of=toy lasted=11s`)
		require.Equal(t, map[string]float64{"orderloom_breaker_turned_away_total": 1}, gathered(t, registry, "orderloom_breaker_turned_away_total"))
	})
}

// gathered returns the value of the metric of this name, whose only label is the breaker's.
func gathered(t *testing.T, r *prometheus.Registry, name string) map[string]float64 {
	t.Helper()
	families, err := r.Gather()
	require.NoError(t, err)
	values := map[string]float64{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			require.Equal(t, "toy", m.GetLabel()[0].GetValue())
			values[name] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return values
}

func TestACallThroughABreakerAllocatesNothing(t *testing.T) { //nolint:paralleltest // AllocsPerRun takes no parallel tests
	b := breaker.New(settings())
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = b.Do(ctx, present) }))
}

func BenchmarkDo(b *testing.B) {
	guarded := breaker.New(settings())
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		_ = guarded.Do(ctx, present)
	}
}
