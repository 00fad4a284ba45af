package webhooks_test

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// counter counts statements.
type counter struct{ n atomic.Int64 }

func (c *counter) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	c.n.Add(1)
	return ctx
}

func (*counter) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// A day away costs some statements for each of the thirty times that the endpoint is tried, and a row of the log.
// Events that come meanwhile cost nothing, and all of them are delivered in order afterwards.
func TestAnEndpointThatIsAwayForADayCostsNextToNothing(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	config, err := pgxpool.ParseConfig(url)
	require.NoError(t, err)
	watching, err := pgxpool.New(t.Context(), url) // whose statements are not counted
	require.NoError(t, err)
	t.Cleanup(watching.Close)
	var statements counter
	config.ConnConfig.Tracer = &statements
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b := setupOn(t, pool)
	var away atomic.Bool
	away.Store(true)
	tried := make(chan struct{}, 1000)
	r := newReceiver(t, func(*delivery, http.ResponseWriter) int {
		if away.Load() {
			tried <- struct{}{}
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	want := map[uuid.UUID]int{}
	for range 10 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 1)
		want[id] = 1
	}
	// probe lets a rest end, and waits for the attempt and for the rest that follows.
	probe := func() {
		t.Helper()
		require.Eventually(t, func() bool {
			var rests bool
			require.NoError(t, watching.QueryRow(t.Context(), `SELECT coalesce(rests_until > $1, false) FROM orderloom.webhook_endpoints`, b.clock.now()).
				Scan(&rests))
			return rests
		}, patience, 10*time.Millisecond)
		for len(tried) > 0 {
			<-tried
		}
		b.clock.advance(75 * time.Minute)
		<-tried
	}
	for range 3 { // what was on its way when the first rest began is over
		probe()
	}
	rows := func() (n int) {
		require.NoError(t, watching.QueryRow(t.Context(),
			`SELECT (SELECT count(*) FROM orderloom.webhook_lanes) + (SELECT count(*) FROM orderloom.webhook_deliveries)`).Scan(&n))
		return n
	}
	before, begun, beganAt := rows(), statements.n.Load(), time.Now()
	const probes = 5
	for range probes {
		probe()
	}
	beats := 4 * int64(time.Since(beganAt)/time.Second+2) // of the process, whatever endpoints it has
	spent := statements.n.Load() - begun - beats
	require.LessOrEqual(t, spent, int64(probes*20), "statements of %d probes", probes)
	require.LessOrEqual(t, rows()-before, probes+1, "a row of the log for each probe")
	var wg sync.WaitGroup
	for id := range want {
		wg.Go(func() { b.note(t, "shop", "web", id, 2, 20) })
		want[id] = 21
	}
	wg.Wait()
	away.Store(false)
	b.clock.advance(75 * time.Minute)
	got := r.await(t, 210)
	requireWhole(t, got, want)
	requireNoRepeat(t, got)
	b.settled(t, e.EndpointID, 210)
}
