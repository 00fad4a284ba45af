package api

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
	"github.com/stretchr/testify/require"
)

// fakeEvents is a feed whose cursors are counts of events.
type fakeEvents struct {
	mu     sync.Mutex
	events []feed.Event
	asked  []feed.Query
	wake   chan struct{}
	err    error
	// parts is how many events a page has at most.
	parts int
}

func newFakeEvents() *fakeEvents { return &fakeEvents{wake: make(chan struct{}), parts: 100} }

func (f *fakeEvents) happen(types ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, name := range types {
		f.events = append(f.events, feed.Event{
			EventID: domain.DerivedID(uuid.Nil, name), Type: name, SchemaVersion: 1, OrderID: &someOrder, OccurredAt: acceptedAt, Version: 1,
			Aggregate: feed.Aggregate{Type: domain.AggregateOrder, ID: someOrder}, Cursor: strconv.Itoa(len(f.events) + 1), Data: json.RawMessage(`{"a": 1}`),
		})
	}
	close(f.wake)
	f.wake = make(chan struct{})
}

func (f *fakeEvents) page(q feed.Query) (feed.Page, <-chan struct{}, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, q)
	n, err := len(f.events), f.err
	if q.Cursor == "" {
		n = 0
	} else if q.Cursor != feed.Now && err == nil {
		if n, err = strconv.Atoi(q.Cursor); err != nil {
			err = domain.Invalid("cursor", "is none")
		}
	}
	if err != nil {
		return feed.Page{}, nil, err
	}
	end := min(n+f.parts, len(f.events))
	return feed.Page{Events: f.events[n:end:end], Next: strconv.Itoa(end), More: end < len(f.events)}, f.wake, nil
}

func (f *fakeEvents) Page(_ context.Context, q feed.Query) (feed.Page, error) {
	p, _, err := f.page(q)
	return p, err
}

func (f *fakeEvents) Wait(_, waiting context.Context, q feed.Query) (feed.Page, error) {
	for {
		p, wake, err := f.page(q)
		if err != nil || len(p.Events) > 0 {
			return p, err
		}
		select {
		case <-wake:
		case <-waiting.Done():
			return p, nil
		}
	}
}

func (f *fakeEvents) Follow(ctx context.Context, q feed.Query, handle func(feed.Page) error) error {
	for {
		p, wake, err := f.page(q)
		if err != nil {
			return err
		}
		if err := handle(p); err != nil {
			return err
		}
		if q.Cursor = p.Next; p.More {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (f *fakeEvents) Event(_ context.Context, q feed.Query, id uuid.UUID) (feed.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.asked = append(f.asked, q)
	for _, e := range f.events {
		if e.EventID == id {
			return e, nil
		}
	}
	return feed.Event{}, domain.Refuse(domain.CodeNotFound, "none")
}

// last is what was asked last.
func (f *fakeEvents) last() feed.Query {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked[len(f.asked)-1]
}

func TestListEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get(t, eventsPath)
	require.JSONEq(t, `{"events": [], "next_cursor": "0", "more": false}`, a.body)
	b.happened.happen("OrderPlaced", "OrderConfirmed", "OrderShipped")
	b.happened.parts = 2
	var page eventPage
	for cursor, want := range map[string][]string{"0": {"OrderPlaced", "OrderConfirmed"}, "2": {"OrderShipped"}, "now": nil} {
		a := b.get(t, eventsPath+"?cursor="+cursor)
		require.NoError(t, json.Unmarshal([]byte(a.body), &page))
		var types []string
		for _, e := range page.Events {
			types = append(types, e.Type)
		}
		require.Equal(t, want, types)
		require.Equal(t, len(want) == 2, page.More)
	}
	b.get(t, eventsPath+"?type=OrderPlaced&type=OrderShipped&order_id="+someOrder.String()+
		"&created_from=2026-01-01T00:00:00Z&created_to=2026-01-02T00:00:00Z&limit=7&cursor=2&expand[]=personal")
	require.Equal(t, feed.Query{
		Caller: access.Anyone, Types: []string{"OrderPlaced", "OrderShipped"}, OrderID: someOrder, From: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		To: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Limit: 7, Cursor: "2", Personal: true,
	}, b.happened.last())
}

func TestGetEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.happened.happen("OrderPlaced")
	a := b.get(t, eventsPath+"/"+domain.DerivedID(uuid.Nil, "OrderPlaced").String()+"?expand[]=personal")
	require.Equal(t, "OrderPlaced", a.object(t)["type"])
	require.True(t, b.happened.last().Personal)
	b.get(t, eventsPath+"/"+uuid.NewString()).problem(t, http.StatusNotFound, codeNotFound)
}

func TestPersonalDataNeedTheirScope(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = byRole() })
	for _, path := range []string{eventsPath, eventsPath + "/" + uuid.NewString()} {
		for _, accept := range []string{"application/json", "text/event-stream"} {
			p := b.get(t, path+"?expand[]=personal", "Authorization", "Bearer finance", "Accept", accept).problem(t, http.StatusForbidden, access.CodeForbidden)
			require.Equal(t, []access.Scope{access.PersonalRead}, p.MissingScopes)
		}
	}
	a := b.get(t, eventsPath+"?expand[]=personal", "Authorization", "Bearer storefront")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, access.Storefront, b.happened.last().Caller.Role)
}

