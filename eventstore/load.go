package eventstore

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/orderloom/orderloom/domain"
)

// eventColumns are what an envelope is made of, in the order that [envelopes.scan] reads them.
const eventColumns = `e.sequence, e.version, e."timestamp", e.aggregate_id, e.event_id, e.event_version, e.aggregate_type,
	e.event_type, e.correlation_id, e.causation_id, e.user_id, e.traceparent, e.payload`

// loadSQL returns, for each stream that is wanted, its snapshot if there is one of the right shape, then
// the events after it. A stream without either still gives a row, which says its version.
//
// loadOneSQL does so for one stream. PostgreSQL keeps its plan, since one row is all that it can expect. A plan for
// arrays it makes anew for each call, unless a setting of the session forbids it. That takes several times as long as
// the load.
var (
	loadSQL = loadFrom(`unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::text[]) WITH ORDINALITY AS u(id, after, after_sequence, shape, ord)`)

	loadOneSQL = loadFrom(`(SELECT $1::uuid, $2::bigint, $3::bigint, $4::text, 1::bigint) AS u(id, after, after_sequence, shape, ord)`)
)

func loadFrom(wants string) string {
	return `
	WITH w AS MATERIALIZED (
		SELECT u.ord, u.id, s.version AS last, n.version AS snapshot, n.sequence AS snapshot_sequence,
			greatest(u.after, n.version) AS after,
			greatest(s.first_sequence, u.after_sequence, n.sequence) AS from_sequence
		FROM ` + wants + `
		JOIN orderloom.streams s ON s.aggregate_id = u.id AND s.version > u.after
		LEFT JOIN orderloom.snapshots n ON n.aggregate_id = u.id AND n.shape = u.shape AND n.version > u.after
	)
	SELECT w.ord, w.last, w.snapshot, w.snapshot_sequence,
		CASE WHEN w.snapshot IS NOT NULL AND (e.version IS NULL OR e.version = w.snapshot + 1)
			THEN (SELECT n.state::text FROM orderloom.snapshots n WHERE n.aggregate_id = w.id) END,
		` + eventColumns + `
	FROM w
	LEFT JOIN LATERAL (
		SELECT * FROM orderloom.events e
		WHERE e.aggregate_id = w.id AND e.version > w.after AND e.sequence >= w.from_sequence
		LIMIT w.last - w.after
	) e ON true
	ORDER BY w.ord, e.version`
}

// loadColumns is how many columns of loadSQL stand before those of the event.
const loadColumns = 5

// loadHistories loads several streams in one round trip, two the first time on a connection. Events that
// lie in archived partitions are fetched from there.
func loadHistories(ctx context.Context, conn *pgx.Conn, wants []want) ([]history, error) {
	name, sql, arguments := "orderloom_load", loadSQL, wantArrays
	if len(wants) == 1 {
		name, sql, arguments = "orderloom_load_one", loadOneSQL, wantScalars
	}
	if _, err := conn.Prepare(ctx, name, sql); err != nil {
		return nil, fmt.Errorf("prepare load: %w", err)
	}
	histories := make([]history, len(wants))
	last := make([]int64, len(wants))
	var envelopes envelopes
	rows := conn.PgConn().ExecPrepared(ctx, name, arguments(wants), binaryFormat, binaryFormat)
	for rows.NextRow() {
		v := rows.Values()
		i := int(int8From(v[0])) - 1
		h := &histories[i]
		last[i] = int8From(v[1])
		if v[4] != nil {
			h.snapshot = &snapshot{version: int8From(v[2]), sequence: int8From(v[3]), state: append([]byte(nil), v[4]...)}
		}
		if v[loadColumns] != nil {
			h.events = append(h.events, envelopes.scan(v[loadColumns:]))
		}
	}
	if _, err := rows.Close(); err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	for i := range histories {
		if err := histories[i].complete(ctx, conn, wants[i], last[i]); err != nil {
			return nil, err
		}
	}
	return histories, nil
}

// wantArrays are the arguments of loadSQL.
func wantArrays(wants []want) [][]byte {
	var e encoder
	n := len(wants)
	return [][]byte{
		e.array(n, pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, wants[i].stream.ID) }),
		e.array(n, pgtype.Int8OID, false, func(b []byte, i int) []byte { return appendInt8(b, wants[i].after) }),
		e.array(n, pgtype.Int8OID, false, func(b []byte, i int) []byte { return appendInt8(b, wants[i].afterSequence) }),
		e.array(n, pgtype.TextOID, false, func(b []byte, i int) []byte { return appendText(b, wants[i].shape) }),
	}
}

// wantScalars are the arguments of loadOneSQL.
func wantScalars(wants []want) [][]byte {
	w := wants[0]
	return [][]byte{
		w.stream.ID[:], binary.BigEndian.AppendUint64(nil, uint64(w.after)), binary.BigEndian.AppendUint64(nil, uint64(w.afterSequence)), []byte(w.shape),
	}
}

