package webhooks

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/feed"
)

// Limits of what is asked for.
const (
	// ResendMax bounds how many events are named in one request to send them again.
	ResendMax = 100
	// lanesAskedMax bounds how many requests to send something wait at an endpoint.
	lanesAskedMax = 1000
	// LogPageMax and LogPageDefault are the sizes of pages of the log.
	LogPageMax     = 100
	LogPageDefault = 20
)

// CodeTooManyResends refuses to send more while so much is waiting.
const CodeTooManyResends domain.ErrorCode = "too_many_resends"

// Outcomes of an attempt in the log.
const (
	OutcomeDelivered = "delivered"
	OutcomeFailed    = "failed"
	// OutcomeGivenUp is the last failure of an event that was tried for [TriedFor]. It can be sent again.
	OutcomeGivenUp = "given_up"
)

// Delivery is an attempt in the log.
type Delivery struct {
	DeliveryID int64     `json:"-"`
	At         time.Time `json:"at"`
	// EventID is the Webhook-Id.
	EventID uuid.UUID  `json:"event_id"`
	Type    string     `json:"type"`
	OrderID *uuid.UUID `json:"order_id,omitempty"`
	Cursor  string     `json:"cursor,omitempty"`
	// Asked is true for what was asked for: a test, or to send something again.
	Asked   bool   `json:"asked"`
	Attempt int    `json:"attempt"`
	Outcome string `json:"outcome"`
	// Status is that of the answer; 0 without one.
	Status int    `json:"status,omitempty"`
	Error  string `json:"error,omitempty"`
	// Response is the beginning of the answer.
	Response string `json:"response,omitempty"`
	TookMS   int    `json:"took_ms"`
	// ResentAt is when an event that was given up was taken after all.
	ResentAt *time.Time `json:"resent_at,omitempty"`
}

// LogQuery asks for a page of the log of an endpoint, the newest first.
type LogQuery struct {
	EndpointID uuid.UUID
	// EventID and Outcome choose; zero values don't.
	EventID uuid.UUID
	Outcome string
	// Cursor is that of the page before; Limit is at most [LogPageMax], and 0 is [LogPageDefault].
	Cursor string
	Limit  int
}

// Deliveries returns a page of the log: attempts that have failed, those that have succeeded after that, and what was
// asked for. Errors: not_found; invalid for what is no cursor.
func (t *Table) Deliveries(ctx context.Context, account string, q LogQuery) (page []Delivery, next string, err error) {
	if _, err := t.Get(ctx, account, q.EndpointID); err != nil {
		return nil, "", err
	}
	before := int64(1<<63 - 1)
	if q.Cursor != "" {
		if before, err = strconv.ParseInt(q.Cursor, 36, 64); err != nil || before < 0 {
			return nil, "", domain.Invalids{domain.Invalid("cursor", "is not one that a list has returned")}
		}
	}
	limit := cmp.Or(q.Limit, LogPageDefault)
	rows, err := t.db.Query(ctx, `SELECT delivery_id, at, event_id, type, order_id, cursor, kind NOT IN ('order', 'aggregate', 'event'), attempt, outcome,
			status, error, response, took_ms, resent_at
		FROM orderloom.webhook_deliveries WHERE endpoint_id = $1 AND delivery_id < $2 AND ($3::uuid = $4::uuid OR event_id = $3) AND ($5 = '' OR outcome = $5)
		ORDER BY delivery_id DESC LIMIT $6`, q.EndpointID, before, q.EventID, uuid.Nil, q.Outcome, limit+1)
	if err != nil {
		return nil, "", wrap("read the log of an endpoint", err)
	}
	page, err = pgx.CollectRows(rows, pgx.RowToStructByPos[Delivery])
	if err != nil {
		return nil, "", wrap("read the log of an endpoint", err)
	}
	for i := range page {
		page[i].At = page[i].At.UTC()
	}
	if len(page) > limit {
		page = page[:limit]
		next = strconv.FormatInt(page[limit-1].DeliveryID, 36)
	}
	return page, next, nil
}

