package main

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/migrations"
	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Bring the database's schema up to date. It may be repeated. A schema that is newer than this program stays as it is:
migrations only add, so the program goes on with it.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			newer, err := app.Migrate(ctx, cfg, tel)
			if err != nil {
				return err
			}
			if len(newer) > 0 {
				_, err = fmt.Fprintf(p.stdout, "The schema is newer than this program: it has %s besides. Nothing was changed.\n", migrations.Names(newer))
				return err
			}
			_, err = fmt.Fprintln(p.stdout, "The schema is up to date.")
			return err
		}),
	}
}
