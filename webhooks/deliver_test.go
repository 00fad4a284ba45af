package webhooks_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

func TestEventsAreDeliveredInOrderAndProveThatNoneIsMissing(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t, nil)
	e, secret := b.endpoint(t, r.URL)
	want := map[uuid.UUID]int{}
	for range 5 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 4)
		want[id] = 4
	}
	stop := b.deliver(t)
	r.await(t, 20)
	for id := range want { // what comes later, while it runs
		b.note(t, "shop", "web", id, 5, 2)
		want[id] = 6
	}
	got := r.await(t, 30)
	requireWhole(t, got, want)
	verifier, err := client.NewWebhookVerifier(secret)
	require.NoError(t, err)
	for _, d := range got {
		require.NoError(t, verifier.Verify(d.header, d.raw))
		require.Equal(t, d.Data.EventID.String(), d.id)
		require.Equal(t, e.EndpointID, d.EndpointID)
		require.Equal(t, newestVersion, d.Version)
	}
	require.Equal(t, "application/json", got[0].header.Get("Content-Type"))
	stop()
	after := b.settled(t, e.EndpointID, 30)
	require.Equal(t, int64(30), after.Delivered)
	page, err := b.feed.Page(t.Context(), after.Query(after.Cursor, 0))
	require.NoError(t, err)
	require.Empty(t, page.Events, "the place is behind the last event")
	var rows int
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM orderloom.webhook_lanes) + (SELECT count(*) FROM orderloom.webhook_deliveries)`).
		Scan(&rows))
	require.Zero(t, rows, "no row is written while all is well")
	b.deliver(t) // begins where the other has stopped
	id := uuid.New()
	b.note(t, "shop", "web", id, 1, 1)
	require.Equal(t, id, r.await(t, 31)[30].Data.OrderID)
}

func TestAnEndpointGetsWhatItsMakerMaySeeAndItChooses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	all, mine, web, thin, placed := newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil), newReceiver(t, nil)
	b.endpoint(t, all.URL, func(n *webhooks.NewEndpoint) { n.Personal = true })
	b.endpoint(t, mine.URL, func(n *webhooks.NewEndpoint) { n.Caller = keyOf(access.Storefront, "market", "app") })
	b.endpoint(t, web.URL, func(n *webhooks.NewEndpoint) { n.Channel = "web" })
	b.endpoint(t, thin.URL, func(n *webhooks.NewEndpoint) { n.Payload = webhooks.Thin })
	b.endpoint(t, placed.URL, types("OrderPlaced"))
	shop, market, app := uuid.New(), uuid.New(), uuid.New()
	b.note(t, "shop", "web", shop, 1, 2)
	b.note(t, "market", "web", market, 1, 2)
	b.note(t, "market", "app", app, 1, 2)
	b.receive(t, uuid.New(), 1)
	b.deliver(t)
	requireWhole(t, all.await(t, 7), map[uuid.UUID]int{shop: 2, market: 2, app: 2})
	requireWhole(t, mine.await(t, 2), map[uuid.UUID]int{app: 2})
	requireWhole(t, web.await(t, 4), map[uuid.UUID]int{shop: 2, market: 2})
	requireWhole(t, thin.await(t, 7), map[uuid.UUID]int{shop: 2, market: 2, app: 2})
	placed.await(t, 3)
	for _, d := range all.all() {
		require.NotEmpty(t, d.Data.Data)
		require.Equal(t, d.Type == "OrderPlaced", strings.Contains(string(d.raw), `"personal":{"name":"Ada"}`), string(d.raw))
	}
	for _, d := range thin.all() {
		require.Empty(t, d.Data.Data)
		require.NotContains(t, string(d.raw), "Ada")
	}
	require.NotContains(t, string(web.all()[0].raw), "Ada", "nobody has asked for personal data there")
	require.Len(t, mine.all(), 2)
	require.Len(t, web.all(), 4)
	require.Len(t, placed.all(), 3)
}

// An order whose delivery fails goes on by itself, in order; the others don't wait for it.
func TestAnOrderThatFailsHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	b, bad := setup(t), uuid.New()
	var mended atomic.Bool
	r := newReceiver(t, func(d *delivery, w http.ResponseWriter) int {
		if d.Data.OrderID == bad && !mended.Load() {
			return http.StatusTeapot
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	want := map[uuid.UUID]int{bad: 5}
	b.note(t, "shop", "web", bad, 1, 2)
	for range 10 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 3)
		want[id] = 3
	}
	b.deliver(t)
	r.await(t, 30)
	b.note(t, "shop", "web", bad, 3, 3)
	var held []webhooks.HeldOrder
	require.Eventually(t, func() bool {
		var err error
		held, err = b.table.Held(t.Context(), "shop", e.EndpointID)
		require.NoError(t, err)
		return len(held) == 1
	}, patience, 10*time.Millisecond)
	require.Equal(t, bad, held[0].Subject)
	require.Contains(t, held[0].Error, "418")
	log, _, err := b.table.Deliveries(t.Context(), "shop", webhooks.LogQuery{EndpointID: e.EndpointID})
	require.NoError(t, err)
	require.NotEmpty(t, log)
	require.Equal(t, http.StatusTeapot, log[0].Status)
	require.Len(t, log[0].Response, 1024)
	require.Equal(t, webhooks.OutcomeFailed, log[0].Outcome)
	mended.Store(true)
	b.clock.advance(10 * time.Second)
	r.await(t, 35)
	requireWhole(t, r.taken(), want)
	b.settled(t, e.EndpointID, 35)
	b.note(t, "shop", "web", bad, 6, 1) // it goes with the others again
	want[bad] = 6
	requireWhole(t, r.await(t, 36), want)
	requireNoRepeat(t, r.taken())
}

func requireNoRepeat(t testing.TB, got []delivery) {
	t.Helper()
	seen := map[string]bool{}
	for _, d := range got {
		require.False(t, seen[d.id], "%s was taken twice", d.id)
		seen[d.id] = true
	}
}

// Beyond LanesMax orders that fail, the endpoint as a whole waits at its place, and nothing is lost.
func TestNothingIsLostWhenMoreOrdersFailThanCanBeHeldBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var mended atomic.Bool
	var n atomic.Int64
	r := newReceiver(t, func(d *delivery, _ http.ResponseWriter) int {
		if !mended.Load() && d.Data.Version == 2 && n.Add(1)%2 == 0 { // not so many in a row that it counts as away
			return http.StatusInternalServerError
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	want := map[uuid.UUID]int{}
	for range webhooks.LanesMax*2 + 60 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 2)
		want[id] = 2
	}
	stop := b.deliver(t)
	require.Eventually(t, func() bool {
		held, err := b.table.Held(t.Context(), "shop", e.EndpointID)
		require.NoError(t, err)
		return len(held) >= webhooks.LanesMax/2
	}, patience, 10*time.Millisecond)
	stop() // what could not be held is in memory alone
	mended.Store(true)
	b.clock.advance(10 * time.Second)
	b.deliver(t)
	require.Eventually(t, func() bool {
		taken := map[string]bool{}
		for _, d := range r.taken() {
			taken[d.id] = true
		}
		return len(taken) == 2*len(want)
	}, patience, 20*time.Millisecond)
	requireWhole(t, r.taken(), want)
	b.settled(t, e.EndpointID, 1)
}

// An endpoint that hangs and one that answers 500 don't hold up others.
func TestEndpointsDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	hang := make(chan struct{})
	hangs := newReceiver(t, func(*delivery, http.ResponseWriter) int { <-hang; return http.StatusOK })
	release := sync.OnceFunc(func() { close(hang) })
	t.Cleanup(release)
	fails := newReceiver(t, func(*delivery, http.ResponseWriter) int { return http.StatusInternalServerError })
	good := []*receiver{newReceiver(t, nil), newReceiver(t, nil)}
	b.endpoint(t, hangs.URL)
	b.endpoint(t, fails.URL)
	for _, r := range good {
		b.endpoint(t, r.URL)
	}
	b.deliver(t)
	want := map[uuid.UUID]int{}
	for range 20 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 3)
		want[id] = 3
	}
	for _, r := range good {
		requireWhole(t, r.await(t, 60), want)
	}
	require.Less(t, len(fails.all()), 40, "one that answers nothing but 500 is left alone")
	release()
}

// After five failures in a row it is left alone, and what has come meanwhile is delivered in order afterwards.
func TestAnEndpointThatWasAwayCatchesUpInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var away atomic.Bool
	away.Store(true)
	r := newReceiver(t, func(*delivery, http.ResponseWriter) int {
		if away.Load() {
			return http.StatusBadGateway
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	want := map[uuid.UUID]int{}
	for range 30 {
		id := uuid.New()
		b.note(t, "shop", "web", id, 1, 1)
		want[id] = 1
	}
	var resting webhooks.Endpoint
	require.Eventually(t, func() bool {
		var err error
		resting, err = b.table.Get(t.Context(), "shop", e.EndpointID)
		require.NoError(t, err)
		return resting.RestsUntil != nil
	}, patience, 10*time.Millisecond)
	require.NotNil(t, resting.FailingSince)
	require.NotNil(t, resting.DisablesAt)
	for id := range want {
		b.note(t, "shop", "web", id, 2, 3)
		want[id] = 4
	}
	tried := len(r.all())
	away.Store(false)
	b.clock.advance(time.Minute)
	got := r.await(t, 120)
	requireWhole(t, got, want)
	requireNoRepeat(t, got)
	require.Less(t, tried, 25)
	after := b.settled(t, e.EndpointID, 120)
	require.Nil(t, after.FailingSince)
	require.Nil(t, after.RestsUntil)
}

func TestARedirectionIsAFailureAndIsNotFollowed(t *testing.T) {
	t.Parallel()
	b, other := setup(t), newReceiver(t, nil)
	r := newReceiver(t, func(_ *delivery, w http.ResponseWriter) int {
		w.Header().Set("Location", other.URL)
		return http.StatusTemporaryRedirect
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	require.Contains(t, b.failed(t, e.EndpointID, 1)[0].Error, "307")
	require.Empty(t, other.all())
}

// failed waits for n rows of the log.
func (b *testBundle) failed(t testing.TB, id uuid.UUID, n int) (log []webhooks.Delivery) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		log, _, err = b.table.Deliveries(t.Context(), "shop", webhooks.LogQuery{EndpointID: id, Limit: webhooks.LogPageMax})
		require.NoError(t, err)
		return len(log) >= n
	}, patience, 10*time.Millisecond)
	return log
}

func TestAReceiverThatIsGoneIsDisabled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := newReceiver(t, func(*delivery, http.ResponseWriter) int { return http.StatusGone })
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	require.Equal(t, webhooks.ForGone, b.disabled(t, e.EndpointID).DisabledFor)
}

func (b *testBundle) disabled(t testing.TB, id uuid.UUID) (e webhooks.Endpoint) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		e, err = b.table.Get(t.Context(), "shop", id)
		require.NoError(t, err)
		return e.Disabled()
	}, patience, 10*time.Millisecond)
	return e
}

// Retry-After is heeded for the endpoint as a whole, up to an hour.
func TestRetryAfterIsHeeded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var calm atomic.Bool
	r := newReceiver(t, func(_ *delivery, w http.ResponseWriter) int {
		if calm.Load() {
			return http.StatusOK
		}
		w.Header().Set("Retry-After", "86400")
		return http.StatusTooManyRequests
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	b.failed(t, e.EndpointID, 1)
	calm.Store(true)
	held, err := b.table.Held(t.Context(), "shop", e.EndpointID)
	require.NoError(t, err)
	require.Len(t, held, 1)
	require.WithinDuration(t, time.Now().Add(webhooks.RetryAfterMax), held[0].DueAt, time.Minute, "a day is more than is granted")
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	b.clock.advance(30 * time.Minute)
	require.Never(t, func() bool { return len(r.all()) > 1 }, 2*time.Second, 50*time.Millisecond)
	b.clock.advance(31 * time.Minute)
	r.await(t, 2)
}

// Who takes nothing for three days is warned, and is disabled after five. What is due then can be listed.
func TestAnEndpointThatTakesNothingIsWarnedAndDisabled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	r := newReceiver(t, func(*delivery, http.ResponseWriter) int { return http.StatusInternalServerError })
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	ids := []uuid.UUID{uuid.New(), uuid.New()}
	for _, id := range ids {
		b.note(t, "shop", "web", id, 1, 1)
	}
	b.failed(t, e.EndpointID, 2)
	for day := 1; day <= 4; day++ {
		before := len(r.all())
		b.clock.advance(25 * time.Hour)
		require.Eventually(t, func() bool { return len(r.all()) > before }, patience, 10*time.Millisecond)
	}
	require.Eventually(t, func() bool {
		s, err := b.table.States(t.Context())
		require.NoError(t, err)
		var warned bool
		require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT warned_at IS NOT NULL FROM orderloom.webhook_endpoints`).Scan(&warned))
		return warned && s.Behind == 1
	}, patience, 10*time.Millisecond)
	b.clock.advance(25 * time.Hour)
	disabled := b.disabled(t, e.EndpointID)
	require.Equal(t, webhooks.ForFailures, disabled.DisabledFor)
	for _, d := range b.failed(t, e.EndpointID, 1) {
		require.Equal(t, webhooks.OutcomeFailed, d.Outcome, "nothing is given up while nothing is taken")
	}
	b.note(t, "shop", "web", ids[0], 2, 1)
	held, err := b.table.Held(t.Context(), "shop", e.EndpointID)
	require.NoError(t, err)
	page, err := b.feed.Page(t.Context(), disabled.Query(disabled.Cursor, 0))
	require.NoError(t, err)
	require.Len(t, held, 2)
	require.Len(t, page.Events, 1, "what has come since is behind its place")
}

