package maintain

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/projector"
)

// ShowParked returns one parked aggregate and the events that wait, the failing one first. Errors:
// not_parked, unknown_projection.
func (m *Maintainer) ShowParked(ctx context.Context, projection string, id uuid.UUID) (projector.Parked, []domain.Envelope, error) {
	if _, err := m.Projection(projection); err != nil {
		return projector.Parked{}, nil, err
	}
	p, err := m.FindParked(ctx, projection, id)
	if err != nil {
		return projector.Parked{}, nil, err
	}
	events, err := m.waiting(ctx, p)
	return p, events, err
}

// waiting returns the events of a parked aggregate that wait, the failing one first.
func (m *Maintainer) waiting(ctx context.Context, p projector.Parked) ([]domain.Envelope, error) {
	events, err := m.Source().Load(ctx, p.AggregateType, p.AggregateID, p.Version-1)
	if err != nil {
		return nil, fmt.Errorf("load %s %s: %w", p.AggregateType, p.AggregateID, err)
	}
	return events, nil
}

// RetryParked applies what waits of a parked aggregate, as [projector.Mender.RetryParked] does, if the event store is
// that of the views. Errors: not_parked; [eventstore.StoreChangedError].
func (m *Maintainer) RetryParked(ctx context.Context, projection string, id uuid.UUID) (free bool, err error) {
	if err := m.checkStore(ctx, projection); err != nil {
		return false, err
	}
	return m.Mender.RetryParked(ctx, projection, id)
}

func (m *Maintainer) checkStore(ctx context.Context, projection string) error {
	p, err := m.Projection(projection)
	if err != nil {
		return err
	}
	return m.CheckStore(ctx, p)
}

// DiscardParked leaves the failing event of a parked aggregate out of the projection for good, also in
// rebuilds, and applies what waits behind it. It reports whether the aggregate is free then: the next event
// may fail as well. Errors: not_parked; [eventstore.StoreChangedError].
func (m *Maintainer) DiscardParked(ctx context.Context, projection string, id uuid.UUID, reason string) (free bool, err error) {
	if reason == "" {
		return false, domain.Invalid("reason", "is required")
	}
	if err := m.checkStore(ctx, projection); err != nil {
		return false, err
	}
	p, err := m.FindParked(ctx, projection, id)
	if err != nil {
		return false, err
	}
	if err := m.discard(ctx, p, reason); err != nil {
		return false, err
	}
	return m.Mender.RetryParked(ctx, projection, id)
}

// discard takes the failing event of a parked aggregate as seen, and records that it was left out.
func (m *Maintainer) discard(ctx context.Context, p projector.Parked, reason string) error {
	target, err := m.Projection(p.Projection)
	if err != nil {
		return err
	}
	events, err := m.waiting(ctx, p)
	if err != nil {
		return err
	}
	if len(events) == 0 || events[0].EventID != p.EventID {
		return domain.Refuse(projector.CodeNotInStore, "event %s is not in the event store", p.EventID)
	}
	k := projector.Key{AggregateType: p.AggregateType, AggregateID: p.AggregateID}
	if err := m.ResolveOrder(ctx, &k); err != nil {
		return err
	}
	e := k.Own(m.Decode(events[:1])[0]).Event
	err = pgx.BeginFunc(ctx, m.Pool(), func(tx pgx.Tx) error {
		q := &pgx.Batch{}
		b := target.Open(q, projector.Live, []projector.Key{k})
		if err := tx.SendBatch(ctx, q).Close(); err != nil {
			return err
		}
		if b.Version(k) != p.Version-1 {
			return domain.Refuse(projector.CodeNotParked, "%s has gone on meanwhile", p.AggregateID)
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
