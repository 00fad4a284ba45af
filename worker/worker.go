package worker

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// Settings of the worker. Each was chosen by measurement; docs/benchmarks.md has the figures.
const (
	// workflowTasksMax bounds the workflow tasks under way at once; each holds a goroutine per saga.
	workflowTasksMax = 200
	// localActivitiesMax bounds the steps under way at once. They wait for PostgreSQL's commits and
	// for the payment gateway, so there may be many more of them than processors.
	localActivitiesMax = 500
	// durableActivitiesMax bounds the steps that outwait an outage.
	durableActivitiesMax = 200
	// workflowPollers wait for workflow tasks, half of them for those of sagas that this process has in memory. A task
	// that finds nobody waiting is written to the database first. They are as many at rest: to change their number,
	// the SDK would look ten times a second.
	workflowPollers = 32
	// durablePollers wait for durable steps.
	durablePollers = 4
	// stickyCacheMax is how many open sagas a process keeps in memory. One that was put out of it is
	// replayed from its history, some milliseconds.
	stickyCacheMax = 10_000
	// heartbeatEvery is how often the server is told how far a step has come. Only a reconciliation tells.
	heartbeatEvery = 2 * time.Second
)

// Options are the settings that differ between processes.
type Options struct {
	// Identity names the process in histories; empty is the SDK's default, process and host.
	Identity string
	// Interceptors run around every workflow and activity, such as those of telemetry.
	Interceptors []interceptor.WorkerInterceptor
	// Logger logs steps that fail; nil logs nothing.
	Logger *slog.Logger
	// DrainTimeout is how long steps under way may take to finish when the worker stops.
	DrainTimeout time.Duration
	// Deployment and BuildID name this version of the program to Temporal's Worker Deployment Versioning; see
	// docs/rollout.md. Without both, versions are not told apart. Without a deployment, BuildID names the build in
	// histories; empty is the SDK's default, a hash of the program.
	Deployment, BuildID string
	// OnFatalError is called when the worker gives up; nil is nobody. See [Run].
	OnFatalError func(error)
}

// New returns a worker for the sagas' task queue, not yet started. The client must have been made
// with the same data converter as that of the API.
func New(c client.Client, a *activities.Activities, o Options) sdkworker.Worker {
	w := sdkworker.New(c, workflows.TaskQueue, Settings(o))
	Register(w, a)
	return w
}

// Connection returns how clients connect to the Temporal server. Without compression: what an order sends
// is some kilobytes, and packing it costs both sides more than carrying it.
func Connection() client.ConnectionOptions {
	return client.ConnectionOptions{GrpcCompression: &client.GrpcCompressionNone{}}
}

// Settings returns the settings of the worker. It also sets what all workers of a process share: the size of the
// cache of open sagas, and the name of the build.
func Settings(o Options) sdkworker.Options {
	sdkworker.SetStickyWorkflowCacheSize(stickyCacheMax)
	if o.Deployment == "" && o.BuildID != "" {
		sdkworker.SetBinaryChecksum(o.BuildID)
	}
	return sdkworker.Options{
		DeploymentOptions:                       deployment(o),
		Identity:                                o.Identity,
		Interceptors:                            append([]interceptor.WorkerInterceptor{&stepInterceptor{log: logger(o)}}, o.Interceptors...),
		WorkerStopTimeout:                       o.DrainTimeout,
		OnFatalError:                            o.OnFatalError,
		MaxHeartbeatThrottleInterval:            heartbeatEvery,
		MaxConcurrentWorkflowTaskExecutionSize:  workflowTasksMax,
		MaxConcurrentLocalActivityExecutionSize: localActivitiesMax,
		MaxConcurrentActivityExecutionSize:      durableActivitiesMax,
		MaxConcurrentWorkflowTaskPollers:        workflowPollers,
		MaxConcurrentActivityTaskPollers:        durablePollers,
	}
}

func logger(o Options) *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

func deployment(o Options) sdkworker.DeploymentOptions {
	if o.Deployment == "" || o.BuildID == "" {
		return sdkworker.DeploymentOptions{}
	}
	return sdkworker.DeploymentOptions{
		UseVersioning: true, Version: sdkworker.WorkerDeploymentVersion{DeploymentName: o.Deployment, BuildID: o.BuildID},
	}
}

// Register registers every saga and every activity; replay needs the sagas alone and may give nil
// activities.
func Register(r sdkworker.Registry, a *activities.Activities) {
	for name, saga := range Sagas() {
		r.RegisterWorkflowWithOptions(saga, workflow.RegisterOptions{Name: name, VersioningBehavior: behavior})
	}
	if a != nil {
		r.RegisterActivity(a)
	}
}

// behavior says what a saga does when a new version of the program becomes the current one. It moves to that, so its
// code changes behind workflow.GetVersion. None is pinned to the version that it began with. Each may have to wait for
// as long as a server is away, and by then no worker of its version may be left.
const behavior = workflow.VersioningBehaviorAutoUpgrade

// Sagas returns every workflow type by its name.
func Sagas() map[string]any {
	return map[string]any{
		"OrderSaga":           workflows.OrderSaga,
		"PaymentSaga":         workflows.PaymentSaga,
		"InventorySaga":       workflows.InventorySaga,
		"LatePaymentSaga":     workflows.LatePaymentSaga,
		"ReconciliationSaga":  workflows.ReconciliationSaga,
		"AttentionSaga":       workflows.AttentionSaga,
		"RefundSaga":          workflows.RefundSaga,
		"ReturnSaga":          workflows.ReturnSaga,
		"ReturnDeadlineSaga":  workflows.ReturnDeadlineSaga,
		"AdvanceSaga":         workflows.AdvanceSaga,
		"ConfirmationSaga":    workflows.ConfirmationSaga,
		"StockReceiptSaga":    workflows.StockReceiptSaga,
		"StockAdjustmentSaga": workflows.StockAdjustmentSaga,
		"LocationSaga":        workflows.LocationSaga,
		"NoteSaga":            workflows.NoteSaga,
		"DetailsSaga":         workflows.DetailsSaga,
	}
}

// Run runs the worker until ctx ends, then drains it. A worker that drains takes no new tasks and waits for those
// under way, at most the drain timeout. Another worker takes up what is left.
//
// A worker gives up when its namespace stays unknown for minutes, as it does after the loss of Temporal's database. Run
// then makes another one, again and again: it works as soon as the namespace is there. So newWorker is called for each,
// with what the worker has to call as [Options.OnFatalError]. Error: the first worker could not be started.
func Run(ctx context.Context, log *slog.Logger, newWorker func(onFatalError func(error)) sdkworker.Worker) error {
	for first := true; ; first = false {
		gaveUp := make(chan error, 1)
		w := newWorker(func(err error) {
			select {
			case gaveUp <- err:
			default: // it is known
			}
		})
		err := w.Start()
		if err != nil && first {
			return fmt.Errorf("start the Temporal worker: %w", err)
		}
		if err == nil {
			select {
			case <-ctx.Done():
				w.Stop()
				return nil
			case err = <-gaveUp:
				w.Stop()
			}
		}
		log.ErrorContext(ctx, "the Temporal worker gave up, starting another one", "error", err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(restartPause):
		}
	}
}

// restartPause is how long Run waits before it starts another worker.
const restartPause = time.Second
