package projector

import (
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// queue queues a statement whose arguments are columns of values, in the types that pgx encodes without
// reflection: a batch has tens of thousands of values.
func queue(q *pgx.Batch, sql string, columns ...any) *pgx.QueuedQuery {
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
