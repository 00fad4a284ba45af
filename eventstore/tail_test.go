package eventstore_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/storetest"
	"github.com/stretchr/testify/require"
)

// never is a poll that no test lives to see: what comes then was brought by a wake.
const never = time.Hour

// tailing is a [eventstore.Store.Tail] under way.
type tailing struct {
	t     *testing.T
	pages chan eventstore.Page // handle waits until the test has taken each
	ended chan error
	stop  context.CancelFunc
}

func tail(t *testing.T, s *eventstore.Store, o eventstore.ReadOptions, poll time.Duration) *tailing {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	f := &tailing{t: t, pages: make(chan eventstore.Page), ended: make(chan error, 1), stop: stop}
	go func() {
		f.ended <- s.Tail(ctx, o, poll, func(p eventstore.Page) error {
			select {
			case f.pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
	}()
	t.Cleanup(stop)
	return f
}

// next returns the ids of the next n events.
func (f *tailing) next(n int) (ids []uuid.UUID) {
	f.t.Helper()
	patience := time.NewTimer(30 * time.Second)
	defer patience.Stop()
	for len(ids) < n {
		select {
		case p := <-f.pages:
			for _, e := range p.Events {
				ids = append(ids, e.EventID)
			}
		case err := <-f.ended:
			require.NoError(f.t, err, "the tail ended")
			return ids
		case <-patience.C:
			require.Len(f.t, ids, n, "nothing more comes")
		}
	}
	return ids
}

// add appends n events to a new stream and returns their ids.
func add(t *testing.T, s *eventstore.Store, n int) (ids []uuid.UUID) {
	t.Helper()
	a := storetest.To(storetest.Stream(domain.AggregateOrder), eventstore.NoStream, n)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	for _, e := range a.Events {
		ids = append(ids, e.ID)
	}
	return ids
}

func TestTailIsWokenByACommit(t *testing.T) {
	t.Parallel()
	store := open(t)
	first := add(t, store, 2)
	f := tail(t, store, eventstore.ReadOptions{}, never)
	require.Equal(t, first, f.next(2))
	for range 5 {
		require.Equal(t, add(t, store, 3), f.next(3))
	}
}

// What is committed while handle is busy wakes the tail afterwards, however many wakes become one.
func TestAWakeWaitsForABusyTail(t *testing.T) {
	t.Parallel()
	store := open(t)
	f := tail(t, store, eventstore.ReadOptions{}, never)
	want := add(t, store, 1)
	for range 20 { // handle is still offering the first page, since nobody takes it
		want = append(want, add(t, store, 1)...)
	}
	require.Equal(t, want, f.next(len(want)))
}

func TestAWatchIsToldOfItsStreamsBeyondTheirKnownVersions(t *testing.T) {
	t.Parallel()
	store := open(t)
	watched, other := storetest.Stream(domain.AggregateOrder), storetest.Stream(domain.AggregateOrder)
	wake, stop := store.Watch(map[uuid.UUID]int64{watched.ID: 1})
	told := func() bool {
		select {
		case <-wake:
			return true
		default:
			return false
		}
	}
	for _, step := range []struct {
		stream eventstore.StreamID
		told   bool
	}{{watched, false}, {other, false}, {other, false}, {watched, true}, {watched, true}} {
		_, err := store.Append(t.Context(), storetest.To(step.stream, eventstore.Any, 1))
		require.NoError(t, err)
		require.Equal(t, step.told, told())
	}
	_, err := store.Append(t.Context(), storetest.To(watched, 1, 1))
	require.Error(t, err)
	require.False(t, told(), "a conflict has appended nothing")
	stop()
	_, err = store.Append(t.Context(), storetest.To(watched, eventstore.Any, 1))
	require.NoError(t, err)
	require.False(t, told())
}

// Another process's commits wake nobody here: the poll finds them.
func TestTailFindsByPollingWhatNoWakeTold(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	here, there := openWith(t, pool, nil), openWith(t, pool, nil)
	f := tail(t, here, eventstore.ReadOptions{}, time.Millisecond)
	for range 5 {
		require.Equal(t, add(t, there, 2), f.next(2))
	}
}

// An append of another process is open when the wake comes, so the mark stands before what was committed
// since. No wake follows when that append ends; the poll finds both.
func TestTailFindsByPollingWhatAnOpenAppendHeldBack(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := openWith(t, pool, nil)
	f := tail(t, store, eventstore.ReadOptions{}, time.Millisecond)
	tx, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT pg_advisory_xact_lock_shared(7308613, 1)") // as an append does
	require.NoError(t, err)
	want := add(t, store, 1)
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	require.Empty(t, page.Events, "held back")
	require.NoError(t, tx.Rollback(t.Context()))
	require.Equal(t, want, f.next(1))
}

// mixed appends events that differ in what filters look at, and returns the id of each by its name.
func mixed(t *testing.T, s *eventstore.Store) map[string]uuid.UUID {
	t.Helper()
	ids := map[string]uuid.UUID{}
	for _, aggregate := range []string{domain.AggregateOrder, domain.AggregatePayment} {
		a := storetest.To(storetest.Stream(aggregate), eventstore.NoStream, 4)
		for i, name := range []string{"Placed one", "Placed two", "Ended one", "Ended two"} {
			a.Events[i].Type, a.Events[i].Metadata.CorrelationID, _ = strings.Cut(name, " ")
			ids[aggregate+" "+name] = a.Events[i].ID
		}
		_, err := s.Append(t.Context(), a)
		require.NoError(t, err)
	}
	return ids
}

var filters = map[string]struct {
	filter eventstore.Filter
	want   []string
}{
	"aggregate type": {
		eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment}},
		[]string{"payment Placed one", "payment Placed two", "payment Ended one", "payment Ended two"},
	},
	"event type": {
		eventstore.Filter{EventTypes: []string{"Ended"}},
		[]string{"order Ended one", "order Ended two", "payment Ended one", "payment Ended two"},
	},
	"correlation id": {
		eventstore.Filter{CorrelationID: "two"},
		[]string{"order Placed two", "order Ended two", "payment Placed two", "payment Ended two"},
	},
	"all of them": {
		eventstore.Filter{AggregateTypes: []string{domain.AggregatePayment}, EventTypes: []string{"Ended", "Other"}, CorrelationID: "two"},
		[]string{"payment Ended two"},
	},
}

func TestTailAndEventsPickWhatTheFilterSays(t *testing.T) {
	t.Parallel()
	for name, c := range filters {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := open(t)
			f := tail(t, store, eventstore.ReadOptions{Filter: c.filter, Limit: 1}, never)
			ids := mixed(t, store)
			var want, ranged []uuid.UUID
			for _, n := range c.want {
				want = append(want, ids[n])
			}
			for e, err := range store.Events(t.Context(), eventstore.ReadOptions{Filter: c.filter, Limit: 1}) {
				require.NoError(t, err)
				ranged = append(ranged, e.EventID)
			}
			require.Equal(t, want, ranged)
			require.Equal(t, want, f.next(len(want)))
		})
	}
}

