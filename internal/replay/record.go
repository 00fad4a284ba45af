package replay

import (
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"
)

// recorder notes what the saga code asks for while it is replayed.
type recorder struct {
	interceptor.WorkerInterceptorBase
	mu sync.Mutex
	// task is the event that started the workflow task of the calls.
	task  int64
	calls []call
}

// call is one thing that saga code did, or that a history says it did.
type call struct {
	// words is what, such as "starts a timer of 1h0m0s".
	words string
	// summary is the code's own remark, which plays no part in a comparison.
	summary string
}

func (c call) String() string {
	if c.summary == "" {
		return c.words
	}
	return fmt.Sprintf("%s %q", c.words, c.summary)
}

// note keeps the calls of the last workflow task only.
func (r *recorder) note(ctx workflow.Context, summary, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if task := int64(workflow.GetInfo(ctx).GetCurrentHistoryLength()); task != r.task {
		r.task, r.calls = task, nil
	}
	r.calls = append(r.calls, call{words: fmt.Sprintf(format, args...), summary: summary})
}

// during returns the calls of a workflow task, when it was the last one.
func (r *recorder) during(task int64) []call {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.task != task {
		return nil
	}
	return r.calls
}

// InterceptWorkflow implements [interceptor.WorkerInterceptor].
func (r *recorder) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	return &inbound{WorkflowInboundInterceptorBase: interceptor.WorkflowInboundInterceptorBase{Next: next}, recorder: r}
}

type inbound struct {
	interceptor.WorkflowInboundInterceptorBase
	recorder *recorder
}

// Init implements [interceptor.WorkflowInboundInterceptor].
func (i *inbound) Init(next interceptor.WorkflowOutboundInterceptor) error {
	return i.Next.Init(&outbound{WorkflowOutboundInterceptorBase: interceptor.WorkflowOutboundInterceptorBase{Next: next}, recorder: i.recorder})
}

// outbound notes the calls that become commands, and passes every one of them on.
type outbound struct {
	interceptor.WorkflowOutboundInterceptorBase
	recorder *recorder
}

// ExecuteActivity implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.recorder.note(ctx, workflow.GetActivityOptions(ctx).Summary, "schedules the activity %s", name)
	return o.Next.ExecuteActivity(ctx, name, args...)
}

// ExecuteLocalActivity implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) ExecuteLocalActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	o.recorder.note(ctx, workflow.GetLocalActivityOptions(ctx).Summary, "runs the local activity %s", name)
	return o.Next.ExecuteLocalActivity(ctx, name, args...)
}

// ExecuteChildWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	o.recorder.note(ctx, "", "starts the child %s (%s)", name, workflow.GetChildWorkflowOptions(ctx).WorkflowID)
	return o.Next.ExecuteChildWorkflow(ctx, name, args...)
}

// NewTimer implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) NewTimer(ctx workflow.Context, d time.Duration) workflow.Future {
	o.recorder.note(ctx, "", "starts a timer of %s", d)
	return o.Next.NewTimer(ctx, d)
}

// NewTimerWithOptions implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) NewTimerWithOptions(ctx workflow.Context, d time.Duration, options workflow.TimerOptions) workflow.Future {
	o.recorder.note(ctx, options.Summary, "starts a timer of %s", d)
	return o.Next.NewTimerWithOptions(ctx, d, options)
}

// RequestCancelExternalWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) RequestCancelExternalWorkflow(ctx workflow.Context, workflowID, runID string) workflow.Future {
	o.recorder.note(ctx, "", "cancels the execution %s", workflowID)
	return o.Next.RequestCancelExternalWorkflow(ctx, workflowID, runID)
}

// SignalExternalWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) SignalExternalWorkflow(ctx workflow.Context, workflowID, runID, name string, arg any) workflow.Future {
	o.recorder.note(ctx, "", "sends the signal %s to %s", name, workflowID)
	return o.Next.SignalExternalWorkflow(ctx, workflowID, runID, name, arg)
}

// SignalChildWorkflow implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) SignalChildWorkflow(ctx workflow.Context, workflowID, name string, arg any) workflow.Future {
	o.recorder.note(ctx, "", "sends the signal %s to %s", name, workflowID)
	return o.Next.SignalChildWorkflow(ctx, workflowID, name, arg)
}

// UpsertTypedSearchAttributes implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) UpsertTypedSearchAttributes(ctx workflow.Context, attributes ...temporal.SearchAttributeUpdate) error {
	o.recorder.note(ctx, "", "sets search attributes")
	return o.Next.UpsertTypedSearchAttributes(ctx, attributes...)
}

// UpsertMemo implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) UpsertMemo(ctx workflow.Context, memo map[string]any) error {
	o.recorder.note(ctx, "", "changes the memo")
	return o.Next.UpsertMemo(ctx, memo)
}

// SideEffect implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) SideEffect(ctx workflow.Context, f func(workflow.Context) any) converter.EncodedValue {
	o.recorder.note(ctx, "", "takes a side effect")
	return o.Next.SideEffect(ctx, f)
}

// NewContinueAsNewError implements [interceptor.WorkflowOutboundInterceptor].
func (o *outbound) NewContinueAsNewError(ctx workflow.Context, saga any, args ...any) error {
	o.recorder.note(ctx, "", "continues as new")
	return o.Next.NewContinueAsNewError(ctx, saga, args...)
}
