package readmodel

import (
	"cmp"
	"context"
	"encoding/base64"
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

// waitingQuery reads all that waits: what the views show of orders, sagas, and parked aggregates. Each row is an
// [attention.Item] as JSON without what the columns tell. Those of a cause are found by the causes of their order.
const waitingQuery = `
	SELECT w.attention_id, w.cause, w.since, w.item, w.order_id, w.order_number, w.order_status, w.workflow_id, w.run_id, w.stream FROM (
		SELECT (i->>'attention_id')::uuid attention_id, i->>'cause' cause, (i->>'since')::timestamptz since, i::text item, order_id, order_number,
			status order_status, NULL workflow_id, NULL run_id, NULL stream
		FROM orderloom.order_views, json_array_elements(shown->'attention') i
		WHERE attention IS NOT NULL AND ($1 = '' OR attention @> ARRAY[$1])
		UNION ALL
		SELECT attention_id, cause, since, json_build_object('detail', detail, 'attempts', attempts)::text, order_id, order_number,
			(SELECT status FROM orderloom.order_views v WHERE v.order_id = s.order_id), workflow_id, run_id, NULL
		FROM orderloom.waiting_sagas s
		UNION ALL
		SELECT p.attention_id, 'parked', parked_at, json_build_object('detail', error, 'attempts', attempts)::text, v.order_id, v.order_number,
			v.status, NULL, NULL, json_build_object('projection', projection, 'aggregate_type', aggregate_type, 'aggregate_id', aggregate_id,
				'version', p.version, 'event_type', event_type)::text
		FROM orderloom.parked_streams p LEFT JOIN orderloom.order_views v ON p.aggregate_type = 'order' AND v.order_id = p.aggregate_id
	) w
	WHERE ($1 = '' OR w.cause = $1) AND ($2::uuid IS NULL OR w.attention_id = $2)
		AND ($3::timestamptz IS NULL OR (w.since, w.attention_id) > ($3, $4::uuid))
	ORDER BY w.since, w.attention_id LIMIT $5`

// Attention returns a page of what waits for a person, what has waited longest first. Errors: [domain.Invalids] for a
// query that makes no sense, among them a cursor of another list.
func (r *Reader) Attention(ctx context.Context, q AttentionQuery) (AttentionPage, error) {
	return Attention(ctx, r.pool, q)
}

// Attention is [Reader.Attention] for who has no reader.
func Attention(ctx context.Context, db Querier, q AttentionQuery) (AttentionPage, error) {
	var bad domain.Invalids
	limit := cmp.Or(q.Limit, PageSizeDefault)
	if limit < 1 || limit > PageSizeMax {
		bad.Add("limit", "must be from 1 to %d, got %d", PageSizeMax, q.Limit)
	}
	if all := attention.AllCauses(); q.Cause != "" && !slices.Contains(all, q.Cause) {
		bad.Add("cause", "must be one of %v, got %q", all, q.Cause)
	}
	after := q.decodeCursor(&bad)
	if err := bad.Err(); err != nil {
		return AttentionPage{}, err
	}
	rows, err := db.Query(ctx, waitingQuery, q.Cause, orNull(q.AttentionID), after.since(), after.ID, limit+1)
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list what needs attention: %w", err)
	}
	items, err := pgx.CollectRows(rows, scanWaiting)
	if err != nil {
		return AttentionPage{}, fmt.Errorf("list what needs attention: %w", err)
	}
	page := AttentionPage{Items: items}
	if len(items) > limit {
		page.Items = items[:limit]
		page.NextCursor = q.cursorAfter(items[limit-1])
	}
	return page, nil
}

// scanWaiting reads a row of [waitingQuery].
func scanWaiting(row pgx.CollectableRow) (w Waiting, err error) {
	var id uuid.UUID
	var cause attention.Cause
	var since time.Time
	var item string
	var orderID *uuid.UUID
	var number, status, workflowID, runID, stream *string
	if err := row.Scan(&id, &cause, &since, &item, &orderID, &number, &status, &workflowID, &runID, &stream); err != nil {
		return w, err
	}
	if err := json.Unmarshal([]byte(item), &w.Item); err != nil {
		return w, fmt.Errorf("%w: %w", ErrUnreadableRow, err)
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
	return w, err
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

// cursorAfter is where a page ended. The time is as the database keeps it.
func (q AttentionQuery) cursorAfter(last Waiting) string {
	b := fmt.Appendf(nil, `{"k":"%s","i":"%s","q":"%s"}`, last.Since.Format(time.RFC3339Nano), last.AttentionID, q.fingerprint())
	return base64.RawURLEncoding.EncodeToString(b)
}

// decodeCursor returns the zero cursor for the first page.
func (q AttentionQuery) decodeCursor(bad *domain.Invalids) (c cursor) {
	if q.Cursor == "" {
		return c
	}
	b, err := base64.RawURLEncoding.DecodeString(q.Cursor)
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err == nil {
		_, err = time.Parse(time.RFC3339Nano, c.Key)
	}
	switch {
	case err != nil:
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list of another cause")
	}
	return c
}

// since is the time of a cursor whose key is one; nil for the zero cursor.
func (c cursor) since() *time.Time {
	at, err := time.Parse(time.RFC3339Nano, c.Key)
	if err != nil {
		return nil
	}
	return &at
}

// AttentionCounts counts what waits for a person, by cause. Every cause is there, also with nothing. Of an order, each
// cause counts once. Parked aggregates count once for each projection.
func AttentionCounts(ctx context.Context, db Querier) (map[attention.Cause]int, error) {
	counts := map[attention.Cause]int{}
	for _, c := range attention.AllCauses() {
		counts[c] = 0
	}
	rows, err := db.Query(ctx, `
		SELECT cause, count(*) FROM orderloom.order_views, unnest(attention) cause WHERE attention IS NOT NULL GROUP BY cause
		UNION ALL SELECT cause, count(*) FROM orderloom.waiting_sagas GROUP BY cause
		UNION ALL SELECT $1, count(*) FROM orderloom.parked_streams`, attention.CauseParked)
	if err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	var cause attention.Cause
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&cause, &n}, func() error { counts[cause] = n; return nil }); err != nil {
		return nil, fmt.Errorf("count what needs attention: %w", err)
	}
	return counts, nil
}
