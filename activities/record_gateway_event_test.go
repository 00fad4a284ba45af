package activities_test

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
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
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1}, record(o))
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
	t.Run("adopts a refund whose answer was lost", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		in := o.requestInput("20.00")
		_, err := run(o, o.RequestRefund, in)
		require.NoError(t, err)
		key := payment.RefundKey(payment.ID(o.id), in.RefundID, 1)
		g.entry.Events = []payments.Event{{Kind: payments.EventRefundPending, Ref: "re_1", Key: key, Amount: eur("20.00"), At: at}}
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1}, record(o))
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
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 2}, record(o), "nothing is to be carried on with")
		o.requireUnchanged(func() {
			refund, err := run(o, o.RefundPayment, o.refundInput(lost.RefundID(), 0))
			require.NoError(t, err)
			require.Equal(t, payment.RefundStatusOwed, refund.Status)
			require.Equal(t, string(payment.CodePaymentDisputed), refund.Cause)
		})
		won := opened
		won.Kind = payments.EventDisputeWon
		g.entry.Events = append(g.entry.Events, won)
		require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id, Recorded: 1, Refunds: []uuid.UUID{lost.RefundID()}}, record(o))
	})
	t.Run("leaves alone what is none of ours", func(t *testing.T) {
		t.Parallel()
		o, g := bundle(t)
		g.entry = payments.LedgerEntry{}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{}, record(o)) })
		g.entry = payments.LedgerEntry{PaymentID: uuid.New(), Events: []payments.Event{{Kind: payments.EventRefunded, Ref: "re_1", Amount: eur("1.00")}}}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{}, record(o)) })
		g.entry = payments.LedgerEntry{PaymentID: payment.ID(o.id), Events: []payments.Event{
			{Kind: payments.EventCaptured, Ref: "ch_1", Amount: eur("60.00")},
			{Kind: payments.EventDisputeReinstated, Ref: "dp_1", Amount: eur("60.00")},
			{Kind: payments.EventRefunded, Ref: "re_2", Key: "a void's", Amount: eur("1.00")},
			{Kind: payments.EventRefunded, Ref: "re_3", Amount: payments.LedgerEntry{}.Balance.Held},
		}}
		o.requireUnchanged(func() { require.Equal(t, activities.GatewayEventsRecorded{OrderID: o.id}, record(o)) })
	})
}
