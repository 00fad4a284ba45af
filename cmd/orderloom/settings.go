package main

import (
	"context"
	"io"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/spf13/cobra"
)

func (p *program) settingsCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "settings",
		Short: "List every setting with its default, as Markdown",
		Args:  arguments(),
		RunE: p.runs(func(context.Context, []string) error {
			_, err := io.WriteString(p.stdout, config.Document())
			return err
		}),
	}
}