// HeldOrder is an order, or another aggregate, whose delivery has failed. It goes on by itself.
type HeldOrder struct {
	// Subject is the id of the order, or of the aggregate.
	Subject uuid.UUID `json:"order_id"`
	// Cursor is how far it has come.
	Cursor   string     `json:"cursor"`
	Attempts int        `json:"attempts"`
	FailedAt *time.Time `json:"failed_at,omitempty"`
	DueAt    time.Time  `json:"due_at"`
	Error    string     `json:"error,omitempty"`
}

// Held returns the orders that an endpoint holds back, at most [LanesMax]. Error: not_found.
func (t *Table) Held(ctx context.Context, account string, id uuid.UUID) ([]HeldOrder, error) {
	if _, err := t.Get(ctx, account, id); err != nil {
		return nil, err
	}
	rows, err := t.db.Query(ctx, `SELECT subject, cursor, attempts, failed_at, due_at, error FROM orderloom.webhook_lanes
		WHERE endpoint_id = $1 AND kind IN ('order', 'aggregate') AND attempts > 0 ORDER BY due_at, lane_id`, id)
	if err != nil {
		return nil, wrap("list the orders that are held back", err)
	}
	held, err := pgx.CollectRows(rows, pgx.RowToStructByPos[HeldOrder])
	for i := range held {
		held[i].DueAt = held[i].DueAt.UTC()
	}
	return held, wrap("list the orders that are held back", err)
}

// Resend asks to send events again. One of EventIDs, From and Undelivered says which.
type Resend struct {
	EndpointID uuid.UUID
	// RequestID makes the request repeatable.
	RequestID uuid.UUID
	// EventIDs are single events.
	EventIDs []uuid.UUID
	// From and Until are cursors: all that the endpoint gets after From, up to Until, or to its place of now.
	From, Until string
	// Undelivered asks for all events that were given up, and makes orders that are held back due at once.
	Undelivered bool
}

// Check names what is wrong, as [domain.Invalids].
func (r *Resend) Check() error {
	var bad domain.Invalids
	ways := 0
	for _, way := range []bool{len(r.EventIDs) > 0, r.From != "", r.Undelivered} {
		if way {
			ways++
		}
	}
	if ways != 1 {
		bad.Add("event_ids", "say one of event_ids, from_cursor and undelivered")
	}
	if len(r.EventIDs) > ResendMax {
		bad.Add("event_ids", "has at most %d events, got %d", ResendMax, len(r.EventIDs))
	}
	for field, cursor := range map[string]string{"from_cursor": r.From, "until_cursor": r.Until} {
		if _, err := feed.PositionOf(cursor); cursor != "" && err != nil {
			bad.Add(field, "is no cursor of the feed")
		}
	}
	if r.From != "" && r.Until != "" && len(bad) == 0 {
		from, _ := feed.PositionOf(r.From)
		if until, _ := feed.PositionOf(r.Until); until <= from {
			bad.Add("until_cursor", "must be after from_cursor")
		}
	}
	if r.Until != "" && r.From == "" {
		bad.Add("until_cursor", "goes together with from_cursor")
	}
	return bad.Err()
}

// CheckEvents names events that an endpoint can't send, and a cursor that is not of these events, as
// [domain.Invalids].
func (r *Resend) CheckEvents(ctx context.Context, e *Endpoint, events Feed) error {
	var bad domain.Invalids
	q := e.Query(r.From, 1)
	q.Personal = false
	if r.From != "" {
		_, err := events.Page(ctx, q)
		switch code := domain.Code(err); {
		case code == feed.CodeCursorLost || code == domain.CodeInvalid:
			bad.Add("from_cursor", "is no cursor of these events")
		case err != nil:
			return wrap("look for events to send again", err)
		}
	}
	for i, id := range r.EventIDs {
		_, err := events.Event(ctx, q, id)
		switch {
		case domain.Code(err) == domain.CodeNotFound:
			bad.Add(fmt.Sprintf("event_ids[%d]", i), "there is no event %s that the endpoint may send", id)
		case err != nil:
			return wrap("look for events to send again", err)
		}
	}
	return bad.Err()
}

