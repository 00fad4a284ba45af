package api

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/stretchr/testify/require"
)

// paymentNews keeps what came through the webhook.
type paymentNews struct {
	err    error
	events []payments.Event
}

func (n *paymentNews) PaymentReported(_ context.Context, e payments.Event) error {
	if n.err == nil {
		n.events = append(n.events, e)
	}
	return n.err
}

// kinds are those of the events, with their orders.
func (n *paymentNews) kinds() (kinds []string) {
	for _, e := range n.events {
		kinds = append(kinds, string(e.Kind)+" "+e.OrderID.String())
	}
	return kinds
}

const webhookSecret = "whsec_test"

// webhook is an API whose Stripe is a fake one, with a payment that waits for the customer's bank.
func webhook(t *testing.T) (*testBundle, *paymentNews, *stripefake.Server, string) {
	t.Helper()
	news := &paymentNews{}
	reader, err := stripe.NewWebhook(webhookSecret)
	require.NoError(t, err)
	b := setup(t, func(o *Options) {
		o.Authenticator = callers{} // Stripe has no key
		o.Webhooks, o.Payments = map[string]payments.Webhook{stripe.Name: reader}, news
	})
	fake := stripefake.Start(stripefake.Options{Key: "sk"})
	t.Cleanup(fake.Close)
	gateway, err := stripe.New(stripe.Options{Key: "sk", URL: fake.URL, Now: fake.Now, ReturnURL: "https://shop.example/"})
	require.NoError(t, err)
	r, err := gateway.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: "k", AskedAt: fake.Now(), PaymentID: paymentOf(someOrder), OrderID: someOrder, Amount: money.Must("39.80", "EUR"), Token: stripefake.Card3DS,
	})
	require.NoError(t, err)
	return b, news, fake, r.GatewayRef
}

// deliver sends all webhooks of a type as Stripe does, and returns the last answer.
func deliver(t *testing.T, b *testBundle, fake *stripefake.Server, kind string) (a answer) {
	t.Helper()
	events := fake.Events(kind)
	require.NotEmpty(t, events)
	for _, e := range events {
		a = b.post(t, "/webhooks/stripe", string(e.Body), "Content-Type", "application/json; charset=utf-8",
			stripe.SignatureHeader, stripefake.Sign(e.Body, time.Now(), webhookSecret))
	}
	return a
}

func TestStripeWebhookTakesNewsToTheSaga(t *testing.T) {
	t.Parallel()
	b, news, fake, ref := webhook(t)
	require.True(t, fake.Confirm(ref, true))
	for range 2 { // Stripe may send it twice
		require.Equal(t, http.StatusOK, deliver(t, b, fake, "payment_intent.amount_capturable_updated").status)
	}
	confirmed := "authorized " + someOrder.String()
	require.Equal(t, []string{confirmed, confirmed}, news.kinds())
	require.Equal(t, ref, news.events[0].GatewayRef)

	b, news, fake, ref = webhook(t)
	require.True(t, fake.Confirm(ref, false))
	require.Equal(t, http.StatusOK, deliver(t, b, fake, "payment_intent.payment_failed").status)
	require.Equal(t, []string{"declined " + someOrder.String()}, news.kinds())
}

func TestStripeWebhookTakesWhatIsNoNews(t *testing.T) {
	t.Parallel()
	b, news, fake, _ := webhook(t)
	require.Equal(t, http.StatusOK, deliver(t, b, fake, "payment_intent.created").status)
	require.Equal(t, http.StatusOK, deliver(t, b, fake, "payment_intent.requires_action").status)
	require.Empty(t, news.events)
}

// A report that is signed and names another order's payment confirms and cancels nothing.
func TestAReportOfAnotherPaymentIsNotPassedOn(t *testing.T) {
	t.Parallel()
	b, news, fake, ref := webhook(t)
	require.True(t, fake.Confirm(ref, true))
	body := string(fake.Events("payment_intent.amount_capturable_updated")[0].Body)
	for name, changed := range map[string]string{
		"another order":   strings.Replace(body, someOrder.String(), someShipment.String(), 1),
		"another payment": strings.Replace(body, paymentOf(someOrder).String(), paymentOf(someShipment).String(), 1),
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, body, changed)
			a := b.post(t, "/webhooks/stripe", changed, "Content-Type", "application/json",
				stripe.SignatureHeader, stripefake.Sign([]byte(changed), time.Now(), webhookSecret))
			require.Equal(t, http.StatusOK, a.status, "it is not sent again")
			require.Empty(t, news.events)
		})
	}
}