func TestListEventsWaits(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.SettleWait = time.Second })
	a := b.get(t, eventsPath+"?cursor=now", "Prefer", "wait=600")
	require.Equal(t, "wait=1", a.header.Get("Preference-Applied"), "no longer than the server lets it")
	require.JSONEq(t, `{"events": [], "next_cursor": "0", "more": false}`, a.body)
	var wg sync.WaitGroup
	wg.Go(func() { b.happened.happen("OrderPlaced") })
	require.Contains(t, b.get(t, eventsPath+"?cursor=0", "Prefer", "wait=600").body, "OrderPlaced")
	wg.Wait()
	b.api.waits = httpx.NewShare(0, 0)
	a = b.get(t, eventsPath+"?cursor=1", "Prefer", "wait=600")
	require.Empty(t, a.header.Get("Preference-Applied"), "too many wait")
	b.api.waits = httpx.NewShare(1, 1)
	a = b.get(t, eventsPath+"?cursor=1&created_to="+b.api.now().UTC().Format(time.RFC3339), "Prefer", "wait=600")
	require.Empty(t, a.header.Get("Preference-Applied"), "nothing that may happen from now on is asked for")
}

func TestWaitingForEventsEndsWhenDraining(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.api.Drain()
	require.Equal(t, http.StatusOK, b.get(t, eventsPath+"?cursor=now", "Prefer", "wait=600").status)
}

func TestEventCursorsThatAreNone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.get(t, eventsPath+"?cursor=x").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"query:cursor"}, p.fields())
	p = b.get(t, eventsPath, "Accept", "text/event-stream", "Last-Event-ID", "x").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"header:Last-Event-ID"}, p.fields())
	b.happened.err = domain.Refuse(feed.CodeCursorLost, "gone")
	for _, accept := range []string{"*/*", "text/event-stream"} {
		b.get(t, eventsPath+"?cursor=1", "Accept", accept).problem(t, http.StatusGone, feed.CodeCursorLost)
	}
	b.happened.err = errAway
	b.get(t, eventsPath).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	for _, accept := range []string{"*/*", "text/event-stream"} { // it would be waited for in vain
		p = b.get(t, eventsPath+"?type=OrderPlaced&type=OrderPlacd", "Accept", accept).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{"query:type"}, p.fields())
		require.Contains(t, p.Errors[0].Message, "OrderPlacd")
	}
	p = b.get(t, eventsPath+"?type=order&limit=1001&created_from=2026-01-02T00:00:00Z&created_to=2026-01-01T00:00:00Z").
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"query:type", "query:limit", "query:created_to"}, p.fields())
}

// eventStream follows the feed as browsers do.
func (b *testBundle) eventStream(t *testing.T, query, lastID string) *sseClient {
	t.Helper()
	server := httptest.NewServer(b.api)
	t.Cleanup(server.Close)
	t.Cleanup(b.api.Drain)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+eventsPath+query, nil)
	require.NoError(t, err)
	r.Header.Set("Accept", "text/html, Text/Event-Stream;q=1")
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return &sseClient{response: response, lines: bufio.NewScanner(response.Body), lastID: lastID, schema: "Event"}
}

func TestStreamEvents(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.happened.happen("OrderPlaced")
	c := b.eventStream(t, "", "")
	b.happened.happen("OrderConfirmed", "OrderShipped")
	require.Contains(t, c.next(t), "OrderConfirmed", "what comes next")
	require.Equal(t, "2", c.lastID)
	again := b.eventStream(t, "?cursor=0", c.lastID)
	require.Contains(t, again.next(t), "OrderShipped", "a stream goes on where it broke")
	require.Contains(t, b.eventStream(t, "?cursor=0", "").next(t), "OrderPlaced")
	b.api.Drain()
	require.Empty(t, again.next(t))
}

// A stream on which nothing happens moves on, so that its client comes back to where the feed is.
func TestAQuietStreamTellsWhereItIs(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.StreamKeepAlive = time.Millisecond })
	b.happened.happen("OrderPlaced")
	c := b.eventStream(t, "", "")
	for c.lines.Scan() {
		if id, ok := strings.CutPrefix(c.lines.Text(), "id: "); ok {
			require.Equal(t, "1", id)
			return
		}
	}
	require.Fail(t, "the stream has ended")
}

func TestTooManyFollowTheEvents(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.StreamsMax = 1 })
	b.eventStream(t, "", "")
	b.get(t, eventsPath, "Accept", "text/event-stream").problem(t, http.StatusServiceUnavailable, codeOverloaded)
}
