package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// readBundle returns the files of a support bundle.
func readBundle(t *testing.T, file string) map[string]string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(content))
	require.NoError(t, err)
	files := map[string]string{}
	for r := tar.NewReader(zip); ; {
		header, err := r.Next()
		if err == io.EOF { //nolint:errorlint // it is returned as it is
			return files
		}
		require.NoError(t, err)
		text, err := io.ReadAll(r)
		require.NoError(t, err)
		files[strings.TrimPrefix(header.Name, "orderloom-bundle/")] = string(text)
	}
}

// Fails where a secret or personal data gets into a bundle, whichever part could have it.
func TestABundleHoldsNoSecretAndNobodysData(t *testing.T) {
	t.Parallel()
	b := setup(t, 13, 12)
	b.deliver()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.parked_streams
		(projection, aggregate_type, aggregate_id, version, event_id, event_type, last_version, error)
		SELECT 'orders', 'order', $1, 1, $1, 'OrderPlaced', 1, $2`, uuid.New(),
		"malformed: the order of Ada Lovelace, ada@example.com, +49 30 123456, Torstraße 1")
	require.NoError(t, err)
	secrets := map[string]string{
		"ORDERLOOM_MASTER_KEYS": "m1:" + keyOf(1), "ORDERLOOM_INDEX_KEYS": "i1:" + keyOf(2), "ORDERLOOM_PAYLOAD_KEYS": "p1:" + keyOf(3),
		"STRIPE_API_KEY": "sk_live_verysecret1", "STRIPE_WEBHOOK_SECRET": "whsec_verysecret2", "KAFKA_SASL_PASSWORD": "verysecret3",
		"TEMPORAL_API_KEY": "verysecret4", "ORDERLOOM_KEY": "ol_live_verysecret5", "REDIS_URL": "redis://user:verysecret6@127.0.0.1:1/0",
		"OTEL_EXPORTER_OTLP_HEADERS": "authorization=verysecret7", "ORDERLOOM_REVIEW_CUSTOMERS": "grace@example.com,c-hopper",
		"ORDERLOOM_CODEC_TOKEN": "verysecret8-and-longer",
	}
	for name, value := range secrets {
		b.environment[name] = value
	}
	// Errors of these tell the addresses.
	b.environment["TEMPORAL_ADDRESS"], b.environment["KAFKA_SASL_USERNAME"] = "127.0.0.1:1", "orderloom"
	b.environment["KAFKA_SASL_MECHANISM"] = "SCRAM-SHA-512"

	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	require.Contains(t, b.orderloom(exitDone, "bundle", "--file", file).stdout, file)
	files := readBundle(t, file)
	for _, name := range []string{"README.txt", "version.json", "settings.json", "doctor.json", "schema.json", "tables.json", "parked.json", "relay.json", "attention.json"} {
		require.NotEmpty(t, files[name], "%v", files)
	}
	require.Contains(t, files["parked.json"], `"error": "malformed:"`)
	require.Contains(t, files["tables.json"], `"name": "events"`)
	require.Contains(t, files["settings.json"], `"name": "ORDERLOOM_LOG_LEVEL"`)
	require.Contains(t, files["failed-sagas.error"], "127.0.0.1:1")
	whole := strings.Builder{}
	for name, text := range files {
		whole.WriteString(name + "\n" + text)
	}
	for _, hidden := range []string{
		"verysecret", keyOf(1), keyOf(2), keyOf(3), "Ada", "Lovelace", "ada@example.com", "123456", "Torstra", "grace@", "c-hopper",
	} {
		require.NotContains(t, whole.String(), hidden)
	}
	b.orderloom(exitUsage, "bundle", "--file", file) // it is not replaced
}

// A bundle is made where nothing can be reached, or nothing is set.
func TestABundleIsMadeOfWhatThereIs(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	got := orderloom(t, nil, "bundle", "--file", file)
	require.Equal(t, exitDone, got.code, got.stderr)
	files := readBundle(t, file)
	require.NotEmpty(t, files["schema.error"])
	require.NotEmpty(t, files["settings.json"])
}

func TestWhatIsRedacted(t *testing.T) {
	t.Parallel()
	r := newRedaction(func(name string) (string, bool) {
		value := map[string]string{
			"DATABASE_URL": "postgres://orderloom:p%40ss-word@db.shop:5432/orderloom", "ORDERLOOM_MASTER_KEYS": "m1:" + keyOf(1) + ",m2:" + keyOf(2),
			"KAFKA_SASL_PASSWORD": `a"quoted\<one>`,
		}[name]
		return value, value != ""
	})
	for text, want := range map[string]string{
		"db.shop:5432 refuses orderloom":       "db.shop:5432 refuses orderloom",
		"password p@ss-word, or p%40ss-word":   "password [secret], or [secret]",
		"the key " + keyOf(2) + " of m2":       "the key [secret] of m2",
		"redis://me:pw@cache:6379":             "redis://[secret]@cache:6379",
		`{"error": "a\"quoted\\<one>"}`:        `{"error": "[secret]"}`,
		"a ol_live_abc and whsec_a+b/c=":       "a [secret] and [secret]",
		"to ada.l+x@mail.example.com":          "to [personal]",
		"call +49 (30) 123-456 now":            "call [personal] now",
		"order 6f1d0c1e-1f0b-4c8e at 12:00:01": "order 6f1d0c1e-1f0b-4c8e at 12:00:01",
	} {
		require.Equal(t, want, r.redact(text))
	}
}