// complete adds what the partitions of the table don't have, since versions have no gaps.
func (h *history) complete(ctx context.Context, conn *pgx.Conn, w want, last int64) error {
	from := w.after
	if h.snapshot != nil {
		from = h.snapshot.version
	}
	h.version = max(last, from)
	if missing := h.version - from - int64(len(h.events)); missing > 0 {
		archived, err := loadArchived(ctx, conn, w.stream, from, from+missing)
		if err != nil {
			return err
		}
		h.events = append(archived, h.events...)
	}
	for i, e := range h.events {
		if e.Version != from+int64(i)+1 {
			return fmt.Errorf("stream %s has version %d where %d should be: an archived partition is missing", w.stream, e.Version, from+int64(i)+1)
		}
		h.sequence = e.Sequence
	}
	return nil
}

func int8From(b []byte) int64 { return int64(binary.BigEndian.Uint64(b)) }

// envelopes turns rows into envelopes. It copies payloads into chunks, so that a page of events costs few
// allocations, and makes each type name and each text that repeats once.
type envelopes struct {
	chunk []byte
	names map[string]string
	text  [4]string
}

const chunkBytes = 32 << 10

func (c *envelopes) scan(v [][]byte) domain.Envelope {
	e := domain.Envelope{
		Sequence:      int8From(v[0]),
		Version:       int8From(v[1]),
		Timestamp:     timeFrom(int8From(v[2])),
		AggregateID:   uuid.UUID(v[3]),
		EventID:       uuid.UUID(v[4]),
		EventVersion:  int(int32(binary.BigEndian.Uint32(v[5]))),
		AggregateType: c.name(v[6]),
		EventType:     c.name(v[7]),
		Payload:       c.copy(v[12][1:]), // after the version of jsonb's binary format
	}
	e.Metadata = domain.Metadata{
		CorrelationID: c.same(0, v[8]), CausationID: c.same(1, v[9]), UserID: c.same(2, v[10]), TraceParent: c.same(3, v[11]),
	}
	return e
}

// name returns a string of which there are few different ones.
func (c *envelopes) name(b []byte) string {
	if s, ok := c.names[string(b)]; ok { // the compiler makes no string of b here
		return s
	}
	if c.names == nil {
		c.names = make(map[string]string)
	}
	s := string(b)
	c.names[s] = s
	return s
}

// same returns a string that is often that of the row before.
func (c *envelopes) same(i int, b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if c.text[i] != string(b) {
		c.text[i] = string(b)
	}
	return c.text[i]
}

func (c *envelopes) copy(b []byte) []byte {
	if len(b) > chunkBytes/4 {
		return append([]byte(nil), b...)
	}
	if len(c.chunk)+len(b) > cap(c.chunk) {
		c.chunk = make([]byte, 0, chunkBytes)
	}
	start := len(c.chunk)
	c.chunk = append(c.chunk, b...)
	return c.chunk[start:len(c.chunk):len(c.chunk)]
}

// Load returns the events of a stream with a version above after, in their order; none for a stream that
// does not exist.
func (s *Store) Load(ctx context.Context, stream StreamID, after int64) ([]domain.Envelope, error) {
	h, err := s.loadFrom(ctx, want{stream: stream, after: max(after, 0)})
	return h.events, err
}

func (s *Store) loadFrom(ctx context.Context, w want) (history, error) {
	conn, err := s.pool.Acquire(ctx)
	if err != nil {
		return history{}, err
	}
	defer conn.Release()
	histories, err := loadHistories(ctx, conn.Conn(), []want{w})
	if err != nil {
		return history{}, err
	}
	return histories[0], nil
}

func (s *Store) saveSnapshot(ctx context.Context, stream StreamID, n snapshot) error {
	// An older one may come late from another process.
	const sql = `INSERT INTO orderloom.snapshots (aggregate_id, aggregate_type, version, sequence, shape, state)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (aggregate_id) DO UPDATE
		SET version = excluded.version, sequence = excluded.sequence, shape = excluded.shape, state = excluded.state, taken_at = now()
		WHERE snapshots.version < excluded.version OR snapshots.shape <> excluded.shape`
	_, err := s.pool.Exec(ctx, sql, stream.ID, stream.Type, n.version, n.sequence, n.shape, string(n.state))
	if err != nil {
		return fmt.Errorf("save snapshot of %s: %w", stream, err)
	}
	return nil
}

// loadArchived loads the events of a stream with versions from after+1 to last out of archived partitions.
func loadArchived(ctx context.Context, conn *pgx.Conn, stream StreamID, after, last int64) ([]domain.Envelope, error) {
	rows, err := conn.Query(ctx, "SELECT name FROM orderloom.partitions WHERE archived_at IS NOT NULL ORDER BY from_sequence")
	if err != nil {
		return nil, fmt.Errorf("list archived partitions: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("list archived partitions: %w", err)
	}
	var events []domain.Envelope
	var c envelopes
	for _, name := range names {
		sql := "SELECT " + eventColumns + " FROM " + pgx.Identifier{"orderloom", name}.Sanitize() +
			" e WHERE e.aggregate_id = $1 AND e.version > $2 AND e.version <= $3 ORDER BY e.version"
		rows, err := conn.Query(ctx, sql, pgx.QueryExecModeCacheDescribe, pgx.QueryResultFormats{1}, stream.ID, after, last)
		if err != nil {
			return nil, fmt.Errorf("read archived partition %s: %w", name, err)
		}
		for rows.Next() {
			events = append(events, c.scan(rows.RawValues()))
		}
		if err := rows.Err(); err != nil {
			return nil, fmt.Errorf("read archived partition %s: %w", name, err)
		}
	}
	return events, nil
}
