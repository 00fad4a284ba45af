package main

import (
	"context"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) partitionsCommand() *cobra.Command {
	partitions := func(action, short string) *cobra.Command {
		return &cobra.Command{
			Use:   action,
			Short: short,
			Args:  arguments(),
			RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
				return app.Partitions(ctx, cfg, tel, action, p.stdout)
			}),
		}
	}
	return group("partitions", "List the partitions of the event store; detach the oldest, take it back",
		partitions("list", "List the partitions"),
		partitions("archive", "Detach the oldest full partition, and list what is left"),
		partitions("unarchive", "Take the newest archived partition back, and list all"),
	)
}
