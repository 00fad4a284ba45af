package api

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The page leads to nothing that is not served.
func TestDocsLeadToWhatIsServed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.get(t, "/docs")
	require.Equal(t, http.StatusOK, page.status)
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		require.True(t, strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "/"), m[1])
		if strings.HasPrefix(m[1], "/") {
			require.Equal(t, http.StatusOK, b.get(t, m[1]).status, m[1])
		}
	}
	for _, k := range problemKinds {
		require.Contains(t, page.body, `href="/problems/`+string(k.Code)+`"`)
	}
	require.Equal(t, string(spec), b.get(t, "/openapi.yaml").body)
}

func TestDocsThatTheCallerHasAreNotSentAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, path := range []string{"/docs", "/openapi.yaml", "/problems/invalid"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			first := b.get(t, path)
			again := b.get(t, path, "If-None-Match", first.header.Get("ETag"))
			require.Equal(t, http.StatusNotModified, again.status)
			require.Empty(t, again.body)
		})
	}
}
