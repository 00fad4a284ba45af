package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/docs/events"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/twmb/franz-go/pkg/sr"
)

func registry(cfg config.Kafka) broker.RegistryAt {
	return broker.RegistryAt{URL: cfg.SchemaRegistryURL, Username: cfg.SchemaRegistryUsername, Password: string(cfg.SchemaRegistryPassword)}
}

// setupRegistry registers the events' schemas, if there is a registry.
func setupRegistry(ctx context.Context, cfg config.Kafka, log *slog.Logger) error {
	if cfg.SchemaRegistryURL == "" {
		return nil
	}
	schemas, err := broker.Schemas(events.FS)
	if err != nil {
		return err
	}
	answers := func(ctx context.Context) error {
		if err := broker.NewRegistry(registry(cfg), schemas).Load(ctx); domain.Code(err) != broker.CodeNotRegistered {
			return err
		}
		return nil
	}
	if err := registryServer(answers).await(ctx, log); err != nil {
		return err
	}
	if _, err := broker.RegisterSchemas(ctx, registry(cfg), schemas); err != nil {
		return fmt.Errorf("set up the schema registry: %w", err)
	}
	return nil
}

// registryBreaker are the settings of the breaker of the schema registry. It is open while messages go without the
// reference to their schema, for whatever reason.
var registryBreaker = breaker.Settings{Of: "schema_registry", Failures: 1, Rest: time.Second, Probes: 1}

// openRegistry returns what the relay's messages refer to: nil without a registry. Until the registry has answered, the
// platform runs all the same, and its messages go without the reference. A part asks for it until there is an answer.
func (p *platform) openRegistry() (r *broker.Registry, parts stage, err error) {
	if p.cfg.Kafka.SchemaRegistryURL == "" {
		return nil, nil, nil
	}
	if r, err = knownSchemas(p.cfg.Kafka); err != nil {
		return nil, nil, err
	}
	return r, stage{p.awaited(registryServer(func(ctx context.Context) error {
		return p.registry.Do(ctx, func() error { return r.Load(ctx) })
	}))}, nil
}

// knownSchemas returns the registry with this program's schemas.
func knownSchemas(cfg config.Kafka) (*broker.Registry, error) {
	schemas, err := broker.Schemas(events.FS)
	if err != nil {
		return nil, err
	}
	return broker.NewRegistry(registry(cfg), schemas), nil
}

// registryServer is the schema registry. Without the platform's schemas it is waited for as well: setup registers them.
func registryServer(look func(context.Context) error) server {
	return server{
		name: "the schema registry", settings: "SCHEMA_REGISTRY_URL, SCHEMA_REGISTRY_USERNAME and SCHEMA_REGISTRY_PASSWORD", look: look,
		refuses: func(err error) bool {
			var answer *sr.ResponseError
			return errors.As(err, &answer) && (answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden)
		},
	}
}
