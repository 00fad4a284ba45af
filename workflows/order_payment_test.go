package workflows_test

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const day = 24 * hour

// It fails when an authorisation that has ended leaves the order as it is (activities/authorize_payment.go).
func TestAnOrderWhoseAuthorisationHasEndedWaitsForMoney(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var ending, waiting payment.Payment
	var shown string
	p.env.RegisterDelayedCallback(func() { ending = p.payment(t) }, 6*day+hour)
	p.env.RegisterDelayedCallback(func() { waiting, shown = p.payment(t), p.details(t) }, 7*day+hour)
	dispatched := p.ask(8*day, workflows.ShipmentDispatched, workflows.Dispatch{ShipmentID: p.shipment("berlin"), Carrier: "DHL"})
	declined := p.payAt(9*day, "tok_insufficient_funds")
	again := p.payAt(9*day+time.Minute, "tok_insufficient_funds")
	needless := p.payAt(11*day, "tok_fail_twice")
	paid := p.payAt(10*day, "tok_approve")
	p.deliver(12*day, "berlin")
	told := p.play(t, p.input("tok_approve", item("A", 2, "10.00")))

	require.NotNil(t, ending.Ending, "somebody is told before")
	require.Equal(t, payment.MissingNotKept, waiting.Required.Reason)
	require.Equal(t, "20.00", waiting.Required.Amount.Text())
	require.Equal(t, 7*day, waiting.Required.DeadlineAt.Sub(waiting.Required.RequiredAt))
	require.Contains(t, shown, "**Payment required:** waiting for 20.00 EUR")
	require.Equal(t, string(payment.CodePaymentRequired), code(dispatched.err))
	require.NoError(t, declined.err)
	require.Equal(t, payment.StatusPaymentRequired, declined.state.Payment.Status)
	require.Equal(t, "insufficient_funds", declined.state.Payment.Required.Reason)
	require.True(t, waiting.Required.DeadlineAt.Equal(declined.state.Payment.Required.DeadlineAt), "a decline prolongs nothing")
	require.NoError(t, again.err, "the same request is no other")
	require.NoError(t, paid.err)
	require.Equal(t, payment.StatusAuthorized, paid.state.Payment.Status)
	require.Equal(t, string(payment.CodePaymentNotRequired), code(needless.err))
	require.Equal(t, order.StatusDelivered, told.Status)
	p.audit(t, scenario{}, told)
}

// It fails when a renewal leaves the old authorisation at the gateway, or takes the method without consent.
func TestAnAuthorisationIsRenewedBeforeItEnds(t *testing.T) {
	t.Parallel()
	p := setup(t, map[string]int{"A@berlin": 5}, noReview)
	var renewed payment.Payment
	var held string
	p.env.RegisterDelayedCallback(func() {
		renewed = p.payment(t)
		balance, err := p.gateway.Balance(renewed.ID)
		require.NoError(t, err)
		held = balance.Held.Text()
	}, 6*day+hour)
	p.deliver(20*day, "berlin")
	in := p.input("tok_approve", item("A", 2, "10.00"))
	in.KeepPaymentMethod = true
	told := p.play(t, in)
	require.Equal(t, 2, renewed.Generation)
	require.Equal(t, "20.00", held, "not twice")
	require.Equal(t, order.StatusDelivered, told.Status)
	require.Equal(t, 4, p.payment(t).Generation, "it is renewed as often as it has to be")
	p.audit(t, scenario{}, told)
}

// It fails when the deadline of missing money counts from when a saga began (order_payment.go, payBy).
func TestTheDeadlineOfMissingMoneyCountsFromTheEvent(t *testing.T) {
	t.Parallel()
	p := setup(t, twoLocations, noReview)
	p.dispatchAt(hour, "berlin")
	p.reportAt(2*hour, workflows.ShipmentDelivered, "berlin")
	p.ask(10*day, workflows.AmendAddress, workflows.AmendRequest{Country: "DE", By: "customer"})
	p.faults.kind, p.faults.at = goneBefore, 8 // the amendment, after the money is missing
	next := p.resume(t, scenario{}, twoShipments(p))
	require.NotNil(t, p.payment(t).Required)
	deadline := p.payment(t).Required.DeadlineAt
	told := next.play(t, workflows.OrderInput{OrderID: p.orderID, Resume: true})
	require.Equal(t, order.StatusDelivered, told.Status, "the first shipment stays")
	require.WithinDuration(t, deadline, next.env.Now(), time.Minute)
	o := p.order(t)
	require.Equal(t, order.ShipmentStatusCancelled, o.Shipments[1].Status)
	require.Equal(t, order.ShipmentStatusDelivered, o.Shipments[0].Status)
}

// It fails when the order's saga does not look at a payment that others have changed.
func TestMoneyThatOthersHaveLetGoIsAuthorisedAnewOrWaitedFor(t *testing.T) {
	t.Parallel()
	for name, kept := range map[string]bool{"with consent": true, "without": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := setup(t, map[string]int{"A@berlin": 5}, noReview)
			p.env.RegisterDelayedCallback(func() { p.endElsewhere(t) }, hour)
			p.at(hour+time.Minute, workflows.PaymentChanged, nil)
			var after payment.Payment
			p.env.RegisterDelayedCallback(func() { after = p.payment(t) }, 2*hour)
			p.payAt(3*hour, "tok_approve")
			p.deliver(4*hour, "berlin")
			in := p.input("tok_approve", item("A", 2, "10.00"))
			in.KeepPaymentMethod = kept
			require.Equal(t, order.StatusDelivered, p.play(t, in).Status)
			if kept {
				require.Equal(t, [2]any{payment.StatusAuthorized, 2}, [2]any{after.Status, after.Generation})
			} else {
				require.Equal(t, payment.StatusPaymentRequired, after.Status)
			}
		})
	}
}
