package payment_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

// failedRefundOf is a payment of 100.00, all captured, and a refund of 60.00 that the gateway has refused.
func failedRefundOf(owed bool) (payment.Payment, uuid.UUID) {
	order, refund := uuid.New(), uuid.New()
	id, hundred, sixty := payment.ID(order), money.Must("100.00", "EUR"), money.Must("60.00", "EUR")
	p := after(payment.Payment{},
		payment.PaymentAuthorized{PaymentID: id, OrderID: order, Amount: hundred, GatewayRef: "pi_1"},
		payment.PaymentCaptured{PaymentID: id, OrderID: order, CaptureID: uuid.New(), Amount: hundred})
	if owed {
		p = after(p, payment.RefundOwed{PaymentID: id, OrderID: order, RefundID: refund, Amount: sixty, Reason: "return"})
	}
	return after(p,
		payment.RefundRequested{
			PaymentID: id, OrderID: order, RefundID: refund, Amount: sixty, Reason: "return",
			Parts: []payment.RefundPart{{Attempt: 1, Source: "pi_1", Amount: sixty}},
		},
		payment.RefundFailed{PaymentID: id, OrderID: order, RefundID: refund, Attempt: 1, Amount: sixty, Cause: "closed"}), refund
}

func after(p payment.Payment, events ...domain.Event) payment.Payment {
	for _, e := range events {
		p = payment.Evolve(p.Clone(), e)
	}
	return p
}

// What a person has settled counts as refunded once, whoever else tells of it, and before or after.
func TestARefundThatWasSettledOutsideCountsOnce(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	sixty := money.Must("60.00", "EUR")
	for _, owed := range []bool{true, false} {
		p, refund := failedRefundOf(owed)
		settled := payment.SettledOutside{RefundID: refund, Amount: sixty, Reference: "re_9", By: "ann", At: at}
		told := payment.RefundAnswer{GatewayRef: "re_9", Status: payment.RefundStatusPaid, Amount: sixty, Source: "pi_1", At: at}

		events, err := payment.ResolveRefund(p, settled)
		require.NoError(t, err)
		first := after(p, events...)
		require.Equal(t, "60.00 EUR", first.Refunded.String())
		require.Equal(t, "40.00 EUR", first.Refundable().String())
		require.Equal(t, "60.00 EUR", first.RefundedOutside().String())
		require.Empty(t, first.OpenRefunds())
		r, _ := first.Refund(refund)
		require.Equal(t, payment.RefundStatusPaid, r.Status())
		again, err := payment.ResolveRefund(first, settled)
		require.NoError(t, err)
		require.Empty(t, again)
		require.Empty(t, payment.Reconcile(first, payment.GatewayBalance{
			Held: money.Zero("EUR"), Captured: money.Must("100.00", "EUR"), Refunded: money.Zero("EUR"),
		}, at), "it went back without the gateway")

		events, err = payment.RecordGatewayRefund(first, told)
		require.NoError(t, err)
		both := after(first, events...)
		require.Equal(t, "60.00 EUR", both.Refunded.String())
		require.Equal(t, "0.00 EUR", both.RefundedOutside().String(), "the gateway knows it too")
		events, err = payment.RecordGatewayRefund(both, told)
		require.NoError(t, err)
		require.Empty(t, events)

		events, err = payment.RecordGatewayRefund(p, told)
		require.NoError(t, err)
		p = after(p, events...)
		events, err = payment.ResolveRefund(p, settled)
		require.NoError(t, err)
		p = after(p, events...)
		require.Equal(t, "60.00 EUR", p.Refunded.String(), "owed: %t", owed)
		require.Equal(t, "40.00 EUR", p.Refundable().String())
	}
}

func TestAFailedRefundIsSettledForNoMoreThanItLacks(t *testing.T) {
	t.Parallel()
	p, refund := failedRefundOf(true)
	for _, amount := range []money.Money{money.Must("60.01", "EUR"), money.Must("1.00", "USD")} {
		_, err := payment.ResolveRefund(p, payment.SettledOutside{RefundID: refund, Amount: amount, Reference: "x", By: "ann"})
		require.Equal(t, payment.CodeRefundExceedsCapture, domain.Code(err))
	}
	_, err := payment.ResolveRefund(p, payment.SettledOutside{RefundID: uuid.New(), Amount: money.Zero("EUR"), Reference: "x", By: "ann"})
	require.Equal(t, payment.CodeUnknownRefund, domain.Code(err))
	_, err = payment.ResolveRefund(p, payment.SettledOutside{RefundID: refund, Amount: money.Zero("EUR"), Reference: "a\x00b", By: "ann"})
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
	// Nothing at all: the customer waives it.
	events, err := payment.ResolveRefund(p, payment.SettledOutside{RefundID: refund, Amount: money.Zero("EUR"), Reference: "waived", By: "ann"})
	require.NoError(t, err)
	p = after(p, events...)
	require.Equal(t, "0.00 EUR", p.Refunded.String())
	require.Equal(t, "100.00 EUR", p.Refundable().String())
	require.Equal(t, "0.00 EUR", payment.Payment{Captured: money.Zero("EUR")}.RefundedOutside().String())
}
