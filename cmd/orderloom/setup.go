package main

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

// setupTimeout bounds how long setup waits for servers that are still starting.
const setupTimeout = 2 * time.Minute

func (p *program) setupCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "setup",
		Short: "Create what is missing: schema, topics, namespace, search attributes",
		Long: `Create what the platform needs and is not there yet: the database's schema, the topics, the Temporal
namespace and its search attributes. It may be repeated, and waits for servers that are still starting.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleSetup, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			ctx, cancel := context.WithTimeout(ctx, setupTimeout)
			defer cancel()
			if err := app.Setup(ctx, cfg, tel); err != nil {
				return err
			}
			return p.say(*output, map[string]any{"complete": true}, "Everything that the platform needs is there.")
		}),
	}
	output = outputFlag(c)
	return c
}
