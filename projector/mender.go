package projector

import (
	"context"
	"log/slog"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
)

// Mender brings views up to date without Kafka. It may be used while projectors run. Package maintain builds what
// operators do on it.
type Mender struct {
	*Engine
	cache Invalidator
}

// MenderOptions says what a mender works with. Pool, Source and Projections are required.
type MenderOptions struct {
	Pool        *pgxpool.Pool
	Source      EventSource
	Projections []Projection
	Cache       Invalidator
	Logger      *slog.Logger
	// Written is shown what each transaction writes, for measuring; nil for nobody.
	Written func(*pgx.Batch)
}

// NewMender returns a mender.
func NewMender(o MenderOptions) *Mender {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Mender{cache: o.Cache, Engine: &Engine{
		pool: o.Pool, source: o.Source, projections: o.Projections, log: o.Logger, metrics: newMetrics(nil), written: o.Written,
	}}
}

// CatchUp brings the views of these streams up to date from the event store.
func (m *Mender) CatchUp(ctx context.Context, streams []eventstore.StreamVersion) error {
	for page := range slices.Chunk(streams, sweepPage) {
		r, err := m.Engine.CatchUp(ctx, Live, page)
		if err != nil {
			return err
		}
		m.invalidate(ctx, r)
	}
	return nil
}

// Project applies events in one transaction, as a projector does with a batch. The caller has decided that
// they are the events to apply; those of one stream are in the order of its versions.
func (m *Mender) Project(ctx context.Context, events []domain.Envelope) error {
	r, err := m.Process(ctx, Work{Place: Live, Projections: m.projections, Events: m.Decode(events)})
	if err != nil {
		return err
	}
	m.invalidate(ctx, r)
	return nil
}

// ClearCache forgets all that the cache holds, if it can.
func (m *Mender) ClearCache(ctx context.Context) {
	if c, ok := m.cache.(interface{ Clear(ctx context.Context) }); ok {
		c.Clear(ctx)
	}
}

// invalidate tells the cache what has changed.
func (m *Mender) invalidate(ctx context.Context, r Result) {
	if m.cache != nil && len(r.Changed) > 0 {
		m.cache.Invalidate(ctx, r.Changed)
	}
}
