package app

import (
	"context"
	"errors"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/orphans"
)

// Orphans is what the operators' commands about orders without a saga work with.
type Orphans struct {
	*orphans.Finder

	history history
}

// Order returns an order as its events tell it. Error: not_found.
func (o *Orphans) Order(ctx context.Context, id uuid.UUID) (order.Order, error) {
	return o.history.Order(ctx, id)
}

// WithOrphans calls f with what the commands work with, and closes it afterwards.
func WithOrphans(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, f func(*Orphans) error) error {
	p, err := open(ctx, cfg, Options{Telemetry: tel})
	if err != nil {
		return err
	}
	err = f(&Orphans{Finder: p.orphans(), history: history{p.store}})
	return errors.Join(err, p.close(ctx))
}

// orphans returns the finder of open orders that have no saga.
func (p *platform) orphans() *orphans.Finder {
	o := orphanOptions(p.cfg.Orders)
	o.Sagas, o.Views, o.History, o.Logger, o.Registerer = p.sagas(), p.reader, history{p.store}, p.tel.Logger, p.tel.Registry
	return orphans.New(o)
}

func orphanOptions(cfg config.Orders) orphans.Options {
	return orphans.Options{Resume: cfg.OrphansResume, Every: cfg.OrphansEvery}
}
