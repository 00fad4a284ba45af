package workflows_test

import (
	"fmt"
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/converter"
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

// A refusal of a step and one of the saga itself are answered alike, whether what goes through Temporal is encrypted or
// not.
func TestASagaAnswersWhatItsStepHasRefused(t *testing.T) {
	t.Parallel()
	encrypted, err := codec.NewConverters(codec.Options{Keys: []codec.Key{{ID: "k", Secret: make([]byte, codec.SecretBytes)}}})
	require.NoError(t, err)
	state := workflows.OrderState{OrderNumber: "ORD-1", Answers: "call-1"}
	for _, converter := range []converter.FailureConverter{encrypted.Failure, temporal.GetDefaultFailureConverter()} {
		passed := func(err error) error { return converter.FailureToError(converter.ErrorToFailure(err)) }
		for _, refusal := range []error{
			domain.Invalids{domain.Invalid("lines[1].quantity", "must be at least 1"), domain.Invalid("reason", "is required")},
			domain.Refuse("not_cancellable", "it has left"),
			&domain.Error{Code: "unknown_currency", Message: "XXX is none", Field: "amount"},
		} {
			for _, details := range [][]any{nil, {state}} {
				step := activities.Refusal(fmt.Errorf("step: %w", refusal), details...)
				for _, known := range []error{step, passed(step)} { // by the saga itself, and by a step of it
					answer := passed(workflows.AnswerTo(state, known))
					require.Equal(t, refusal, workflows.Refused(answer))
					require.Equal(t, "call-1", workflows.AnswersCall(answer))
				}
			}
		}
	}
}
