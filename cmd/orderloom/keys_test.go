package main

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

func TestAKeyThatACommandMakesIsOneOfTheAPI(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	environment := map[string]string{"DATABASE_URL": database, "ORDERLOOM_LOG_LEVEL": "error", "ORDERLOOM_MODE": "test"}
	do := func(code int, line ...string) string {
		t.Helper()
		got := orderloom(t, environment, line...)
		require.Equal(t, code, got.code, got.stderr)
		return got.stdout + got.stderr
	}
	require.Contains(t, do(exitDone, "keys", "list"), "no key yet")
	secrets := regexp.MustCompile(`ol_test_\w{38}\n`)
	made := do(exitDone, "keys", "create", "--account", "shop", "--name", "the web shop", "--role", "storefront", "--channel", "web,app", "--expires-in", "1h")
	secret := strings.TrimSpace(secrets.FindString(made))
	id := uuid.MustParse(strings.Fields(made)[1])

	keys := access.NewKeys(access.KeysOptions{Mode: access.Test, Connect: func(ctx context.Context) (*pgx.Conn, error) { return pgx.Connect(ctx, database) }})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- keys.Run(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	c, err := keys.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	require.Equal(t, &access.Caller{
		Account: "shop", ID: id.String(), Role: access.Storefront, Scopes: access.Storefront.Scopes(), Channels: []string{"web", "app"}, Version: "2026-11-27",
	}, c)

	list := do(exitDone, "keys", "list")
	require.Contains(t, list, "web,app")
	require.Contains(t, list, secret[len(secret)-4:])
	require.NotContains(t, list, secret[:20])

	require.Contains(t, do(exitDone, "keys", "version", id.String(), "2026-11-27"), "has version 2026-11-27")
	require.Contains(t, do(exitUsage, "keys", "version", id.String(), "2020-01-01"), "is no version")
	require.Contains(t, do(exitUsage, "keys", "create", "--account", "shop", "--name", "n", "--role", "storefront", "--api-version", "1"), "is no version")
	other := strings.TrimSpace(secrets.FindString(do(exitDone, "keys", "rotate", id.String())))
	for _, s := range []string{secret, other} {
		again, err := keys.Authenticate(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, c, again)
	}
	do(exitDone, "keys", "rotate", id.String(), "--overlap", "0s")
	require.Contains(t, do(exitDone, "keys", "revoke", id.String()), "is revoked since")
	do(exitDone, "keys", "revoke", id.String())
	require.Eventually(t, func() bool {
		_, err := keys.Authenticate(t.Context(), other)
		return domain.Code(err) == access.CodeUnauthenticated
	}, time.Second, 10*time.Millisecond)

	pub, _, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(pub)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "shop.pem")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600))
	signer := do(exitDone, "keys", "create", "--account", "shop", "--name", "tokens", "--role", "customer", "--public-key", file)
	require.Contains(t, signer, "the shop signs tokens")
	require.NotContains(t, signer, "ol_test_")
	require.Contains(t, do(exitUsage, "keys", "create", "--account", "shop", "--name", "t", "--role", "customer", "--public-key", "none"), "--public-key")
	require.Contains(t, do(exitUsage, "keys", "subject", "ann@example.com"), "ORDERLOOM_OIDC_ISSUER is not set")

	require.Contains(t, do(exitRefused, "keys", "rotate", id.String()), "key_revoked")
	require.Contains(t, do(exitRefused, "keys", "revoke", uuid.NewString()), "not_found")
	require.Contains(t, do(exitUsage, "keys", "revoke", "k1"), "must be an id")
	require.Contains(t, do(exitUsage, "keys", "create", "--account", "A", "--name", "n", "--role", "king"), "role")
}
