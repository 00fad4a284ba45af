package main

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLinesOfAFileAreImported(t *testing.T) {
	t.Parallel()
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer ol_test_secret" || r.Header.Get("Idempotency-Key") != "monday" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/x-ndjson")
		n := 0
		for lines := bufio.NewScanner(r.Body); lines.Scan(); {
			n++
			status, result := 201, "{}"
			if strings.Contains(lines.Text(), "bad") {
				status, result = 422, `{"code": "invalid"}`
			}
			_, _ = fmt.Fprintf(w, `{"line": %d, "key": "k", "status": %d, "result": %s}`+"\n", n, status, result)
		}
		if r.URL.Path == "/api/v1/orders/import" {
			_, _ = fmt.Fprintf(w, `{"done": true, "lines": %d, "failed": 0}`+"\n", n)
		}
	}))
	t.Cleanup(api.Close)
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	good := file("good", "{}\n{}\n")
	environment := map[string]string{"ORDERLOOM_URL": api.URL, "ORDERLOOM_KEY": "ol_test_secret"}
	do := func(code int, line ...string) string {
		t.Helper()
		got := orderloom(t, environment, append([]string{"import"}, line...)...)
		require.Equal(t, code, got.code, got.stderr)
		return got.stdout + got.stderr
	}
	flags := []string{"--key", "monday"}
	require.Equal(t, 2, strings.Count(do(exitDone, append([]string{"orders", good}, flags...)...), `"status":201`))
	require.Contains(t, do(exitRefused, append([]string{"orders", file("bad", "{}\nbad\n")}, flags...)...), "1 of 2 lines were refused")
	require.Contains(t, do(exitUnreachable, append([]string{"stock", good}, flags...)...), "cut off")
	do(exitUsage, append([]string{"keys", good}, flags...)...)
	do(exitUsage, append([]string{"orders", filepath.Join(dir, "none")}, flags...)...)
	do(exitUsage, "orders", good)
	delete(environment, "ORDERLOOM_KEY")
	require.Contains(t, do(exitUsage, "orders", good, "--key", "monday"), "401")
}
