package worker

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
)

// toyWorker is a worker that gives up as it is told.
type toyWorker struct {
	sdkworker.Worker
	start   error
	gaveUp  func(error)
	stopped *atomic.Int32
}

func (w *toyWorker) Start() error {
	if w.gaveUp != nil {
		w.gaveUp(errors.New("the namespace is unknown"))
	}
	return w.start
}

func (w *toyWorker) Stop() { w.stopped.Add(1) }

var silent = slog.New(slog.DiscardHandler)

func TestAWorkerThatGivesUpIsReplaced(t *testing.T) {
	t.Parallel()
	var made, stopped atomic.Int32
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- Run(ctx, silent, func(onFatalError func(error)) sdkworker.Worker {
			w := &toyWorker{stopped: &stopped}
			switch made.Add(1) {
			case 1:
				w.gaveUp = onFatalError
			case 2:
				w.start = errors.New("the namespace is unknown")
			}
			return w
		})
	}()
	require.Eventually(t, func() bool { return made.Load() == 3 }, 10*time.Second, 10*time.Millisecond)
	cancel()
	require.NoError(t, <-ended)
	require.EqualValues(t, 2, stopped.Load(), "the first and the last, which ran")
}

func TestAFirstWorkerThatCannotBeStartedIsAnError(t *testing.T) {
	t.Parallel()
	unknown := errors.New("the namespace is unknown")
	err := Run(t.Context(), silent, func(func(error)) sdkworker.Worker { return &toyWorker{start: unknown} })
	require.ErrorIs(t, err, unknown)
}
