package stripe

import (
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// again asks for the authorisation after the one of ref has run out, without the customer.
func (b *testBundle) again(token, ref string) payments.AuthorizeResult {
	b.Helper()
	b.fake.Advance(8 * 24 * time.Hour)
	result, err := b.gateway.Authorize(b.Context(), payments.AuthorizeRequest{
		IdempotencyKey: b.paymentID.String() + "/authorize/2", AskedAt: b.fake.Now(), PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("100.00"),
		Token: token, EarlierRef: ref,
	})
	require.NoError(b, err)
	return result
}

// first asks for the first authorisation.
func (b *testBundle) first(token string, keep bool) payments.AuthorizeResult {
	b.Helper()
	result, err := b.gateway.Authorize(b.Context(), payments.AuthorizeRequest{
		IdempotencyKey: b.authorizeKey(), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("100.00"), Token: token, Keep: keep,
	})
	require.NoError(b, err)
	return result
}

func TestAPaymentMethodIsUsedAgainWithTheCustomersConsent(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	token := b.fake.PaymentMethod(stripefake.CardVisa)
	first := b.first(token, true)
	require.Equal(t, payment.StatusAuthorized, first.Status)
	require.Equal(t, first, b.first(token, true), "the same request names the same customer")

	second := b.again(token, first.GatewayRef)
	require.Equal(t, payment.StatusAuthorized, second.Status)
	require.NotEqual(t, first.GatewayRef, second.GatewayRef)
	b.holds(10_000, 0, 0)
	for _, call := range b.fake.Calls() {
		require.Empty(t, call.Form.Get("email"))
		require.Empty(t, call.Form.Get("name"))
	}
}

func TestAConfirmationTokenIsUsedAgainByItsPaymentMethod(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	b.fake.PaymentMethod(stripefake.CardVisa)
	first := b.first(stripefake.CardConfirmationOnce, true)
	require.Equal(t, payment.StatusAuthorized, b.again(stripefake.CardConfirmationOnce, first.GatewayRef).Status)
}

func TestAPaymentMethodIsNotUsedAgainWithoutConsent(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	token := b.fake.PaymentMethod(stripefake.CardVisa)
	first := b.first(token, false)
	require.Equal(t, payment.StatusAuthorized, first.Status)
	second := b.again(token, first.GatewayRef)
	require.Equal(t, [2]string{"declined", "payment_method_not_kept"}, [2]string{string(second.Status), second.DeclineCode})
	b.holds(0, 0, 0)
}

func TestABankMayWantTheCustomerTheSecondTime(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	token := b.fake.PaymentMethod(stripefake.Card3DS)
	first := b.first(token, true)
	require.Equal(t, payment.StatusActionRequired, first.Status)
	require.True(t, b.fake.Confirm(first.GatewayRef, true))
	second := b.again(token, first.GatewayRef)
	require.Equal(t, [2]string{"declined", "authentication_required"}, [2]string{string(second.Status), second.DeclineCode})
}

func TestACustomerIsMadeOnceWhateverHappens(t *testing.T) {
	t.Parallel()
	for name, fault := range faults("/v1/customers") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, stripefake.Options{})
			token := b.fake.PaymentMethod(stripefake.CardVisa)
			b.fake.Inject(fault)
			result := untilAnswered(b, time.Minute, func() (payments.AuthorizeResult, error) {
				return b.gateway.Authorize(t.Context(), payments.AuthorizeRequest{
					IdempotencyKey: b.authorizeKey(), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: eur("100.00"), Token: token, Keep: true,
				})
			})
			require.Equal(t, payment.StatusAuthorized, b.again(token, result.GatewayRef).Status)
		})
	}
}

func TestLimitsAreThoseOfStripe(t *testing.T) {
	t.Parallel()
	for currency, expected := range map[string][3]string{
		"EUR": {"0.01", "0.5", "999999.99"}, "KWD": {"0.01", "0", "99999.999"}, "JPY": {"1", "50", "99999999"}, "ISK": {"1", "0", "999999"},
		"HUF": {"0.01", "175", "999999.99"}, "MGA": {"1", "0", "99999999"},
	} {
		t.Run(currency, func(t *testing.T) {
			t.Parallel()
			l, taken := Limits(currency)
			require.True(t, taken)
			require.Equal(t, expected, [3]string{l.Step.String(), l.AuthorizeMin.String(), l.Max.String()})
			require.Equal(t, l.AuthorizeMin, l.CaptureMin)
			require.True(t, l.RefundMin.IsZero())
		})
	}
	for _, currency := range []string{"LYD", "XXX", ""} {
		_, taken := Limits(currency)
		require.False(t, taken, currency)
	}
}
