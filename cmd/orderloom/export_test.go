package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAListIsExportedToAFileOrTheOutput(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", r.Header.Get("Accept"))
		switch {
		case r.Header.Get("Authorization") != "Bearer ol_test_secret":
			w.WriteHeader(http.StatusUnauthorized)
		case r.URL.Path == "/api/v1/refunds":
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = io.WriteString(w, "{}\n{}\n{}\n")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case r.URL.Path == "/api/v1/events" && r.URL.Query().Get("cursor") == "two":
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusGone)
			_, _ = io.WriteString(w, `{"code": "cursor_lost"}`)
		case r.URL.Path == "/api/v1/events":
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"events": [{"type": "A", "cursor": "one"}, {"type": "B", "cursor": "two"}], "next_cursor": "two", "more": true}`)
		case r.Header.Get("Accept") == "text/csv":
			w.Header().Set("Content-Type", "text/csv")
			_, _ = io.WriteString(w, "order_number,note\r\nA,\"two\nlines, \"\"so\"\"\"\r\nB,=\r\n")
		default:
			w.Header().Set("Content-Type", "application/x-ndjson")
			_, _ = fmt.Fprintf(w, "{\"asked\": %q}\n", r.URL.RawQuery)
		}
	}))
	t.Cleanup(api.Close)
	environment := map[string]string{"ORDERLOOM_URL": api.URL, "ORDERLOOM_KEY": "ol_test_secret"}
	do := func(code int, line ...string) (stdout, stderr string) {
		t.Helper()
		got := orderloom(t, environment, append([]string{"export"}, line...)...)
		require.Equal(t, code, got.code, got.stderr)
		return got.stdout, got.stderr
	}
	stdout, stderr := do(exitDone, "orders", "--where", "status=shipped", "--where", "sku=A", "--fields", "status,total")
	require.JSONEq(t, `{"asked": "fields=status%2Ctotal&sku=A&status=shipped"}`, stdout)
	require.Equal(t, "1 orders\n", stderr)

	file := filepath.Join(t.TempDir(), "orders.csv")
	stdout, stderr = do(exitDone, "orders", "--file", file, "--format", "csv")
	require.Empty(t, stdout)
	require.Equal(t, "2 orders\n", stderr, "rows are counted, and not lines")
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "B,=")
	require.Empty(t, partsOf(t, file))

	file = filepath.Join(t.TempDir(), "refunds")
	_, stderr = do(exitUnreachable, "refunds", "--file", file)
	require.Contains(t, stderr, "ended after 3 refunds")
	require.Contains(t, stderr, "cut off")
	require.NoFileExists(t, file, "nobody takes a part for the whole")
	require.Len(t, partsOf(t, file), 1)
	do(exitUnreachable, "refunds", "--file", file)
	require.Len(t, partsOf(t, file), 2, "two exports at once don't write into each other's part")

	stdout, stderr = do(exitRefused, "events", "--where", "type=A")
	require.Contains(t, stdout, `"type":"B"`)
	require.Contains(t, stderr, "ended after 2 events")
	require.Contains(t, stderr, "--after two")

	for _, wrong := range [][]string{
		{"keys"},
		{"orders", "--format", "xml"},
		{"orders", "--where", "status"},
		{"orders", "--after", "x"},
		{"events", "--format", "csv"},
		{"events", "--where", "sku=A"},
		{"events", "--where", "created_from=monday"},
		{"orders", "--file", filepath.Join(t.TempDir(), "none", "x")},
		{},
	} {
		do(exitUsage, wrong...)
	}
}

// partsOf are the parts of a file that are left.
func partsOf(t *testing.T, file string) []string {
	t.Helper()
	parts, err := filepath.Glob(file + ".*.part")
	require.NoError(t, err)
	return parts
}
