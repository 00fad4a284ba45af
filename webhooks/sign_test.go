package webhooks_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// The vector of the libraries of Standard Webhooks.
func TestSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"} {
		key, err := webhooks.ParseKey(text)
		require.NoError(t, err)
		require.Equal(t, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
			key.Sign("msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), []byte(`{"test": 2432232314}`)))
		require.NotContains(t, key.String(), "MfKQ")
	}
}

// The specification has no vector for v1a. What is signed is checked here by hand, with a key of RFC 8032, section 7.1.
func TestAsymmetricSignaturesAreThoseOfTheSpecification(t *testing.T) {
	t.Parallel()
	seed := []byte{
		0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
		0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
	}
	private := ed25519.NewKeyFromSeed(seed)
	key, err := webhooks.ParseKey("whsk_" + base64.StdEncoding.EncodeToString(private))
	require.NoError(t, err)
	require.Equal(t, "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", key.Public())
	signature, found := strings.CutPrefix(key.Sign("msg_1", time.Unix(1674087231, 0), []byte(`{}`)), "v1a,")
	require.True(t, found)
	raw, err := base64.StdEncoding.DecodeString(signature)
	require.NoError(t, err)
	require.True(t, ed25519.Verify(private.Public().(ed25519.PublicKey), []byte("msg_1.1674087231.{}"), raw))
}

func TestKeysAreDrawnAnewAndReadBack(t *testing.T) {
	t.Parallel()
	for scheme, begin := range map[webhooks.Signature]string{webhooks.V1: "whsec_", webhooks.V1a: "whsk_"} {
		key := webhooks.NewKey(scheme)
		require.True(t, strings.HasPrefix(key.Text(), begin))
		require.NotEqual(t, key.Text(), webhooks.NewKey(scheme).Text())
		back, err := webhooks.ParseKey(key.Text())
		require.NoError(t, err)
		require.Equal(t, key.Text(), back.Text())
	}
	for _, bad := range []string{"whsec_", "whsec_!", "whsec_c2hvcnQ=", "whsk_c2hvcnQ=", ""} {
		_, err := webhooks.ParseKey(bad)
		require.Error(t, err, bad)
	}
}

// The client takes what is signed by one of its keys, near its time, and nothing else.
func TestTheClientVerifiesWhatIsSigned(t *testing.T) {
	t.Parallel()
	body := []byte(`{"type":"OrderPlaced"}`)
	for _, scheme := range []webhooks.Signature{webhooks.V1, webhooks.V1a} {
		key, former, foreign := webhooks.NewKey(scheme), webhooks.NewKey(scheme), webhooks.NewKey(scheme)
		known := func(k webhooks.Key) string {
			if k.Public() != "" {
				return k.Public()
			}
			return k.Text()
		}
		header := func(at time.Time, keys ...webhooks.Key) http.Header {
			h := http.Header{}
			h.Set("webhook-id", "id")
			h.Set("webhook-timestamp", strconv.FormatInt(at.Unix(), 10))
			h.Set("webhook-signature", webhooks.SignAll(keys, "id", at, body))
			return h
		}
		verifier, err := client.NewWebhookVerifier(known(key))
		require.NoError(t, err)
		now := time.Now()
		require.NoError(t, verifier.Verify(header(now, key), body))
		require.NoError(t, verifier.Verify(header(now, former, key), body))
		require.ErrorIs(t, verifier.Verify(header(now, foreign), body), client.ErrWebhookSignature)
		require.ErrorIs(t, verifier.Verify(header(now, key), append(body, ' ')), client.ErrWebhookSignature)
		for _, off := range []time.Duration{-6 * time.Minute, 6 * time.Minute} {
			require.ErrorIs(t, verifier.Verify(header(now.Add(off), key), body), client.ErrWebhookTime)
			require.NoError(t, verifier.WithTolerance(7*time.Minute).Verify(header(now.Add(off), key), body))
		}
		for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
			h := header(now, key)
			h.Del(name)
			require.ErrorIs(t, verifier.Verify(h, body), client.ErrWebhookHeaders)
		}
		h := header(now, key)
		h.Set("webhook-id", "other")
		require.ErrorIs(t, verifier.Verify(h, body), client.ErrWebhookSignature)
		both, err := client.NewWebhookVerifier(known(former), known(key))
		require.NoError(t, err)
		require.NoError(t, both.Verify(header(now, former), body))
		w, err := both.Read(header(now, key), body)
		require.NoError(t, err)
		require.Equal(t, "OrderPlaced", w.Type)
	}
}
