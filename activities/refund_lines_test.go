package activities_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func (o *testOrder) linesInput(lines ...order.RefundLine) activities.RequestRefund {
	return activities.RequestRefund{OrderID: o.id, RefundID: uuid.New(), Lines: lines, Reason: "damaged", At: at}
}

// The order has two pieces of A for 10.00 each, and two of B for 20.00 each.
func TestARefundByLinesIsCappedByWhatEachLineHasLeft(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ten := decimal.NewFromInt(10)

	t.Run("by pieces and by amounts", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		in := o.linesInput(order.RefundLine{LineID: order.LineID(o.id, 1), Quantity: 1}, order.RefundLine{SKU: o.b, Amount: decimal.RequireFromString("0.50")})
		refund, err := o.refund(in)
		require.NoError(t, err)
		require.Equal(t, "10.50 paid", refund.Amount.Text()+" "+string(refund.Status))
		require.Equal(t, []payment.RefundLine{{LineID: order.LineID(o.id, 1), Amount: eur("10.00"), Quantity: 1}, {LineID: order.LineID(o.id, 2), Amount: eur("0.50")}}, refund.Lines)
		o.requireBalance("0", "60", "10.5")
		o.requireUnchanged(func() {
			again, err := run(o, o.RequestRefund, in)
			require.NoError(t, err)
			require.True(t, again.Replayed)
			in.Lines[0].Quantity = 2
			_, err = run(o, o.RequestRefund, in)
			requireRefused(t, domain.CodeIdempotencyKeyReused, err)
		})
		o.requireUnchanged(func() {
			_, err := run(o, o.RequestRefund, o.linesInput(order.RefundLine{SKU: o.a, Quantity: 1}, order.RefundLine{SKU: o.a, Amount: decimal.RequireFromString("0.01")}))
			requireRefused(t, payment.CodeRefundExceedsCapture, err)
		})
		_, err = o.refund(o.linesInput(order.RefundLine{SKU: o.a, Quantity: 1}))
		require.NoError(t, err, "what the line has left")
	})
	t.Run("a return gets what the line has left", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		_, err := o.refund(o.linesInput(order.RefundLine{SKU: o.a, Amount: ten}))
		require.NoError(t, err)
		returned, err := run(o, o.ReturnGoods, o.returnAll())
		require.NoError(t, err)
		require.Equal(t, "50.00", returned.Refund.Amount.Text())
		_, err = run(o, o.RefundPayment, o.refundInput(returned.Refund.RefundID, 0))
		require.NoError(t, err)
		o.requireBalance("0", "60", "60")
	})
	t.Run("refuses what has not left, and what no order has", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).confirmed()
		require.NoError(t, o.dispatch(o.dispatchInput("berlin")))
		for code, lines := range map[domain.ErrorCode][]order.RefundLine{
			domain.CodeInvalid:               {{SKU: o.a, Quantity: 1}, {SKU: o.b, Quantity: 1}, {SKU: "C", Quantity: 1}, {SKU: o.a, Amount: decimal.RequireFromString("0.001")}},
			payment.CodeRefundExceedsCapture: {{SKU: o.b, Amount: decimal.RequireFromString("0.01")}},
		} {
			o.requireUnchanged(func() {
				_, err := run(o, o.RequestRefund, o.linesInput(lines...))
				requireRefused(t, code, err)
			})
		}
		unknown := o.linesInput(order.RefundLine{SKU: o.a, Quantity: 1})
		unknown.OrderID = uuid.New()
		_, err := run(o, o.RequestRefund, unknown)
		requireRefused(t, domain.CodeNotFound, err)
	})
	t.Run("one that failed is tried again for what its lines have left then", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.gateway.refuses = "the card is closed"
		in := o.linesInput(order.RefundLine{SKU: o.a, Quantity: 2})
		refund, err := o.refund(in)
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusFailed, refund.Status)
		o.gateway.refuses = ""
		_, err = o.refund(o.linesInput(order.RefundLine{SKU: o.a, Quantity: 1}))
		require.NoError(t, err)
		retry := activities.RequestRefund{OrderID: o.id, RefundID: in.RefundID, Amount: refund.Amount, Reason: refund.Reason, After: 1, At: at}
		_, err = run(o, o.RequestRefund, retry)
		requireRefused(t, payment.CodeRefundExceedsCapture, err)
	})
}
