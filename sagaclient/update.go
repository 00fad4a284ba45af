package sagaclient

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
)

// What the server answers with when an execution has ended before it completed an update that it had accepted, or has
// not looked at.
const (
	typeEndedBefore = "AcceptedUpdateCompletedWorkflow"
	typeNotLookedAt = "UnprocessedUpdate"
)

// Limits of asking a saga again whose run has ended: there is another one in a moment.
const (
	updateAttemptsMax = 20
	updatePause       = 20 * time.Millisecond
	updatePauseMax    = 500 * time.Millisecond
)

// updateOrder asks the saga of an order for something, under an id that follows from what the request is known by. So
// the server answers the same request again with the answer to the first one, and writes nothing.
//
// An answer to an earlier call is no answer for ever. A refusal may have passed, and what was under way has come to its
// end: the saga is asked anew then.
func (c *Client) updateOrder(ctx context.Context, orderID uuid.UUID, name string, request any, knownBy ...any) (workflows.OrderState, error) {
	id, err := updateID(name, knownBy)
	if err != nil {
		return workflows.OrderState{}, err
	}
	end, err := c.turns.take(ctx, orderID)
	if err != nil {
		return workflows.OrderState{}, err
	}
	defer end()
	call := uuid.NewString()
	for attempt := 1; ; attempt++ {
		state, err := c.callUpdate(ctx, orderID, name, id, request, call)
		last := attempt == updateAttemptsMax
		switch {
		case endedBefore(err) && !last:
			if err := pause(ctx, attempt); err != nil {
				return state, fmt.Errorf("%s of order %s: %w: %w", name, orderID, ErrUnavailable, err)
			}
			continue // the next run is asked
		case endedBefore(err):
			return state, fmt.Errorf("%s of order %s: %w: %w", name, orderID, ErrUnavailable, err)
		case err != nil && (!answersAnother(err, call) || last):
			return state, inDomainTerms(err)
		case err == nil && (state.Answers == call || state.Answers == ""):
			return state, nil
		case err == nil && !state.UnderWay:
			state.Replayed = true
			return state, nil
		case err == nil && (last || c.isUnderWay(ctx, orderID, id)):
			return state, nil
		}
		id += "/" + call
	}
}

// updateID returns the id of an update that is known by these values.
func updateID(name string, knownBy []any) (string, error) {
	content, err := json.Marshal(knownBy)
	if err != nil {
		return "", fmt.Errorf("encode a request %s: %w", name, err)
	}
	sum := sha256.Sum256(content)
	return name + "/" + hex.EncodeToString(sum[:16]), nil
}

func (c *Client) callUpdate(ctx context.Context, orderID uuid.UUID, name, id string, request any, call string) (workflows.OrderState, error) {
	var state workflows.OrderState
	handle, err := c.temporal.UpdateWorkflow(ctx, client.UpdateWorkflowOptions{
		WorkflowID: workflows.OrderSagaID(orderID), UpdateID: id, UpdateName: name, Args: []any{request, call},
		WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	if err != nil {
		return state, err
	}
	err = handle.Get(ctx, &state)
	var late *client.WorkflowUpdateServiceTimeoutOrCanceledError
	if errors.As(err, &late) {
		return state, fmt.Errorf("%s of order %s: %w", name, orderID, errLate)
	}
	return state, err
}

// errLate is the error of an update that the saga has, and does not answer in time.
var errLate = lateError{}

type lateError struct{}

func (lateError) Error() string        { return "the saga has not answered in time" }
func (lateError) Is(target error) bool { return target == context.DeadlineExceeded }

// endedBefore reports whether a run has ended without carrying out an update.
func endedBefore(err error) bool {
	var app *temporal.ApplicationError
	ended := []string{typeEndedBefore, typeNotLookedAt, string(workflows.CodeContinued)}
	return errors.As(err, &app) && slices.Contains(ended, app.Type())
}

// pause waits before another attempt, longer after each.
func pause(ctx context.Context, attempt int) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(time.Duration(attempt)*updatePause, updatePauseMax)):
		return nil
	}
}

// answersAnother reports whether a refusal is the one of an earlier call, which the server has kept.
func answersAnother(err error, call string) bool {
	answered := workflows.AnswersCall(err)
	return answered != "" && answered != call
}

// isUnderWay reports whether an update is still to be carried out. It is taken to be so when the saga can't be asked.
func (c *Client) isUnderWay(ctx context.Context, orderID uuid.UUID, id string) bool {
	var state workflows.OrderState
	value, err := c.temporal.QueryWorkflow(ctx, workflows.OrderSagaID(orderID), "", workflows.QueryState)
	if err != nil || value.Get(&state) != nil {
		return true
	}
	return slices.Contains(state.Queue, id)
}
