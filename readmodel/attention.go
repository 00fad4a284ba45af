package readmodel

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
)

// Waiting is one thing that waits for a person, and where it belongs. Its JSON is what the API shows.
type Waiting struct {
	attention.Item
	// OrderID, OrderNumber and OrderStatus are those of the order that it belongs to, as far as there is one and the
	// views know it. PaymentID is that of its payment, for the causes that are facts of an order.
	OrderID     uuid.UUID    `json:"order_id,omitzero"`
	OrderNumber string       `json:"order_number,omitempty"`
	OrderStatus order.Status `json:"order_status,omitempty"`
	PaymentID   uuid.UUID    `json:"payment_id,omitzero"`
	// WorkflowID and RunID are those of a saga that is gone or fails. A saga that is gone has no run.
	WorkflowID string `json:"workflow_id,omitempty"`
	RunID      string `json:"run_id,omitempty"`
	// Parked is the stream of an aggregate that a projection can't go on with.
	Parked *ParkedStream `json:"parked,omitempty"`
}

// ParkedStream is the stream of a parked aggregate. Its event of this version and type fails.
type ParkedStream struct {
	Projection    string    `json:"projection"`
	AggregateType string    `json:"aggregate_type"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	Version       int64     `json:"version"`
	EventType     string    `json:"event_type"`
}

// AttentionQuery asks for a page of what waits for a person. The zero value asks for the [PageSizeDefault] that have
// waited longest.
type AttentionQuery struct {
	// Cause chooses one of [attention.AllCauses].
	Cause attention.Cause
	// AttentionID chooses one thing.
	AttentionID uuid.UUID
	// Cursor is the NextCursor of the page before; empty for the first page.
	Cursor string
	// Limit is from 1 to [PageSizeMax]; 0 is [PageSizeDefault].
	Limit int
}

// AttentionPage is a page of what waits for a person.
type AttentionPage struct {
	Items []Waiting
	// NextCursor is empty on the last page.
	NextCursor string
}

// waitingQuery reads what waits: what the views show of orders, sagas, and parked aggregates. Each row is an
// [attention.Item] as JSON without what the columns tell. Those of a cause are found by the causes of their order.
//
// What waits at one order stands together, and the order that has waited longest first. A saga and a parked aggregate
// stand for themselves. So each of the three reads no more than a page, in the order of an index. It
// begins where the page before has ended, and has $8 rows. For one thing alone all are read: $8 is NULL.
const waitingQuery = `
	SELECT w.attention_id, w.cause, w.since, w.item, w.order_id, w.order_number, w.order_status, w.workflow_id, w.run_id, w.stream,
		w.first_since, w.subject FROM (
		SELECT (i->>'attention_id')::uuid attention_id, i->>'cause' cause, (i->>'since')::timestamptz since, i::text item, v.order_id, v.order_number,
			v.status order_status, NULL workflow_id, NULL run_id, NULL stream, v.attention_since first_since, v.order_id subject
		FROM (SELECT order_id, order_number, status, shown, attention_since FROM orderloom.order_views
			WHERE attention_since IS NOT NULL AND ($1 = '' OR attention @> ARRAY[$1])
				AND (attention_since, order_id) >= (coalesce($3::timestamptz, '-infinity'), coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'))
			ORDER BY attention_since, order_id LIMIT $8) v, json_array_elements(v.shown->'attention') i
		UNION ALL
		SELECT attention_id, cause, since, json_build_object('detail', detail, 'attempts', attempts)::text, order_id, order_number,
			(SELECT status FROM orderloom.order_views v WHERE v.order_id = s.order_id), workflow_id, run_id, NULL, since, attention_id
		FROM (SELECT * FROM orderloom.waiting_sagas
			WHERE ($1 = '' OR cause = $1)
				AND (since, attention_id) >= (coalesce($3::timestamptz, '-infinity'), coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'))
			ORDER BY since, attention_id LIMIT $8) s
		UNION ALL
		SELECT p.attention_id, 'parked', parked_at, json_build_object('detail', error, 'attempts', attempts)::text, v.order_id, v.order_number,
			v.status, NULL, NULL, json_build_object('projection', projection, 'aggregate_type', aggregate_type, 'aggregate_id', aggregate_id,
				'version', p.version, 'event_type', event_type)::text, parked_at, p.attention_id
		FROM (SELECT * FROM orderloom.parked_streams
			WHERE (parked_at, attention_id) >= (coalesce($3::timestamptz, '-infinity'), coalesce($4::uuid, '00000000-0000-0000-0000-000000000000'))
			ORDER BY parked_at, attention_id LIMIT $8) p
			LEFT JOIN orderloom.order_views v ON p.aggregate_type = 'order' AND v.order_id = p.aggregate_id
	) w
	WHERE ($1 = '' OR w.cause = $1) AND ($2::uuid IS NULL OR w.attention_id = $2)
		AND ($3::timestamptz IS NULL OR (w.first_since, w.subject, w.since, w.attention_id) > ($3, $4::uuid, $5::timestamptz, $6::uuid))
	ORDER BY w.first_since, w.subject, w.since, w.attention_id LIMIT $7`

// Attention returns a page of what waits for a person, what has waited longest first. What waits at one order stands
// together. Errors: [domain.Invalids] for a query that makes no sense, among them a cursor of another list.
func (r *Reader) Attention(ctx context.Context, q AttentionQuery) (AttentionPage, error) {
	return Attention(ctx, r.pool, q)
}

// Attention is [Reader.Attention] for who has no reader.
func Attention(ctx context.Context, db Querier, q AttentionQuery) (AttentionPage, error) {
	var bad domain.Invalids
	limit := pageLimit(&bad, q.Limit)
	if all := attention.AllCauses(); q.Cause != "" && !slices.Contains(all, q.Cause) {
		bad.Add("cause", "must be one of %v, got %q", all, q.Cause)
	}
	after := q.decodeCursor(&bad)
	if err := bad.Err(); err != nil {
		return AttentionPage{}, err
	}
	read := new(limit + 2) // one that is only there to be known of, and the order in which the page before has ended
	if q.AttentionID != uuid.Nil {
		read = nil
	}
	rows, err := db.Query(ctx, waitingQuery, q.Cause, orNull(q.AttentionID), orNullTime(after.FirstSince), orNull(after.Subject),
		orNullTime(after.Since), after.ID, limit+1, read)
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list what needs attention: %w", err)
	}
	page := AttentionPage{Items: make([]Waiting, 0, limit)}
	var last attentionCursor
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		if len(page.Items) == limit {
			page.NextCursor = last.text(q)
			return struct{}{}, nil
		}
		w, at, err := scanWaiting(row)
		page.Items, last = append(page.Items, w), at
		return struct{}{}, err
	})
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list what needs attention: %w", err)
	}
	return page, nil
}

// scanWaiting reads a row of [waitingQuery].
func scanWaiting(row pgx.CollectableRow) (w Waiting, at attentionCursor, err error) {
	var id uuid.UUID
	var cause attention.Cause
	var since time.Time
	var item string
	var orderID *uuid.UUID
	var number, status, workflowID, runID, stream *string
	err = row.Scan(&id, &cause, &since, &item, &orderID, &number, &status, &workflowID, &runID, &stream, &at.FirstSince, &at.Subject)
	if err != nil {
		return w, at, err
	}
	at.Since, at.ID = since, id
	if err := json.Unmarshal([]byte(item), &w.Item); err != nil {
		return w, at, fmt.Errorf("%w: %w", ErrUnreadableRow, err)
	}
	w.AttentionID, w.Cause, w.Since = id, cause, since.UTC()
	ofOrder := workflowID == nil && stream == nil
	if !ofOrder {
		w.Actions = attention.Elsewhere(cause)
	}
	if orderID != nil {
		w.OrderID = *orderID
	}
	if ofOrder {
		w.PaymentID = payment.ID(w.OrderID)
	}
	w.OrderNumber, w.OrderStatus = textOf(number), order.Status(textOf(status))
	w.WorkflowID, w.RunID = textOf(workflowID), textOf(runID)
	if stream != nil {
		w.Parked = new(ParkedStream)
		err = json.Unmarshal([]byte(*stream), w.Parked)
	}
	return w, at, err
}

func textOf(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func orNull(id uuid.UUID) *uuid.UUID {
	if id == uuid.Nil {
		return nil
	}
	return &id
}

// fingerprint tells one list from another: all of the query but the page.
func (q AttentionQuery) fingerprint() string { return "attention/" + string(q.Cause) }

// attentionCursor is where a page ended: its last item, and what the item waits at. The times are as the database keeps
// them.
type attentionCursor struct {
	FirstSince time.Time `json:"f"`
	Subject    uuid.UUID `json:"s"`
	Since      time.Time `json:"k"`
	ID         uuid.UUID `json:"i"`
	// Query tells which list the cursor is of.
	Query string `json:"q"`
}

// text is the cursor of a list.
func (c attentionCursor) text(q AttentionQuery) string {
	c.FirstSince, c.Since, c.Query = c.FirstSince.UTC(), c.Since.UTC(), q.fingerprint()
	return writeCursor(c)
}

func orNullTime(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	return &at
}

// decodeCursor returns the zero cursor for the first page.
func (q AttentionQuery) decodeCursor(bad *domain.Invalids) attentionCursor {
	if q.Cursor == "" {
		return attentionCursor{}
	}
	c, err := readCursor[attentionCursor](q.Cursor)
	switch {
	case err != nil || c.FirstSince.IsZero() || c.Since.IsZero():
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list of another cause")
	}
	return c
}

// AttentionCount is how much waits for a person of one cause.
type AttentionCount struct {
	Count int
	// Oldest is how long the first of it has waited, 0 where nothing waits.
	Oldest time.Duration
}

// An order that waits for one cause tells since when in a column. One that waits for several tells it in what is shown.
const attentionCounts = `
	SELECT cause, count(*), max(extract(epoch FROM now() - CASE WHEN cardinality(attention) = 1 THEN attention_since ELSE (
			SELECT min((i->>'since')::timestamptz) FROM json_array_elements(shown->'attention') i WHERE i->>'cause' = cause) END))::float8
	FROM orderloom.order_views, unnest(attention) cause WHERE attention IS NOT NULL GROUP BY cause
	UNION ALL SELECT cause, count(*), extract(epoch FROM now() - min(since))::float8 FROM orderloom.waiting_sagas GROUP BY cause
	UNION ALL SELECT $1, count(*), extract(epoch FROM now() - min(parked_at))::float8 FROM orderloom.parked_streams`

// AttentionCounts counts what waits for a person, by cause. Every cause is there, also with nothing. Of an order, each
// cause counts once. Parked aggregates count once for each projection.
func AttentionCounts(ctx context.Context, db Querier) (map[attention.Cause]AttentionCount, error) {
	counts := map[attention.Cause]AttentionCount{}
	for _, c := range attention.AllCauses() {
		counts[c] = AttentionCount{}
	}
	rows, err := db.Query(ctx, attentionCounts, attention.CauseParked)
	if err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	var cause attention.Cause
	var n int
	var seconds *float64
	_, err = pgx.ForEachRow(rows, []any{&cause, &n, &seconds}, func() error {
		c := AttentionCount{Count: n}
		if seconds != nil {
			c.Oldest = time.Duration(max(*seconds, 0) * float64(time.Second))
		}
		counts[cause] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	return counts, nil
}
