package payment_test

import (
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestARefusedVoidShowsWhatTheBankIsAskedToConfirm(t *testing.T) {
	t.Parallel()
	p := payment.Evolve(payment.Payment{}, payment.PaymentActionRequired{PaymentID: payment.ID(orderID), OrderID: orderID, Amount: eur(1_990), RequiredAt: at})
	p = apply(p, payment.FailVoid(p, payment.FailedVoid{OrderID: orderID, Attempt: 1, Cause: "no", At: at}))
	require.Equal(t, eur(1_990), p.VoidFailure.Amount)
	p = must(t, p, void)
	require.Zero(t, p.Awaited.MinorUnits())
}

func TestWhatWasNeverAuthorisedIsVoidedInTheOrdersCurrency(t *testing.T) {
	t.Parallel()
	for name, events := range map[string][]domain.Event{
		"nothing is known":   nil,
		"waits for the bank": {payment.PaymentActionRequired{Amount: eur(5)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			voided := payment.Void(apply(payment.Payment{}, events), payment.VoidPayment{OrderID: orderID, Currency: "EUR", At: at})
			require.Equal(t, "0.00 EUR", voided[0].(payment.PaymentVoided).Amount.String())
		})
	}
}
