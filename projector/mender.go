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

// Mender does what operators do to views: see what is parked, rebuild a projection, verify them all. It may
// be used while projectors run.
type Mender struct {
	engine *engine
	cache  Invalidator
}

// MenderOptions says what a mender works with. Pool and Source are required.
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
	if o.Projections == nil {
		o.Projections = All()
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Mender{cache: o.Cache, engine: &engine{
		pool: o.Pool, source: o.Source, projections: o.Projections, log: o.Logger, metrics: newMetrics(nil), written: o.Written,
	}}
}

// CatchUp brings the views of these streams up to date from the event store, without Kafka.
func (m *Mender) CatchUp(ctx context.Context, streams []eventstore.StreamVersion) error {
	for page := range slices.Chunk(streams, sweepPage) {
		r, err := m.engine.catchUp(ctx, Live, page)
		if err != nil {
			return err
		}
		if m.cache != nil && len(r.changed) > 0 {
			m.cache.Invalidate(ctx, r.changed)
		}
	}
	return nil
}

// Project applies events in one transaction, as a projector does with a batch. The caller has decided that
// they are the events to apply; those of one stream are in the order of its versions.
func (m *Mender) Project(ctx context.Context, events []domain.Envelope) error {
	w := work{place: Live, projections: m.engine.projections, events: m.engine.decodeAll(events)}
	r, err := m.engine.process(ctx, w)
	if err == nil && m.cache != nil && len(r.changed) > 0 {
		m.cache.Invalidate(ctx, r.changed)
	}
	return err
}
