package main

import (
	"context"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) eraseCustomerCommand() *cobra.Command {
	var output *format
	c := &cobra.Command{
		Use:   "erase-customer <customer-id>",
		Short: "Destroy the key of a customer's personal data, for good",
		Long: `Destroy the key of a customer's personal data, and say what was done. It can't be undone, and may be repeated. The
orders stay, without the personal data: see docs/privacy.md. A customer who never had personal data is an error.`,
		Args: arguments("customer-id"),
		RunE: p.runsWith(config.RoleMigrate, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			done, err := app.EraseCustomer(ctx, cfg, tel, args[0])
			if err != nil {
				return err
			}
			value := map[string]any{"customer_id": args[0], "destroyed": done.Destroyed, "destroyed_at": done.At}
			if done.Destroyed == 0 {
				return p.say(*output, value, "Nothing was left to erase: the key of customer %q was destroyed at %s.", args[0], done.At.Format(time.RFC3339))
			}
			return p.say(*output, value,
				"The key of customer %q is destroyed: within a minute, personal data of this customer reads as erased everywhere.", args[0])
		}),
	}
	output = outputFlag(c)
	return c
}
