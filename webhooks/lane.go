package webhooks

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
)

// LanesMax bounds the orders that an endpoint holds back. Beyond it, the endpoint as a whole does not go on.
const LanesMax = 100

// Kinds of lanes.
const (
	// kindOrder and kindAggregate are held back: the order, or the stream, goes on by itself from its own cursor.
	kindOrder     = "order"
	kindAggregate = "aggregate"
	// The others were asked for.
	kindRange       = "range"
	kindEvent       = "resend"
	kindUndelivered = "undelivered"
	kindTest        = "test"
)

// flowing is the kind of an attempt that is part of the endpoint's place, in the log.
const flowing = "event"

// lane is a sequence of deliveries, one after the other: of an order, or what was asked for. A lane that is not held
// gets its events from the endpoint's place on. A held one has a row, and reads the store from its own cursor.
type lane struct {
	id        string
	kind      string
	subject   uuid.UUID
	aggregate string
	held      bool

	// cursor is how far a held lane has come: all before it is delivered. Of kindUndelivered it is a number of the log.
	cursor string
	at     int64
	// version is that of the last event that was delivered of an aggregate.
	version int64
	// until is where a range ends.
	until string
	// left is the place of the last event that the endpoint's place has left to the lane.
	left int64
	// joined tells that the lane has come to its end, so that the endpoint's place takes over behind it.
	joined bool

	queue []item
	// busy tells of a send or a read, and retry that it counts among the retries.
	busy, retry bool
	// more tells that there is more to read when the queue is empty, after next, whose place is nextAt.
	more   bool
	next   string
	nextAt int64

	attempts int
	failedAt time.Time
	due      time.Time
	err      string
	// dirty tells that the row is not up to date, and gone that it is to be deleted.
	dirty, gone bool
}

// item is an event to send.
type item struct {
	event feed.Event
	// entry is the event's place in the window; nil in a held lane.
	entry *entry
	// before is a cursor at which all earlier events of the lane are delivered.
	before string
	// row is that of the log, for an event that was given up before.
	row int64
}

// ofOrder reports whether a lane takes part in the order of an order.
func (l *lane) ofOrder() bool { return l.kind == kindOrder || l.kind == kindAggregate }

// attempt counts the attempts of the event at the head, from 1.
func (l *lane) attempt() int { return l.attempts + 1 }

// OrderOf is the order among whose events an event is sent in sequence, and names the one before it. Those of its
// payment are among them. It is the zero id for events of stock and locations, which come in the order of their own
// stream.
func OrderOf(e *feed.Event) uuid.UUID {
	if e.OrderID != nil && (e.Aggregate.Type == domain.AggregateOrder || e.Aggregate.Type == domain.AggregatePayment) {
		return *e.OrderID
	}
	return uuid.Nil
}

// laneOf names the lane of an event: its order, with its payment, or else its stream.
func laneOf(e *feed.Event) (id, kind string, subject uuid.UUID) {
	if id := OrderOf(e); id != uuid.Nil {
		return kindOrder + ":" + id.String(), kindOrder, id
	}
	return e.Aggregate.Type + ":" + e.Aggregate.ID.String(), kindAggregate, e.Aggregate.ID
}

// lanePage is how many events a lane reads at once.
const lanePage = 50

// fetched is what a lane has read.
type fetched struct {
	lane   *lane
	items  []item
	cursor string
	at     int64
	more   bool
	err    error
}

