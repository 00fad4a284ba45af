package webhooks

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/drain"
)

// saveTimeout bounds a write.
const saveTimeout = 5 * time.Second

// errLost ends the work on an endpoint that another process has, or that was disabled or deleted.
var errLost = errors.New("the endpoint is no longer this process's")

// saveDue tells when there is something to write; any is false for nothing.
func (r *runner) saveDue() (due time.Time, any bool) {
	switch {
	case r.changed:
		return r.savedAt.Add(saveEvery), true
	case r.place.at > r.endpoint.place:
		return r.savedAt.Add(idleSaveEvery), true
	}
	return time.Time{}, false
}

// saveIfDue writes what has changed, some time after the last write. A database that is away is tried again.
func (r *runner) saveIfDue(ctx context.Context) error {
	if due, any := r.saveDue(); r.endedFor == "" && (!any || time.Now().Before(due)) {
		return nil
	}
	err := r.save(ctx)
	if err != nil && !errors.Is(err, errLost) && ctx.Err() == nil {
		r.complain(ctx, err)
		r.savedAt, r.endedFor = time.Now(), "" // it ends the next time that it fails
		return nil
	}
	return err
}

// save writes the place with the rows of held lanes, in one transaction. So an event that has failed never lies before
// the place without a row.
func (r *runner) save(ctx context.Context) error {
	ctx, cancel := drain.Timeout(ctx, saveTimeout)
	defer cancel()
	var left []*lane
	for _, l := range r.held {
		if l.gone || l.joined && r.place.at >= l.at {
			left = append(left, l)
		}
	}
	err := pgx.BeginFunc(ctx, r.d.db, func(tx pgx.Tx) error {
		if err := r.savePlace(ctx, tx); err != nil {
			return err
		}
		var b pgx.Batch
		r.queueLanes(&b, left)
		r.queueLog(&b)
		if b.Len() == 0 {
			return nil
		}
		return tx.SendBatch(ctx, &b).Close()
	})
	if err != nil {
		return err
	}
	for _, l := range left {
		delete(r.held, l.id)
	}
	for _, l := range r.held {
		l.dirty = false
	}
	r.endpoint.place, r.endpoint.Cursor = r.place.at, r.place.cursor
	r.delivered, r.log, r.resent, r.changed, r.savedAt = 0, nil, nil, false, time.Now()
	return nil
}

