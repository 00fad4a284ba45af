package workflows_test

import (
	"fmt"
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

// Whoever sent an input is told which parts of it are wrong, however many programs the refusal has passed.
func TestARefusalKeepsWhatItBlames(t *testing.T) {
	t.Parallel()
	state := workflows.OrderState{OrderNumber: "ORD-1"}
	for name, refusal := range map[string]error{
		"one field":    domain.Invalid("by", "is required"),
		"many fields":  domain.Invalids{domain.Invalid("lines[1].quantity", "must be at least 1"), domain.Invalid("reason", "is required")},
		"no field":     domain.Refuse("not_cancellable", "it has left"),
		"another code": &domain.Error{Code: "unknown_currency", Message: "XXX is none", Field: "amount"},
	} {
		for kind, details := range map[string][]any{"alone": nil, "with a state": {state}} {
			t.Run(name+" "+kind, func(t *testing.T) {
				t.Parallel()
				sent := activities.Refusal(fmt.Errorf("step: %w", refusal), details...)
				failure := temporal.GetDefaultFailureConverter().ErrorToFailure(sent)
				got := workflows.Refused(fmt.Errorf("update: %w", temporal.GetDefaultFailureConverter().FailureToError(failure)))
				if name == "one field" {
					require.Equal(t, domain.Invalids{domain.Invalid("by", "is required")}, got)
					return
				}
				require.Equal(t, refusal, got)
			})
		}
	}
	require.NoError(t, workflows.Refused(nil))
	require.NoError(t, workflows.Refused(fmt.Errorf("no connection")))
}
