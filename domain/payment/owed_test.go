package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
)

func TestWhatTheGatewayHolds(t *testing.T) {
	t.Parallel()
	ten := money.Must("10.00", "EUR")
	fold := func(events ...domain.Event) (p payment.Payment) {
		for _, e := range events {
			p = payment.Evolve(p, e)
		}
		return p
	}
	authorized, captured := payment.PaymentAuthorized{Amount: ten}, payment.PaymentCaptured{CaptureID: uuid.New(), Amount: ten}
	for name, c := range map[string]struct {
		p     payment.Payment
		holds bool
	}{
		"nothing happened":   {fold(), false},
		"declined":           {fold(payment.PaymentDeclined{}), false},
		"waits for the bank": {fold(payment.PaymentActionRequired{}), true},
		"authorised":         {fold(authorized), true},
		"expired":            {fold(authorized, payment.PaymentAuthorizationExpired{}), false},
		"voided":             {fold(authorized, payment.PaymentVoided{}), false},
		"captured":           {fold(authorized, captured), false},
		"captured in part":   {fold(authorized, payment.PaymentCaptured{CaptureID: uuid.New(), Amount: money.Must("4.00", "EUR")}), true},
		"refunded":           {fold(authorized, captured, payment.PaymentRefunded{RefundID: uuid.New(), Amount: ten}), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.holds, c.p.HoldsMoney())
		})
	}
}
