package sagaclient_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
)

// server stands in for Temporal where only starts are asked of it.
type server struct {
	client.Client
	refuses  error
	attempts []map[string]any // the search attributes of each start
}

func (s *server) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	attributes := map[string]any{}
	for key, value := range o.TypedSearchAttributes.GetUntypedValues() {
		attributes[key.GetName()] = value
	}
	s.attempts = append(s.attempts, attributes)
	if _, named := attributes["BuildIds"]; named {
		return nil, s.refuses
	}
	return nil, nil
}

func place(t *testing.T, c *sagaclient.Client) error {
	t.Helper()
	_, _, err := c.PlaceOrder(t.Context(), workflows.OrderInput{OrderID: uuid.New(), CustomerID: "c"})
	return err
}

func TestAnOrderNamesTheBuildThatTakesItUp(t *testing.T) {
	t.Parallel()
	s := &server{}
	require.NoError(t, place(t, sagaclient.New(s, nil, workflows.Deadlines{}, "abc")))
	require.Equal(t, []string{"unversioned", "unversioned:abc"}, s.attempts[0]["BuildIds"])
	require.Equal(t, workflows.MarkOpen, s.attempts[0][workflows.AttributeOrderStatus])

	require.NoError(t, place(t, sagaclient.New(s, nil, workflows.Deadlines{}, "")))
	require.NotContains(t, s.attempts[1], "BuildIds")
}

func TestAServerThatRefusesBuildIDsGetsOrdersWithoutThem(t *testing.T) {
	t.Parallel()
	s := &server{refuses: serviceerror.NewInvalidArgument("BuildIds attribute can't be set in SearchAttributes")}
	c := sagaclient.New(s, nil, workflows.Deadlines{}, "abc")
	require.NoError(t, place(t, c))
	require.Len(t, s.attempts, 2)
	require.NotContains(t, s.attempts[1], "BuildIds")
	require.Contains(t, s.attempts[1], workflows.AttributeOrderStatus)

	require.NoError(t, place(t, c), "and does not have to refuse them again")
	require.Len(t, s.attempts, 3)
}

func TestAnOrderThatIsRefusedForAnotherReasonIsNotStartedAgain(t *testing.T) {
	t.Parallel()
	s := &server{refuses: serviceerror.NewInvalidArgument("WorkflowId exceeds length limit")}
	require.Error(t, place(t, sagaclient.New(s, nil, workflows.Deadlines{}, "abc")))
	require.Len(t, s.attempts, 1)
}