// An event that is refused for three days, while others are taken, is given up. It can be sent again.
func TestAnEventThatIsRefusedForDaysIsGivenUp(t *testing.T) {
	t.Parallel()
	b, bad := setup(t), uuid.New()
	var mended atomic.Bool
	r := newReceiver(t, func(d *delivery, _ http.ResponseWriter) int {
		if d.Data.OrderID == bad && d.Data.Version == 1 && !mended.Load() {
			return http.StatusBadRequest
		}
		return http.StatusOK
	})
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", bad, 1, 2)
	b.failed(t, e.EndpointID, 1)
	b.clock.advance(73 * time.Hour)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	r.await(t, 1) // the endpoint takes others
	b.clock.advance(2 * time.Hour)
	got := r.await(t, 2)
	require.Equal(t, int64(2), got[1].Data.Version)
	require.NotNil(t, got[1].PreviousEventID, "the receiver can tell that one is missing")
	var given []webhooks.Delivery
	var err error
	require.Eventually(t, func() bool {
		given, _, err = b.table.Deliveries(t.Context(), "shop", webhooks.LogQuery{EndpointID: e.EndpointID, Outcome: webhooks.OutcomeGivenUp})
		require.NoError(t, err)
		return len(given) == 1
	}, patience, 10*time.Millisecond)
	require.Equal(t, given[0].EventID, *got[1].PreviousEventID)
	mended.Store(true)
	require.NoError(t, b.table.Resend(t.Context(), "shop", webhooks.Resend{EndpointID: e.EndpointID, Undelivered: true}))
	require.Equal(t, given[0].EventID.String(), r.await(t, 3)[2].id)
	require.Eventually(t, func() bool {
		given, _, err = b.table.Deliveries(t.Context(), "shop", webhooks.LogQuery{EndpointID: e.EndpointID, Outcome: webhooks.OutcomeGivenUp})
		require.NoError(t, err)
		return given[0].ResentAt != nil
	}, patience, 10*time.Millisecond)
}

