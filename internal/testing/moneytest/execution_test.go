package moneytest_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/plainvault"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/worker"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/mock"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// execution is a saga that runs in an environment of its own. It can be taken away at any moment.
type execution struct {
	interceptor.WorkerInterceptorBase
	l   *life
	id  string
	env *testsuite.TestWorkflowEnvironment
	// gone is true once the execution is taken away; ended is closed when it runs no more.
	gone  bool
	ended chan struct{}
	steps steps
	// looping is true while something happens within its main loop. signals counts those that found nobody.
	looping bool
	signals int
}

const testTimeout = 2 * time.Minute

var (
	// errGone is how an execution ends that is taken away.
	errGone = temporal.NewNonRetryableApplicationError("the execution is gone", "gone", nil)
	// errDied is a process that dies in the middle of a step.
	errDied = errors.New("the process dies")
	// errGaveUp ends a life that has failed already.
	errGaveUp = errors.New("given up")
)

var quiet = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// run runs a saga to its end, or until it is taken away, and reports which.
func (l *life) run(id string, begun func(*execution), saga, in, out any) (gone bool, err error) {
	var suite testsuite.WorkflowTestSuite
	suite.SetLogger(quiet)
	x := &execution{l: l, id: id, env: suite.NewTestWorkflowEnvironment(), ended: make(chan struct{})}
	x.steps.changed.L = &x.steps.mu
	worker.Register(x.env, l.activities(x))
	x.env.SetWorkerOptions(sdkworker.Options{Interceptors: []interceptor.WorkerInterceptor{x}, DeadlockDetectionTimeout: testTimeout})
	x.env.SetTestTimeout(testTimeout)
	x.env.SetDetachedChildWait(false) // its children are gone with it
	x.env.SetStartTime(l.now())
	x.env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue})
	x.env.OnSignalExternalWorkflow(mock.Anything, mock.Anything, mock.Anything, mock.Anything, mock.Anything).Return(
		func(_, workflowID, _, signal string, arg any) error { return l.signal(x, workflowID, signal, arg) })
	x.env.OnRequestCancelExternalWorkflow(mock.Anything, mock.Anything, mock.Anything).Return(&temporal.UnknownExternalWorkflowExecutionError{})
	l.mu.Lock()
	l.running = append(l.running, x)
	l.depth++
	l.mu.Unlock()
	if begun != nil {
		begun(x)
	}
	x.execute(saga, in)
	l.now()
	l.mu.Lock()
	l.running = slices.DeleteFunc(l.running, func(other *execution) bool { return other == x })
	l.depth--
	l.mu.Unlock()
	close(x.ended)
	x.steps.end()
	l.syncClock()
	if x.gone {
		return true, nil
	}
	if err := x.env.GetWorkflowError(); err != nil || out == nil {
		return false, err
	}
	return false, x.env.GetWorkflowResult(out)
}

// execute runs the saga. The environment panics when it ends a parent whose child has only been asked for. That is no
// fault of an execution that is taken away, which has no result.
func (x *execution) execute(saga, in any) {
	defer func() {
		if r := recover(); r != nil && !x.gone {
			panic(r)
		}
	}()
	if in == nil {
		x.env.ExecuteWorkflow(saga)
		return
	}
	x.env.ExecuteWorkflow(saga, in)
}

// activities are the steps of an execution, which calls the gateway over a wire of its own.
func (l *life) activities(x *execution) *activities.Activities {
	gateway, err := stripe.New(stripe.Options{
		Key: stripeKey, URL: l.stripe.URL, ReturnURL: "https://shop.example/{order_id}", Transport: &wire{l: l, x: x}, Now: l.now,
	})
	if err != nil {
		panic(err)
	}
	return activities.New(activities.Options{
		Events: l.events, Log: ownLog{l}, Gateway: gateway, Capabilities: l.setting.capabilities, Vault: plainvault.Vault{}, Locations: locations,
	})
}

// take takes an execution away. It may be called by a step of it, which then goes no further.
func (x *execution) take() {
	x.env.RegisterDelayedCallback(func() {
		x.gone = true
		x.env.SignalWorkflow("gone", nil)
	}, 0)
}

