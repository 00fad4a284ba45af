package webhooks

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/breaker"
)

// onSent goes on after an attempt.
func (r *runner) onSent(ctx context.Context, s sent) {
	l := s.lane
	switch {
	case s.turnedAway:
		r.again(ctx, s)
	case s.err == nil:
		r.noteSuccess(s)
		if l.attempts > 0 || !l.ofOrder() {
			r.record(s, OutcomeDelivered)
		}
		if s.item.row != 0 {
			r.resent = append(r.resent, s.item.row)
		}
		r.done(l, s.item)
	default:
		r.noteFailure(ctx, s)
		r.onFailure(ctx, s)
	}
}

// again puts back what was not sent.
func (r *runner) again(ctx context.Context, s sent) {
	pause := storePause
	if open := (*breaker.OpenError)(nil); errors.As(s.err, &open) {
		pause = time.Second
	} else if ctx.Err() == nil {
		r.complain(ctx, s.err)
	}
	r.until = later(r.until, r.d.now().Add(pause))
	if l := s.lane; !l.held && r.over[l.id] == nil {
		r.ready = append([]*lane{l}, r.ready...)
	}
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// complain tells the log, not too often, that the database gets in the way.
func (r *runner) complain(ctx context.Context, err error) {
	if r.complaint.Due(err) {
		r.d.log.WarnContext(ctx, "webhooks can't read or write the database, trying again", "endpoint_id", r.endpoint.EndpointID, "error", err)
	}
}

// noteSuccess notes that the endpoint takes deliveries.
func (r *runner) noteSuccess(s sent) {
	e := &r.endpoint
	at := s.at
	e.SucceededAt, e.FailingSince, e.warnedAt, e.LastError, e.rests = &at, nil, nil, "", 0
	r.delivered++
	r.probing, r.until, r.changed = false, time.Time{}, true
}

// noteFailure notes that an attempt has failed, and what follows for the endpoint as a whole.
func (r *runner) noteFailure(ctx context.Context, s sent) {
	e, now := &r.endpoint, r.d.now()
	if e.FailingSince == nil {
		at := s.at
		e.FailingSince = &at
	}
	e.LastError, r.changed = s.err.Error(), true
	failing := now.Sub(*e.FailingSince)
	switch {
	case s.status == http.StatusGone:
		r.endedFor = ForGone
	case failing >= DisabledAfter:
		r.endedFor = ForFailures
	case failing >= WarnedAfter && e.warnedAt == nil:
		e.warnedAt = &now
		r.d.log.WarnContext(ctx, "an endpoint of webhooks has taken nothing for days, and will be disabled", "endpoint_id", e.EndpointID,
			"account", e.Account, "failing_since", *e.FailingSince, "disables_at", e.FailingSince.Add(DisabledAfter), "error", s.err)
	}
	if r.endedFor != "" {
		r.d.log.WarnContext(ctx, "an endpoint of webhooks is disabled", "endpoint_id", e.EndpointID, "account", e.Account, "reason", r.endedFor, "error", s.err)
	}
	if r.resting() { // what was on its way when the rest began
		return
	}
	if s.retryAfter > 0 {
		r.until = now.Add(s.retryAfter)
	}
	if r.probing || r.breaker.Err() != nil {
		e.rests++
		r.probing, r.until = true, later(r.until, now.Add(step(rests, e.rests)))
	}
}

// onFailure holds a lane back after an attempt that has failed, or gives the event up.
func (r *runner) onFailure(_ context.Context, s sent) {
	l, now := s.lane, r.d.now()
	if l.failedAt.IsZero() {
		l.failedAt = s.at
	}
	given := l.kind == kindTest // a test is not repeated
	if e := &r.endpoint; now.Sub(l.failedAt) >= TriedFor && e.SucceededAt != nil && e.SucceededAt.After(l.failedAt) {
		given = true // the endpoint takes others
	}
	l.err = s.err.Error()
	switch {
	case given && l.kind == kindTest:
		r.record(s, OutcomeFailed)
		r.done(l, s.item)
		return
	case given:
		r.record(s, OutcomeGivenUp)
		r.done(l, s.item)
		return
	}
	r.record(s, OutcomeFailed)
	l.attempts++
	l.due = now.Add(max(step(pauses, l.attempts), s.retryAfter))
	if l.held {
		l.queue, l.dirty = nil, true
		return
	}
	r.hold(l)
}

// hold gives a lane a row of its own, so that the place can go on without it. Where too many have one, the place waits.
func (r *runner) hold(l *lane) {
	n := 0
	for _, other := range r.held {
		if other.ofOrder() && !other.joined {
			n++
		}
	}
	if n >= LanesMax {
		r.over[l.id] = l
		return
	}
	first := l.queue[0]
	l.held, l.joined, l.dirty, r.changed = true, false, true, true
	l.cursor = first.before
	l.at, _ = feed.PositionOf(first.before) // it is a cursor, or empty for the begin
	l.version = first.event.Version - 1
	l.left = l.queue[len(l.queue)-1].event.Position()
	for _, it := range l.queue {
		it.entry.done = true
	}
	l.queue, l.more = nil, true
	r.held[l.id] = l
	delete(r.flows, l.id)
	delete(r.over, l.id)
	r.advance()
}

// done moves a lane past its head, which was taken or given up.
func (r *runner) done(l *lane, it item) {
	if l.ofOrder() {
		r.latest.Add(l.id, it.event.EventID)
	}
	l.attempts, l.failedAt, l.err, l.due = 0, time.Time{}, "", r.d.now()
	l.queue = l.queue[1:]
	if !l.held {
		it.entry.done = true
		r.advance()
		delete(r.over, l.id)
		if len(l.queue) == 0 {
			delete(r.flows, l.id)
		} else {
			r.ready = append(r.ready, l)
		}
		return
	}
	if l.dirty, r.changed = true, true; l.ofOrder() || l.kind == kindRange {
		l.cursor, l.at, l.version = it.event.Cursor, it.event.Position(), it.event.Version
	}
	if len(l.queue) == 0 {
		r.emptied(l)
	}
}

// onFetched goes on after a read of a held lane.
func (r *runner) onFetched(ctx context.Context, f fetched) {
	l := f.lane
	if f.err != nil {
		if ctx.Err() == nil {
			r.complain(ctx, f.err)
		}
		l.due = r.d.now().Add(storePause)
		return
	}
	l.queue, l.more, l.next, l.nextAt = f.items, f.more, f.cursor, f.at
	if len(l.queue) == 0 {
		r.emptied(l)
	}
}

// emptied goes on once a held lane has sent what it has read. Without more, an order is left to the place again.
func (r *runner) emptied(l *lane) {
	if l.next != "" {
		l.cursor, l.at, l.next = l.next, l.nextAt, ""
	}
	l.dirty, r.changed, l.due = true, true, r.d.now()
	switch {
	case l.more:
	case !l.ofOrder():
		l.gone = true
	case l.left <= l.at:
		l.joined, l.attempts = true, 0
		r.holdOthers()
	}
}

// holdOthers gives rows to lanes that had to wait for one.
func (r *runner) holdOthers() {
	for _, l := range r.over {
		if !l.busy {
			delete(r.over, l.id)
			r.hold(l)
			return
		}
	}
}

// logRow is a row of the log.
type logRow struct {
	s       sent
	kind    string
	attempt int
	outcome string
}

// logMax bounds the rows that wait to be written while the database is away; the oldest are dropped.
const logMax = 1000

// record puts an attempt into the log.
func (r *runner) record(s sent, outcome string) {
	kind := s.lane.kind
	if s.lane.ofOrder() {
		kind = flowing
	}
	if len(r.log) == logMax {
		r.log = r.log[1:]
	}
	r.log = append(r.log, logRow{s: s, kind: kind, attempt: s.lane.attempt(), outcome: outcome})
	r.changed = true
}

// idOf is the id under which an attempt was made.
func (s *sent) idOf() uuid.UUID {
	if s.lane.kind == kindTest {
		return s.lane.subject
	}
	return s.item.event.EventID
}
