package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/feed"
)

var _ Events = (*feed.Feed)(nil)

// Events reads the feed of all that happens. Errors: invalid for what is no cursor; cursor_lost.
type Events interface {
	// Page returns the next events.
	Page(ctx context.Context, q feed.Query) (feed.Page, error)
	// Wait is Page for who would rather wait, until waiting ends, than get a page without events.
	Wait(ctx, waiting context.Context, q feed.Query) (feed.Page, error)
	// Follow hands on page after page until ctx ends or handle fails.
	Follow(ctx context.Context, q feed.Query, handle func(feed.Page) error) error
	// Event returns one event. Errors: not_found.
	Event(ctx context.Context, q feed.Query, id uuid.UUID) (feed.Event, error)
}

const eventsPath = "/api/v1/events"

func (a *API) eventRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: "GET", Path: eventsPath, Check: checkEvents, Handle: a.listEvents, Stream: a.streamEvents},
		{Method: "GET", Path: eventsPath + "/{event_id}", Handle: a.getEvent},
	}
}

// checkEvents blames types that no event has, and times as [checkTimes] does.
func checkEvents(x *httpx.Exchange) {
	for _, t := range x.QueryTexts("type") {
		if catalog.AggregateType(t) == "" {
			x.Blame(httpx.InQuery, "type", "is no type of events: %q", domain.Clip(t))
		}
	}
	checkTimes(x)
}

// eventQuery reads what is asked of the feed. Errors: forbidden for personal data without the scope for them.
func eventQuery(x *httpx.Exchange) (feed.Query, error) {
	q := feed.Query{
		Caller: x.Caller, Types: x.QueryTexts("type"), OrderID: x.UUID("order_id"), From: x.QueryTime("created_from"), To: x.QueryTime("created_to"),
		Personal: len(x.QueryTexts("expand[]")) > 0, Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	}
	if missing := access.ScopesOf(access.PersonalRead).Without(x.Caller.Scopes); q.Personal && missing != 0 {
		return q, httpx.Forbidden(x.Caller, missing)
	}
	return q, nil
}

// eventPage is a page of the feed. It has a cursor whether or not there are more events yet.
type eventPage struct {
	Events     []feed.Event `json:"events"`
	NextCursor string       `json:"next_cursor"`
	More       bool         `json:"more"`
}

// listEvents shows what has happened, in order: GET /api/v1/events. With "Prefer: wait" it waits for events where there
// are none after the cursor yet, as long as not too many wait already.
func (a *API) listEvents(ctx context.Context, x *httpx.Exchange) error {
	q, err := eventQuery(x)
	if err != nil {
		return err
	}
	page, err := a.pageOfEvents(ctx, x, q)
	if err != nil {
		return feedProblem(err, httpx.InQuery, "cursor")
	}
	if page.Events == nil {
		page.Events = []feed.Event{}
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, eventPage{Events: page.Events, NextCursor: page.Next, More: page.More})
}

func (a *API) pageOfEvents(ctx context.Context, x *httpx.Exchange, q feed.Query) (feed.Page, error) {
	wait := min(x.PreferredWait(), a.limits.SettleWait)
	if !q.To.IsZero() { // nothing that happens later is asked for
		wait = min(wait, q.To.Sub(a.now()))
	}
	if wait <= 0 {
		return a.events.Page(ctx, q)
	}
	if err := a.waits.Take(x.Party()); err != nil { // who can't wait is answered at once
		return a.events.Page(ctx, q)
	}
	defer a.waits.Give(x.Party())
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	go func() {
		select {
		case <-a.drained:
			cancel()
		case <-waiting.Done():
		}
	}()
	x.Waits()
	q.Turn = x.Turn
	x.Writer.Header().Set("Preference-Applied", "wait="+strconv.Itoa(int(wait/time.Second)))
	begun := time.Now()
	page, err := a.events.Wait(ctx, waiting, q)
	x.Waited(time.Since(begun))
	if err == nil {
		err = x.Readmit(ctx)
	}
	return page, err
}

