package app

import (
	"context"
	"errors"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// Reconcile lets the workers compare the gateway's ledger with the payments, and waits for that. Errors: as
// [sagaclient.Client.Reconcile].
func Reconcile(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, in workflows.ReconciliationInput) (activities.Reconciled, error) {
	if cfg.Temporal.Address == "" {
		return activities.Reconciled{}, errors.New("TEMPORAL_ADDRESS is not set")
	}
	c, memos, err := dialTemporal(cfg.Temporal, tel)
	if err != nil {
		return activities.Reconciled{}, err
	}
	defer c.Close()
	return sagaclient.New(c, memos, deadlines(cfg.Orders), "").Reconcile(ctx, in)
}
