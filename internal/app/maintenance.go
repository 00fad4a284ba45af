package app

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/docs/events"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
)

// Delivery runs one of the operators' commands about delivery and the views: args begin with "relay", "parked",
// "rebuild" or "verify" ([relay.Usage], [projector.Usage]).
func Delivery(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string, out io.Writer) (err error) {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return err
	}
	defer pool.Close()
	store, err := eventstore.Open(ctx, pool, eventstore.Options{Logger: tel.Logger})
	if err != nil {
		return fmt.Errorf("open the event store: %w", err)
	}
	defer func() { err = errors.Join(err, store.Close(context.WithoutCancel(ctx))) }()
	if len(args) > 0 && args[0] == "relay" {
		return relay.Command(ctx, args[1:], pool, store, out)
	}
	options := projector.MenderOptions{Pool: pool, Source: eventSource{store}, Logger: tel.Logger}
	if cfg.Redis.URL != "" {
		cache, err := readmodel.NewRedisCache(string(cfg.Redis.URL), cfg.Redis.TTL, tel.Logger)
		if err != nil {
			return err
		}
		defer func() { _ = cache.Close() }()
		options.Cache = cache
	}
	return projector.Command(ctx, args, projector.CommandDeps{
		Mender: projector.NewMender(options), Store: store, Broker: brokerConfig(cfg, tel), Out: out,
	})
}

// registerSchemas registers the events' schemas, if there is a registry.
func registerSchemas(ctx context.Context, cfg config.Kafka) error {
	if cfg.SchemaRegistryURL == "" {
		return nil
	}
	schemas, err := broker.Schemas(events.FS)
	if err != nil {
		return err
	}
	if _, err := broker.RegisterSchemas(ctx, cfg.SchemaRegistryURL, schemas); err != nil {
		return fmt.Errorf("set up the schema registry: %w", err)
	}
	return nil
}

// openRegistry returns what the relay's messages refer to: nil without a registry. Without an answer of the
// registry the platform runs all the same, and its messages go without the reference.
func openRegistry(ctx context.Context, cfg config.Kafka, tel *telemetry.Telemetry) *broker.Registry {
	if cfg.SchemaRegistryURL == "" {
		return nil
	}
	schemas, err := broker.Schemas(events.FS)
	if err == nil {
		var r *broker.Registry
		if r, err = broker.OpenRegistry(ctx, cfg.SchemaRegistryURL, schemas); err == nil {
			return r
		}
	}
	tel.Logger.WarnContext(ctx, "messages go without a reference to their schema", "error", err)
	return nil
}
