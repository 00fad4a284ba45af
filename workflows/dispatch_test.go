package workflows_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
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

func TestAReportIsAnsweredOnceItIsCarriedOut(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	left := p.ask(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
	var captured bool
	p.env.RegisterDelayedCallback(func() { captured = left.done && len(p.payment(t).Captures) == 1 }, hour+time.Minute)
	arrived := p.ask(2*hour, workflows.ShipmentDelivered, workflows.ShipmentReport{ShipmentID: p.shipment("berlin")})
	p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.NoError(t, left.err)
	require.Equal(t, order.ShipmentStatusDispatched, left.state.Shipments[0].Status)
	require.True(t, captured, "it was answered before the money was taken")
	require.NoError(t, arrived.err)
	require.Equal(t, order.StatusDelivered, arrived.state.Status)
}

// Reports that are repeated without end, or make no sense, leave nothing in the history.
func TestReportsWithNothingToDoAreRejectedBeforeTheyAreWritten(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Customers: []string{"cus_1"}})
	dispatch := workflows.Dispatch{ShipmentID: p.shipment("berlin")}
	report := workflows.ShipmentReport{ShipmentID: p.shipment("berlin")}
	held := p.ask(hour, workflows.ShipmentDispatched, dispatch)
	p.at(2*hour, workflows.ApproveOrder, workflows.ReviewRequest{By: "alice"})
	unknown := p.ask(3*hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.orderID})
	early := p.ask(3*hour, workflows.ShipmentLost, report)
	p.ask(4*hour, workflows.ShipmentDispatched, dispatch)
	again := p.ask(5*hour, workflows.ShipmentDispatched, dispatch)
	p.ask(6*hour, workflows.ShipmentDelivered, report)
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, order.StatusDelivered, told.Status)
	for want, a := range map[string]*answer{
		"not_dispatchable": held, "shipment_not_found": unknown, "not_deliverable": early, "already_reported": again,
	} {
		require.True(t, a.rejected, want)
		require.Equal(t, want, code(a.err))
	}
}

// Success would tell the warehouse that the shipment is paid and under way.
func TestAReportOfAShipmentThatWasCancelledIsRefused(t *testing.T) {
	t.Parallel()
	for _, bySignal := range []bool{false, true} {
		t.Run(fmt.Sprintf("by signal %t", bySignal), func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 5, "B@reno": 5}, noReview)
			p.at(hour, workflows.CancelLines, workflows.CancelLinesRequest{
				RequestID: uuid.New(), Lines: []order.LineQuantity{{SKU: "B", Quantity: 1}}, Reason: "too_many", By: "customer",
			})
			dispatch := workflows.Dispatch{ShipmentID: p.shipment("reno")}
			report := workflows.ShipmentReport{ShipmentID: p.shipment("reno")}
			if bySignal {
				p.at(2*hour, workflows.ShipmentDispatched, dispatch)
				p.env.RegisterDelayedCallback(func() { require.Contains(t, p.details(t), "**Last refusal:** not_dispatchable:") }, 2*hour+time.Minute)
				p.at(3*hour, workflows.ShipmentLost, report)
				p.env.RegisterDelayedCallback(func() { require.Contains(t, p.details(t), "**Last refusal:** not_deliverable:") }, 3*hour+time.Minute)
			} else {
				left := p.ask(2*hour, workflows.ShipmentDispatched, dispatch)
				lost := p.ask(3*hour, workflows.ShipmentLost, report)
				defer func() {
					require.Equal(t, "not_dispatchable", code(left.err))
					require.Equal(t, "not_deliverable", code(lost.err))
				}()
			}
			p.deliver(4*hour, "berlin")
			require.Equal(t, order.StatusDelivered, p.play(t, p.input("tok_approve", item("A", 1, "10.00"), item("B", 1, "5.00"))).Status)
		})
	}
}

// A signal is delivered once, so one that comes before its shipment is planned waits for it. It comes so early when the
// process dies between the confirmation and the end of its workflow task.
func TestASignalAheadOfTheConfirmationIsCarriedOutAfterIt(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, activities.ReviewRules{Customers: []string{"cus_1"}})
	p.bySignal = true
	p.dispatchAt(hour, "berlin")
	p.at(2*hour, workflows.ApproveOrder, workflows.ReviewRequest{By: "alice"})
	p.reportAt(3*hour, workflows.ShipmentDelivered, "berlin")
	require.Equal(t, order.StatusDelivered, p.play(t, p.input("tok_approve", item("A", 1, "10.00"))).Status)
}

// A report and a cancellation that come together must not cross: either the shipment leaves paid, or it stays.
func TestAReportThatACancellationOvertakesIsRefused(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var cancel, left *answer
	cancel = p.ask(hour, workflows.CancelOrder, workflows.CancelRequest{Reason: "changed_mind", By: "customer"})
	left = p.ask(hour, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin")})
	told := p.play(t, p.input("tok_approve", item("A", 1, "10.00")))
	require.Equal(t, order.StatusCancelled, told.Status)
	require.NoError(t, cancel.err)
	require.Equal(t, "not_dispatchable", code(left.err))
	require.Empty(t, p.payment(t).Captures)
	p.audit(t, scenario{}, told)
}
