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

const (
	// parkedRetryInterval is how often parked aggregates are tried again without an operator. What was parked because a
	// newer program had written it goes on once this program is the newer one.
	parkedRetryInterval = time.Minute
	// parkedRetryMax bounds the aggregates that are tried at once.
	parkedRetryMax = 1000
)

// CodeNotParked refuses to work on an aggregate that is not parked, or no longer.
const CodeNotParked domain.ErrorCode = "not_parked"

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

// ListParked returns what is parked, oldest first, at most limit of it.
func (m *Mender) ListParked(ctx context.Context, limit int) ([]Parked, error) {
	rows, err := m.pool.Query(ctx, `SELECT `+parkedColumns+` FROM orderloom.parked_streams ORDER BY parked_at, projection, aggregate_id LIMIT $1`, limit)
	if err != nil {
		return nil, fmt.Errorf("list parked: %w", err)
	}
	return pgx.CollectRows(rows, scanParked)
}

// triedLongestAgo returns what is parked, in the order in which it is to be tried, so that each has its turn however
// much is parked.
func (m *Mender) triedLongestAgo(ctx context.Context) ([]Parked, error) {
	rows, err := m.pool.Query(ctx, `SELECT `+parkedColumns+` FROM orderloom.parked_streams ORDER BY tried_at, projection, aggregate_id LIMIT $1`, parkedRetryMax)
	if err != nil {
		return nil, fmt.Errorf("list parked: %w", err)
	}
	return pgx.CollectRows(rows, scanParked)
}

// FindParked returns one parked aggregate. Errors: not_parked.
func (m *Mender) FindParked(ctx context.Context, projection string, id uuid.UUID) (Parked, error) {
	rows, err := m.pool.Query(ctx, `SELECT `+parkedColumns+` FROM orderloom.parked_streams WHERE projection = $1 AND aggregate_id = $2`, projection, id)
	if err != nil {
		return Parked{}, fmt.Errorf("find parked: %w", err)
	}
	p, err := pgx.CollectExactlyOneRow(rows, scanParked)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return Parked{}, domain.Refuse(CodeNotParked, "%s is not parked in %s", id, projection)
	case err != nil:
		return Parked{}, fmt.Errorf("find parked: %w", err)
	}
	return p, nil
}

// RetryParked applies what waits of a parked aggregate, from the event store. It reports whether the aggregate is free
// again; if not, its entry says why. Errors: not_parked.
func (m *Mender) RetryParked(ctx context.Context, projection string, id uuid.UUID) (free bool, err error) {
	p, err := m.FindParked(ctx, projection, id)
	if err != nil {
		return false, err
	}
	target, err := m.Projection(projection)
	if err != nil {
		return false, err
	}
	key := Key{AggregateType: p.AggregateType, AggregateID: id}
	r, err := m.Process(ctx, Work{Place: Live, Projections: []Projection{target}, Keys: []Key{key}, Unpark: true})
	if err != nil {
		return false, err
	}
	m.invalidate(ctx, r)
	if len(r.Parked) > 0 {
		return false, nil
	}
	// Only if it is still that event: a projector may have parked the aggregate anew meanwhile.
	tag, err := m.pool.Exec(ctx, `DELETE FROM orderloom.parked_streams WHERE projection = $1 AND aggregate_id = $2 AND version = $3`,
		projection, id, p.Version)
	if err != nil {
		return false, fmt.Errorf("unpark: %w", err)
	}
	if tag.RowsAffected() == 0 {
		return false, nil
	}
	// Events that came while the entry was there have waited for nobody.
	_, err = m.Process(ctx, Work{Place: Live, Projections: []Projection{target}, Keys: []Key{key}})
	return true, err
}

// retryParked tries what is parked again, from time to time.
func (p *Projector) retryParked(ctx context.Context) {
	log := p.opts.Logger
	for {
		parked, err := p.mender.triedLongestAgo(ctx)
		if err != nil && ctx.Err() == nil {
			log.DebugContext(ctx, "can't list what is parked", "error", err)
		}
		for _, entry := range parked {
			free, err := p.mender.RetryParked(ctx, entry.Projection, entry.AggregateID)
			if err != nil && ctx.Err() == nil && domain.Code(err) != CodeNotParked {
				log.WarnContext(ctx, "can't retry a parked aggregate", "aggregate_id", entry.AggregateID, "error", err)
			}
			if free {
				log.InfoContext(ctx, "parked aggregate is free again", "projection", entry.Projection, "aggregate_id", entry.AggregateID)
			}
		}
		if backoff.Pause(ctx, parkedRetryInterval) != nil {
			return
		}
	}
}
