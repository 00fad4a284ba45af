package projector

import (
	"bytes"
	"encoding/json"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// Queue queues a statement whose arguments are columns of values, as unnest takes them. It passes the values in types
// that pgx encodes without reflection, because a batch has tens of thousands of them.
func Queue(q *pgx.Batch, sql string, columns ...any) *pgx.QueuedQuery {
	args := make([]any, len(columns))
	for i, c := range columns {
		args[i] = encodable(c)
	}
	return q.Queue(sql, args...)
}

func encodable(column any) any {
	switch c := column.(type) {
	case []uuid.UUID:
		return convert(c, func(id uuid.UUID) pgtype.UUID { return pgtype.UUID{Bytes: id, Valid: true} })
	case []*uuid.UUID:
		return convert(c, func(id *uuid.UUID) pgtype.UUID {
			if id == nil {
				return pgtype.UUID{}
			}
			return pgtype.UUID{Bytes: *id, Valid: true}
		})
	case []*string:
		return convert(c, func(s *string) pgtype.Text {
			if s == nil {
				return pgtype.Text{}
			}
			return pgtype.Text{String: *s, Valid: true}
		})
	case []*time.Time:
		return convert(c, func(t *time.Time) pgtype.Timestamptz {
			if t == nil {
				return pgtype.Timestamptz{}
			}
			return pgtype.Timestamptz{Time: *t, Valid: true}
		})
	}
	return column
}

func convert[From, To any](column []From, f func(From) To) pgtype.FlatArray[To] {
	out := make(pgtype.FlatArray[To], len(column))
	for i, v := range column {
		out[i] = f(v)
	}
	return out
}

// AggregateIDs returns the ids of the streams, each once.
func AggregateIDs(keys []Key) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(keys))
	seen := make(map[uuid.UUID]bool, len(keys))
	for _, k := range keys {
		if !seen[k.AggregateID] {
			seen[k.AggregateID] = true
			ids = append(ids, k.AggregateID)
		}
	}
	return ids
}

// SortedIDs returns the ids in the order in which rows are written, the same in every projector.
func SortedIDs[V any](m map[uuid.UUID]V) []uuid.UUID {
	ids := make([]uuid.UUID, 0, len(m))
	for id := range m {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b uuid.UUID) int { return bytes.Compare(a[:], b[:]) })
	return ids
}

// JSONText returns v as JSON. It is for types that can't fail, and panics otherwise.
func JSONText(v any) string { return MustText(json.Marshal(v)) }

// MustText returns b as text, and panics with err.
func MustText(b []byte, err error) string {
	if err != nil {
		panic("projector: " + err.Error())
	}
	return string(b)
}

// TimeOrNil returns nil, which is NULL, for the zero time.
func TimeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// partMin is how many events or rows are worth a goroutine of their own.
const partMin = 128

// InParts calls f for the parts of n things, at the same time on all processors when there are many. Decoding events
// and encoding rows is half of what a batch costs outside of the database, which has nothing to do meanwhile.
func InParts(n int, f func(from, to int)) {
	size := max(partMin, (n+runtime.GOMAXPROCS(0)-1)/runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for from := 0; from < n; from += size {
		if to := from + size; to < n {
			wg.Go(func() { f(from, to) })
		} else {
			f(from, n) // the last part here
		}
	}
	wg.Wait()
}