// A consumer that wants few events still learns how far it has come, so that it never reads the rest again.
func TestTailTellsHowFarItHasComeWhenTheFilterLeavesAllOut(t *testing.T) {
	t.Parallel()
	store := open(t)
	f := tail(t, store, eventstore.ReadOptions{Filter: eventstore.Filter{EventTypes: []string{"None"}}}, never)
	add(t, store, 5)
	last, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	p := <-f.pages
	for p.Next < last.Next {
		p = <-f.pages
	}
	require.Empty(t, p.Events)
	require.Equal(t, last.Next, p.Next)
}

// Nothing is left out and nothing comes twice when a consumer stops at any page and goes on at its cursor.
func TestTailGoesOnFromACursor(t *testing.T) {
	t.Parallel()
	store := open(t)
	var want, got []uuid.UUID
	for range 5 {
		want = append(want, add(t, store, 4)...)
	}
	full := errors.New("enough for now")
	o := eventstore.ReadOptions{Limit: 3}
	for len(got) < len(want) {
		err := store.Tail(t.Context(), o, never, func(p eventstore.Page) error {
			for _, e := range p.Events {
				got = append(got, e.EventID)
			}
			o.After = p.Next // kept with what was made of the page
			return full
		})
		require.ErrorIs(t, err, full)
	}
	require.Equal(t, want, got)
	want, got = want[len(want)-2:], nil
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	for e, err := range store.Events(t.Context(), eventstore.ReadOptions{After: page.Events[17].Sequence}) {
		require.NoError(t, err)
		got = append(got, e.EventID)
	}
	require.Equal(t, want, got)
}

