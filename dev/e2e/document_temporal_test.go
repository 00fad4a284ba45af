package e2e_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	temporal "go.temporal.io/sdk/client"
	sdk "go.temporal.io/sdk/temporal"
)

// temporalPrelude stands for "temporal" and "tctl", which take minutes to build. It notes their words as the shell has
// them. The test asks the server for the same by the SDK. "make test-temporal-cli" runs the programs themselves.
const temporalPrelude = `
temporal() {
	printf '%s\0' "$@" >>calls; printf '\n\0' >>calls
	case "$*" in *" show "*"--output json"*) cat "$HISTORY" ;; *) echo '"currentDetails":""' ;; esac
}
tctl() { temporal "$@"; }
jq() { cat >/dev/null; case "$*" in *line_id*) echo "$LINE" ;; *) echo "$SHIPMENT" ;; esac; }
`

// lineOfDocuments and shipmentOfDocuments stand for those of the order that an update is about.
const (
	lineOfDocuments     = "4b26ef17-9d10-5d7e-8e1f-6d1f8a3c1f02"
	shipmentOfDocuments = "0b0748f5-1d51-54c4-8988-9fa7060eba70"
)

// signalNames are the signals that people send.
var signalNames = []string{
	workflows.CancelOrder, workflows.CancelLines, workflows.EditOrder, workflows.AmendAddress, workflows.CorrectTracking, workflows.ApproveOrder,
	workflows.RejectOrder, workflows.ShipmentDispatched, workflows.ShipmentDelivered, workflows.ShipmentLost, workflows.ShipmentRefused,
	workflows.PaymentUpdated,
}

// temporalCall is a call of a command-line tool of Temporal.
type temporalCall struct {
	verb  string // such as "workflow query"
	flags map[string]string
}

// callsOf reads what the prelude has noted. Words of tctl become those of temporal.
func callsOf(t *testing.T, text string) (calls []temporalCall) {
	t.Helper()
	renamed := map[string]string{"query-type": "type", "taskqueue": "task-queue", "workflow-type": "type"}
	for one := range strings.SplitSeq(text, "\x00\n\x00") {
		if one == "" {
			continue
		}
		c := temporalCall{flags: map[string]string{}}
		words := strings.Split(one, "\x00")
		for i := 0; i < len(words); i++ {
			name, isFlag := strings.CutPrefix(words[i], "--")
			if !isFlag {
				c.verb = strings.TrimSpace(c.verb + " " + words[i])
				continue
			}
			name = strings.ReplaceAll(name, "_", "-")
			if to, ok := renamed[name]; ok {
				name = to
			}
			c.flags[name] = ""
			if i+1 < len(words) && !strings.HasPrefix(words[i+1], "--") {
				i++
				c.flags[name] = words[i]
			}
		}
		calls = append(calls, c)
	}
	return calls
}

// askTemporal asks the server for what a call would. An update may be refused by a rule. What would end the saga is not
// carried out: the saga is only looked for.
func (s *shop) askTemporal(t *testing.T, c temporalCall) {
	t.Helper()
	ctx, id := t.Context(), c.flags["workflow-id"]
	input := json.RawMessage(c.flags["input"])
	if len(input) > 0 {
		require.True(t, json.Valid(input), "%+v", c)
	}
	switch c.verb {
	case "workflow query":
		_, err := s.sagas.QueryWorkflow(ctx, id, "", c.flags["type"])
		require.NoError(t, err, "%+v", c)
	case "workflow metadata":
		_, err := s.sagas.QueryWorkflow(ctx, id, "", "__temporal_workflow_metadata")
		require.NoError(t, err, "%+v", c)
	case "workflow update execute":
		o := s.place(t, states["confirmed"]) // the update before may have ended its order
		shown := o.shown()
		id = workflows.OrderSagaID(o.id)
		input = json.RawMessage(strings.NewReplacer("CUPS", o.sku, lineOfDocuments, shown.Items[0].LineID.String(),
			shipmentOfDocuments, shown.Shipments[0].ShipmentID.String()).Replace(string(input)))
		handle, err := s.sagas.UpdateWorkflow(ctx, temporal.UpdateWorkflowOptions{
			WorkflowID: id, UpdateName: c.flags["name"], Args: []any{input}, WaitForStage: temporal.WorkflowUpdateStageCompleted,
		})
		if err == nil {
			err = handle.Get(ctx, nil)
		}
		refused := (*sdk.ApplicationError)(nil)
		if err != nil {
			require.ErrorAs(t, err, &refused, "%+v", c)
			require.NotContains(t, err.Error(), "unknown update", "%+v", c)
			require.NotContains(t, []string{"", "invalid"}, refused.Type(), "%+v: %v", c, err)
		}
	case "workflow signal":
		require.True(t, slices.Contains(signalNames, c.flags["name"]), "%+v", c)
		if query := c.flags["query"]; query != "" {
			_, err := s.sagas.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: query})
			require.NoError(t, err, "%+v", c)
			return
		}
		require.NotEmpty(t, id)
	case "workflow list", "workflow count":
		_, err := s.sagas.CountWorkflow(ctx, &workflowservice.CountWorkflowExecutionsRequest{Query: c.flags["query"]})
		require.NoError(t, err, "%+v", c)
	case "workflow execute", "workflow run":
		require.Equal(t, workflows.TaskQueue, c.flags["task-queue"])
		run, err := s.sagas.ExecuteWorkflow(ctx, temporal.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, c.flags["type"], input)
		require.NoError(t, err, "%+v", c)
		require.NoError(t, run.Get(ctx, nil), "%+v", c)
	case "workflow result", "workflow show", "workflow describe", "workflow cancel", "workflow terminate", "workflow reset":
		if !strings.HasPrefix(id, "order-") {
			require.NotEmpty(t, id) // the saga of a part, which runs where the order waits for that
			return
		}
		_, err := s.sagas.DescribeWorkflowExecution(ctx, id, "")
		require.NoError(t, err, "%+v", c)
	case "schedule delete":
		require.NotEmpty(t, c.flags["schedule-id"])
	default:
		t.Errorf("a command of Temporal that nothing stands for: %+v", c)
	}
}
