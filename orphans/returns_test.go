package orphans_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/orphans"
	"github.com/stretchr/testify/require"
)

// lookOnce runs a finder until its first look has ended.
func lookOnce(t *testing.T, w *world, f *orphans.Finder) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	require.Eventually(t, func() bool {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.looks > 0
	}, time.Minute, time.Millisecond)
	stop()
	require.NoError(t, <-done)
}

// Each look has a saga look at all orders whose returns are due, unless nothing may be resumed.
func TestReturnsThatAreDueAreEnded(t *testing.T) {
	t.Parallel()
	for _, resume := range []bool{true, false} {
		w := newWorld()
		for range 1200 {
			w.due = append(w.due, uuid.New())
		}
		o := w.options(nil)
		o.Returns, o.Resume = w, resume
		lookOnce(t, w, orphans.New(o))
		if !resume {
			require.Empty(t, w.ended)
			continue
		}
		require.Equal(t, w.due, w.ended)
	}
}
