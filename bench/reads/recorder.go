package main

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/readmodel"
)

// recorder keeps the statements that the read model sends on its pool.
type recorder struct {
	pool *pgxpool.Pool

	mu    sync.Mutex
	calls []call
}

// call is a statement with its arguments.
type call struct {
	sql  string
	args []any
}

func newRecorder(ctx context.Context, database string) (*recorder, error) {
	config, err := pgxpool.ParseConfig(database)
	if err != nil {
		return nil, err
	}
	r := &recorder{}
	config.ConnConfig.Tracer = r
	r.pool, err = pgxpool.NewWithConfig(ctx, config)
	return r, err
}

// TraceQueryStart implements [pgx.QueryTracer].
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	if strings.Contains(data.SQL, "FROM orderloom.") {
		r.calls = append(r.calls, call{data.SQL, data.Args})
	}
	return ctx
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// has reports whether a statement with this text was sent since it was asked last.
func (r *recorder) has(text string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.calls, func(c call) bool { return strings.Contains(c.sql, text) })
}

// taken returns what was sent since it was asked last.
func (r *recorder) taken() []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// record returns the one statement that a read sends.
func (r *recorder) record(read func(*readmodel.Reader) error) (call, error) {
	r.taken()
	if err := read(readmodel.NewReader(r.pool, readmodel.Options{})); err != nil {
		return call{}, err
	}
	calls := r.taken()
	if len(calls) != 1 {
		return call{}, errors.New("a read takes more than one statement")
	}
	return calls[0], nil
}
