package sagaclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/orderloom/orderloom/internal/breaker"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// BreakerSettings are those of the breaker of Temporal. Only a server that can't be connected to opens it; a slow one
// is waited for. It asks once a second whether the server is back.
func BreakerSettings() breaker.Settings {
	return breaker.Settings{Of: "temporal", Failures: 3, Rest: time.Second, Probes: 1, IsFailure: isRefused}
}

// FailsAtOnce makes the calls of a [Client] fail at once while no connection to the server can be made. The SDK would
// try again for seconds. Other calls over the same connection, such as those of a worker, are left as they are.
func FailsAtOnce(b *breaker.Breaker) grpc.DialOption {
	return grpc.WithChainUnaryInterceptor(func(
		ctx context.Context, method string, request, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, o ...grpc.CallOption,
	) error {
		ask, ours := ctx.Value(askKey{}).(*ask)
		if !ours {
			return invoke(ctx, method, request, reply, conn, o...)
		}
		err := b.Do(ctx, func() error {
			err := invoke(ctx, method, request, reply, conn, o...)
			if status.Code(err) != codes.Unavailable || conn.GetState() != connectivity.TransientFailure {
				return err
			}
			conn.ResetConnectBackoff() // otherwise a server that is back is found seconds later
			return &refusedError{err}
		})
		var open *breaker.OpenError
		if !isRefused(err) && !errors.As(err, &open) {
			return err
		}
		ask.refused = err
		return status.Error(codes.FailedPrecondition, err.Error()) // which the SDK does not try again
	})
}

// refusedError is the error of a call that no connection could be made for.
type refusedError struct{ err error }

// Error is the connection's.
func (e *refusedError) Error() string { return e.err.Error() }

// Unwrap returns the connection's error.
func (e *refusedError) Unwrap() error { return e.err }

func isRefused(err error) bool {
	var refused *refusedError
	return errors.As(err, &refused)
}

// ask is one call of a [Client].
type ask struct{ refused error }

type askKey struct{}

// prompt is a Temporal client whose calls fail at once where [FailsAtOnce] is among the options of its connection.
// Error of such a call: [ErrUnavailable].
type prompt struct{ client.Client }

// ExecuteWorkflow implements [client.Client].
func (p prompt) ExecuteWorkflow(ctx context.Context, o client.StartWorkflowOptions, w any, args ...any) (client.WorkflowRun, error) {
	return promptly(ctx, func(ctx context.Context) (client.WorkflowRun, error) {
		return p.Client.ExecuteWorkflow(ctx, o, w, args...)
	})
}

// UpdateWorkflow implements [client.Client].
func (p prompt) UpdateWorkflow(ctx context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	return promptly(ctx, func(ctx context.Context) (client.WorkflowUpdateHandle, error) { return p.Client.UpdateWorkflow(ctx, o) })
}

// SignalWorkflow implements [client.Client].
func (p prompt) SignalWorkflow(ctx context.Context, id, run, name string, arg any) error {
	_, err := promptly(ctx, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, p.Client.SignalWorkflow(ctx, id, run, name, arg)
	})
	return err
}

// QueryWorkflow implements [client.Client].
func (p prompt) QueryWorkflow(ctx context.Context, id, run, query string, args ...any) (converter.EncodedValue, error) {
	return promptly(ctx, func(ctx context.Context) (converter.EncodedValue, error) {
		return p.Client.QueryWorkflow(ctx, id, run, query, args...)
	})
}

// DescribeWorkflowExecution implements [client.Client].
func (p prompt) DescribeWorkflowExecution(ctx context.Context, id, run string) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return promptly(ctx, func(ctx context.Context) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
		return p.Client.DescribeWorkflowExecution(ctx, id, run)
	})
}

func promptly[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	var a ask
	out, err := call(context.WithValue(ctx, askKey{}, &a))
	if err != nil && a.refused != nil {
		return out, fmt.Errorf("%w: %w", ErrUnavailable, a.refused)
	}
	return out, err
}
