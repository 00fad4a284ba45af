package eventstore

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// confirm confirms the store's present epoch.
func confirm(t *testing.T, store *Store) {
	t.Helper()
	identity, err := store.Identity(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Confirm(t.Context(), identity, Known{}))
}

func TestANewStoreIsConfirmed(t *testing.T) {
	t.Parallel()
	store := process(t, pgtest.Pool(t))
	identity, err := store.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, Identity{ID: identity.ID, Epoch: 1, Confirmed: true}, identity)
	require.NoError(t, store.Confirm(t.Context(), identity, Known{Epoch: 7}), "it may be repeated")
	again, err := store.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, identity, again)
}

// A dump is restored elsewhere while the original goes on. The copy takes no append before it is confirmed, in none of
// its processes, and can be read. Fails without the look at unconfirmed in postgres.append.
func TestARestoredStoreTakesNoAppendUntilItIsConfirmed(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	stream := newStream()
	_, err := store.Append(t.Context(), oneEvent(stream, NoStream))
	require.NoError(t, err)

	copied := dumpAndRestore(t, pool)
	first, second := process(t, copied), process(t, copied)
	for _, p := range []*Store{first, second} {
		_, err = p.Append(t.Context(), oneEvent(stream, 1))
		require.ErrorIs(t, err, ErrUnconfirmed)
		require.NotErrorIs(t, err, ErrOutcomeUnknown)
		require.Len(t, readAll(t, p, 0).Events, 1)
	}
	identity, err := first.Identity(t.Context())
	require.NoError(t, err)
	require.False(t, identity.Confirmed)
	require.Contains(t, identity.Reason, "restored")
	stale := identity
	stale.Epoch--
	require.ErrorContains(t, first.Confirm(t.Context(), stale, Known{}), string(CodeStoreReplaced))

	require.NoError(t, first.Confirm(t.Context(), identity, Known{Epoch: identity.Epoch, Sequence: 100}))
	for i, p := range []*Store{first, second} {
		var appended []Appended
		require.Eventually(t, func() bool {
			appended, err = p.Append(t.Context(), oneEvent(stream, int64(i+1)))
			return err == nil
		}, 10*time.Second, 10*time.Millisecond)
		require.Equal(t, []int64{int64(101 + i)}, appended[0].Positions, "numbers that others know are not given out again")
	}
	after, err := second.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, identity.Epoch+1, after.Epoch, "nor is an epoch that others know")
	require.True(t, after.Confirmed)
}

// The store has lost what it has published since the dump, and takes it back as it was.
func TestLostEventsAreTakenBackAsTheyWere(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	streams := []StreamID{newStream(), newStream(), newStream()}
	for _, s := range streams[:2] {
		_, err := store.Append(t.Context(), oneEvent(s, NoStream))
		require.NoError(t, err)
	}
	dumped := readAll(t, store, 0).Next
	copied := dumpAndRestore(t, pool)
	for i, s := range streams {
		expected := int64(1)
		if i == 2 {
			expected = NoStream
		}
		for range 3 {
			_, err := store.Append(t.Context(), oneEvent(s, expected))
			require.NoError(t, err)
			expected++
		}
	}
	all := readAll(t, store, 0).Events
	lost := readAll(t, store, dumped).Events
	require.Len(t, lost, 9)
	here, err := store.Check(t.Context(), Cursor{})
	require.NoError(t, err)
	ahead := Cursor{Store: here.ID, Epoch: here.Epoch, Position: lost[len(lost)-1].Sequence}

	restored := process(t, copied)
	lacks, err := restored.Lacks(t.Context(), all)
	require.NoError(t, err)
	require.Len(t, lacks, 9)
	require.Equal(t, Lack{Index: 2, Version: 1}, lacks[0])
	_, err = restored.Check(t.Context(), ahead)
	require.ErrorContains(t, err, string(CodeStoreBehind))

	_, err = restored.TakeBack(t.Context(), lost[1:])
	var conflict *ConcurrencyConflict
	require.ErrorAs(t, err, &conflict, "an event that does not follow")
	require.Equal(t, int64(1), conflict.Actual)
	for range 2 { // a crash in the middle, and the same again
		taken, err := restored.TakeBack(t.Context(), lost[:5])
		require.NoError(t, err)
		require.Contains(t, []int{5, 0}, taken)
	}
	taken, err := restored.TakeBack(t.Context(), all)
	require.NoError(t, err)
	require.Equal(t, 4, taken)
	confirm(t, restored)

	require.Equal(t, all, readAll(t, restored, 0).Events)
	lacks, err = restored.Lacks(t.Context(), all)
	require.NoError(t, err)
	require.Empty(t, lacks)
	_, err = restored.Check(t.Context(), ahead)
	require.NoError(t, err, "a consumer that has seen them all goes on")
	_, err = restored.TakeBack(t.Context(), lost)
	require.ErrorContains(t, err, string(CodeStoreConfirmed))
	for _, s := range streams {
		loaded, err := restored.Load(t.Context(), s, 0)
		require.NoError(t, err)
		appended, err := restored.Append(t.Context(), oneEvent(s, int64(len(loaded))))
		require.NoError(t, err)
		require.Greater(t, appended[0].Positions[0], ahead.Position)
	}
}