// savePlace writes how far the endpoint has come, unless somebody has moved its place meanwhile. How it fares is
// written only while its settings are those that this process knows. For a change ends a rest, and an address that is
// gone is no reason to disable another one. Where other events are chosen by now, they begin at this place.
func (r *runner) savePlace(ctx context.Context, tx pgx.Tx) error {
	e := &r.endpoint
	var until *time.Time
	if r.resting() {
		until = &r.until
	}
	tag, err := tx.Exec(ctx, `UPDATE orderloom.webhook_endpoints SET cursor = $3, delivered = delivered + $4, succeeded_at = $5, last_error = nullif($8, ''),
			failing_since = CASE WHEN revision = $12 THEN $6 ELSE failing_since END, warned_at = CASE WHEN revision = $12 THEN $7 ELSE warned_at END,
			rests = CASE WHEN revision = $12 THEN $9 ELSE rests END, rests_until = CASE WHEN revision = $12 THEN $10 ELSE rests_until END,
			disabled_at = CASE WHEN revision = $12 AND $11 <> '' THEN now() END,
			disabled_for = CASE WHEN revision = $12 THEN nullif($11, '') END,
			since = CASE WHEN (types, channel, scopes, channels) IS DISTINCT FROM ($14::text[], nullif($15, ''), $16::text[], $17::text[]) THEN $3 ELSE since END
		WHERE endpoint_id = $1 AND worker_id = $2 AND disabled_at IS NULL AND cursor = $13`,
		e.EndpointID, r.d.id, r.place.cursor, r.delivered, e.SucceededAt, e.FailingSince, e.warnedAt, e.LastError, e.rests, until, r.endedFor,
		e.revision, e.Cursor, e.Types, e.Channel, e.scopes, e.channels)
	if err != nil {
		return fmt.Errorf("write the place of an endpoint: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return errLost
	}
	return nil
}

// queueLanes writes the rows of lanes that have changed, and deletes those of lanes that are left.
func (r *runner) queueLanes(b *pgx.Batch, left []*lane) {
	for _, l := range left {
		b.Queue(`DELETE FROM orderloom.webhook_lanes WHERE endpoint_id = $1 AND lane_id = $2`, r.endpoint.EndpointID, l.id)
	}
	for _, l := range r.held {
		if !l.dirty || l.gone || l.joined && r.place.at >= l.at {
			continue
		}
		var failedAt *time.Time
		if !l.failedAt.IsZero() {
			failedAt = &l.failedAt
		}
		b.Queue(`INSERT INTO orderloom.webhook_lanes (endpoint_id, lane_id, kind, subject, aggregate, cursor, version, until, attempts, failed_at, due_at, error)
			VALUES ($1, $2, $3, nullif($4::uuid, $13::uuid), $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (endpoint_id, lane_id) DO UPDATE SET cursor = excluded.cursor, version = excluded.version, attempts = excluded.attempts,
				failed_at = excluded.failed_at, due_at = excluded.due_at, error = excluded.error`,
			r.endpoint.EndpointID, l.id, l.kind, l.subject, l.aggregate, l.cursor, l.version, l.until, l.attempts, failedAt, l.due, l.err, uuid.Nil)
	}
}

func (r *runner) queueLog(b *pgx.Batch) {
	for _, row := range r.log {
		s, message := row.s, ""
		if s.err != nil {
			message = storable([]byte(s.err.Error()))
		}
		typ := s.item.event.Type
		if row.kind == kindTest {
			typ = TestType
		}
		b.Queue(`INSERT INTO orderloom.webhook_deliveries (endpoint_id, at, event_id, type, order_id, cursor, kind, attempt, outcome, status, error, response,
				took_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			r.endpoint.EndpointID, s.at, s.idOf(), typ, s.item.event.OrderID, s.item.event.Cursor, row.kind, row.attempt, row.outcome, s.status, message,
			s.response, s.took.Milliseconds())
	}
	if len(r.resent) > 0 {
		b.Queue(`UPDATE orderloom.webhook_deliveries SET resent_at = now() WHERE delivery_id = ANY ($1)`, r.resent)
	}
}

// loadLanes reads the rows of lanes that are not known yet, and which of those known were made due from outside.
func (r *runner) loadLanes(ctx context.Context) error {
	rows, err := r.d.db.Query(ctx, `SELECT lane_id, kind, coalesce(subject, $2::uuid), aggregate, cursor, version, until, attempts, failed_at, due_at, error
		FROM orderloom.webhook_lanes WHERE endpoint_id = $1`, r.endpoint.EndpointID, uuid.Nil)
	if err != nil {
		return wrap("read what an endpoint holds back", err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*lane, error) {
		l := &lane{held: true, more: true}
		var failedAt *time.Time
		err := row.Scan(&l.id, &l.kind, &l.subject, &l.aggregate, &l.cursor, &l.version, &l.until, &l.attempts, &failedAt, &l.due, &l.err)
		if failedAt != nil {
			l.failedAt = *failedAt
		}
		return l, err
	})
	if err != nil {
		return wrap("read what an endpoint holds back", err)
	}
	for _, l := range all {
		if known := r.held[l.id]; known != nil {
			if !known.dirty && l.due.Before(known.due) {
				known.due = l.due
			}
			continue
		}
		if l.ofOrder() {
			if l.at, err = feed.PositionOf(l.cursor); err != nil && l.cursor != "" {
				return wrap("read what an endpoint holds back", err)
			}
			l.left = r.read.at
		}
		r.held[l.id] = l
	}
	return nil
}
