package workflows_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// Two lines of one SKU are told apart by their ids, in updates and in signals of tools.
func TestLinesOfOneSKUAreToldApart(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 9}, noReview)
	first, second := order.LineID(p.orderID, 1), order.LineID(p.orderID, 2)
	cancel := func(l order.LineQuantity) workflows.CancelLinesRequest {
		return workflows.CancelLinesRequest{RequestID: uuid.New(), Lines: []order.LineQuantity{l}, Reason: "too_many", By: "customer"}
	}
	bySKU := cancel(order.LineQuantity{SKU: "A", Quantity: 1})
	refused := p.ask(hour, workflows.CancelLines, bySKU)
	p.at(hour+time.Minute, workflows.CancelLines, bySKU)
	var shown string
	p.env.RegisterDelayedCallback(func() { shown = p.details(t) }, hour+2*time.Minute)
	done := p.ask(hour+3*time.Minute, workflows.CancelLines, cancel(order.LineQuantity{LineID: first, Quantity: 1}))
	p.at(hour+4*time.Minute, workflows.CancelLines, cancel(order.LineQuantity{LineID: second, SKU: "A", Quantity: 1}))
	p.deliver(2*hour, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00"), item("A", 3, "12.00")))
	require.Equal(t, "invalid", code(refused.err))
	require.ErrorContains(t, refused.err, first.String()+", "+second.String())
	require.Contains(t, shown, "**Last refusal:** invalid: lines[0].sku: several lines have this SKU")
	require.NoError(t, done.err)
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, "34.00", p.payment(t).Captured.Text())
	p.audit(t, scenario{}, told)

	r := setupLike(p)
	r.env.SetStartTime(p.env.Now())
	r.env.ExecuteWorkflow(workflows.ReturnSaga, workflows.ReturnInput{
		OrderID: p.orderID, ReturnID: uuid.New(), Reason: "too_small", Lines: []order.ReturnLine{{LineID: second, Quantity: 1, Restock: true}},
	})
	require.NoError(t, r.env.GetWorkflowError())
	var result workflows.ReturnResult
	require.NoError(t, r.env.GetWorkflowResult(&result))
	require.Equal(t, "12.00", result.Refund.Amount.Text())
}
