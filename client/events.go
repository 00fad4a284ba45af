package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
)

const eventsPath = "/api/v1/events"

// Event is something that has happened.
type Event struct {
	// EventID stays the same wherever the event is seen.
	EventID uuid.UUID `json:"event_id"`
	Type    string    `json:"type"`
	// SchemaVersion is the version of Data.
	SchemaVersion int `json:"schema_version"`
	// OrderID is the order that it is about; the zero id for none.
	OrderID   uuid.UUID `json:"order_id,omitzero"`
	Aggregate Aggregate `json:"aggregate"`
	// Version counts the events of the aggregate from 1, without gaps.
	Version    int64     `json:"version"`
	OccurredAt time.Time `json:"occurred_at"`
	// Actor is who asked for it; empty for what happened by itself.
	Actor string `json:"actor,omitempty"`
	// Cursor is the place of the event in the feed: [EventQuery.Cursor] goes on after it.
	Cursor string `json:"cursor"`
	// Data is what has happened, a JSON object. It is nil for what a newer version of the platform has recorded than
	// the one that has answered: ask for the event later.
	Data json.RawMessage `json:"data,omitempty"`
	// Erased says that the personal data were asked for, and are erased.
	Erased bool `json:"erased,omitempty"`
}

// Aggregate is whose events are counted together.
type Aggregate struct {
	// Type is "order", "payment", "inventory" or "network".
	Type string    `json:"type"`
	ID   uuid.UUID `json:"id"`
}

// CursorNow begins with what comes next.
const CursorNow = "now"

// EventQuery chooses events. The zero value chooses all, from the first one on.
type EventQuery struct {
	// Types are those to choose; none for all.
	Types []string
	// OrderID chooses those of one order and its payment; the zero id does not choose.
	OrderID uuid.UUID
	// From and To choose what happened at or after the one, and before the other; zero times don't choose.
	From, To time.Time
	// Personal shows what is sealed of persons. It needs the scope personal:read.
	Personal bool
	// Cursor is where to go on: the [EventPage.NextCursor] of a page, the [Event.Cursor] of an event, or [CursorNow].
	Cursor string
	// Limit is how many events a page has at most, up to 1000; 0 is 100.
	Limit int
}

// EventPage is a page of events.
type EventPage struct {
	Events []Event `json:"events"`
	// NextCursor is where to go on, now or later. It has moved also where there are no events.
	NextCursor string `json:"next_cursor"`
	// More tells that there may be further events already.
	More bool `json:"more"`
}

func (q EventQuery) request(options []CallOption) *request {
	r := newRequest(http.MethodGet, eventsPath, nil, options)
	for _, t := range q.Types {
		r.set("type", t)
	}
	if q.OrderID != uuid.Nil {
		r.set("order_id", q.OrderID.String())
	}
	r.set("created_from", timeText(q.From))
	r.set("created_to", timeText(q.To))
	if q.Personal {
		r.set("expand[]", "personal")
	}
	r.set("cursor", q.Cursor)
	if q.Limit != 0 {
		r.set("limit", strconv.Itoa(q.Limit))
	}
	return r
}

// ListEvents shows one page of events. With [Wait] it waits for events where there are none yet. Errors: cursor_lost
// when the platform was restored to before the cursor.
func (c *Client) ListEvents(ctx context.Context, q EventQuery, options ...CallOption) (EventPage, error) {
	var page EventPage
	_, err := c.sendRequest(ctx, q.request(options), into(&page))
	return page, err
}

// GetEvent shows one event; personal shows also what is sealed of persons. Errors: not_found.
func (c *Client) GetEvent(ctx context.Context, id uuid.UUID, personal bool, options ...CallOption) (Event, error) {
	r := newRequest(http.MethodGet, eventsPath+"/"+id.String(), nil, options)
	if personal {
		r.set("expand[]", "personal")
	}
	var e Event
	_, err := c.sendRequest(ctx, r, into(&e))
	return e, err
}

// Events goes through all events that q chooses, page by page, up to the last one of now. It ends after the first
// error.
func (c *Client) Events(ctx context.Context, q EventQuery, options ...CallOption) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for {
			page, err := c.ListEvents(ctx, q, options...)
			if err != nil {
				yield(Event{}, err)
				return
			}
			for _, e := range page.Events {
				if !yield(e, nil) {
					return
				}
			}
			switch {
			case !page.More:
				return
			case page.NextCursor == "" || page.NextCursor == q.Cursor:
				yield(Event{}, errSameCursor)
				return
			}
			q.Cursor = page.NextCursor
		}
	}
}

// StreamEvents follows what happens, until ctx ends. Without a cursor it begins with what comes next. A connection that
// breaks is made again where it stopped: every event comes once, unless it broke in the middle of one.
//
// The stream ends with an error. It is that of ctx, a [*Problem] such as cursor_lost, or the last failure after
// [Retry.AttemptsMax] of them in a row.
func (c *Client) StreamEvents(ctx context.Context, q EventQuery, options ...CallOption) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		s := &stream{client: c, what: "the events", after: q.Cursor}
		if q.Cursor == CursorNow {
			s.after = ""
		}
		s.request = func() *request {
			q.Cursor = ""
			return q.request(options)
		}
		s.handle = func(_, id string, data []byte) (more bool, err error) {
			var e Event
			if err := json.Unmarshal(data, &e); err != nil {
				return false, fmt.Errorf("read the event %s: %w", id, err)
			}
			return yield(e, nil), nil
		}
		if err := s.run(ctx); err != nil {
			yield(Event{}, err)
		}
	}
}
