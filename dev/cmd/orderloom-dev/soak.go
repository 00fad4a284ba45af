package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"github.com/orderloom/orderloom/dev/soak"
	"github.com/orderloom/orderloom/dev/stack"
)

// runSoak soaks with throwaway servers, or those that the environment gives, and prints the report. It ends with
// an error when the audit has found something.
func runSoak(ctx context.Context, o options) error {
	program, err := filepath.Abs(o.orderloom)
	if err != nil {
		return err
	}
	report, err := soak.Run(ctx, soak.Options{
		Orderloom: program, Duration: o.duration, Seed: o.seed, Buyers: o.buyers, KillEvery: o.killEvery,
		Roles: strings.Split(o.roles, ","), Given: stack.Given(os.LookupEnv), Log: say,
	})
	if printErr := json.NewEncoder(os.Stdout).Encode(report); err == nil {
		err = printErr
	}
	return err
}
