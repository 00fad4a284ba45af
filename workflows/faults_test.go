package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// An execution is gone after a step that has happened, and not after an attempt that a busy machine has timed out.
func TestAnExecutionIsGoneAfterAStepThatHasHappened(t *testing.T) {
	t.Parallel()
	f := &faults{seen: map[string]bool{}, kind: goneAfter, gone: make(chan struct{})}
	timedOut, cancel := context.WithCancel(t.Context())
	cancel()
	_, after := f.strike("order/1", "place", "PlaceOrder", true)
	require.NoError(t, after(timedOut))
	_, after = f.strike("order/1", "place", "PlaceOrder", true)
	select {
	case <-f.gone:
		require.Fail(t, "it is gone before the step has happened")
	default:
	}
	go func() { _ = after(context.WithoutCancel(t.Context())) }() // it never comes back
	<-f.gone
	require.Equal(t, []string{"PlaceOrder"}, f.calls, "one call")
}
