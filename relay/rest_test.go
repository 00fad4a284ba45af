package relay_test

import (
	"context"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/relay"
	"github.com/stretchr/testify/require"
)

// countingStore counts what a relay asks.
type countingStore struct {
	*eventstore.Store
	reads atomic.Int64
}

func (s *countingStore) Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error) {
	s.reads.Add(1)
	return s.Store.Read(ctx, o)
}

// lateStore tells what it has read a little later. Something may be appended meanwhile.
type lateStore struct{ *eventstore.Store }

func (s lateStore) Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error) {
	page, err := s.Store.Read(ctx, o)
	_ = backoff.Pause(ctx, 3*time.Millisecond)
	return page, err
}

// elsewhere is the store as another process has it: it wakes nobody here.
func (b *testBundle) elsewhere() *testBundle {
	store, err := eventstore.Open(b.t.Context(), b.pool, eventstore.Options{})
	require.NoError(b.t, err)
	b.t.Cleanup(func() { require.NoError(b.t, store.Close(context.WithoutCancel(b.t.Context()))) })
	return &testBundle{t: b.t, pool: b.pool, store: store}
}

// startResting runs a relay that looks for events by itself only once an hour, after it has found none for so long.
func (b *testBundle) startResting(store relay.Store, writer relay.Publisher, after time.Duration) {
	r, err := relay.New(relay.Options{Store: store, Pool: b.pool, Writer: writer, Logger: logger(b.t)})
	require.NoError(b.t, err)
	r.Rest(after, time.Hour)
	b.run(r)
}

func (b *testBundle) awaitRest() {
	require.Eventually(b.t, func() bool {
		var rests bool
		err := b.pool.QueryRow(b.t.Context(), `SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory' AND classid::bigint = $1
			AND objid::bigint = $2 AND mode = 'ExclusiveLock'`, int64(advisory.Appends), int64(advisory.RestKey)).Scan(&rests)
		return err == nil && rests
	}, patience, 10*time.Millisecond)
}

// A relay at rest asks nothing, and is told of what another process appends. It fails without the notification in
// orderloom.append.
func TestARelayAtRestIsToldOfAppends(t *testing.T) {
	t.Parallel()
	b := setup(t)
	store := &countingStore{Store: b.store}
	r := &recorder{}
	b.startResting(store, r, 10*time.Millisecond)
	events := eventtest.Lives(21, 3)
	other := b.elsewhere()
	for _, e := range events {
		b.awaitRest()
		other.append(e)
		b.awaitPosition()
	}
	requireInOrder(t, events, r.versions())
	b.awaitRest()
	require.Eventually(t, func() bool { // the look that begins the rest may be under way
		before := store.reads.Load()
		_ = backoff.Pause(t.Context(), 50*time.Millisecond)
		return store.reads.Load() == before
	}, patience, time.Millisecond)
}

// No append is missed, however it falls together with the begin of a rest. It fails where a rest begins while an
// append is open, and where the relay does not look again once it has begun.
func TestNoAppendIsMissedAsARestBegins(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := &recorder{}
	b.startResting(lateStore{b.store}, r, 0)
	events := eventtest.Lives(22, 15)
	other := b.elsewhere()
	random := rand.New(rand.NewPCG(22, 22)) //nolint:gosec // a test repeats itself
	for i, e := range events {
		other.append(e)
		if i%2 == 0 { // the next one falls together with the rest that follows this one
			_ = backoff.Pause(t.Context(), time.Duration(random.IntN(8_000))*time.Microsecond)
			continue
		}
		b.awaitPosition()
	}
	b.awaitPosition()
	requireInOrder(t, events, r.versions())
}

// An append that was open before the rest began keeps the relay from resting.
func TestAnOpenAppendKeepsTheRelayAwake(t *testing.T) {
	t.Parallel()
	b := setup(t)
	tx, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }()
	_, err = tx.Exec(t.Context(), `SELECT pg_advisory_xact_lock_shared($1, $2)`, int32(advisory.Appends), advisory.RestKey)
	require.NoError(t, err)
	store := &countingStore{Store: b.store}
	b.startResting(store, &recorder{}, 0)
	require.Eventually(t, func() bool { return store.reads.Load() > 10 }, patience, 10*time.Millisecond)
	require.NoError(t, tx.Rollback(t.Context()))
	b.awaitRest()
}
