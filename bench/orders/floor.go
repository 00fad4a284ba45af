package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/worker"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// floor is the bare workflow. It measures what an order's waits cost at the Temporal server, and nothing else.
type floor struct {
	watch  *rig.Watch
	client client.Client
	worker sdkworker.Worker

	mu    sync.Mutex
	steps map[string]chan int // by workflow id
}

const (
	floorQueue   = "floor"
	floorTimeout = 10 * time.Second
)

func newFloor(r *rig.Rig, watch *rig.Watch) (*floor, error) {
	c, err := client.Dial(client.Options{
		HostPort: r.Temporal, Namespace: rig.Namespace, ConnectionOptions: worker.Connection(),
		Logger: log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Temporal: %w", err)
	}
	return &floor{watch: watch, client: c, steps: map[string]chan int{}}, nil
}

func (f *floor) name() string { return workloadFloor }
func (f *floor) close()       { f.client.Close() }
func (f *floor) end()         { f.worker.Stop() }

func (f *floor) begin() error {
	f.worker = sdkworker.New(f.client, floorQueue, worker.Settings(worker.Options{DrainTimeout: floorTimeout}))
	f.worker.RegisterWorkflow(f.Floor)
	f.worker.RegisterActivity(f.Step)
	return f.worker.Start()
}

// Floor is the workflow: a step, a signal, a step, a signal, a step.
func (f *floor) Floor(ctx workflow.Context) error {
	ctx = workflow.WithLocalActivityOptions(ctx, workflow.LocalActivityOptions{StartToCloseTimeout: floorTimeout})
	for step := range 3 {
		if step > 0 {
			workflow.GetSignalChannel(ctx, fmt.Sprint("signal", step)).Receive(ctx, nil)
		}
		if err := workflow.ExecuteLocalActivity(ctx, f.Step, workflow.GetInfo(ctx).WorkflowExecution.ID, step).Get(ctx, nil); err != nil {
			return err
		}
	}
	return nil
}

// Step is the local activity: it tells the client how far the workflow is.
func (f *floor) Step(_ context.Context, id string, step int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if c := f.steps[id]; c != nil {
		c <- step
	}
	return nil
}

func (f *floor) runOne(ctx context.Context, due time.Time, took *latencies) {
	if err := f.carry(ctx, due, took); err != nil && ctx.Err() == nil {
		fmt.Println("# floor:", err)
	}
}

func (f *floor) carry(ctx context.Context, due time.Time, took *latencies) error {
	id := "floor-" + uuid.NewString()
	steps := make(chan int, 16) // a step may be repeated
	f.mu.Lock()
	f.steps[id] = steps
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.steps, id)
	}()
	_, err := f.client.ExecuteWorkflow(ctx, client.StartWorkflowOptions{ID: id, TaskQueue: floorQueue, EnableEagerStart: true}, f.Floor)
	if err != nil {
		return err
	}
	took.add("accept", time.Since(due))
	for want := range 3 {
		for step := -1; step < want; {
			select {
			case step = <-steps:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if want == 0 {
			took.add("confirm", time.Since(due))
		}
		if want < 2 {
			if err := f.client.SignalWorkflow(ctx, id, "", fmt.Sprint("signal", want+1), nil); err != nil {
				return err
			}
		}
	}
	err = f.watch.Completed(ctx, id)
	took.add("whole", time.Since(due))
	return err
}