func TestTailEndsWithItsContext(t *testing.T) {
	t.Parallel()
	store := open(t)
	f := tail(t, store, eventstore.ReadOptions{}, never)
	require.Equal(t, add(t, store, 1), f.next(1))
	f.stop() // it waits for a wake, or is about to
	require.ErrorIs(t, <-f.ended, context.Canceled)

	busy := tail(t, store, eventstore.ReadOptions{}, never)
	busy.stop() // it reads, or handle has the page
	require.ErrorIs(t, <-busy.ended, context.Canceled)
}

func TestEventsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	store := open(t)
	add(t, store, 10)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var seen int
	var failed error
	for _, err := range store.Events(ctx, eventstore.ReadOptions{Limit: 2}) {
		if err != nil {
			require.NoError(t, failed, "an error is the last thing that comes")
			failed = err
			continue
		}
		if seen++; seen == 3 {
			stop()
		}
	}
	require.ErrorIs(t, failed, context.Canceled)
	require.Equal(t, 4, seen, "the page that was there is given out")

	for _, err := range store.Events(t.Context(), eventstore.ReadOptions{After: -1}) {
		require.Equal(t, domain.CodeInvalid, domain.Code(err))
	}
}

// However many events there are, one page of them is in memory: the next is read when the last of this one
// was taken.
func TestEventsAreReadAPageAtATime(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	store := openWith(t, pool, nil)
	const limit, pages = 10, 30
	for range pages {
		add(t, store, limit)
	}
	before, seen := pool.Stat().AcquireCount(), int64(0)
	for _, err := range store.Events(t.Context(), eventstore.ReadOptions{Limit: limit}) {
		require.NoError(t, err)
		require.Equal(t, seen/limit+1, pool.Stat().AcquireCount()-before, "pages read so far")
		if seen++; seen == limit {
			add(t, store, limit) // it goes no further than where the store stood when it began
		}
	}
	require.EqualValues(t, limit*pages, seen)
}

func TestAPageIsBoundedInBytes(t *testing.T) {
	t.Parallel()
	store := open(t)
	const heavy, payloadBytes, pageBytesMax = 40, 500_000, 16 << 20
	for range heavy {
		a := storetest.To(storetest.Stream(domain.AggregateOrder), eventstore.NoStream, 1)
		a.Events[0].Payload = json.RawMessage(fmt.Sprintf(`{"x":%q}`, strings.Repeat("y", payloadBytes)))
		_, err := store.Append(t.Context(), a)
		require.NoError(t, err)
	}
	page, err := store.Read(t.Context(), eventstore.ReadOptions{})
	require.NoError(t, err)
	require.True(t, page.More)
	require.LessOrEqual(t, len(page.Events)*payloadBytes, pageBytesMax+payloadBytes)
	rest, err := store.Read(t.Context(), eventstore.ReadOptions{After: page.Next})
	require.NoError(t, err)
	require.Equal(t, heavy, len(page.Events)+len(rest.Events))
}
