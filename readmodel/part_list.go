package readmodel

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
)

// PartKind is a sort of parts that orders have.
type PartKind string

// The sorts of parts that there are lists of.
const (
	PartPayments  PartKind = "payments"
	PartRefunds   PartKind = "refunds"
	PartReturns   PartKind = "returns"
	PartShipments PartKind = "shipments"
)

// PartQuery asks for a page of payments, refunds, returns or shipments. They come by the time at which their orders
// were placed, the newest first. The zero value but for its kind asks for the first [PageSizeDefault].
type PartQuery struct {
	Kind PartKind
	// Status is that of the part.
	Status     string
	OrderID    uuid.UUID
	CustomerID string
	// Location is where a shipment leaves from.
	Location string
	// CreatedFrom and CreatedTo are of the order: it was placed at this time or later, and before this one.
	// UpdatedSince chooses parts of orders that have changed at this time or later.
	CreatedFrom, CreatedTo, UpdatedSince time.Time
	// Cursor is the NextCursor of the page before; empty for the first page.
	Cursor string
	// Limit is from 1 to [PageSizeMax]; 0 is [PageSizeDefault].
	Limit int
}

// Part is a part of an order, and the order that it belongs to.
type Part struct {
	OrderID     uuid.UUID
	OrderNumber string
	CustomerID  string
	OrderedAt   time.Time
	// JSON is the part as the order shows it.
	JSON json.RawMessage
}

// PartPage is a page of parts of orders.
type PartPage struct {
	Parts []Part
	// NextCursor is empty on the last page.
	NextCursor string
}

// partSources say, for each kind, where its parts are read: as e.part, a JSON object, with its place e.n in the order.
var partSources = map[PartKind]string{
	PartPayments: `JOIN orderloom.payment_views p ON p.order_id = v.order_id CROSS JOIN LATERAL (SELECT 1::bigint AS n, json_build_object(
		'payment_id', p.payment_id, 'status', v.payment_status, 'gateway_ref', nullif(p.gateway_ref, ''), 'expires_at', p.expires_at,
		'authorized', json_build_object('amount', p.authorized_amount::text, 'currency', coalesce(nullif(p.currency, ''), v.currency)),
		'captured', json_build_object('amount', p.captured_amount::text, 'currency', coalesce(nullif(p.currency, ''), v.currency)),
		'refunded', json_build_object('amount', p.refunded_amount::text, 'currency', coalesce(nullif(p.currency, ''), v.currency))) AS part) e`,
	PartRefunds:   `CROSS JOIN LATERAL json_array_elements(v.shown->'refunds') WITH ORDINALITY AS e(part, n)`,
	PartReturns:   `CROSS JOIN LATERAL json_array_elements(v.shown->'returns') WITH ORDINALITY AS e(part, n)`,
	PartShipments: `CROSS JOIN LATERAL json_array_elements(v.shown->'shipments') WITH ORDINALITY AS e(part, n)`,
}

// Parts returns a page of parts of orders. Errors: [domain.Invalids] for a query that makes no sense, among them a
// cursor of another list.
func (r *Reader) Parts(ctx context.Context, q PartQuery) (PartPage, error) {
	sql, args, limit, err := q.statement()
	if err != nil {
		return PartPage{}, err
	}
	rows, err := r.pool.Query(ctx, sql, args...)
	if err != nil {
		return PartPage{}, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	var ordinals []int
	parts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (p Part, err error) {
		var n int
		var text []byte
		err = row.Scan(&p.OrderID, &p.OrderNumber, &p.CustomerID, &p.OrderedAt, &n, &text)
		p.OrderedAt, p.JSON = p.OrderedAt.UTC(), text
		ordinals = append(ordinals, n)
		if err == nil && q.Kind == PartPayments {
			p.JSON, err = paymentPart(text)
		}
		return p, err
	})
	if err != nil {
		return PartPage{}, fmt.Errorf("list %s: %w", q.Kind, err)
	}
	page := PartPage{Parts: parts}
	if len(parts) > limit {
		page.Parts = parts[:limit]
		page.NextCursor = q.cursorAfter(parts[limit-1], ordinals[limit-1])
	}
	return page, nil
}