// What begins at the gateway is passed on, also where it only names the gateway's own reference.
func TestWhatBeginsAtTheGatewayIsPassedOn(t *testing.T) {
	t.Parallel()
	b, news, fake, ref := webhook(t)
	require.True(t, fake.Confirm(ref, true))
	require.True(t, fake.CaptureElsewhere(ref, 3_980))
	require.NotEmpty(t, fake.RefundElsewhere(ref, 500))
	fake.OpenDispute(ref, 1_000, false)
	for _, kind := range []string{"charge.captured", "refund.created", "charge.refunded", "charge.dispute.created"} {
		require.Equal(t, http.StatusOK, deliver(t, b, fake, kind).status)
	}
	none := uuid.Nil.String()
	require.Equal(t, []string{"captured " + someOrder.String(), "refunded " + none, "refunded " + someOrder.String(), "dispute_opened " + none}, news.kinds())
	for _, e := range news.events {
		require.Equal(t, ref, e.GatewayRef)
	}
}

func paymentOf(orderID uuid.UUID) uuid.UUID { return payment.ID(orderID) }

func TestStripeWebhookIsRepeatedUntilTheSagaHasIt(t *testing.T) {
	t.Parallel()
	b, news, fake, ref := webhook(t)
	require.True(t, fake.Confirm(ref, true))
	news.err = sagaclient.ErrUnavailable
	deliver(t, b, fake, "payment_intent.amount_capturable_updated").problem(t, http.StatusServiceUnavailable, codeUnavailable)
	news.err = context.DeadlineExceeded
	deliver(t, b, fake, "payment_intent.amount_capturable_updated").problem(t, http.StatusServiceUnavailable, codeTimeout)
	news.err = errors.New("something else")
	deliver(t, b, fake, "payment_intent.amount_capturable_updated").problem(t, http.StatusInternalServerError, codeInternal)
	news.err = nil
	require.Equal(t, http.StatusOK, deliver(t, b, fake, "payment_intent.amount_capturable_updated").status)
	require.Len(t, news.events, 1)
}

func TestStripeWebhookRefusesStrangers(t *testing.T) {
	t.Parallel()
	b, news, fake, ref := webhook(t)
	require.True(t, fake.Confirm(ref, true))
	body := fake.Events("payment_intent.amount_capturable_updated")[0].Body
	for name, signature := range map[string]string{
		"none": "", "another's": stripefake.Sign(body, time.Now(), "whsec_other"), "an old one": stripefake.Sign(body, time.Now().Add(-time.Hour), webhookSecret),
	} {
		t.Run(name, func(t *testing.T) {
			b.post(t, "/webhooks/stripe", string(body), stripe.SignatureHeader, signature).problem(t, http.StatusBadRequest, codeSignature)
			require.Empty(t, news.events)
		})
	}
	changed := strings.Replace(string(body), someOrder.String(), someShipment.String(), 1)
	b.post(t, "/webhooks/stripe", changed, stripe.SignatureHeader, stripefake.Sign(body, time.Now(), webhookSecret)).problem(t, http.StatusBadRequest, codeSignature)
	b.post(t, "/webhooks/stripe", "[]", stripe.SignatureHeader, stripefake.Sign([]byte("[]"), time.Now(), webhookSecret)).problem(t, http.StatusBadRequest, codeNotAnEvent)
	large := strings.Repeat(" ", 300<<10)
	b.post(t, "/webhooks/stripe", large, stripe.SignatureHeader, "t=1,v1=00").problem(t, http.StatusRequestEntityTooLarge, codeBodyTooLarge)
	require.Empty(t, news.events)
}

func TestStripeWebhookIsServedOnlyWithStripe(t *testing.T) {
	t.Parallel()
	setup(t).post(t, "/webhooks/stripe", "{}").problem(t, http.StatusNotFound, codeRouteNotFound)
	b, _, _, _ := webhook(t)
	b.post(t, "/webhooks/another", "{}").problem(t, http.StatusNotFound, codeRouteNotFound)
}
