package webhooks_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

func inVersion(v string) func(*webhooks.NewEndpoint) {
	return func(n *webhooks.NewEndpoint) { n.PayloadVersion = v }
}

// Each endpoint gets the version that it was made with, signed as it is sent, until it is changed.
func TestEachEndpointGetsItsVersion(t *testing.T) {
	t.Parallel()
	b, old, newest, id := setup(t), newReceiver(t, nil), newReceiver(t, nil), uuid.New()
	e, secret := b.endpoint(t, old.URL, inVersion(olderVersion))
	b.endpoint(t, newest.URL)
	b.deliver(t)
	b.note(t, "shop", "web", id, 1, 2)
	members := func(d delivery) (outer, event map[string]any) {
		require.NoError(t, json.Unmarshal(d.raw, &outer))
		return outer, outer["data"].(map[string]any)
	}
	outer, event := members(old.await(t, 2)[1])
	require.Equal(t, "OrderNoted", outer["kind"])
	require.NotContains(t, outer, "type")
	require.Equal(t, olderVersion, outer["payload_version"])
	require.EqualValues(t, 2, event["number"])
	require.NotContains(t, event, "version")
	verifier, err := client.NewWebhookVerifier(secret)
	require.NoError(t, err)
	require.NoError(t, verifier.Verify(old.taken()[1].header, old.taken()[1].raw))
	outer, event = members(newest.await(t, 2)[1])
	require.Equal(t, "OrderNoted", outer["type"])
	require.Equal(t, newestVersion, outer["payload_version"])
	require.EqualValues(t, 2, event["version"])

	b.settled(t, e.EndpointID, 2)
	moved, err := b.table.Change(t.Context(), e.EndpointID, webhooks.Settings{
		Name: "moved on", URL: old.URL, Payload: webhooks.Snapshot, PayloadVersion: newestVersion,
	}, keyOf("admin", "shop"))
	require.NoError(t, err)
	require.Equal(t, newestVersion, moved.PayloadVersion)
	b.pauseBeats(t)
	b.note(t, "shop", "web", id, 3, 1)
	require.Equal(t, newestVersion, old.await(t, 3)[2].Version)
}

// During a rollout an endpoint may have a version that this process does not know. It sends nothing rather than
// something else, and a process that knows it goes on.
func TestAVersionThatOnlyOthersKnowIsLeftToThem(t *testing.T) {
	t.Parallel()
	b, r, other := setup(t), newReceiver(t, nil), newReceiver(t, nil)
	b.table = webhooks.NewTable(b.pool, b.options().Vault, webhooks.Rules{Private: true})
	newer, _ := b.endpoint(t, r.URL, inVersion("2030-01-01"))
	b.endpoint(t, other.URL)
	stop := b.deliver(t)
	b.note(t, "shop", "web", uuid.New(), 1, 1)
	other.await(t, 1)
	stop()
	require.Empty(t, r.all())
	require.Zero(t, b.settledAt(t, newer.EndpointID).Delivered)

	o := b.options()
	o.Rules.Versions = nil // a program that knows it
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- webhooks.NewDispatcher(o).Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	require.Equal(t, "2030-01-01", r.await(t, 1)[0].Version)
}

func (b *testBundle) settledAt(t testing.TB, id uuid.UUID) webhooks.Endpoint {
	t.Helper()
	e, err := b.table.Get(t.Context(), "shop", id)
	require.NoError(t, err)
	return e
}
