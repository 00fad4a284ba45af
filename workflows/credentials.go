package workflows

import (
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/attention"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// credentialsRefused tells operators why nothing moves.
const credentialsRefused = "**The payment gateway refuses our credentials.** Somebody has to mend them; the order goes on by itself then."

// refusesCredentials reports whether a step has failed because the gateway refuses our credentials. Who attends to that
// is told by the payment's events.
func refusesCredentials(err error) bool {
	var app *temporal.ApplicationError
	return errors.As(err, &app) && app.Type() == string(activities.CodeGatewayCredentials)
}

// showCredentials shows that a step waits for credentials that the gateway takes. Done is called once it does not wait
// any more.
func showCredentials(ctx workflow.Context) (done func()) {
	if w := watchOf(ctx); w != nil {
		return w.s.showCredentials(ctx)
	}
	orderID, ok := ctx.Value(orderKey{}).(uuid.UUID)
	if !ok {
		return func() {}
	}
	tellOrder(ctx, orderID)
	return func() {
		disconnected, cancel := workflow.NewDisconnectedContext(ctx) // the step may have been cancelled
		defer cancel()
		tellOrder(disconnected, orderID)
	}
}

// orderKey is the key of an order's id in the context of a saga beside the order's own.
type orderKey struct{}

// forOrder returns a context whose steps tell the order's saga when the gateway refuses our credentials.
func forOrder(ctx workflow.Context, orderID uuid.UUID) workflow.Context {
	return workflow.WithValue(ctx, orderKey{}, orderID)
}

// showCredentials makes searchable that the order waits for credentials, and tells operators.
func (s *orderSaga) showCredentials(ctx workflow.Context) (done func()) {
	s.credentials++
	s.setWaitingFor(ctx, s.waits)
	s.requestLook()
	return func() {
		s.credentials--
		s.setWaitingFor(ctx, s.waits)
		s.requestLook()
	}
}

// lookIfAccepted looks at the payment after a step of an order that is known to wait for credentials: they may have
// been mended. It costs any other order nothing.
func (w *stepWatch) lookIfAccepted() {
	if w == nil || w.looks || w.s.credentials > 0 || !slices.Contains(w.s.attention, string(attention.CauseGatewayCredentials)) {
		return
	}
	w.s.requestLook()
}
