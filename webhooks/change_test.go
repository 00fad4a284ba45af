package webhooks_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// chosen are settings that choose types.
func chosen(url string, types ...string) webhooks.Settings {
	return webhooks.Settings{Name: "partner", URL: url, Types: types, Payload: webhooks.Snapshot, PayloadVersion: newestVersion}
}

// requireProven checks that each delivery names an event that was taken before, or none.
func requireProven(t testing.TB, got []delivery) {
	t.Helper()
	seen := map[uuid.UUID]bool{}
	for _, d := range got {
		if d.PreviousEventID != nil {
			require.True(t, seen[*d.PreviousEventID], "version %d of order %s names an event that has not come", d.Data.Version, d.Data.OrderID)
		}
		seen[d.Data.EventID] = true
	}
}

// What a process passes over before it hears of a change is no previous event of what comes after it.
func TestAChangeOfTheChoiceBeginsWhereItIsTakenUp(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t, nil)
	e, _ := b.endpoint(t, r.URL, types("OrderPlaced"))
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	r.await(t, 1)
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New()}
	_, err := b.table.Change(t.Context(), e.EndpointID, chosen(r.URL, "OrderNoted"), keyOf(access.Admin, "shop"))
	require.NoError(t, err)
	for _, id := range ids {
		b.note(t, "shop", "web", id, 1, 2)
	}
	b.pauseBeats(t)
	b.pauseBeats(t)
	for _, id := range ids {
		b.note(t, "shop", "web", id, 3, 2)
	}
	require.Eventually(t, func() bool {
		n := 0
		for _, d := range r.taken() {
			if d.Data.Version >= 3 {
				n++
			}
		}
		return n == 2*len(ids)
	}, patience, 10*time.Millisecond)
	requireProven(t, r.taken())
}

// An order that is held back while the choice changes names nothing that was not chosen when it came past.
func TestAHeldOrderGoesOnWithAnotherChoice(t *testing.T) {
	t.Parallel()
	b, id := setup(t), uuid.New()
	r := newReceiver(t, func(d *delivery, _ http.ResponseWriter) int {
		if d.Type == "OrderConfirmed" {
			return http.StatusTeapot
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL, types("OrderPlaced", "OrderConfirmed"))
	b.note(t, "shop", "web", id, 1, 2)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	b.add(t, eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, 3, order.OrderConfirmed{OrderID: id})
	b.note(t, "shop", "web", id, 4, 1)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	b.deliver(t)
	b.failed(t, e.EndpointID, 1)
	b.settledPlace(t, e.EndpointID)
	_, err := b.table.Change(t.Context(), e.EndpointID, chosen(r.URL, "OrderNoted"), keyOf(access.Admin, "shop"))
	require.NoError(t, err)
	b.pauseBeats(t)
	b.clock.advance(10 * time.Second)
	require.Equal(t, int64(4), r.await(t, 4)[3].Data.Version)
	requireProven(t, r.taken())
}

// settledPlace waits until the place of an endpoint is behind all there is.
func (b *testBundle) settledPlace(t testing.TB, id uuid.UUID) {
	t.Helper()
	require.Eventually(t, func() bool {
		e, err := b.table.Get(t.Context(), "shop", id)
		require.NoError(t, err)
		page, err := b.feed.Page(t.Context(), e.Query(e.Cursor, 0))
		require.NoError(t, err)
		return len(page.Events) == 0
	}, patience, 20*time.Millisecond)
}

// A new address is tried at once, however long the one before was left alone.
func TestAChangeEndsARest(t *testing.T) {
	t.Parallel()
	b, mended := setup(t), newReceiver(t, nil)
	r := newReceiver(t, func(_ *delivery, w http.ResponseWriter) int {
		w.Header().Set("Retry-After", "3600")
		return http.StatusServiceUnavailable
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	b.failed(t, e.EndpointID, 1)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	_, err := b.table.Change(t.Context(), e.EndpointID, chosen(mended.URL), keyOf(access.Admin, "shop"))
	require.NoError(t, err)
	mended.await(t, 1)
}

// What an endpoint was told to pass over stays so, though its process still waits for an answer of before.
func TestWhatWasPassedOverStaysSo(t *testing.T) {
	t.Parallel()
	b, id, hang := setup(t), uuid.New(), make(chan struct{})
	release := sync.OnceFunc(func() { close(hang) })
	t.Cleanup(release)
	var asked atomic.Int64
	r := newReceiver(t, func(d *delivery, _ http.ResponseWriter) int {
		if asked.Add(1); d.Data.Version == 1 {
			<-hang
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 3)
	require.Eventually(t, func() bool { return asked.Load() == 1 }, patience, 10*time.Millisecond)
	_, err := b.table.Disable(t.Context(), "shop", e.EndpointID)
	require.NoError(t, err)
	now, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: feed.Now})
	require.NoError(t, err)
	_, err = b.table.Enable(t.Context(), "shop", e.EndpointID, now.Next)
	require.NoError(t, err)
	b.pauseBeats(t)
	release()
	b.pauseBeats(t)
	b.note(t, "shop", "web", id, 4, 1)
	require.Eventually(t, func() bool {
		got := r.taken()
		return len(got) > 0 && got[len(got)-1].Data.Version == 4
	}, patience, 10*time.Millisecond)
	for _, d := range r.taken() {
		require.NotContains(t, []int64{2, 3}, d.Data.Version, "it was passed over")
	}
}
