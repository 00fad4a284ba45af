package main

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  arguments(),
		RunE: p.runs(func(context.Context, []string) error {
			_, err := fmt.Fprintln(p.stdout, "orderloom", telemetry.Version())
			return err
		}),
	}
}
