package projector

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
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
		pool: o.Pool, source: o.Source, projections: o.Projections, log: o.Logger, metrics: newMetrics(nil),
	}}
}
