package stripe

import (
	"net/http"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// FuzzWebhook lets anybody send anything as a webhook. Without the secret it is refused, whatever the header says.
func FuzzWebhook(f *testing.F) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	body := []byte(`{"id":"evt_1","type":"charge.refunded","created":1,"data":{"object":{"id":"ch_1","object":"charge"}}}`)
	good := stripefake.Sign(body, now, "another secret")
	for _, header := range []string{good, "", "t=,v1=", "t=1,v1=00", "v1=" + good, good + "," + good, "t=9223372036854775808,v1=aa", good[:len(good)-1], "t=-1,v0=" + good} {
		f.Add(header, body)
	}
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		w, err := NewWebhook(secret, oldSecret)
		require.NoError(t, err)
		_, err = w.Parse(body, http.Header{SignatureHeader: {header}}, now)
		require.Equal(t, payments.CodeSignature, domain.Code(err))
	})
}

// FuzzSignedWebhook lets the gateway send anything. What is no report is refused for good, and a report of money names
// the payment at the gateway.
func FuzzSignedWebhook(f *testing.F) {
	for kind := range readers {
		for _, object := range []string{
			`{"id":"pi_1","object":"payment_intent","amount":4000,"amount_received":4000,"currency":"eur","status":"requires_capture","metadata":{"payment_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"}}`,
			`{"id":"x","payment_intent":{"id":"pi_1"},"amount":-1,"currency":"xxx"}`, `{"payment_intent":[]}`, `[]`, `null`,
		} {
			f.Add([]byte(`{"id":"evt_1","type":"` + string(kind) + `","created":1764000000,"data":{"object":` + object + `},"request":{"idempotency_key":"k"}}`))
		}
	}
	for _, body := range []string{"", "{", "null", "[]", `{"id":7}`, `{"id":"e","type":"charge.refunded","created":1e99}`, `{"id":"e","type":"x","request":"r"}`} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := parse(body, time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC))
		if err != nil {
			require.Equal(t, payments.CodeNotAnEvent, domain.Code(err))
			return
		}
		require.NotEmpty(t, e.ID)
		if e.Kind != "" {
			require.NotEmpty(t, e.GatewayRef)
		}
	})
}
