package payment_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
)

func TestRefundNeverExceedsTheCapture(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40))
	for name, amount := range map[string]money.Money{
		"more than was captured": eur(41), "nothing": eur(0), "negative": eur(-1), "another currency": money.Must("0.01", "USD"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: uuid.New(), Amount: amount, At: at})
			require.EqualValues(t, "refund_exceeds_capture", domain.Code(err), name)
		})
	}
	_, err := refund(uuid.New(), 1)(payment.Payment{})
	require.EqualValues(t, "refund_exceeds_capture", domain.Code(err), "nothing is known of the payment")

	id := uuid.New()
	p = must(t, p, refund(id, 30))
	require.Equal(t, payment.StatusCaptured, p.Status)
	_, err = refund(uuid.New(), 11)(p)
	require.EqualValues(t, "refund_exceeds_capture", domain.Code(err))
	events, err := refund(id, 30)(p)
	require.NoError(t, err)
	require.Empty(t, events, "the same refund again")
	_, err = refund(id, 29)(p)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err), "another refund under the same id")
	require.Equal(t, payment.StatusRefunded, must(t, p, refund(uuid.New(), 10)).Status)
}

func TestCheckRefund(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		amount, currency string
		field            string
	}{
		"possible":         {"5.00", "EUR", ""},
		"nothing":          {"0", "EUR", "amount"},
		"less than that":   {"-1", "EUR", "amount"},
		"too precise":      {"1.001", "EUR", "amount"},
		"too large":        {"1000000000000000", "EUR", "amount"},
		"unknown currency": {"1", "XXQ", "currency"},
		"no currency":      {"1", "", "currency"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := payment.CheckRefund(money.Money{Amount: decimal.RequireFromString(c.amount), Currency: c.currency})
			if c.field == "" {
				require.NoError(t, err)
				return
			}
			var bad domain.Invalids
			require.ErrorAs(t, err, &bad)
			require.Len(t, bad, 1)
			require.Equal(t, c.field, bad[0].Field)
		})
	}
}

func TestCheckRefundCurrency(t *testing.T) {
	t.Parallel()
	require.NoError(t, payment.CheckRefundCurrency(money.Must("5", "EUR"), money.Must("7", "EUR")))
	var bad domain.Invalids
	require.ErrorAs(t, payment.CheckRefundCurrency(money.Must("5", "USD"), money.Must("7", "EUR")), &bad)
	require.Equal(t, "currency", bad[0].Field)
}