// paymentPart is a payment as the list of payments shows it: amounts have the digits of their currency.
func paymentPart(text []byte) ([]byte, error) {
	var p struct {
		PaymentID  uuid.UUID   `json:"payment_id"`
		Status     string      `json:"status"`
		Authorized money.Money `json:"authorized"`
		Captured   money.Money `json:"captured"`
		Refunded   money.Money `json:"refunded"`
		GatewayRef string      `json:"gateway_ref,omitempty"`
		ExpiresAt  *time.Time  `json:"expires_at,omitempty"`
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadableRow, err)
	}
	return json.Marshal(p)
}

// statement returns the SQL of a query, which reads one part more than the page holds.
func (q PartQuery) statement() (sql string, args []any, limit int, err error) {
	var bad domain.Invalids
	limit = pageLimit(&bad, q.Limit)
	after := q.decodeCursor(&bad)
	if err := bad.Err(); err != nil {
		return "", nil, 0, err
	}
	var chosen conditions
	add := chosen.add
	add("v.created_at IS NOT NULL")
	q.addStatus(add)
	if q.OrderID != uuid.Nil {
		add("v.order_id = ?", q.OrderID)
	}
	if q.CustomerID != "" {
		add("v.customer_id = ?", q.CustomerID)
	}
	if q.Location != "" {
		add("e.part->>'location' = ?", q.Location)
	}
	for _, t := range []struct {
		condition string
		at        time.Time
	}{{"v.created_at >= ?", q.CreatedFrom}, {"v.created_at < ?", q.CreatedTo}, {"v.updated_at >= ?", q.UpdatedSince}} {
		if !t.at.IsZero() {
			add(t.condition, t.at)
		}
	}
	if after != nil {
		key, id, n := chosen.argument(after.Key), chosen.argument(after.ID), chosen.argument(after.Part)
		add(fmt.Sprintf(`(v.created_at, v.order_id) <= (%[1]s::text::timestamptz, %[2]s::uuid)
			AND ((v.created_at, v.order_id) < (%[1]s::text::timestamptz, %[2]s::uuid) OR e.n > %[3]s)`, key, id, n))
	}
	most := chosen.argument(limit + 1)
	return fmt.Sprintf(`SELECT v.order_id, coalesce(v.order_number, ''), coalesce(v.customer_id, ''), v.created_at, e.n, e.part
		FROM orderloom.order_views v %s WHERE %s ORDER BY v.created_at DESC, v.order_id DESC, e.n LIMIT %s`,
		partSources[q.Kind], &chosen, most), chosen.args, limit, nil
}

// addStatus chooses by the status, and by what the index of parts tells.
func (q PartQuery) addStatus(add func(condition string, values ...any)) {
	indexed := map[PartKind]string{PartRefunds: partRefund, PartReturns: partReturn}[q.Kind]
	switch {
	case q.Kind == PartPayments && q.Status != "":
		add("v.payment_status = ?", q.Status)
		return
	case q.Kind == PartShipments && q.Status != "" && q.Status != string(order.ShipmentStatusDelivered):
		indexed = partShipment + ":" + q.Status
	case indexed != "" && q.Status != "":
		indexed += ":" + q.Status
	}
	if indexed != "" {
		add("v.parts IS NOT NULL AND v.parts @> ARRAY[?::text]", indexed)
	}
	if q.Status != "" {
		add("e.part->>'status' = ?", q.Status)
	}
}

// fingerprint tells one list from another: all of the query but the page.
func (q PartQuery) fingerprint() string {
	text := fmt.Sprintf("%q %q %s %q %q %d %d %d", q.Kind, q.Status, q.OrderID, q.CustomerID, q.Location,
		q.CreatedFrom.UnixMicro(), q.CreatedTo.UnixMicro(), q.UpdatedSince.UnixMicro())
	sum := sha256.Sum256([]byte(text))
	return base64.RawURLEncoding.EncodeToString(sum[:6])
}

func (q PartQuery) cursorAfter(last Part, n int) string {
	return writeCursor(cursor{Key: timeKey(last.OrderedAt), ID: last.OrderID, Query: q.fingerprint(), Part: n})
}

// decodeCursor returns nil for the first page.
func (q PartQuery) decodeCursor(bad *domain.Invalids) *cursor {
	if q.Cursor == "" {
		return nil
	}
	c, err := readCursor[cursor](q.Cursor)
	if err == nil {
		err = errors.Join(checkTimeKey(c.Key), checkNumberKey(int64(c.Part)))
	}
	switch {
	case err != nil:
		bad.Add("cursor", "is not one that a list has returned")
	case c.Query != q.fingerprint():
		bad.Add("cursor", "belongs to a list with other filters")
	}
	return &c
}
