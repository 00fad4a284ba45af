package projector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
)

// parkedRetryInterval is how often parked aggregates are tried again by themselves: what was parked because
// a newer program had written it goes on once this program is the newer one.
const parkedRetryInterval = time.Minute

// Parked is an aggregate that a projection can't go on with.
type Parked struct {
	Projection    string    `json:"projection"`
	AggregateType string    `json:"aggregate_type"`
	AggregateID   uuid.UUID `json:"aggregate_id"`
	// Version is that of the event which fails; EventID and EventType name it.
	Version   int64     `json:"version"`
	EventID   uuid.UUID `json:"event_id"`
	EventType string    `json:"event_type"`
	// LastVersion is how far the queue behind it is known to reach.
	LastVersion int64     `json:"last_version"`
	Error       string    `json:"error"`
	Attempts    int       `json:"attempts"`
	ParkedAt    time.Time `json:"parked_at"`
	TriedAt     time.Time `json:"tried_at"`
}

const parkedColumns = `projection, aggregate_type, aggregate_id, version, event_id, event_type, last_version, error, attempts, parked_at, tried_at`

func scanParked(row pgx.CollectableRow) (Parked, error) {
	var p Parked
	err := row.Scan(&p.Projection, &p.AggregateType, &p.AggregateID, &p.Version, &p.EventID, &p.EventType, &p.LastVersion, &p.Error,
		&p.Attempts, &p.ParkedAt, &p.TriedAt)
	return p, err
}

