package activities_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
)

func (o *testOrder) requestInput(amount string) activities.RequestRefund {
	return activities.RequestRefund{OrderID: o.id, RefundID: uuid.New(), Amount: eur(amount), Reason: "late", At: at}
}

// refund requests a refund and asks the gateway for it.
func (o *testOrder) refund(in activities.RequestRefund) (payment.RefundSummary, error) {
	if _, err := run(o, o.RequestRefund, in); err != nil {
		return payment.RefundSummary{}, err
	}
	return run(o, o.RefundPayment, o.refundInput(in.RefundID, in.After))
}

func (o *testOrder) refundInput(id uuid.UUID, after int) activities.RefundPayment {
	return activities.RefundPayment{OrderID: o.id, RefundID: id, After: after, At: at}
}

// refundAtTheGateway is a refund that somebody makes at the gateway itself.
func (o *testOrder) refundAtTheGateway(amount string) {
	o.t.Helper()
	_, err := o.gateway.Gateway.Refund(o.t.Context(), payments.RefundRequest{
		IdempotencyKey: "by hand", PaymentID: payment.ID(o.id), GatewayRef: o.paymentState().GatewayRef, Amount: eur(amount),
	})
	require.NoError(o.t, err)
}

// requireSecondRefused asserts that the second of two refunds at once was refused, whether the first had its answer by
// then or not.
func requireSecondRefused(t *testing.T, err error) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Contains(t, []string{string(payment.CodeRefundExceedsCapture), string(payment.CodeRefundUnderWay)}, app.Type())
}

func TestRequestRefund(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("reserves the amount once, before the gateway is asked", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.gateway.down = true
		in := o.requestInput("50.00")
		refund, err := run(o, o.RequestRefund, in)
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusRequested, refund.Refund.Status)
		require.Equal(t, "10.00", o.paymentState().Refundable().Text())
		o.requireUnchanged(func() {
			again, err := run(o, o.RequestRefund, in)
			require.NoError(t, err)
			require.Equal(t, activities.RefundRequested{Refund: refund.Refund, Replayed: true}, again)
			in.Amount = eur("1.00")
			_, err = run(o, o.RequestRefund, in)
			requireRefused(t, domain.CodeIdempotencyKeyReused, err)
		})
		o.requireBalance("0", "60", "0")
	})
	t.Run("refuses more than was captured, and what is owed", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() {
			_, err := run(o, o.RequestRefund, o.requestInput("60.01"))
			requireRefused(t, payment.CodeRefundExceedsCapture, err)
		})
		_, err := run(o, o.LoseShipment, o.endInput("berlin"))
		require.NoError(t, err)
		_, err = run(o, o.RequestRefund, o.requestInput("40.01"))
		requireRefused(t, payment.CodeRefundExceedsCapture, err)
	})
	t.Run("lets one of two through that come at once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		var wg sync.WaitGroup
		errs := make([]error, 2)
		for i := range errs {
			other := o.as("refund-" + uuid.NewString())
			wg.Go(func() { _, errs[i] = other.refund(other.requestInput("50.00")) })
		}
		wg.Wait()
		if errs[0] != nil {
			errs[0], errs[1] = errs[1], errs[0]
		}
		require.NoError(t, errs[0])
		requireSecondRefused(t, errs[1])
		o.requireBalance("0", "60", "50")
	})
}

