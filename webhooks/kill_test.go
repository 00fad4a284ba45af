package webhooks_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// delivererURL names the database of a process that only delivers, until it is killed.
const delivererURL = "ORDERLOOM_TEST_DELIVERER_URL"

func TestMain(m *testing.M) {
	if url := os.Getenv(delivererURL); url != "" {
		fmt.Fprintln(os.Stderr, onlyDeliver(context.Background(), url))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// onlyDeliver is what a process does that is killed.
func onlyDeliver(ctx context.Context, url string) error {
	pool, err := pgxpool.New(ctx, url)
	if err != nil {
		return err
	}
	store, err := eventstore.Open(ctx, pool, eventstore.Options{})
	if err != nil {
		return err
	}
	return webhooks.NewDispatcher(webhooks.Options{
		DB: pool, Feed: feed.New(store, plainvault.Vault{}, nil), Vault: plainvault.Vault{}, Rules: webhooks.Rules{Private: true}, Retention: time.Hour,
	}).Run(ctx)
}

// deliverer starts a process that delivers. Kill ends it as the system does: it can't write what it knows.
func deliverer(t *testing.T, url string) (kill func()) {
	t.Helper()
	c := exec.CommandContext(t.Context(), os.Args[0])
	c.Env = append(os.Environ(), delivererURL+"="+url)
	require.NoError(t, c.Start())
	return func() {
		require.NoError(t, c.Process.Signal(syscall.SIGKILL))
		_ = c.Wait()
	}
}

// Processes are killed again and again while events come. Each event is delivered, those of an order in order. What is
// delivered twice is no more than the window of each life.
func TestNothingIsLostWhenProcessesAreKilled(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	b := setupOn(t, pool)
	var deaths atomic.Int32
	bad := uuid.New()
	r := newReceiver(t, func(d *delivery, _ http.ResponseWriter) int {
		if d.Data.OrderID == bad && deaths.Load() < 2 { // held back over the deaths
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	want := map[uuid.UUID]int{bad: 3}
	b.note(t, "shop", "web", bad, 1, 3)
	var orders []uuid.UUID
	for range 20 {
		id := uuid.New()
		orders, want[id] = append(orders, id), 0
	}
	for range 2 {
		kill := deliverer(t, url)
		before := len(r.taken())
		for _, id := range orders {
			b.note(t, "shop", "web", id, want[id]+1, 10)
			want[id] += 10
		}
		r.await(t, before+50) // in the middle of its work
		kill()
		deaths.Add(1)
	}
	kill := deliverer(t, url)
	defer kill()
	require.Eventually(t, func() bool {
		taken := map[string]bool{}
		for _, d := range r.taken() {
			taken[d.id] = true
		}
		return len(taken) == 20*20+3
	}, patience, 20*time.Millisecond)
	requireWhole(t, r.taken(), want)
	require.LessOrEqual(t, len(r.taken()), 20*20+3+2*512, "no more than the window comes twice")
	b.settled(t, e.EndpointID, 1)
}
