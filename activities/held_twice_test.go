package activities_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// reserveUnseen reserves money for the payment that no event tells of. A request does so that comes once more after
// Stripe has forgotten its key.
func (o *dashboardOrder) reserveUnseen() {
	o.t.Helper()
	form := url.Values{
		"amount": {"6000"}, "currency": {"eur"}, "capture_method": {"manual"}, "confirm": {"true"}, "payment_method": {stripefake.CardVisa},
		"metadata[payment_id]": {payment.ID(o.id).String()}, "metadata[order_id]": {o.id.String()},
	}
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.fake.URL+"/v1/payment_intents", strings.NewReader(form.Encode()))
	require.NoError(o.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "Bearer sk_test_1")
	r.Header.Set("Stripe-Version", stripe.APIVersion)
	response, err := http.DefaultClient.Do(r)
	require.NoError(o.t, err)
	require.NoError(o.t, response.Body.Close())
	require.Equal(o.t, http.StatusOK, response.StatusCode)
}

// What Stripe holds beside a payment that is captured in full is let go, whoever tells of it.
func TestMoneyThatIsHeldBesideACapturedPaymentIsLetGo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, tell := range map[string]func(*dashboardOrder){
		"the webhook":        func(o *dashboardOrder) { require.NotZero(o.t, o.report().Recorded) },
		"the reconciliation": func(o *dashboardOrder) { require.NotZero(o.t, o.reconcile().Adopted) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := b.dashboardOrder(t, stripefake.Options{}).confirmed()
			o.reserveUnseen()
			require.NoError(t, o.ship("berlin"))
			before := len(o.stored())
			o.report()
			require.Len(t, o.stored(), before, "the order may still need what is held")
			require.NoError(t, o.ship("reno"))
			require.EqualValues(t, 6_000, o.fake.Account(payment.ID(o.id).String()).Held)
			tell(o)
			o.requireAgreement("0.00", "60.00", "0.00")
			require.Zero(t, o.reconcile().Differences)
			require.Equal(t, payment.StatusCaptured, o.paymentState().Status)
		})
	}
}
