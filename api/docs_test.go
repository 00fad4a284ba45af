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
		require.True(t, strings.Contains(a.body, `<span class="path">`+path+`</span>`), path)
		for _, operation := range item.(map[string]any) {
			summary := template.HTMLEscapeString(operation.(map[string]any)["summary"].(string))
			require.True(t, strings.Contains(a.body, summary), summary)
		}
	}
	for name := range loadContract().document["components"].(map[string]any)["schemas"].(map[string]any) {
		require.True(t, strings.Contains(a.body, `id="schema-`+name+`"`), name)
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
			require.True(t, strings.Contains(page.body, `id="`+m[1][1:]+`"`), m[1])
		}
	}
	require.NotContains(t, page.body, "<script")
	require.Contains(t, page.header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Equal(t, string(spec), b.get(t, "/openapi.yaml").body)
}