func TestEventsAreSentAgainWhenAskedFor(t *testing.T) {
	t.Parallel()
	b, r, id := setup(t), newReceiver(t, nil), uuid.New()
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 5)
	got := r.await(t, 5)
	require.NoError(t, b.table.Resend(t.Context(), "shop", webhooks.Resend{EndpointID: e.EndpointID, EventIDs: []uuid.UUID{got[3].Data.EventID}}))
	again := r.await(t, 6)[5]
	require.Equal(t, got[3].id, again.id)
	require.JSONEq(t, string(got[3].raw), string(again.raw))
	require.NoError(t, b.table.Resend(t.Context(), "shop", webhooks.Resend{
		EndpointID: e.EndpointID, RequestID: uuid.New(), From: got[0].Cursor, Until: got[2].Cursor,
	}))
	more := r.await(t, 8)
	require.Equal(t, []string{got[1].id, got[2].id}, []string{more[6].id, more[7].id})
	test := uuid.New()
	require.NoError(t, b.table.Test(t.Context(), "shop", e.EndpointID, test))
	tested := r.await(t, 9)[8]
	require.Equal(t, webhooks.TestType, tested.Type)
	require.Equal(t, test.String(), tested.id)
	log := b.failed(t, e.EndpointID, 4)
	require.Len(t, log, 4)
	require.True(t, log[0].Asked)
	require.Eventually(t, func() bool {
		var lanes int
		require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT count(*) FROM orderloom.webhook_lanes`).Scan(&lanes))
		return lanes == 0
	}, patience, 10*time.Millisecond)
}

// Disabling stops what is due. Enabling goes on, from the place or from now.
func TestADisabledEndpointGetsNothingAndGoesOnLater(t *testing.T) {
	t.Parallel()
	b, r, id := setup(t), newReceiver(t, nil), uuid.New()
	e, _ := b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 1)
	r.await(t, 1)
	b.settled(t, e.EndpointID, 1)
	_, err := b.table.Disable(t.Context(), "shop", e.EndpointID)
	require.NoError(t, err)
	require.Eventually(t, func() bool { // until its process knows
		var n int
		require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT count(*) FROM orderloom.webhook_endpoints WHERE disabled_at IS NOT NULL`).Scan(&n))
		return n == 1
	}, patience, 10*time.Millisecond)
	require.ErrorContains(t, b.table.Test(t.Context(), "shop", e.EndpointID, uuid.New()), "disabled")
	b.pauseBeats(t)
	b.note(t, "shop", "web", id, 2, 2)
	require.Never(t, func() bool { return len(r.all()) > 1 }, time.Second, 50*time.Millisecond)
	_, err = b.table.Enable(t.Context(), "shop", e.EndpointID, "")
	require.NoError(t, err)
	requireWhole(t, r.await(t, 3), map[uuid.UUID]int{id: 3})
	b.settled(t, e.EndpointID, 3)
	_, err = b.table.Disable(t.Context(), "shop", e.EndpointID)
	require.NoError(t, err)
	b.pauseBeats(t)
	b.note(t, "shop", "web", id, 4, 2)
	now, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: feed.Now})
	require.NoError(t, err)
	_, err = b.table.Enable(t.Context(), "shop", e.EndpointID, now.Next)
	require.NoError(t, err)
	b.note(t, "shop", "web", id, 6, 1)
	last := r.await(t, 4)[3]
	require.Equal(t, int64(6), last.Data.Version)
	require.Nil(t, last.PreviousEventID, "what was passed over is no previous event")
}

