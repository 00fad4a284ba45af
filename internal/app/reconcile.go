package app

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
)

// Reconciled is how a reconciliation has ended.
type Reconciled = activities.Reconciled

// FoundPayment is what a reconciliation has found of a payment.
type FoundPayment = activities.FoundPayment

// FoundMax is how many payments a reconciliation names.
const FoundMax = activities.FoundMax

// Reconciliation says what is compared: the payment of one order, or all that have changed between two times.
type Reconciliation struct {
	OrderID  uuid.UUID
	From, To time.Time
}

// Reconcile lets the workers compare the gateway's ledger with the payments, and waits for that. Sofar and the errors
// are those of [sagaclient.Client.Reconcile].
func Reconcile(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, in Reconciliation, sofar func(Reconciled)) (Reconciled, error) {
	if cfg.Temporal.Address == "" {
		return Reconciled{}, errors.New("TEMPORAL_ADDRESS is not set")
	}
	c, memos, err := dialTemporal(cfg.Temporal, tel)
	if err != nil {
		return Reconciled{}, err
	}
	defer c.Close()
	return sagaclient.New(c, memos, deadlines(cfg.Orders), "").Reconcile(ctx, workflows.ReconciliationInput(in), sofar)
}
