package main

import (
	"context"
	"fmt"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

func (p *program) eraseCustomerCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "erase-customer <customer-id>",
		Short: "Destroy the key of a customer's personal data, for good",
		Long: `Destroy the key of a customer's personal data. It can't be undone, and may be repeated. The orders stay,
without the personal data: see docs/privacy.md.`,
		Args: arguments("customer-id"),
		RunE: p.runsWith(config.RoleWorker, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
			if err := app.EraseCustomer(ctx, cfg, tel, args[0]); err != nil {
				return err
			}
			fmt.Fprintln(p.stdout, "The key is destroyed: within a minute, personal data of this customer reads as erased everywhere.")
			return nil
		}),
	}
}
