package eventstore

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
)

// loadManySQL returns all events of streams that exist, by the places of their ids. What lies in archived partitions
// is missing.
const loadManySQL = `SELECT u.ord, s.version, ` + eventColumns + `
	FROM unnest($1::uuid[]) WITH ORDINALITY AS u(id, ord)
	JOIN orderloom.streams s ON s.aggregate_id = u.id
	LEFT JOIN LATERAL (
		SELECT * FROM orderloom.events e WHERE e.aggregate_id = s.aggregate_id AND e.sequence >= s.first_sequence LIMIT s.version
	) e ON true
	ORDER BY u.ord, e.version`

// LoadMany returns all events of several streams in one round trip, each stream's in their order; none for one that
// does not exist. No stream is named twice.
func (s *Store) LoadMany(ctx context.Context, streams []StreamID) (map[StreamID][]domain.Envelope, error) {
	if len(streams) == 0 {
		return nil, nil
	}
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	ids := make([]uuid.UUID, len(streams))
	for i, stream := range streams {
		ids[i] = stream.ID
	}
	histories, last := make([]history, len(streams)), make([]int64, len(streams))
	rows, err := conn.Query(ctx, loadManySQL, pgx.QueryExecModeCacheStatement, pgx.QueryResultFormats{1}, ids)
	if err != nil {
		return nil, fmt.Errorf("load %d streams: %w", len(streams), err)
	}
	defer rows.Close()
	var c envelopes
	const before = 2 // columns
	for rows.Next() {
		v := rows.RawValues()
		i := int(int8From(v[0])) - 1
		if last[i] = int8From(v[1]); v[before] != nil {
			histories[i].events = append(histories[i].events, c.scan(v[before:]))
		}
	}
	rows.Close()
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("load %d streams: %w", len(streams), err)
	}
	out := make(map[StreamID][]domain.Envelope, len(streams))
	for i, stream := range streams {
		if err := histories[i].complete(ctx, conn.Conn(), want{stream: stream}, last[i]); err != nil {
			return nil, err
		}
		out[stream] = histories[i].events
	}
	return out, nil
}
