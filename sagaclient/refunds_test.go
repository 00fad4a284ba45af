package sagaclient_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// slow is a Temporal whose sagas do not end while a caller waits. SoFar is what they answer to queries.
type slow struct {
	client.Client
	soFar   any
	started []string
	queried []string
}

func (s *slow) ExecuteWorkflow(_ context.Context, o client.StartWorkflowOptions, _ any, _ ...any) (client.WorkflowRun, error) {
	s.started = append(s.started, o.ID)
	return slowRun{}, nil
}

func (s *slow) QueryWorkflow(_ context.Context, id, _, query string, _ ...any) (converter.EncodedValue, error) {
	s.queried = append(s.queried, id+" "+query)
	return answer{s.soFar}, nil
}

type slowRun struct{ client.WorkflowRun }

func (slowRun) Get(context.Context, any) error { return context.DeadlineExceeded }

type answer struct{ value any }

func (a answer) HasValue() bool { return true }

func (a answer) Get(into any) error {
	b, err := json.Marshal(a.value)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, into)
}

func TestARefundThatOutwaitsAnOutageIsAnsweredAsRequested(t *testing.T) {
	t.Parallel()
	requested := payment.RefundSummary{RefundID: uuid.New(), Amount: money.Must("5.00", "EUR"), Status: payment.RefundStatusRequested, Attempts: 1}
	in := workflows.RefundInput{OrderID: uuid.New(), RefundID: requested.RefundID, Amount: requested.Amount, Reason: "late"}
	s := &slow{soFar: workflows.RefundResult{Refund: requested}}
	c := sagaclient.New(s, nil, workflows.Deadlines{}, "")

	out, err := c.RefundPayment(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, payment.RefundStatusRequested, out.Refund.Status)
	require.Equal(t, requested.RefundID, out.Refund.RefundID)
	require.Equal(t, []string{"refund-" + in.RefundID.String() + " " + workflows.QueryRefund}, s.queried)

	in.After = 1
	_, err = c.RefundPayment(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "refund-"+in.RefundID.String()+"-2", s.started[1], "another attempt is an execution of its own")

	s.soFar = workflows.RefundResult{}
	_, err = c.RefundPayment(t.Context(), in)
	require.ErrorIs(t, err, sagaclient.ErrUnavailable, "nothing is reserved yet")
}

func TestAReturnIsAnsweredOnceTheGoodsAreBackWhateverTheGatewayDoes(t *testing.T) {
	t.Parallel()
	owed := payment.RefundSummary{RefundID: uuid.New(), Amount: money.Must("5.00", "EUR"), Status: payment.RefundStatusOwed}
	in := workflows.ReturnInput{OrderID: uuid.New(), ReturnID: owed.RefundID}
	s := &slow{soFar: workflows.ReturnResult{Amount: owed.Amount, Refund: &owed}}
	c := sagaclient.New(s, nil, workflows.Deadlines{}, "")
	out, err := c.ChangeReturn(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, payment.RefundStatusOwed, out.Refund.Status)

	s.soFar = workflows.ReturnResult{}
	_, err = c.ChangeReturn(t.Context(), in)
	require.ErrorIs(t, err, sagaclient.ErrUnavailable, "the goods are not back yet")
}
