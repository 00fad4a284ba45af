package main

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) rewrapKeysCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "rewrap-keys",
		Short: "Wrap all customers' keys under the current master key",
		Long: `Wrap all customers' keys under the current master key, so that an older one may be discarded. It may be
repeated and interrupted.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleRewrapKeys, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			var wrapped atomic.Int64
			p.doesWith(func() string { return fmt.Sprintf("%d keys are wrapped anew", wrapped.Load()) })
			err := app.RewrapKeys(ctx, cfg, tel, func(all int) { wrapped.Store(int64(all)) })
			if err != nil {
				return err
			}
			return p.say(*output, map[string]any{"wrapped": wrapped.Load()}, "%d keys are wrapped anew.", wrapped.Load())
		}),
	}
	output = outputFlag(c)
	return c
}