func TestRefundPayment(t *testing.T) {
	t.Parallel()
	b := setup(t)

	t.Run("gives captured money back, once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		in := o.requestInput("20.00")
		first, err := o.refund(in)
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusPaid, first.Status)
		require.Equal(t, "20.00", o.paymentState().Refunded.Text())
		o.requireUnchanged(func() {
			again, err := o.refund(in)
			require.NoError(t, err)
			require.Equal(t, first, again)
		})
		o.requireBalance("0", "60", "20")
	})
	t.Run("does nothing for a refund that nobody owes or has asked for", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.requireUnchanged(func() {
			refund, err := run(o, o.RefundPayment, o.refundInput(uuid.New(), 0))
			require.NoError(t, err)
			require.Equal(t, uuid.Nil, refund.RefundID)
		})
	})
	t.Run("records a refusal, lets its amount go, and tries again under another key", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		o.gateway.refuses = "the card is closed"
		in := o.requestInput("20.00")
		refund, err := o.refund(in)
		require.NoError(t, err, "a refusal is an answer")
		require.Equal(t, payment.RefundStatusFailed, refund.Status)
		require.Equal(t, "the card is closed", refund.Cause)
		require.Equal(t, "60.00", o.paymentState().Refundable().Text())

		o.gateway.refuses = ""
		o.requireUnchanged(func() {
			_, err := o.refund(in)
			require.NoError(t, err, "the same request again asks for nothing new")
		})
		in.After = 1
		refund, err = o.refund(in)
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusPaid, refund.Status)
		o.requireBalance("0", "60", "20")
		require.NotEqual(t, o.gateway.refunds[0].IdempotencyKey, o.gateway.refunds[1].IdempotencyKey)
	})
	t.Run("is tried again while the gateway has no answer, and pays once", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		in := o.requestInput("20.00")
		o.gateway.down = true
		_, err := o.refund(in)
		requireRetryable(t, err)
		o.gateway.down, o.gateway.answersLost = false, true
		o.requireUnchanged(func() {
			_, err := o.refund(in)
			requireRetryable(t, err)
		})
		o.gateway.answersLost = false
		later := o.as("another-saga")
		retry := o.refundInput(in.RefundID, 0)
		retry.At = at.Add(48 * time.Hour)
		refund, err := run(later, o.RefundPayment, retry)
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusPaid, refund.Status)
		o.requireBalance("0", "60", "20")
		last := o.gateway.refunds[len(o.gateway.refunds)-1]
		require.Equal(t, o.gateway.refunds[0].IdempotencyKey, last.IdempotencyKey)
		require.Equal(t, at, last.AskedAt, "the request knows when it was made, whoever makes it again")
	})
	t.Run("stays owed when somebody has taken the money back at the gateway", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		_, err := run(o, o.LoseShipment, o.endInput("reno"))
		require.NoError(t, err)
		o.refundAtTheGateway("50.00")
		id := domain.DerivedID(o.shipment("reno"), "refund")
		refund, err := run(o, o.RefundPayment, o.refundInput(id, 0))
		require.NoError(t, err)
		require.Equal(t, payment.RefundStatusFailed, refund.Status, "the books do not know of it yet")
		require.Equal(t, "20.00", o.paymentState().Refundable().Text(), "what is owed stays reserved")
	})
}

func TestWhatIsOwedIsRecordedWithTheFactThatOwesIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	pay := func(o *testOrder, id uuid.UUID) payment.RefundSummary {
		refund, err := run(o, o.RefundPayment, o.refundInput(id, 0))
		require.NoError(o.t, err)
		return refund
	}

	t.Run("a return after a refund owes the rest", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		_, err := o.refund(o.requestInput("10.00"))
		require.NoError(t, err)
		o.gateway.down = true
		out, err := run(o, o.ReturnGoods, o.returnAll())
		require.NoError(t, err)
		require.Equal(t, "60.00", out.Amount.Text())
		require.Equal(t, "50.00", out.Refund.Amount.Text())
		require.Equal(t, payment.RefundStatusOwed, out.Refund.Status)
		require.Equal(t, []uuid.UUID{out.Refund.RefundID}, o.paymentState().OpenRefunds())
		o.gateway.down = false
		require.Equal(t, payment.RefundStatusPaid, pay(o, out.Refund.RefundID).Status)
		o.requireBalance("0", "60", "60")
	})
	t.Run("a return of what was refunded owes nothing", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).delivered()
		_, err := o.refund(o.requestInput("60.00"))
		require.NoError(t, err)
		out, err := run(o, o.ReturnGoods, o.returnAll())
		require.NoError(t, err)
		require.Nil(t, out.Refund)
	})
	t.Run("the last shipment that is lost owes what was not refunded", func(t *testing.T) {
		t.Parallel()
		o := b.order(t).dispatched()
		_, err := o.refund(o.requestInput("0.01"))
		require.NoError(t, err)
		for _, location := range []string{"berlin", "reno"} {
			_, err := run(o, o.LoseShipment, o.endInput(location))
			require.NoError(t, err)
			require.Equal(t, payment.RefundStatusPaid, pay(o, domain.DerivedID(o.shipment(location), "refund")).Status)
		}
		o.requireBalance("0", "60", "60")
		require.Equal(t, payment.StatusRefunded, o.paymentState().Status)
	})
}
