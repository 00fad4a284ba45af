package main

import (
	"context"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) rewrapKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "rewrap-keys",
		Short: "Wrap all customers' keys under the current master key",
		Long: `Wrap all customers' keys under the current master key, so that an older one may be discarded. It may be
repeated and interrupted.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleRewrapKeys, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			return app.RewrapKeys(ctx, cfg, tel, p.stdout)
		}),
	}
}
