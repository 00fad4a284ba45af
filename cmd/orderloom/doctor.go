package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) doctorCommand() *cobra.Command {
	var e app.Examination
	var asJSON bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Ask every part whether it is well, and say what mends what is not",
		Long: `Ask every part whether it is well. It asks the servers, and looks at clocks, encryption keys and certificates. It
looks at the event store, the relay, the views, the sagas and the payment gateway. Each finding comes with its remedy.
It changes nothing, and may run beside running processes.

A warning is for people to look at soon, and does not count for the exit status.`,
		Args: arguments(),
		RunE: p.runsWith(config.RoleAll, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, _ []string) error {
			begun := time.Now()
			tell := doctor.Printer(p.stdout)
			if asJSON {
				lines := json.NewEncoder(p.stdout)
				tell = func(f doctor.Finding) { _ = lines.Encode(f) }
			}
			done := p.tick("examining")
			counts, err := app.Examine(ctx, cfg, tel, e, tell)
			done()
			if err != nil {
				return err
			}
			if !asJSON {
				fmt.Fprintf(p.stdout, "%d ok, %d warnings, %d failing, %d skipped, in %.1f s\n",
					counts[doctor.OK], counts[doctor.Warning], counts[doctor.Failing], counts[doctor.Skipped], time.Since(begun).Seconds())
			}
			if counts[doctor.Failing] > 0 {
				return fmt.Errorf("%d checks fail", counts[doctor.Failing])
			}
			return nil
		}),
	}
	c.Flags().BoolVar(&e.Before, "pre", false, "before an installation: what \"orderloom setup\" makes may be missing")
	c.Flags().BoolVar(&e.Whole, "whole", false, "also compare every row of the views and every event in Kafka with the event store")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each finding")
	c.MarkFlagsMutuallyExclusive("pre", "whole")
	return c
}
