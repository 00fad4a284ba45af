package main

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/migrations"
	"github.com/spf13/cobra"
)

func (p *program) migrateCommand() *cobra.Command {
	var wait time.Duration
	var output *format
	var command *cobra.Command
	command = &cobra.Command{
		Use:   "migrate",
		Short: "Bring the database's schema up to date",
		Long: `Bring the database's schema up to date. It may be repeated. A schema that is newer than this program stays as it is:
migrations only add, so the program goes on with it.

With ORDERLOOM_DATABASE_RUNTIME_ROLE, the role of that name gets what the processes need. With --wait it changes
nothing: it waits until somebody else has done all this, such as before a process starts.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			if command.Flags().Changed("wait") {
				return p.awaitSchema(ctx, cfg, tel, wait, *output)
			}
			newer, err := app.Migrate(ctx, cfg, tel)
			if err != nil {
				return err
			}
			if len(newer) > 0 {
				return p.say(*output, map[string]any{"up_to_date": true, "newer": migrations.Names(newer)},
					"The schema is newer than this program: it has %s besides. Nothing was changed.", migrations.Names(newer))
			}
			return p.schemaIsUpToDate(*output)
		}),
	}
	command.Flags().DurationVar(&wait, "wait", 0, "change nothing, and wait this long for a schema that is up to date")
	output = outputFlag(command)
	return command
}

// awaitSchema waits for a schema that is up to date, and fails after a time.
func (p *program) awaitSchema(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, wait time.Duration, output format) error {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := app.AwaitSchema(ctx, cfg, tel); err != nil {
		return err
	}
	return p.schemaIsUpToDate(output)
}

func (p *program) schemaIsUpToDate(output format) error {
	return p.say(output, map[string]any{"up_to_date": true}, "The schema is up to date.")
}
