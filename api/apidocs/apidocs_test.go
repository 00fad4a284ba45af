package api

import (
	"html/template"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocsShowTheWholeContract(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.get(t, "/docs")
	require.Equal(t, http.StatusOK, a.status)
	for path, item := range loadContract().document["paths"].(map[string]any) {
		requireHas(t, a.body, `<span class="path">`+path+`</span>`)
		for _, operation := range item.(map[string]any) {
			summary := template.HTMLEscapeString(operation.(map[string]any)["summary"].(string))
			requireHas(t, a.body, summary)
		}
	}
	for name := range loadContract().document["components"].(map[string]any)["schemas"].(map[string]any) {
		requireHas(t, a.body, `id="schema-`+name+`"`)
	}
}

func TestDocsNeedNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	page := b.get(t, "/docs")
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page.body, -1) {
		require.True(t, strings.HasPrefix(m[1], "#") || strings.HasPrefix(m[1], "/"), m[1])
		if strings.HasPrefix(m[1], "/") {
			require.Equal(t, http.StatusOK, b.get(t, m[1]).status, m[1])
		} else {
			requireHas(t, page.body, `id="`+m[1][1:]+`"`)
		}
	}
	require.NotContains(t, page.body, "<script")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, string(spec), b.get(t, "/openapi.yaml").body)
}

// requireHas is require.Contains without printing the whole page.
func requireHas(t *testing.T, page, part string) {
	t.Helper()
	if !strings.Contains(page, part) {
		require.FailNow(t, "the page lacks "+part)
	}
}
