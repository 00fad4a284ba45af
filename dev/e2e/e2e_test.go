// Package e2e takes whole orders through the whole platform: HTTP, a real Temporal server, the event
// store, Kafka's protocol, and the views.
package e2e_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/dev/demo"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/common/v1"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
)

// What a delivered order of one line may cost a Temporal server. Every order pays it, so going above is a decision.
const (
	historyEventsMax = 40
	workflowTasksMax = 5
)

func TestSampleOrders(t *testing.T) {
	t.Parallel()
	p, err := platform.Start(t.Context(), platform.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Stop(context.Background())) })

	var shown bytes.Buffer
	report, err := demo.Play(t.Context(), demo.Options{
		APIURL: p.APIURL, SagaURL: p.SagaURL, Locations: p.Locations(), Out: &shown,
	})
	require.NoError(t, err)
	require.True(t, report.AsItShould(), "%s\n%s", report.Differences(), &shown)
	require.Len(t, report.Orders, 5)

	delivered := report.Orders["Delivered"]
	saga := look(t, p, delivered.OrderID.String())
	t.Logf("a delivered order of one line: %d history events, %d workflow tasks", saga.events, saga.tasks)
	require.LessOrEqual(t, saga.events, historyEventsMax)
	require.LessOrEqual(t, saga.tasks, workflowTasksMax)
}

// seen is what Temporal tells of an order's saga.
type seen struct {
	events, tasks int
	// The search attribute BuildIds at the start and now. Where they are the same, the server had no reason to write
	// its list of executions for it.
	buildsAtStart, builds string
}

// look reads the history and the state of an order's saga.
func look(t *testing.T, p *platform.Platform, orderID string) seen {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{
		HostPort: p.Config.Temporal.Address, Namespace: p.Config.Temporal.Namespace,
	})
	require.NoError(t, err)
	defer c.Close()
	builds := func(a *common.SearchAttributes) string { return string(a.GetIndexedFields()["BuildIds"].GetData()) }
	saga := workflows.OrderSagaID(uuid.MustParse(orderID))
	described, err := c.DescribeWorkflowExecution(t.Context(), saga, "")
	require.NoError(t, err)
	s := seen{builds: builds(described.GetWorkflowExecutionInfo().GetSearchAttributes())}
	history := c.GetWorkflowHistory(t.Context(), saga, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for history.HasNext() {
		event, err := history.Next()
		require.NoError(t, err)
		s.events++
		switch event.GetEventType() {
		case enums.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED:
			s.buildsAtStart = builds(event.GetWorkflowExecutionStartedEventAttributes().GetSearchAttributes())
		case enums.EVENT_TYPE_WORKFLOW_TASK_COMPLETED:
			s.tasks++
		}
	}
	return s
}
