//go:build budgets

package telemetry_test

import (
	"testing"

	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

// Every step asks for the trace it belongs to, also where nobody traces.
func TestBudgetOfTracingThatIsOff(t *testing.T) {
	tel, err := telemetry.Setup(t.Context(), quiet, "worker")
	require.NoError(t, err)
	require.False(t, tel.Tracing())
	ctx := t.Context()
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_ = telemetry.TraceParent(ctx)
		_ = telemetry.WithTraceParent(ctx, "")
	}))
}
