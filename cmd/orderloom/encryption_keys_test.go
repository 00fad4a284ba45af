package main

import (
	"testing"

	"github.com/orderloom/orderloom/keyring"
	"github.com/stretchr/testify/require"
)

// Fails where a payload key is retired whatever may need it.
func TestAPayloadKeyThatMayBeNeededIsNotRetired(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 10)
	t.Run("views are made", func(t *testing.T) { //nolint:paralleltest // it ends before the rest
		running := *b
		running.T = t
		running.deliver()
	})
	use := func(id string) {
		require.NoError(t, keyring.Check(t.Context(), b.pool, keyring.Payload, []keyring.Key{
			{ID: id, Secret: make([]byte, 32), Encrypts: true}, {ID: "k1", Secret: make([]byte, 32)},
		}))
	}
	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.order_views SET status = 'confirmed', created_at = now() - interval '1 hour'`)
	require.NoError(t, err)
	use("k1")
	got := b.orderloom(exitRefused, "encryption-keys", "retire", "payload", "k1")
	require.Contains(t, got.stderr, `processes encrypt with the payload key "k1"`)
	use("k2")
	got = b.orderloom(exitRefused, "encryption-keys", "retire", "payload", "k1")
	require.Contains(t, got.stderr, "are still open")
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.order_views SET status = 'delivered'`)
	require.NoError(t, err)
	b.orderloom(exitDone, "encryption-keys", "retire", "payload", "k1")
	b.orderloom(exitDone, "encryption-keys", "retire", "payload", "k1")

	b.orderloom(exitRefused, "encryption-keys", "retire", "payload", "k2")
	b.environment["ORDERLOOM_PAYLOAD_ENCRYPTION"] = "false"
	b.orderloom(exitDone, "encryption-keys", "retire", "payload", "k2")
}
