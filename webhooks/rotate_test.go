package webhooks_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// What is sent after a rotation is taken with the secret from before it, and with the new one alone. The process that
// sends may not have heard of the rotation. Without an overlap, the former secret ends within seconds.
func TestARotationHoldsFromItsAnswerOn(t *testing.T) {
	t.Parallel()
	for _, scheme := range []webhooks.Signature{webhooks.V1, webhooks.V1a} {
		t.Run(string(scheme), func(t *testing.T) {
			t.Parallel()
			b, r, id := setup(t), newReceiver(t, nil), uuid.New()
			e, secret := b.endpoint(t, r.URL, func(n *webhooks.NewEndpoint) { n.Signature = scheme })
			known := func(e webhooks.Endpoint, secret string) string { return cmp.Or(e.PublicKey, secret) }
			former := known(e, secret)
			b.deliver(t)
			b.note(t, "shop", "web", id, 1, 1)
			verify(t, r.await(t, 1)[0], former)
			for n := 2; n <= 4; n++ {
				rotated, secret, err := b.table.Rotate(t.Context(), webhooks.Rotation{
					EndpointID: e.EndpointID, RequestID: uuid.New(), Overlap: time.Hour, By: keyOf(access.Admin, "shop"),
				})
				require.NoError(t, err)
				b.note(t, "shop", "web", id, n, 1)
				d := r.await(t, n)[n-1]
				verify(t, d, former)
				verify(t, d, known(rotated, secret))
				former = known(rotated, secret)
				b.pauseBeats(t)
			}
			rotated, secret, err := b.table.Rotate(t.Context(), webhooks.Rotation{
				EndpointID: e.EndpointID, RequestID: uuid.New(), By: keyOf(access.Admin, "shop"),
			})
			require.NoError(t, err)
			b.pauseBeats(t)
			b.note(t, "shop", "web", id, 5, 1)
			d := r.await(t, 5)[4]
			verify(t, d, known(rotated, secret))
			verifier, err := client.NewWebhookVerifier(former)
			require.NoError(t, err)
			require.ErrorIs(t, verifier.Verify(d.header, d.raw), client.ErrWebhookSignature)
		})
	}
}

// verify checks the signature of a delivery with one key.
func verify(t testing.TB, d delivery, key string) {
	t.Helper()
	verifier, err := client.NewWebhookVerifier(key)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(d.header, d.raw))
}
