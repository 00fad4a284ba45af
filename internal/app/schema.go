package app

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/migrations"
)

// AwaitSchema waits until somebody has brought the schema up to date, and has given the role of DATABASE_URL what it
// needs. It changes nothing. Errors: that of ctx, with what is missing; [ErrRefused].
func AwaitSchema(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) error {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := reachable(pool).await(ctx, tel.Logger); err != nil {
		return err
	}
	schema := server{name: "the schema", settings: "DATABASE_URL", look: func(ctx context.Context) error {
		state, err := migrations.Inspect(ctx, pool)
		if err != nil {
			return err
		}
		if len(state.Missing) > 0 {
			return fmt.Errorf("it lacks %s", migrations.Names(state.Missing))
		}
		table, err := migrations.Lacking(ctx, pool)
		if err == nil && table != "" {
			err = fmt.Errorf("the role lacks rights on %s", table)
		}
		return err
	}}
	return schema.await(ctx, tel.Logger)
}

// MaintainPartitions indexes full partitions of the events, and drops months of the audit beyond its retention. Only
// the owner of the schema may: the processes do it by themselves where they are that. It returns how many partitions it
// has indexed. It may be repeated and interrupted.
func MaintainPartitions(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry) (indexed int, err error) {
	pool, err := openTool(ctx, cfg.Database, tel)
	if err != nil {
		return 0, err
	}
	defer pool.Close()
	store, err := eventstore.Open(ctx, pool, eventstore.Options{Logger: tel.Logger})
	if err != nil {
		return 0, err
	}
	defer func() { _ = store.Close(ctx) }() // nothing was appended
	if indexed, err = store.Maintain(ctx); err != nil {
		return indexed, err
	}
	return indexed, access.NewAudit(pool, cfg.HTTP.Access.AuditRetention, tel.Logger).Maintain(ctx)
}
