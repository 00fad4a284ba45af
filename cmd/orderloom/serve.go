package main

import (
	"context"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) allCommand() *cobra.Command {
	return p.serveCommand(config.RoleAll, "Run API, worker and projector in one process")
}

func (p *program) apiCommand() *cobra.Command {
	return p.serveCommand(config.RoleAPI, "Run the HTTP API")
}

func (p *program) workerCommand() *cobra.Command {
	return p.serveCommand(config.RoleWorker, "Run the sagas' worker and the relay")
}

func (p *program) projectorCommand() *cobra.Command {
	return p.serveCommand(config.RoleProjector, "Keep the views up to date")
}

// serveCommand returns a command that runs a role until it is told to stop.
func (p *program) serveCommand(role config.Role, short string) *cobra.Command {
	return &cobra.Command{
		Use:   string(role),
		Short: short,
		Long: short + `.

It serves /health and /metrics on ORDERLOOM_HTTP_ADDRESS. SIGTERM and Ctrl-C let it finish or hand over
what it holds, within ORDERLOOM_DRAIN_TIMEOUT; a second one ends it at once.`,
		Args: arguments(),
		RunE: p.runsWith(role, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			collectSeldom()
			return app.Run(ctx, cfg, app.Options{Roles: []config.Role{role}, Telemetry: tel, Ready: func(url string) {
				tel.Logger.InfoContext(ctx, "serving", "url", url)
			}})
		}),
	}
}