// An event whose number was given to another one keeps its place in its stream and gets another number.
func TestATakenNumberIsNotTakenTwice(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	copied := dumpAndRestore(t, pool)
	stream := newStream()
	for i := range int64(3) {
		_, err := store.Append(t.Context(), oneEvent(stream, i))
		require.NoError(t, err)
	}
	lost := readAll(t, store, 0).Events
	restored := process(t, copied)
	confirm(t, restored) // somebody was sure, and was wrong
	_, err := restored.Append(t.Context(), oneEvent(newStream(), NoStream))
	require.NoError(t, err)
	identity, err := restored.Identity(t.Context())
	require.NoError(t, err)
	identity, err = restored.Doubt(t.Context(), identity, "Kafka knows more")
	require.NoError(t, err)
	require.Equal(t, "Kafka knows more", identity.Reason)
	_, err = copied.Exec(t.Context(), `INSERT INTO orderloom.event_times VALUES (1000000, now())`)
	require.NoError(t, err)

	taken, err := restored.TakeBack(t.Context(), lost)
	require.NoError(t, err)
	require.Equal(t, 3, taken)
	before, err := restored.Before(t.Context(), time.Now().Add(time.Hour))
	require.NoError(t, err)
	require.Zero(t, before, "what was known of the times does not hold with these events")
	back, err := restored.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, back, 3)
	require.Greater(t, back[1].Sequence, back[0].Sequence)
	require.Greater(t, back[2].Sequence, back[1].Sequence)
	lacks, err := restored.Lacks(t.Context(), lost)
	require.NoError(t, err)
	require.Empty(t, lacks)
}

// The disk of the server was put back in place: cluster, database and timeline are the same. The process that has
// appended more than there is notices it as it connects. Fails without the look at seen in postgres.greet.
func TestAProcessNoticesAStoreThatWasPutBackInPlace(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := process(t, pool)
	for range 3 {
		_, err := store.Append(t.Context(), oneEvent(newStream(), NoStream))
		require.NoError(t, err)
	}
	putBack(t, pool, 1)
	stream := newStream()
	require.Eventually(t, func() bool {
		_, err := store.Append(t.Context(), oneEvent(stream, NoStream))
		require.ErrorIs(t, err, ErrUnconfirmed)
		return true
	}, 10*time.Second, 10*time.Millisecond)
	identity, err := store.Identity(t.Context())
	require.NoError(t, err)
	require.Equal(t, int64(2), identity.Epoch)
	require.Contains(t, identity.Reason, "the store ends with 1")
	confirm(t, store)
	_, err = store.Append(t.Context(), oneEvent(stream, NoStream))
	require.NoError(t, err)
}

// putBack undoes all after a sequence and cuts all connections, as a copy of the disk does.
func putBack(t *testing.T, pool *pgxpool.Pool, sequence int64) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `DELETE FROM orderloom.streams WHERE aggregate_id IN (SELECT aggregate_id FROM orderloom.events WHERE sequence > 1);
		DELETE FROM orderloom.events WHERE sequence > 1;
		SELECT setval('orderloom.event_sequence', 1);
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`,
		pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	require.Equal(t, int64(1), sequence)
}

func TestADoubtedStoreTakesNoAppendInAnyProcess(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	first, second := process(t, pool), process(t, pool)
	for _, p := range []*Store{first, second} {
		_, err := p.Append(t.Context(), oneEvent(newStream(), NoStream))
		require.NoError(t, err)
	}
	identity, err := first.Identity(t.Context())
	require.NoError(t, err)
	for range 2 { // two who doubt begin one epoch
		_, err = first.Doubt(t.Context(), identity, "Kafka knows more")
		require.NoError(t, err)
	}
	_, err = first.Append(t.Context(), oneEvent(newStream(), NoStream))
	require.ErrorIs(t, err, ErrUnconfirmed)
	doubted, err := second.Identity(t.Context()) // which each process asks every second
	require.NoError(t, err)
	require.Equal(t, Identity{ID: identity.ID, Epoch: 2, Reason: "Kafka knows more"}, doubted)
	_, err = second.Append(t.Context(), Append{Stream: StreamID{Type: newStream().Type, ID: uuid.New()}, Events: oneEvent(newStream(), 0).Events})
	require.ErrorIs(t, err, ErrUnconfirmed)
}
