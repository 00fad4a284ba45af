package main

import (
	"context"
	"errors"
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
	var output *format
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
			found := examination{Findings: []doctor.Finding{}}
			tell := doctor.Printer(p.stdout)
			if *output != outputTable {
				tell = func(f doctor.Finding) { found.Findings = append(found.Findings, f) }
			}
			p.does("examining")
			counts, err := app.Examine(ctx, cfg, tel, e, tell)
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			found.OK, found.Warnings, found.Failing, found.Skipped = counts[doctor.OK], counts[doctor.Warning], counts[doctor.Failing], counts[doctor.Skipped]
			found.Seconds = time.Since(begun).Seconds()
			err = p.say(*output, found, "%d ok, %d warnings, %d failing, %d skipped, in %.1f s",
				found.OK, found.Warnings, found.Failing, found.Skipped, found.Seconds)
			if err == nil && found.Failing > 0 {
				err = foundError{errors.New(failing(found.Failing))}
			}
			return err
		}),
	}
	c.Flags().BoolVar(&e.Before, "pre", false, "before an installation: what \"orderloom setup\" makes may be missing")
	c.Flags().BoolVar(&e.Whole, "whole", false, "also compare every row of the views and every event in Kafka with the event store")
	output = outputFlag(c)
	c.MarkFlagsMutuallyExclusive("pre", "whole")
	return c
}

// examination is what "orderloom doctor" has found.
type examination struct {
	Findings []doctor.Finding `json:"findings"`
	OK       int              `json:"ok"`
	Warnings int              `json:"warnings"`
	Failing  int              `json:"failing"`
	Skipped  int              `json:"skipped"`
	Seconds  float64          `json:"seconds"`
}

// failing says how many checks fail.
func failing(checks int) string {
	if checks == 1 {
		return "1 check fails"
	}
	return fmt.Sprintf("%d checks fail", checks)
}
