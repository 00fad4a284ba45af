package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
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

const (
	// A reconciliation after a recovery waits for a worker that takes it up at most workersWaitMax. For a server that
	// starts all sagas anew it waits serverWaitMax. It looks every workersPoll.
	workersWaitMax = 15 * time.Second
	serverWaitMax  = time.Minute
	workersPoll    = 500 * time.Millisecond
)

// ReconcileRecovered is [Reconcile] of all that has changed since a time, right after a recovery. It gives workers some
// seconds to begin, and a busy server a minute to answer. Error: no_worker when none does.
func ReconcileRecovered(
	ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, since time.Time, sofar func(Reconciled),
) (Reconciled, error) {
	for begun := time.Now(); ; {
		out, err := Reconcile(ctx, cfg, tel, Reconciliation{From: since, To: time.Now().UTC()}, sofar)
		var patience time.Duration
		switch {
		case domain.Code(err) == sagaclient.CodeNoWorker:
			patience = workersWaitMax
		case errors.Is(err, sagaclient.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded):
			patience = serverWaitMax
		}
		if time.Since(begun) > patience || ctx.Err() != nil {
			return out, err
		}
		if paused := backoff.Pause(ctx, workersPoll); paused != nil {
			return out, err
		}
	}
}

// ErrNoTemporal is the error for settings that name no Temporal server.
var ErrNoTemporal = errors.New("TEMPORAL_ADDRESS is not set")

// Reconcile lets the workers compare the gateway's ledger with the payments, and waits for that. Sofar and the errors
// are those of [sagaclient.Client.Reconcile]. Error besides: [ErrRefused]; [ErrNoTemporal].
func Reconcile(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, in Reconciliation, sofar func(Reconciled)) (Reconciled, error) {
	if cfg.Temporal.Address == "" {
		return Reconciled{}, ErrNoTemporal
	}
	c, memos, err := dialTemporal(cfg.Temporal, tel)
	if err != nil {
		return Reconciled{}, err
	}
	defer c.Close()
	if err := temporalServer(c, cfg.Temporal).ask(ctx); err != nil {
		return Reconciled{}, fmt.Errorf("reach Temporal: %w", err)
	}
	return sagaclient.New(c, memos, deadlines(cfg.Orders), "").Reconcile(ctx, workflows.ReconciliationInput(in), sofar)
}
