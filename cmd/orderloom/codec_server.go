package main

import (
	"context"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) codecServerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "codec-server",
		Short: "Decrypt payloads for the Temporal Web UI and command-line tools",
		Args:  arguments(),
		RunE: p.runsWith(config.RoleCodecServer, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			return app.ServeCodec(ctx, cfg, tel)
		}),
	}
}
