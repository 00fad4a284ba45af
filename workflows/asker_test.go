package workflows_test

import (
	"testing"

	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// What comes from Temporal's own tools does not say whose it is, and counts as an operator's.
func TestWhatSaysNothingOfWhoAsksIsAnOperators(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Customers: []string{"cus_1"}})
	approved := p.ask(hour, workflows.ApproveOrder, map[string]string{})
	p.at(2*hour, workflows.CancelOrder, map[string]string{"reason": "duplicate"})
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.NoError(t, approved.err)
	require.Equal(t, order.StatusCancelled, told.Status)
	require.Equal(t, order.ByOperator, told.CancelledBy)
	require.Equal(t, order.ByOperator, p.order(t).ApprovedBy)
}
