package eventstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// Lack is an event that the store does not have, or not as it was published.
type Lack struct {
	// Index is its place in the list that was asked for.
	Index int
	// Version is that of the stream in the store. Below the event's version the event is missing. Otherwise the store
	// has another event in its place.
	Version int64
}

// Lacks compares published events with the store, and returns those that it lacks, in their order. Events of archived
// partitions are taken to be there.
func (s *Store) Lacks(ctx context.Context, published []domain.Envelope) ([]Lack, error) {
	var ids, events [][16]byte
	var versions []int64
	for _, e := range published {
		ids, events, versions = append(ids, e.AggregateID), append(events, e.EventID), append(versions, e.Version)
	}
	const sql = `SELECT p.ord - 1, coalesce(s.version, 0) FROM unnest($1::uuid[], $2::bigint[], $3::uuid[]) WITH ORDINALITY p(id, version, event, ord)
		LEFT JOIN orderloom.streams s ON s.aggregate_id = p.id
		WHERE coalesce(s.version, 0) < p.version OR EXISTS (SELECT FROM orderloom.events e WHERE e.aggregate_id = p.id
			AND e.version = p.version AND e.sequence >= s.first_sequence AND e.event_id <> p.event)
		ORDER BY p.ord`
	rows, err := s.pool.Query(ctx, sql, ids, versions, events)
	if err != nil {
		return nil, fmt.Errorf("compare events: %w", err)
	}
	lacks, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Lack])
	if err != nil {
		return nil, fmt.Errorf("compare events: %w", err)
	}
	return lacks, nil
}

// CodeStoreConfirmed refuses to take events back into a store whose epoch is confirmed.
const CodeStoreConfirmed domain.ErrorCode = "store_confirmed"

// TakeBack stores events that the store has lost, as they were: with their ids, versions and sequences. Those that are
// there already are skipped. The events of a stream must come in order and follow on what the store has of it. It
// returns how many it has stored: all of them or, with an error, none. It may be repeated.
//
// An event whose sequence another one has by now gets the next free one. Errors: store_confirmed unless the epoch is
// unconfirmed; [ConcurrencyConflict] for an event that does not follow.
func (s *Store) TakeBack(ctx context.Context, lost []domain.Envelope) (taken int, err error) {
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		taken, err = takeBack(ctx, tx, lost)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("take events back: %w", err)
	}
	return taken, nil
}

func takeBack(ctx context.Context, tx pgx.Tx, lost []domain.Envelope) (int, error) {
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(7308613, 1)"); err != nil {
		return 0, err
	}
	identity, err := identify(ctx, tx)
	if err != nil {
		return 0, err
	}
	if identity.Confirmed {
		return 0, domain.Refuse(CodeStoreConfirmed, "epoch %d of the event store is confirmed", identity.Epoch)
	}
	missing, err := following(ctx, tx, lost)
	if err != nil || len(missing) == 0 {
		return 0, err
	}
	last := int64(0)
	sequences := make([]int64, len(missing))
	for i, e := range missing {
		sequences[i], last = e.Sequence, max(last, e.Sequence)
	}
	if err := skipTo(ctx, tx, last); err != nil {
		return 0, err
	}
	if err := renumber(ctx, tx, missing, sequences); err != nil {
		return 0, err
	}
	// What is known of the times of later events does not hold with these among them.
	if _, err := tx.Exec(ctx, "DELETE FROM orderloom.event_times WHERE sequence >= $1", slices.Min(sequencesOf(missing))); err != nil {
		return 0, err
	}
	return len(missing), insertLost(ctx, tx, missing)
}

// following returns those of the events that the store does not have, after looking that each follows on its stream.
func following(ctx context.Context, tx pgx.Tx, lost []domain.Envelope) ([]domain.Envelope, error) {
	versions := map[uuid.UUID]int64{}
	var ids [][16]byte
	for _, e := range lost {
		if _, asked := versions[e.AggregateID]; !asked {
			versions[e.AggregateID] = 0
			ids = append(ids, e.AggregateID)
		}
	}
	rows, err := tx.Query(ctx, "SELECT aggregate_id, version FROM orderloom.streams WHERE aggregate_id = ANY ($1)", ids)
	if err != nil {
		return nil, err
	}
	var id uuid.UUID
	var version int64
	if _, err := pgx.ForEachRow(rows, []any{&id, &version}, func() error { versions[id] = version; return nil }); err != nil {
		return nil, err
	}
	var missing []domain.Envelope
	for _, e := range lost {
		have := versions[e.AggregateID]
		switch {
		case e.Version <= have:
			continue
		case e.Version > have+1:
			return nil, &ConcurrencyConflict{Stream: StreamID{Type: e.AggregateType, ID: e.AggregateID}, Expected: e.Version - 1, Actual: have}
		}
		versions[e.AggregateID] = e.Version
		missing = append(missing, e)
	}
	return missing, nil
}

// renumber gives other numbers to events whose own ones are taken.
func renumber(ctx context.Context, tx pgx.Tx, events []domain.Envelope, sequences []int64) error {
	rows, err := tx.Query(ctx, "SELECT sequence FROM orderloom.events WHERE sequence = ANY ($1)", sequences)
	if err != nil {
		return err
	}
	taken := map[int64]bool{}
	var sequence int64
	if _, err := pgx.ForEachRow(rows, []any{&sequence}, func() error { taken[sequence] = true; return nil }); err != nil {
		return err
	}
	moved := map[uuid.UUID]bool{}
	for i := range events {
		// The later events of the stream follow it, so that the global order keeps that of each stream.
		if !taken[events[i].Sequence] && !moved[events[i].AggregateID] {
			continue
		}
		moved[events[i].AggregateID] = true
		if err := tx.QueryRow(ctx, "SELECT nextval('orderloom.event_sequence')").Scan(&events[i].Sequence); err != nil {
			return err
		}
	}
	return nil
}

// insertLost stores the events, and how far their streams have come.
func insertLost(ctx context.Context, tx pgx.Tx, events []domain.Envelope) error {
	type reach struct{ first, last int64 }
	streams := map[StreamID]reach{}
	q := &pgx.Batch{}
	for _, e := range events {
		id := StreamID{Type: e.AggregateType, ID: e.AggregateID}
		r, known := streams[id]
		if !known {
			r.first = e.Sequence
		}
		streams[id] = reach{min(r.first, e.Sequence), e.Version}
		q.Queue(`INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type,
				correlation_id, causation_id, user_id, traceparent, payload)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, nullif($9, ''), nullif($10, ''), nullif($11, ''), nullif($12, ''), $13)`,
			e.Sequence, e.Version, e.Timestamp, e.AggregateID, e.EventID, e.EventVersion, e.AggregateType, e.EventType,
			e.Metadata.CorrelationID, e.Metadata.CausationID, e.Metadata.UserID, e.Metadata.TraceParent, []byte(e.Payload))
	}
	for id, r := range streams {
		q.Queue(`INSERT INTO orderloom.streams (aggregate_id, version, first_sequence, aggregate_type) VALUES ($1, $2, $3, $4)
			ON CONFLICT (aggregate_id) DO UPDATE SET version = excluded.version, first_sequence = least(streams.first_sequence, excluded.first_sequence)`,
			id.ID, r.last, r.first, id.Type)
	}
	return tx.SendBatch(ctx, q).Close()
}

func sequencesOf(events []domain.Envelope) []int64 {
	sequences := make([]int64, len(events))
	for i, e := range events {
		sequences[i] = e.Sequence
	}
	return sequences
}
