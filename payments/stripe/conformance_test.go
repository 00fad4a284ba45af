package stripe_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/internal/testing/gatewaytest"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]stripefake.Options{
		"several captures": {},
		"one capture only": {NoMulticapture: true},
		"several captures, and what is let go looks like a refund": {ReleaseIsRefund: true},
		"one capture only, and what is let go looks like a refund": {NoMulticapture: true, ReleaseIsRefund: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gatewaytest.Run(t, func(t *testing.T) gatewaytest.Harness { return harness(t, options) })
		})
	}
}

func harness(t *testing.T, o stripefake.Options) gatewaytest.Harness {
	t.Helper()
	const key, secret = "sk_test_1", "whsec_1"
	o.Key, o.APIVersion = key, stripe.APIVersion
	fake := stripefake.Start(o)
	t.Cleanup(fake.Close)
	gateway, err := stripe.New(stripe.Options{Key: key, ReturnURL: "https://shop.example/orders/{order_id}", URL: fake.URL, Now: fake.Now})
	require.NoError(t, err)
	webhook, err := stripe.NewWebhook(secret)
	require.NoError(t, err)
	paths := map[gatewaytest.Operation]string{
		gatewaytest.Authorize: "/v1/payment_intents",
		gatewaytest.Capture:   "/v1/payment_intents/*/capture",
		gatewaytest.Void:      "/v1/payment_intents/*/cancel",
		gatewaytest.Refund:    "/v1/refunds",
	}
	return gatewaytest.Harness{
		Gateway: gateway, Approved: stripefake.CardVisa, Declined: stripefake.CardNoFunds, DeclineCode: "insufficient_funds",
		NeedsAction: stripefake.Card3DS, Confirm: func(_ uuid.UUID, ref string, approve bool) { fake.Confirm(ref, approve) },
		Now: fake.Now, Advance: fake.Advance,
		Break: func(o gatewaytest.Operation, effect bool) string {
			fake.Inject(stripefake.Fault{Method: http.MethodPost, Path: paths[o], Effect: effect})
			return ""
		},
		Breakable:    []gatewaytest.Operation{gatewaytest.Authorize, gatewaytest.Capture, gatewaytest.Void, gatewaytest.Refund},
		Capabilities: stripe.Provider.Capabilities, ForgetKeys: fake.ForgetKeys,
		Elsewhere: &gatewaytest.Elsewhere{
			Capture: func(_ uuid.UUID, ref string, m money.Money) { fake.CaptureElsewhere(ref, m.MinorUnits()) },
			Void:    func(_ uuid.UUID, ref string) { fake.CancelElsewhere(ref) },
			Refund:  func(_ uuid.UUID, ref string, m money.Money) string { return fake.RefundElsewhere(ref, m.MinorUnits()) },
			Dispute: func(_ uuid.UUID, ref string, m money.Money) {
				fake.EndDispute(fake.OpenDispute(ref, m.MinorUnits(), false), false)
			},
			FailRefund: fake.FailRefund,
		},
		Webhook: webhook,
		Report: func() ([]byte, http.Header) {
			all := fake.Events("payment_intent.amount_capturable_updated")
			body := all[len(all)-1].Body
			return body, http.Header{stripe.SignatureHeader: {stripefake.Sign(body, fake.Now(), secret)}}
		},
	}
}