// fetch reads the next events of a held lane. It changes nothing of the lane.
func (r *runner) fetch(ctx context.Context, l lane) fetched {
	q := r.endpoint.Query(l.cursor, lanePage)
	switch l.kind {
	case kindOrder:
		q.OrderID = l.subject
	case kindAggregate:
		q.Aggregate, q.AfterVersion = feed.Aggregate{Type: l.aggregate, ID: l.subject}, l.version
	case kindTest:
		return fetched{items: []item{{}}}
	case kindEvent:
		return r.fetchEvents(ctx, []uuid.UUID{l.subject}, nil)
	case kindUndelivered:
		return r.fetchUndelivered(ctx, l.cursor)
	}
	page, err := r.d.feed.Page(ctx, q)
	switch {
	case l.kind == kindRange && domain.Code(err) == feed.CodeCursorLost:
		r.d.log.WarnContext(ctx, "a range of events is not sent again: its cursor is lost", "endpoint_id", r.endpoint.EndpointID)
		return fetched{}
	case err != nil:
		return fetched{err: err}
	}
	f := fetched{cursor: page.Next, at: page.Position(), more: page.More}
	end, _ := feed.PositionOf(l.until)
	for _, e := range page.Events {
		if l.kind == kindRange && e.Position() > end {
			f.more = false
			break
		}
		f.items = append(f.items, item{event: e})
	}
	if l.kind == kindRange && page.Position() >= end {
		f.more = false
	}
	return f
}

// fetchEvents reads single events. Those that can't be seen any more are left out.
func (r *runner) fetchEvents(ctx context.Context, ids []uuid.UUID, rows []int64) (f fetched) {
	for i, id := range ids {
		e, err := r.d.feed.Event(ctx, r.endpoint.Query("", 0), id)
		switch {
		case domain.Code(err) == domain.CodeNotFound:
			continue
		case err != nil:
			return fetched{err: err}
		}
		it := item{event: e}
		if rows != nil {
			it.row = rows[i]
		}
		f.items = append(f.items, it)
	}
	return f
}

// fetchUndelivered reads the next events that were given up.
func (r *runner) fetchUndelivered(ctx context.Context, cursor string) fetched {
	after, _ := strconv.ParseInt(cursor, 10, 64)
	rows, err := r.d.db.Query(ctx, `SELECT delivery_id, event_id FROM orderloom.webhook_deliveries
		WHERE endpoint_id = $1 AND outcome = 'given_up' AND resent_at IS NULL AND delivery_id > $2 ORDER BY delivery_id LIMIT $3`,
		r.endpoint.EndpointID, after, lanePage)
	if err != nil {
		return fetched{err: err}
	}
	defer rows.Close()
	var ids []uuid.UUID
	var numbers []int64
	for rows.Next() {
		var number int64
		var id uuid.UUID
		if err := rows.Scan(&number, &id); err != nil {
			return fetched{err: err}
		}
		ids, numbers = append(ids, id), append(numbers, number)
	}
	if err := rows.Err(); err != nil {
		return fetched{err: err}
	}
	rows.Close()
	f := r.fetchEvents(ctx, ids, numbers)
	if len(numbers) > 0 {
		f.cursor, f.more = strconv.FormatInt(numbers[len(numbers)-1], 10), len(numbers) == lanePage
	}
	return f
}

// previous returns the event of the same order before this one, of those that the endpoint gets; the zero id for none.
// For what lies before a change of the choice, a held lane names events after its cursor alone: those before it were
// chosen otherwise. It costs a read of the order's streams.
func (r *runner) previous(ctx context.Context, l *lane, e *feed.Event) (last uuid.UUID, err error) {
	_, kind, subject := laneOf(e)
	if kind != kindOrder || e.Aggregate.Type == domain.AggregateOrder && e.Version == 1 {
		return uuid.Nil, nil
	}
	cursor := r.endpoint.since
	if begin, _ := feed.PositionOf(cursor); e.Position() <= begin {
		if cursor = ""; l.ofOrder() {
			cursor = l.cursor
		}
	}
	for {
		q := r.endpoint.Query(cursor, feed.LimitMax)
		q.OrderID, q.Personal = subject, false
		page, err := r.d.feed.Page(ctx, q)
		if err != nil {
			return uuid.Nil, fmt.Errorf("look for the event before %s: %w", e.EventID, err)
		}
		for _, other := range page.Events {
			if other.Position() >= e.Position() {
				return last, nil
			}
			last = other.EventID
		}
		if cursor = page.Next; !page.More {
			return last, nil
		}
	}
}
