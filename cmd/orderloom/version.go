package main

import (
	"context"
	"fmt"
	"io"
	"runtime"

	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) versionCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "version",
		Short: "Say which build this is",
		Args:  arguments(),
		RunE: p.runs(func(context.Context, []string) error {
			build := map[string]string{"version": telemetry.Version(), "go": runtime.Version()}
			return p.show(*output, build, func(out io.Writer) error {
				_, err := fmt.Fprintln(out, "orderloom", telemetry.Version())
				return err
			})
		}),
	}
	output = outputFlag(c)
	return c
}
