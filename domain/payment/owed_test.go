package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestWhatAPaymentOwes(t *testing.T) {
	t.Parallel()
	ten, refund := money.Must("10.00", "EUR"), uuid.New()
	fold := func(events ...domain.Event) (p payment.Payment) {
		for _, e := range events {
			p = payment.Evolve(p, e)
		}
		return p
	}
	authorized, captured := payment.PaymentAuthorized{Amount: ten}, payment.PaymentCaptured{CaptureID: uuid.New(), Amount: ten}
	for name, c := range map[string]struct {
		p           payment.Payment
		holds, owes bool
	}{
		"nothing happened":       {fold(), false, false},
		"declined":               {fold(payment.PaymentDeclined{}), false, false},
		"waits for the bank":     {fold(payment.PaymentActionRequired{}), true, false},
		"authorised":             {fold(authorized), true, false},
		"expired":                {fold(authorized, payment.PaymentAuthorizationExpired{}), false, false},
		"voided":                 {fold(authorized, payment.PaymentVoided{}), false, false},
		"captured":               {fold(authorized, captured), false, true},
		"captured in part":       {fold(authorized, payment.PaymentCaptured{CaptureID: uuid.New(), Amount: money.Must("4.00", "EUR")}), true, false},
		"refunded":               {fold(authorized, captured, payment.PaymentRefunded{RefundID: refund, Amount: ten}), false, false},
		"refunded for something": {fold(authorized, captured, payment.PaymentRefunded{RefundID: uuid.New(), Amount: ten}), false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.holds, c.p.HoldsMoney())
			require.Equal(t, c.owes, c.p.Owes(refund, ten))
		})
	}
}