// Parked returns what is parked, oldest first, at most limit of it.
func (m *Mender) Parked(ctx context.Context, limit int) ([]Parked, error) {
	rows, err := m.engine.pool.Query(ctx, `SELECT `+parkedColumns+` FROM orderloom.parked_streams ORDER BY parked_at, projection, aggregate_id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list parked: %w", err)
	}
	return pgx.CollectRows(rows, scanParked)
}

// Refusals.
const (
	// CodeNotParked refuses to work on an event that is not parked, or no longer.
	CodeNotParked domain.ErrorCode = "not_parked"
	// CodeNotInStore refuses an event that Kafka has and the event store does not.
	CodeNotInStore domain.ErrorCode = "not_in_store"
)

// ShowParked returns one parked aggregate and the events that wait, the failing one first. Errors:
// not_parked.
func (m *Mender) ShowParked(ctx context.Context, projection string, id uuid.UUID) (Parked, []domain.Envelope, error) {
	rows, err := m.engine.pool.Query(ctx, `SELECT `+parkedColumns+` FROM orderloom.parked_streams WHERE projection = $1 AND aggregate_id = $2`, projection, id)
	if err != nil {
		return Parked{}, nil, fmt.Errorf("show parked: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanParked)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Parked{}, nil, domain.Refuse(CodeNotParked, "%s is not parked in %s", id, projection)
	case err != nil:
		return Parked{}, nil, fmt.Errorf("show parked: %w", err)
	}
	events, err := m.engine.source.Load(ctx, p.AggregateType, id, p.Version-1)
	if err != nil {
		return Parked{}, nil, fmt.Errorf("load %s %s: %w", p.AggregateType, id, err)
	}
	return p, events, nil
}

// RetryParked applies what waits of a parked aggregate, from the event store. It reports whether the
// aggregate is free again; if not, its entry says why. Errors: not_parked.
func (m *Mender) RetryParked(ctx context.Context, projection string, id uuid.UUID) (bool, error) {
	return m.unpark(ctx, projection, id, "")
}

// DiscardParked leaves the failing event of a parked aggregate out of the projection for good, also in
// rebuilds, and applies what waits behind it. It reports whether the aggregate is free then: the next event
// may fail as well. Errors: not_parked.
func (m *Mender) DiscardParked(ctx context.Context, projection string, id uuid.UUID, reason string) (bool, error) {
	if reason == "" {
		return false, domain.Invalid("reason", "is required")
	}
	return m.unpark(ctx, projection, id, reason)
}

func (m *Mender) unpark(ctx context.Context, projection string, id uuid.UUID, discard string) (free bool, err error) {
	p, _, err := m.ShowParked(ctx, projection, id)
	if err != nil {
		return false, err
	}
	target, err := m.engine.projection(projection)
	if err != nil {
		return false, err
	}
	key := Key{AggregateType: p.AggregateType, AggregateID: id}
	if discard != "" {
		if err := m.engine.skip(ctx, target, p, discard); err != nil {
			return false, err
		}
	}
	r, err := m.engine.process(ctx, work{place: Live, projections: []Projection{target}, keys: []Key{key}, unpark: true})
	if err != nil {
		return false, err
	}
	if m.cache != nil && len(r.changed) > 0 {
		m.cache.Invalidate(ctx, r.changed)
	}
	if len(r.parked) > 0 {
		return false, nil
	}
	// Only if it is still that event: a projector may have parked the aggregate anew meanwhile.
	tag, err := m.engine.pool.Exec(ctx, `DELETE FROM orderloom.parked_streams WHERE projection = $1 AND aggregate_id = $2 AND version = $3`,
		projection, id, p.Version)
	if err != nil {
		return false, fmt.Errorf("unpark: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	// What came while the entry was there waits for nobody now.
	_, err = m.engine.process(ctx, work{place: Live, projections: []Projection{target}, keys: []Key{key}})
	return true, err
}

// skip takes the failing event of a parked aggregate as seen and records that it was left out.
func (g *engine) skip(ctx context.Context, target Projection, p Parked, reason string) error {
	events, err := g.source.Load(ctx, p.AggregateType, p.AggregateID, p.Version-1)
	if err != nil {
		return fmt.Errorf("load %s %s: %w", p.AggregateType, p.AggregateID, err)
	}
	if len(events) == 0 || events[0].EventID != p.EventID {
		return domain.Refuse(CodeNotInStore, "event %s is not in the event store", p.EventID)
	}
	k := Key{AggregateType: p.AggregateType, AggregateID: p.AggregateID}
	if err := g.resolveKey(ctx, &k); err != nil {
		return err
	}
	e := g.decode(events[0]).event
	e.OrderID = cmpOr(e.OrderID, k.OrderID)
	err = pgx.BeginFunc(ctx, g.pool, func(tx pgx.Tx) error {
		q := &pgx.Batch{}
		b := target.Open(q, Live, []Key{k})
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		if b.Version(k) != p.Version-1 {
			return domain.Refuse(CodeNotParked, "%s has gone on meanwhile", p.AggregateID)
		}
		b.Skip(e)
		q = &pgx.Batch{}
		b.Flush(q)
		q.Queue(`INSERT INTO orderloom.discarded_events (projection, aggregate_id, version, aggregate_type, event_id, event_type, reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING`,
			p.Projection, p.AggregateID, p.Version, p.AggregateType, p.EventID, p.EventType, reason)
		return tx.SendBatch(ctx, q).Close()
	})
	if err != nil {
		return fmt.Errorf("discard event %s: %w", p.EventID, err)
	}
	return nil
}

// CodeUnknownProjection refuses the name of a projection that does not exist.
const CodeUnknownProjection domain.ErrorCode = "unknown_projection"

func (g *engine) projection(name string) (Projection, error) {
	for _, p := range g.projections {
		if p.Name() == name {
			return p, nil
		}
	}
	return nil, domain.Refuse(CodeUnknownProjection, "there is no projection %q", name)
}

// retryParked tries what is parked again, from time to time.
func (p *Projector) retryParked(ctx context.Context) {
	m := &Mender{engine: p.engine, cache: p.opts.Cache}
	for {
		parked, err := m.Parked(ctx, 1000)
		if err != nil && ctx.Err() == nil {
			p.opts.Logger.DebugContext(ctx, "can't list what is parked", "error", err)
		}
		for _, entry := range parked {
			free, err := m.RetryParked(ctx, entry.Projection, entry.AggregateID)
			if err != nil && ctx.Err() == nil && domain.Code(err) != CodeNotParked {
				p.opts.Logger.WarnContext(ctx, "can't retry a parked aggregate", "aggregate_id", entry.AggregateID, "error", err)
			}
			if free {
				p.opts.Logger.InfoContext(ctx, "parked aggregate is free again", "projection", entry.Projection, "aggregate_id", entry.AggregateID)
			}
		}
		if backoff.Pause(ctx, parkedRetryInterval) != nil {
			return
		}
	}
}