// Resend sends events again, besides what is due: under the same ids, and not in the order of what is sent meanwhile.
// It may be repeated under the same request id. Errors: not_found; as [Resend.Check]; webhook_endpoint_disabled;
// too_many_resends.
func (t *Table) Resend(ctx context.Context, account string, r Resend) error {
	if err := r.Check(); err != nil {
		return err
	}
	lanes := []lane{}
	switch {
	case r.Undelivered:
		lanes = append(lanes, lane{id: kindUndelivered, kind: kindUndelivered})
	case r.From != "":
		lanes = append(lanes, lane{id: kindRange + ":" + r.RequestID.String(), kind: kindRange, cursor: r.From, until: r.Until})
	}
	for _, id := range r.EventIDs {
		lanes = append(lanes, lane{id: kindEvent + ":" + id.String(), kind: kindEvent, subject: id})
	}
	return t.ask(ctx, "send events again", account, r.EndpointID, lanes)
}

// Test sends a delivery without an event, and returns its id. It may be repeated under the same id. Errors: as Resend.
func (t *Table) Test(ctx context.Context, account string, endpoint, id uuid.UUID) error {
	return t.ask(ctx, "test an endpoint", account, endpoint, []lane{{id: kindTest + ":" + id.String(), kind: kindTest, subject: id}})
}

// ask puts lanes beside the place of an endpoint, and wakes who works on it.
func (t *Table) ask(ctx context.Context, doing, account string, endpoint uuid.UUID, lanes []lane) error {
	err := pgx.BeginFunc(ctx, t.db, func(tx pgx.Tx) error {
		e, err := update(ctx, tx, account, endpoint, `wakes = wakes + 1`)
		switch {
		case err != nil:
			return err
		case e.Disabled():
			return domain.Refuse(CodeEndpointDisabled, "the endpoint is disabled: enable it first")
		}
		var waiting int
		err = tx.QueryRow(ctx, `SELECT count(*) FROM orderloom.webhook_lanes WHERE endpoint_id = $1 AND kind NOT IN ('order', 'aggregate')`, endpoint).
			Scan(&waiting)
		if err != nil {
			return err
		}
		if waiting+len(lanes) > lanesAskedMax {
			return domain.Refuse(CodeTooManyResends, "%d requests wait at the endpoint already", waiting)
		}
		for _, l := range lanes {
			if l.kind == kindRange && l.until == "" {
				l.until = e.Cursor
			}
			if _, err := tx.Exec(ctx, `INSERT INTO orderloom.webhook_lanes (endpoint_id, lane_id, kind, subject, cursor, until)
				VALUES ($1, $2, $3, nullif($4::uuid, $5::uuid), $6, $7) ON CONFLICT (endpoint_id, lane_id) DO UPDATE SET due_at = now()`,
				endpoint, l.id, l.kind, l.subject, uuid.Nil, l.cursor, l.until); err != nil {
				return err
			}
			if l.kind == kindUndelivered {
				if _, err := tx.Exec(ctx, `UPDATE orderloom.webhook_lanes SET due_at = now() WHERE endpoint_id = $1 AND attempts > 0`, endpoint); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return notFound(doing, endpoint, err)
}

// States counts endpoints.
type States struct {
	Enabled int
	// Behind have something that is held back, or don't answer.
	Behind int
	// Warned have taken nothing for [WarnedAfter].
	Warned int
	// Disabled were disabled by the platform: for failures, or because the receiver is gone.
	Disabled int
}

// States counts the endpoints of all accounts.
func (t *Table) States(ctx context.Context) (s States, err error) {
	err = t.db.QueryRow(ctx, `SELECT count(*) FILTER (WHERE disabled_at IS NULL),
			count(*) FILTER (WHERE disabled_at IS NULL AND (rests > 0 OR EXISTS (SELECT FROM orderloom.webhook_lanes l
				WHERE l.endpoint_id = e.endpoint_id AND l.attempts > 0))),
			count(*) FILTER (WHERE disabled_at IS NULL AND failing_since < now() - make_interval(secs => $1)),
			count(*) FILTER (WHERE disabled_for IN ('gone', 'failures'))
		FROM orderloom.webhook_endpoints e`, WarnedAfter.Seconds()).Scan(&s.Enabled, &s.Behind, &s.Warned, &s.Disabled)
	return s, wrap("count the endpoints", err)
}

// String tells the counts, for people.
func (s States) String() string {
	return fmt.Sprintf("%d enabled, %d of them behind, %d disabled by failures", s.Enabled, s.Behind, s.Disabled)
}
