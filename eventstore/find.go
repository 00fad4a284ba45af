package eventstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// Find returns the event with an id. Each partition has an index of its own for it. Errors: not_found.
func (s *Store) Find(ctx context.Context, id uuid.UUID) (domain.Envelope, error) {
	found, err := s.lookUp(ctx, []uuid.UUID{id}, func(table string) string {
		return "SELECT " + eventColumns + " FROM " + table + " e WHERE e.event_id = ANY ($1) LIMIT 1"
	})
	if err != nil {
		return domain.Envelope{}, fmt.Errorf("find event %s: %w", id, err)
	}
	if len(found) == 0 {
		return domain.Envelope{}, domain.Refuse(domain.CodeNotFound, "there is no event %s", id)
	}
	return found[0], nil
}

// First returns the first event of each of these streams, in no order; none for a stream that has none. It costs one
// statement, and one for each archived partition while some are missing.
func (s *Store) First(ctx context.Context, ids []uuid.UUID) ([]domain.Envelope, error) {
	found, err := s.lookUp(ctx, ids, func(table string) string {
		if table != eventsTable {
			return "SELECT " + eventColumns + " FROM " + table + " e WHERE e.aggregate_id = ANY ($1) AND e.version = 1"
		}
		// The row of the stream tells in which partition it begins.
		return "SELECT " + eventColumns + ` FROM unnest($1::uuid[]) AS u(id) JOIN orderloom.streams s ON s.aggregate_id = u.id
			JOIN LATERAL (SELECT * FROM orderloom.events e
				WHERE e.aggregate_id = u.id AND e.version = 1 AND e.sequence >= s.first_sequence LIMIT 1) e ON true`
	})
	if err != nil {
		return nil, fmt.Errorf("find the first events of streams: %w", err)
	}
	return found, nil
}

const eventsTable = "orderloom.events"

// lookUp reads one event for each id, at most: from the table, and what is missing then from archived partitions.
func (s *Store) lookUp(ctx context.Context, ids []uuid.UUID, sql func(table string) string) (found []domain.Envelope, err error) {
	if len(ids) == 0 {
		return nil, nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	var c envelopes
	read := func(table string) error {
		rows, err := conn.Query(ctx, sql(table), pgx.QueryExecModeCacheStatement, pgx.QueryResultFormats{1}, ids)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			found = append(found, c.scan(rows.RawValues()))
		}
		rows.Close()
		return rows.Err()
	}
	if err := read(eventsTable); err != nil || len(found) == len(ids) {
		return found, err
	}
	const archived = "SELECT name FROM orderloom.partitions WHERE archived_at IS NOT NULL ORDER BY from_sequence DESC"
	names, err := collect[string](ctx, conn.Conn(), archived)
	if err != nil {
		return nil, fmt.Errorf("list archived partitions: %w", err)
	}
	seen := make(map[uuid.UUID]bool, len(found)) // one that is marked may still be attached
	for _, e := range found {
		seen[e.EventID] = true
	}
	for _, name := range names {
		before := len(found)
		if err := read(pgx.Identifier{"orderloom", name}.Sanitize()); err != nil {
			return nil, err
		}
		kept := found[:before]
		for _, e := range found[before:] {
			if !seen[e.EventID] {
				kept = append(kept, e)
			}
			seen[e.EventID] = true
		}
		if found = kept; len(found) == len(ids) {
			break
		}
	}
	return found, nil
}
