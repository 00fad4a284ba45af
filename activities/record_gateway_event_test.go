package activities_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// told is a gateway that tells of its payments what a test says.
type told struct {
	*gateway
	entry payments.LedgerEntry
}

func (g *told) Find(context.Context, payments.FindRequest) (payments.LedgerEntry, error) {
	return g.entry, nil
}

func TestRecordGatewayEvent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	bundle := func(t *testing.T) (*testOrder, *told) {
		g := &told{}
		o := b.order(t, func(options *activities.Options) { g.gateway = options.Gateway.(*gateway); options.Gateway = g }).dispatched()
		g.entry = payments.LedgerEntry{PaymentID: payment.ID(o.id), OrderID: o.id}
		return o, g
	}
	record := func(o *testOrder) activities.GatewayEventsRecorded {
		out, err := run(o.as("report-"+uuid.NewString()), o.RecordGatewayEvent, activities.RecordGatewayEvent{PaymentID: payment.ID(o.id), At: at})
		require.NoError(o.t, err)
		return out
	}

	t.Run("counts a refund that was made elsewhere once, whoever tells of it", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		g.entry.Events = []payments.Event{{Kind: payments.EventRefunded, Ref: "re_dashboard", Amount: eur("20.00"), At: at}}
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1, Unusual: true}, record(o))
		require.Equal(t, "20.00", o.paymentState().Refunded.Text())
		o.requireUnchanged(func() { require.Zero(t, record(o).Recorded) })
		require.Equal(t, "40.00", o.paymentState().Refundable().Text())
	})
	t.Run("takes a refund back that failed later, and the obligation is open again", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		_, err := run(o, o.LoseShipment, o.endInput("berlin"))
		require.NoError(t, err)
		lost, _ := o.orderState().Shipment(o.shipment("berlin"))
		refund, err := run(o, o.RefundPayment, o.refundInput(lost.RefundID(), 0))
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusPaid, refund.Status)
		key := payment.RefundKey(payment.ID(o.id), lost.RefundID(), 1)
		g.entry.Events = []payments.Event{{Kind: payments.EventRefundFailed, Ref: "re_1", Key: key, Amount: eur("20.00"), Code: "lost_or_stolen_card", At: at}}
		require.Equal(t, 1, record(o).Recorded)
		p := o.paymentState()
		require.True(t, p.Refunded.IsZero())
		r, _ := p.Refund(lost.RefundID())
		require.Equal(t, payment.RefundStatusFailed, r.Status())
		require.Equal(t, "lost_or_stolen_card", r.Cause())
		require.Equal(t, "40.00", p.Refundable().Text(), "it stays owed")
	})
	t.Run("owes a loss that a refund had covered which fails, and tells a person of the rest", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		in := o.requestInput("60.00")
		_, err := run(o, o.RequestRefund, in)
		require.NoError(t, err)
		refund, err := run(o, o.RefundPayment, o.refundInput(in.RefundID, 0))
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusPaid, refund.Status)
		_, err = run(o, o.LoseShipment, o.endInput("berlin"))
		require.NoError(t, err)
		require.True(t, o.paymentState().Owed().IsZero(), "all has gone back, so the loss owes nothing")

		key := payment.RefundKey(payment.ID(o.id), in.RefundID, 1)
		g.entry.Events = []payments.Event{{Kind: payments.EventRefundFailed, Ref: "re_1", Key: key, Amount: eur("60.00"), Code: "lost_or_stolen_card", At: at}}
		recorded := record(o)
		require.Equal(t, 1, recorded.Recorded)
		require.Len(t, recorded.Refunds, 1, "a saga carries on with what is owed instead")
		require.Equal(t, "20.00", o.paymentState().Owed().Text())
		items := attention.Of(o.orderState(), o.paymentState())
		require.Len(t, items, 1)
		require.Equal(t, attention.CauseRefundFailed, items[0].Cause)
		require.Equal(t, "40.00 lost_or_stolen_card", items[0].Amount.Text()+" "+items[0].Detail)
		require.Equal(t, in.RefundID, items[0].RefundID)
	})
	t.Run("adopts a refund whose answer was lost", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		in := o.requestInput("20.00")
		_, err := run(o, o.RequestRefund, in)
		require.NoError(t, err)
		key := payment.RefundKey(payment.ID(o.id), in.RefundID, 1)
		g.entry.Events = []payments.Event{{Kind: payments.EventRefundPending, Ref: "re_1", Key: key, Amount: eur("20.00"), At: at}}
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1, Unusual: true}, record(o))
		r, _ := o.paymentState().Refund(in.RefundID)
		require.Equal(t, payment.RefundStatusPending, r.Status())
		require.Len(t, o.paymentState().Refunds, 1, "it is no other refund")
	})
	t.Run("holds what is owed while a dispute is open", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		_, err := run(o, o.LoseShipment, o.endInput("berlin"))
		require.NoError(t, err)
		lost, _ := o.orderState().Shipment(o.shipment("berlin"))
		opened := payments.Event{Kind: payments.EventDisputeOpened, Ref: "dp_1", Amount: eur("60.00"), Code: "fraudulent", At: at}
		withdrawn := opened
		withdrawn.Kind = payments.EventDisputeWithdrawn
		g.entry.Events = []payments.Event{opened, withdrawn}
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 2, Unusual: true}, record(o), "nothing is to be carried on with")
		o.requireUnchanged(func() {
			refund, err := run(o, o.RefundPayment, o.refundInput(lost.RefundID(), 0))
			require.NoError(t, err)
			require.Equal(t, payment.RefundStatusOwed, refund.Status)
			require.Equal(t, string(payment.CodePaymentDisputed), refund.Cause)
		})
		won := opened
		won.Kind = payments.EventDisputeWon
		g.entry.Events = append(g.entry.Events, won)
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1, Unusual: true, Refunds: []uuid.UUID{lost.RefundID()}}, record(o))
	})
	t.Run("owes what was taken in excess and did not go back, once nothing is to be captured", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		g.entry.Refs = []string{o.paymentState().GatewayRef}
		g.entry.Balance = payment.GatewayBalance{Held: eur("0"), Captured: eur("80.00"), Refunded: eur("0")}
		out := record(o)
		require.Equal(t, 1, out.Recorded)
		p := o.paymentState()
		require.Equal(t, "80.00", p.Captured.Text())
		require.Len(t, p.Refunds, 1)
		require.Equal(t, []uuid.UUID{p.Refunds[0].RefundID}, out.Refunds, "a saga carries on with it")
		require.Equal(t, "20.00 owed", p.Refunds[0].Amount.Text()+" "+string(p.Refunds[0].Status()))
		o.requireUnchanged(func() { record(o) })
	})
	t.Run("lets a void give back what was taken in excess while money is held", func(t *testing.T) {
		t.Parallel()
		g := &told{}
		o := b.order(t, func(options *activities.Options) { g.gateway = options.Gateway.(*gateway); options.Gateway = g }).confirmed()
		g.entry = payments.LedgerEntry{PaymentID: payment.ID(o.id), OrderID: o.id, Refs: []string{o.paymentState().GatewayRef}, TakenAtOnce: true}
		g.entry.Balance = payment.GatewayBalance{Held: eur("0"), Captured: eur("60.00"), Refunded: eur("0")}
		o.requireUnchanged(func() { require.Zero(t, record(o).Recorded) })
	})
	t.Run("lets what was captured elsewhere pay for the next shipments", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		_, err := o.gateway.CaptureElsewhere(payment.ID(o.id), eur("25.00"))
		require.NoError(t, err)
		for range 2 {
			out := record(o)
			require.Equal(t, o.id, out.OrderID)
			require.Equal(t, "25.00", o.paymentState().Captured.Text())
		}
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		p := o.paymentState()
		require.Equal(t, "20.00", p.Captures[o.shipment("berlin")].Text())
		require.Equal(t, "5.00", p.Unapplied().Text())
		require.Equal(t, "25.00", p.Captured.Text(), "the customer is not charged twice")
		o.requireBalance("35", "25", "0")
	})
	t.Run("records an authorisation that somebody has let go at the gateway", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.gateway.VoidElsewhere(payment.ID(o.id)))
		require.Equal(t, 1, record(o).Recorded)
		o.requireUnchanged(func() { require.Zero(t, record(o).Recorded) })
		p := o.paymentState()
		require.Equal(t, payment.StatusExpired, p.Status)
		require.True(t, p.NeedsAuthorization(eur("60.00")))
		requireRefused(t, payment.CodeAuthorizationExpired, o.dispatch(o.dispatchInput("berlin")))
	})
	t.Run("owes what was captured elsewhere for an order that is cancelled", func(t *testing.T) {
		t.Parallel()
		for _, before := range []bool{true, false} {
			o := b.order(t).confirmed()
			_, err := o.gateway.CaptureElsewhere(payment.ID(o.id), eur("25.00"))
			require.NoError(t, err)
			if before {
				record(o)
			}
			_, err = run(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: "changed_mind", By: order.ByCustomer, At: at})
			require.NoError(t, err)
			for range 2 {
				record(o)
			}
			refunds := o.paymentState().Refunds
			require.Len(t, refunds, 1)
			require.Equal(t, payment.RefundStatusOwed, refunds[0].Status())
			require.Equal(t, "25.00", refunds[0].Amount.Text())
			require.True(t, o.paymentState().Unapplied().IsZero())
		}
	})
	t.Run("records what was captured elsewhere before what has become of it", func(t *testing.T) {
		t.Parallel()
		g := &told{}
		o := b.order(t, func(options *activities.Options) { g.gateway = options.Gateway.(*gateway); options.Gateway = g }).place()
		_, err := run(o, o.CancelOrder, activities.CancelOrder{OrderID: o.id, Reason: "changed_mind", By: order.ByCustomer, At: at})
		require.NoError(t, err)
		g.refuses = "not now" // of this payment no amount is known
		_, err = run(o, o.VoidPayment, activities.VoidPayment{OrderID: o.id, Reason: "cancelled", Currency: "EUR", At: at})
		require.NoError(t, err)
		g.entry = payments.LedgerEntry{PaymentID: payment.ID(o.id), OrderID: o.id, Events: []payments.Event{
			{Kind: payments.EventRefunded, Ref: "re_dashboard", Amount: eur("20.00"), GatewayRef: "pi_1", At: at},
			{Kind: payments.EventDisputeOpened, Ref: "dp_1", Amount: eur("5.00"), GatewayRef: "pi_1", At: at},
			{Kind: payments.EventCaptured, Ref: "ch_1", Amount: eur("60.00"), GatewayRef: "pi_1", At: at},
		}}
		record(o)
		p := o.paymentState()
		require.Equal(t, []string{"60.00", "20.00", "40.00"}, []string{p.Captured.Text(), p.Refunded.Text(), p.Owed().Text()})
		require.True(t, p.Disputed())
	})
	t.Run("leaves alone what is none of ours", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		g.entry = payments.LedgerEntry{}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{}, record(o)) })
		g.entry = payments.LedgerEntry{PaymentID: uuid.New(), Events: []payments.Event{{Kind: payments.EventRefunded, Ref: "re_1", Amount: eur("1.00")}}}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{}, record(o)) })
		g.entry = payments.LedgerEntry{PaymentID: payment.ID(o.id), Events: []payments.Event{
			{Kind: payments.EventCaptured, Ref: "ch_1", Amount: eur("60.00")}, // nothing was taken but what is booked
			{Kind: payments.EventDisputeReinstated, Ref: "dp_1", Amount: eur("60.00")},
			{Kind: payments.EventRefunded, Ref: "re_2", Key: "a void's", Amount: eur("1.00")},
			{Kind: payments.EventRefunded, Ref: "re_3", Amount: payments.LedgerEntry{}.Balance.Held},
		}}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Unusual: true}, record(o)) })
	})
}
