package eventstore

import (
	"context"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"
)

// proxied returns a pool whose connections go through a proxy that can cut them.
func proxied(t *testing.T, pool *pgxpool.Pool) (*pgxpool.Pool, *toxiproxy.Proxy) {
	t.Helper()
	address, err := url.Parse(pool.Config().ConnString())
	require.NoError(t, err)
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	proxy := toxiproxy.NewProxy(server, "postgres", "127.0.0.1:0", address.Host)
	require.NoError(t, proxy.Start())
	t.Cleanup(proxy.Stop)
	address.Host = proxy.Listen
	through, err := pgxpool.New(t.Context(), address.String())
	require.NoError(t, err)
	t.Cleanup(through.Close)
	return through, proxy
}

func poison(t *testing.T, proxy *toxiproxy.Proxy, toxic string) (cure func()) {
	t.Helper()
	w, err := proxy.Toxics.AddToxicJson(strings.NewReader(toxic))
	require.NoError(t, err)
	return func() { _ = proxy.Toxics.RemoveToxic(context.WithoutCancel(t.Context()), w.Name) }
}

func stored(t *testing.T, pool *pgxpool.Pool, a Append) int {
	t.Helper()
	var n int
	const sql = "SELECT count(*) FROM orderloom.events WHERE aggregate_id = $1"
	require.NoError(t, pool.QueryRow(t.Context(), sql, a.Stream.ID).Scan(&n))
	return n
}

// retries returns how often a store had to send something again.
func retries(t *testing.T, s *Store) float64 {
	t.Helper()
	registry := prometheus.NewRegistry()
	registry.MustRegister(s.flusher.metrics.retries)
	families, err := registry.Gather()
	require.NoError(t, err)
	return families[0].GetMetric()[0].GetCounter().GetValue()
}

// The connection is cut after the server has committed and before the caller hears of it. The store sends
// the same again, and must find it rather than refuse it. Protected by looking for the event ids.
func TestAConnectionCutAfterCommit(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append_settle", "IF d.found = 0 THEN", "IF true THEN"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		through, proxy := proxied(t, pool)
		store := process(t, through)
		a := oneEvent(newStream(), NoStream)
		cure := poison(t, proxy, `{"type":"limit_data","stream":"downstream","attributes":{"bytes":0}}`)
		outcome := make(chan error, 1)
		go func() {
			_, err := store.Append(t.Context(), a)
			outcome <- err
		}()
		require.Eventually(t, func() bool { return stored(t, pool, a) == 1 && retries(t, store) > 0 }, waitMax, waitStep)
		cure()
		err := <-outcome
		if !protected {
			require.Error(t, err, "the caller is told that what is stored was refused")
			return
		}
		require.NoError(t, err)
		require.Equal(t, 1, stored(t, pool, a))
	})
}

// The connection is cut before the server has got anything: nothing is stored, until it is sent again.
func TestAConnectionCutBeforeTheCall(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	through, proxy := proxied(t, pool)
	store := process(t, through)
	a := oneEvent(newStream(), NoStream)
	cure := poison(t, proxy, `{"type":"limit_data","stream":"upstream","attributes":{"bytes":0}}`)
	outcome := make(chan error, 1)
	go func() {
		_, err := store.Append(t.Context(), a)
		outcome <- err
	}()
	for range 20 {
		require.Zero(t, stored(t, pool, a))
	}
	cure()
	require.NoError(t, <-outcome)
	require.Equal(t, 1, stored(t, pool, a))
}

// While the database can't be reached a caller waits as long as it likes, and leaves without a doubt.
func TestACallerLeavesWhileTheDatabaseIsDown(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	through, proxy := proxied(t, pool)
	store := process(t, through)
	proxy.Stop()
	store.engine.close(t.Context())
	ctx, cancel := context.WithCancel(t.Context())
	outcome := make(chan error, 1)
	a := oneEvent(newStream(), NoStream)
	go func() {
		_, err := store.Append(ctx, a)
		outcome <- err
	}()
	patient := make(chan error, 1)
	b := oneEvent(newStream(), NoStream)
	go func() {
		_, err := store.Append(t.Context(), b)
		patient <- err
	}()
	cancel()
	err := <-outcome
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, ErrOutcomeUnknown)
	require.NoError(t, proxy.Start())
	require.NoError(t, <-patient)
	require.Zero(t, stored(t, pool, a))
	require.Equal(t, 1, stored(t, pool, b))
}

// Cuts at random moments: whatever was confirmed is there once, and everything gets confirmed.
func TestCutsAtAnyMoment(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	through, proxy := proxied(t, pool)
	store := process(t, through)
	const writers, each, between = 8, 40, 7
	var confirmed atomic.Int64
	var cutting sync.WaitGroup
	stop := make(chan struct{})
	cutting.Go(func() {
		for last := int64(0); ; {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
			if confirmed.Load() < last+between {
				continue // cut too often, nothing would ever get through
			}
			last = confirmed.Load()
			proxy.Stop()
			if err := proxy.Start(); err != nil {
				t.Errorf("start the proxy again: %v", err)
				return
			}
		}
	})
	var writing sync.WaitGroup
	for range writers {
		writing.Go(func() {
			stream := newStream()
			for version := range int64(each) {
				appended, err := store.Append(t.Context(), oneEvent(stream, version))
				if err != nil || appended[0].Version != version+1 {
					t.Errorf("append: %v", err)
					return
				}
				confirmed.Add(1)
			}
		})
	}
	writing.Wait()
	close(stop)
	cutting.Wait()
	require.EqualValues(t, writers*each, confirmed.Load())
	require.Len(t, readAll(t, process(t, pool), 0).Events, writers*each)
}

// A server process that is killed takes its transaction with it; the store goes on with another.
func TestAKilledBackend(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	const appends = 50
	for i := range appends {
		if i%10 == 5 {
			_, err := pool.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'orderloom eventstore'`)
			require.NoError(t, err)
		}
		_, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
		require.NoError(t, err)
	}
	require.Len(t, readAll(t, process(t, pool), 0).Events, appends)
}