// die ends the step that calls it, or makes this call. Who goes on after the step's deadline is not waited for.
func (x *execution) die(andTake bool, call *http.Request) {
	if andTake {
		x.take()
		if call == nil || !isLate(call) {
			<-x.ended
		}
	}
	panic(errDied)
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (x *execution) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &takeable{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, x: x}
}

// InterceptActivity implements [interceptor.WorkerInterceptor].
func (x *execution) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &mortal{ActivityInboundInterceptorBase: interceptor.ActivityInboundInterceptorBase{Next: next}, x: x}
}

// takeable is a saga whose execution ends when it is taken away.
type takeable struct {
	interceptor.WorkflowInboundInterceptorBase
	x *execution
}

func (t *takeable) ExecuteWorkflow(ctx workflow.Context, in *interceptor.ExecuteWorkflowInput) (any, error) {
	if workflow.GetInfo(ctx).ParentWorkflowExecution != nil {
		return t.Next.ExecuteWorkflow(ctx, in)
	}
	var out any
	var err error
	done := false
	workflow.Go(ctx, func(ctx workflow.Context) {
		out, err = t.Next.ExecuteWorkflow(ctx, in)
		done = true
	})
	forever, _ := workflow.NewDisconnectedContext(ctx)
	if err := workflow.Await(forever, func() bool { return done || t.x.gone }); err != nil {
		return nil, err
	}
	if !done {
		return nil, errGone
	}
	return out, err
}

// mortal is a step that may be taken away before or after it has taken effect.
type mortal struct {
	interceptor.ActivityInboundInterceptorBase
	x *execution
}

var errLost = errors.New("the answer is lost")

func (m *mortal) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	l, step := m.x.l, activity.GetInfo(ctx).ActivityType.Name
	if !m.x.steps.begin() {
		return nil, errGone
	}
	defer m.x.steps.done()
	fate := l.fateOfStep()
	switch {
	case fate == takenBefore:
		l.note("… the execution %s is taken away before %s", m.x.id, step)
		m.x.die(true, nil)
	case fate == lostBefore:
		l.note("… the database is too slow for %s", step)
		return nil, errSlow
	case l.tooLong(step):
		m.x.die(true, nil)
	}
	out, err := m.execute(ctx, in, fate == late)
	var refusal *domain.Error
	if err != nil && !errors.As(err, &refusal) {
		l.noteOnce("… %s fails: %v", step, err)
	}
	switch {
	case errors.Is(err, errSlow):
		l.note("… the deadline of %s comes before its answer", step)
	case fate == takenAfter:
		l.note("… the execution %s is taken away after %s", m.x.id, step)
		m.x.die(true, nil)
	case fate == lostAfter && err == nil:
		l.note("… the answer of %s is lost", step)
		return nil, errLost
	}
	return out, err
}

// stepsMax is how many steps a life has at most.
const stepsMax = 1_500

// tooLong reports whether a life has too many steps, which is a fault.
func (l *life) tooLong(step string) bool {
	l.mu.Lock()
	l.count++
	count := l.count
	l.mu.Unlock()
	if count == stepsMax {
		l.fault("%s: it goes on without end", step)
	}
	return count >= stepsMax
}

// signal passes a signal of one execution on to another. Who finds nobody twice is given up: it would wait for long.
func (l *life) signal(from *execution, workflowID, signal string, arg any) error {
	l.mu.Lock()
	saga := l.saga
	l.mu.Unlock()
	err := error(domain.Refuse(domain.CodeNotFound, "no execution %s", workflowID))
	switch {
	case saga == nil || saga == from:
	case workflowID == workflows.OrderSagaID(l.orderID):
		saga.env.RegisterDelayedCallback(func() { saga.env.SignalWorkflow(signal, arg) }, 0)
		return nil
	default:
		err = saga.signalChild(workflowID, signal, arg)
	}
	if from.signals++; err != nil && from.signals > 1 {
		from.take()
	}
	return err
}

// signalChild sends a signal to a child of an execution, whose children only its main loop may look at.
func (x *execution) signalChild(workflowID, signal string, arg any) error {
	if x.looping {
		return x.env.SignalWorkflowByID(workflowID, signal, arg)
	}
	done := make(chan error, 1)
	x.env.RegisterDelayedCallback(func() { done <- x.env.SignalWorkflowByID(workflowID, signal, arg) }, 0)
	select {
	case err := <-done:
		return err
	case <-x.ended:
		return errGone
	}
}
