package eventstore

import (
	"context"
	"log/slog"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/prometheus/client_golang/prometheus"
)

// Options of [Open]; the zero value is ready to use.
type Options struct {
	Logger     *slog.Logger          // default: discards
	Registerer prometheus.Registerer // default: none
}

// Store is the event store in PostgreSQL.
type Store struct{}

// Open returns the store in the pool's database.
func Open(ctx context.Context, pool *pgxpool.Pool, o Options) (*Store, error) { panic("pending") }

// Close waits for the appends under way.
func (s *Store) Close(ctx context.Context) error { panic("pending") }

// Append stores events; the streams of one call stand or fall together.
func (s *Store) Append(ctx context.Context, group ...Append) ([]Appended, error) { panic("pending") }

// Load returns the events of a stream with a version above after.
func (s *Store) Load(ctx context.Context, stream StreamID, after int64) ([]domain.Envelope, error) {
	panic("pending")
}

// Read returns a page of the global order, never past the high-water mark.
func (s *Store) Read(ctx context.Context, o ReadOptions) (Page, error) { panic("pending") }

// Memory is an event store in memory, for unit tests.
type Memory struct{}

// NewMemory returns an empty store.
func NewMemory() *Memory { panic("pending") }

// Backend is what a [Repository] needs; [Store] and [Memory] are.
type Backend interface {
	Append(ctx context.Context, group ...Append) ([]Appended, error)
	Load(ctx context.Context, stream StreamID, after int64) ([]domain.Envelope, error)
	flusher()
}

func (s *Store) flusher()  {}
func (m *Memory) flusher() {}

// Append is as [Store.Append].
func (m *Memory) Append(ctx context.Context, group ...Append) ([]Appended, error) { panic("pending") }

// Load is as [Store.Load].
func (m *Memory) Load(ctx context.Context, stream StreamID, after int64) ([]domain.Envelope, error) {
	panic("pending")
}

// RepositoryOptions of [NewRepository]; the zero value is ready to use.
type RepositoryOptions struct{}

// Repository decides on states in memory and appends what was decided.
type Repository struct{}

// NewRepository returns a repository on a store.
func NewRepository(b Backend, o RepositoryOptions) *Repository { panic("pending") }

// Tx is one decision.
type Tx struct{}

// Decide runs decide on the present states of the streams and appends what it records, atomically.
func (r *Repository) Decide(ctx context.Context, stamp Stamp, streams []StreamID, decide func(tx *Tx) error) error {
	panic("pending")
}

// State returns the state of a stream that was named to Decide.
func State[S any](tx *Tx, a Aggregate[S], id uuid.UUID) S { panic("pending") }

// Record adds events to a stream that was named to Decide.
func Record[S any](tx *Tx, a Aggregate[S], id uuid.UUID, events ...domain.Event) { panic("pending") }

// Execute is Decide for one stream; it returns the state and version afterwards.
func Execute[S any](ctx context.Context, r *Repository, a Aggregate[S], id uuid.UUID, stamp Stamp, decide func(S) ([]domain.Event, error)) (S, int64, error) {
	panic("pending")
}

// Fold returns the present state and version of a stream without changing it.
func Fold[S any](ctx context.Context, r *Repository, a Aggregate[S], id uuid.UUID) (S, int64, error) {
	panic("pending")
}
