package client_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// orders has another name than its method.
type orders = api.Orders

// forGateways are the codes of refused webhooks, which no caller of the API sees.
var forGateways = []string{"invalid_signature", "not_an_event"}

// The codes of this package are those of the API: all that its documentation lists, and no others.
func TestCodesAreTheAPIs(t *testing.T) {
	t.Parallel()
	page := httptest.NewRecorder()
	platform := api.New(api.Options{
		Sagas: struct{ api.Sagas }{}, Warehouse: struct{ api.Warehouse }{}, Orders: struct{ orders }{}, Views: struct{ api.Views }{},
		Vault: struct{ api.Vault }{}, History: struct{ api.History }{}, Logger: slog.New(slog.DiscardHandler),
		Limits: api.Limits{
			Limits:     httpx.Limits{BodyBytesMax: 1, RequestTimeout: time.Second, RequestsMax: 1},
			CancelWait: time.Second, ReportWait: time.Second, SettleWait: time.Second, HistoryWait: time.Second,
			StreamsMax: 1, StreamKeepAlive: time.Second,
		},
	})
	platform.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/docs", http.NoBody))
	require.Equal(t, http.StatusOK, page.Code)
	served := map[string]bool{}
	for _, link := range regexp.MustCompile(`href="/problems/([a-z_]+)"`).FindAllStringSubmatch(page.Body.String(), -1) {
		if !slices.Contains(forGateways, link[1]) {
			served[link[1]] = true
		}
	}
	require.Equal(t, served, codes(t))
}

// Fails where the API has a newer version than the types of this package.
func TestTheClientHasTheNewestVersion(t *testing.T) {
	t.Parallel()
	require.EqualValues(t, client.APIVersion, api.Versions.Newest())
}

// codes reads the constants of type Code.
func codes(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "problem.go", nil, 0)
	require.NoError(t, err)
	found := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		constant, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := constant.Type.(*ast.Ident); ok && kind.Name == "Code" {
			value, err := strconv.Unquote(constant.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			found[value] = true
		}
		return true
	})
	require.NotEmpty(t, found)
	return found
}