// feedProblem is what the feed refuses; a bad cursor is blamed where it stands.
func feedProblem(err error, in, field string) error {
	switch domain.Code(err) {
	case domain.CodeInvalid:
		return httpx.Invalid([]httpx.FieldError{{In: in, Field: field, Message: "is no cursor of this feed"}})
	case feed.CodeCursorLost:
		return newProblem(feed.CodeCursorLost, "")
	}
	return err
}

// getEvent shows one event: GET /api/v1/events/{event_id}.
func (a *API) getEvent(ctx context.Context, x *httpx.Exchange) error {
	id := x.UUID("event_id")
	x.About("event_id", id)
	q, err := eventQuery(x)
	if err != nil {
		return err
	}
	e, err := a.events.Event(ctx, q, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		return newProblem(domain.CodeNotFound, "there is no event %s", id)
	case err != nil:
		return err
	}
	x.Writer.Header().Set("Cache-Control", "private, no-cache")
	return x.JSON(http.StatusOK, e)
}

// streamEvents sends what happens as it happens: GET /api/v1/events with "Accept: text/event-stream". The id of each
// event is its cursor. Without one the stream begins with what comes next.
func (a *API) streamEvents(ctx context.Context, x *httpx.Exchange) error {
	q, err := eventQuery(x)
	if err != nil {
		return err
	}
	in, field := httpx.InQuery, "cursor"
	switch id := x.GetHeader("Last-Event-ID"); {
	case id != "":
		q.Cursor, in, field = id, httpx.InHeader, "Last-Event-ID"
	case q.Cursor == "":
		q.Cursor = feed.Now
	}
	q.Limit = 0
	if err := a.streams.Take(x.Party()); err != nil {
		return err
	}
	defer a.streams.Give(x.Party())
	a.following.Inc()
	defer a.following.Dec()
	// A first page tells whether there is such a place.
	first, err := a.events.Page(ctx, q)
	if err != nil {
		return feedProblem(err, in, field)
	}
	s := x.EventStream()
	s.Open()
	if err := sendEvents(s, first); err != nil {
		return err
	}
	q.Cursor, q.Turn = first.Next, x.Turn
	return a.sendOn(ctx, x, s, q)
}

// sendOn sends what follows until the client goes or may not see it any more, the API drains, or the feed can't be
// read.
func (a *API) sendOn(ctx context.Context, x *httpx.Exchange, s *httpx.EventStream, q feed.Query) error {
	ctx, cancel := context.WithCancel(ctx)
	pages, failed := make(chan feed.Page), make(chan error, 1)
	go func() {
		failed <- a.events.Follow(ctx, q, func(p feed.Page) error {
			select {
			case pages <- p:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(failed)
	}()
	defer func() {
		cancel()
		for range failed { // until the follower has let go of everything
		}
	}()
	keepAlive := time.NewTicker(a.limits.StreamKeepAlive)
	defer keepAlive.Stop()
	admitted := time.NewTicker(httpx.AdmittedEvery)
	defer admitted.Stop()
	place := q.Cursor
	for !s.Gone() {
		select {
		case p := <-pages:
			if place = p.Next; len(p.Events) == 0 {
				continue
			}
			if err := sendEvents(s, p); err != nil {
				return err
			}
		case <-keepAlive.C:
			s.Place(place) // so that a client that gets few events does not come back to where it was long ago
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("follow the events: %w", err) // the client comes back, and is told then
		case <-admitted.C:
			if !x.Admitted(ctx) {
				return nil // a client that comes back is told why
			}
		case <-a.drained:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// sendEvents sends the events of a page.
func sendEvents(s *httpx.EventStream, p feed.Page) error {
	for _, e := range p.Events {
		data, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("encode an event: %w", err)
		}
		s.Send(e.Cursor, e.Type, "Event", data)
	}
	return nil
}
