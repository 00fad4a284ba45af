package main

import (
	"context"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) eraseCustomerCommand() *cobra.Command {
	return &cobra.Command{
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
			if done.Destroyed == 0 {
				_, err = fmt.Fprintf(p.stdout, "Nothing was left to erase: the key of customer %q was destroyed at %s.\n", args[0], done.At.Format(time.RFC3339))
				return err
			}
			_, err = fmt.Fprintf(p.stdout, "The key of customer %q is destroyed: within a minute, personal data of this customer reads as erased everywhere.\n", args[0])
			return err
		}),
	}
}
