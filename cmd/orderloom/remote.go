package main

import (
	"context"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
)

// calls returns the action of a command that asks a running platform over its API, as any other caller does.
func (p *program) calls(f func(ctx context.Context, api *client.Client, args []string) error) action {
	return p.runs(func(ctx context.Context, args []string) error {
		cfg, err := config.Load(p.lookup)
		if err != nil {
			return usageError{err}
		}
		api, err := client.New(cfg.Remote.URL, client.WithAPIKey(string(cfg.Remote.Key)), client.WithUserAgent("orderloom/"+telemetry.Version()))
		if err != nil {
			return usageError{err}
		}
		return problemOf(f(ctx, api, args))
	})
}
