package main

import (
	"context"
	"fmt"

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
	maintain := &cobra.Command{
		Use:   "maintain",
		Short: "Index full partitions, and drop months of the audit beyond its retention",
		Long: `Index full partitions of the event store, and drop months of the audit beyond ORDERLOOM_AUDIT_RETENTION. The processes
do both by themselves where they own the schema. Where they have a role of their own, run this every hour as the owner.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			indexed, err := app.MaintainPartitions(ctx, cfg, tel)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "%d partitions were indexed.\n", indexed)
			return err
		}),
	}
	return group("partitions", "List the partitions of the event store; look after them; detach the oldest, take it back",
		partitions("list", "List the partitions"),
		maintain,
		partitions("archive", "Detach the oldest full partition, and list what is left"),
		partitions("unarchive", "Take the newest archived partition back, and list all"),
	)
}
