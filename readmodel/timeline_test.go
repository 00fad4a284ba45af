package readmodel_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

func TestAVoidThatHeldNothingIsToldWithoutAnAmount(t *testing.T) {
	t.Parallel()
	never := payment.Void(payment.Payment{Status: payment.StatusActionRequired}, payment.VoidPayment{Reason: "order_cancelled"})
	require.Len(t, never, 1)
	require.Equal(t, "Payment closed: order_cancelled", readmodel.Summary(never[0]))
	require.Equal(t, "Authorisation of 5.00 EUR voided: late", readmodel.Summary(payment.PaymentVoided{Amount: money.Must("5.00", "EUR"), Reason: "late"}))
}