// pauseBeats waits until each process has looked at its endpoints again.
func (b *testBundle) pauseBeats(t testing.TB) {
	t.Helper()
	beats := func() (latest time.Time) {
		require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT max(alive_until) FROM orderloom.webhook_workers`).Scan(&latest))
		return latest
	}
	begun := beats()
	require.Eventually(t, func() bool { return beats().After(begun.Add(1500 * time.Millisecond)) }, patience, 20*time.Millisecond)
}

// A change is in force within seconds, and a rotated secret signs beside the new one.
func TestAChangeAndARotationAreInForceSoon(t *testing.T) {
	t.Parallel()
	b, r, other, id := setup(t), newReceiver(t, nil), newReceiver(t, nil), uuid.New()
	e, former := b.endpoint(t, r.URL, func(n *webhooks.NewEndpoint) { n.Signature = webhooks.V1a })
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 1)
	r.await(t, 1)
	b.settled(t, e.EndpointID, 1)
	rotated, secret, err := b.table.Rotate(t.Context(), webhooks.Rotation{
		EndpointID: e.EndpointID, RequestID: uuid.New(), Overlap: time.Hour, By: keyOf(access.Admin, "shop"),
	})
	require.NoError(t, err)
	require.NotEqual(t, e.PublicKey, rotated.PublicKey)
	changed, err := b.table.Change(t.Context(), e.EndpointID, webhooks.Settings{
		Name: "moved", URL: other.URL, Payload: webhooks.Thin, PayloadVersion: newestVersion, Headers: map[string]string{"authorization": "Bearer x"},
	}, keyOf(access.Admin, "shop"))
	require.NoError(t, err)
	require.Equal(t, []string{"Authorization"}, changed.HeaderNames)
	b.pauseBeats(t)
	b.note(t, "shop", "web", id, 2, 1)
	d := other.await(t, 1)[0]
	require.Equal(t, "Bearer x", d.header.Get("Authorization"))
	require.Len(t, strings.Fields(d.header.Get("Webhook-Signature")), 3, "the secret of now, the one before, and the next")
	for _, public := range []string{e.PublicKey, rotated.PublicKey} {
		verifier, err := client.NewWebhookVerifier(public)
		require.NoError(t, err)
		require.NoError(t, verifier.Verify(d.header, d.raw))
	}
	require.NotEqual(t, former, secret)
	require.Equal(t, int64(2), d.Data.Version)
	require.NotNil(t, d.PreviousEventID, "the chain goes on, since the same events are chosen")
}

// No request reaches an address that is not of the public internet, whatever its name leads to.
func TestPrivateAddressesAreNotCalled(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t, nil)
	e, _ := b.endpoint(t, strings.Replace(r.URL, "127.0.0.1", "localhost", 1))
	o := b.options()
	o.Rules = webhooks.Rules{}
	go func() { _ = webhooks.NewDispatcher(o).Run(t.Context()) }()
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	require.Contains(t, b.failed(t, e.EndpointID, 1)[0].Error, webhooks.ErrPrivateAddress.Error())
	require.Empty(t, r.all())
}

// The body of a delivery is one JSON object, with the members that docs/webhooks.md shows.
func TestABodyIsAsTheDocumentShowsIt(t *testing.T) {
	t.Parallel()
	b, r := setup(t), newReceiver(t, nil)
	b.endpoint(t, r.URL)
	b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	page, err := os.ReadFile("../docs/webhooks.md")
	require.NoError(t, err)
	_, block, found := strings.Cut(string(page), "```json\n")
	require.True(t, found)
	block, _, _ = strings.Cut(block, "```")
	shown, sent := members(t, []byte(block)), members(t, r.await(t, 1)[0].raw)
	for _, name := range []string{"type", "data.type", "data.version", "data.schema_version", "data.aggregate.type", "previous_event_id"} {
		require.Equal(t, shown[name], sent[name], name)
	}
	require.Equal(t, slices.Sorted(maps.Keys(shown)), slices.Sorted(maps.Keys(sent)))
}

// members are the members of a body and of the event in it, by their names, such as "data.aggregate.type".
// What has happened (data of the event) is left out.
func members(t *testing.T, body []byte) map[string]any {
	t.Helper()
	found := map[string]any{}
	var collect func(prefix string, object map[string]any)
	collect = func(prefix string, object map[string]any) {
		for name, value := range object {
			inner, nested := value.(map[string]any)
			switch {
			case prefix == "" && name == "data":
				collect("data.", inner)
			case prefix == "data." && name == "data":
			case nested:
				collect(prefix+name+".", inner)
			default:
				found[prefix+name] = value
			}
		}
	}
	var whole map[string]any
	require.NoError(t, json.Unmarshal(body, &whole))
	collect("", whole)
	return found
}
