package workflows_test

import (
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

// Such a report can only come by hand. Taken after the money, it would leave an order that can be
// cancelled with the money kept.
func TestAReportThatCantBeRecordedTakesNoMoney(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"a\x00b", strings.Repeat("x", order.TextLengthMax+1)} {
		p := setup(t, map[string]int{"A@berlin": 5}, noReview)
		p.at(time.Hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: text})
		p.at(2*time.Hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_mind", By: "customer"})
		state := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
		require.Equal(t, order.StatusCancelled, state.Status)
		require.Equal(t, payment.StatusVoided, p.payment(t).Status)
		require.Empty(t, p.payment(t).Captures)
	}
}

func TestAReasonThatCantBeRecordedUndoesNothing(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	answers := []*answer{
		p.ask(time.Hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "two\nlines", By: "customer"}),
		p.ask(time.Hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "a\x00b", By: "operator"}),
	}
	p.deliver(2*time.Hour, "berlin")
	state := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	for _, a := range answers {
		require.True(t, a.rejected, "it was written to the history")
		require.Equal(t, "invalid", code(a.err))
	}
	require.Equal(t, order.StatusDelivered, state.Status)
}
