package client_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// importing answers an import line by line, up to a cut.
func importing(t *testing.T, answers ...string) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		control := http.NewResponseController(w)
		_ = control.EnableFullDuplex()
		w.Header().Set("Content-Type", "application/x-ndjson")
		lines := bufio.NewScanner(r.Body)
		for _, a := range answers {
			if lines.Scan() || strings.Contains(a, "done") {
				_, _ = io.WriteString(w, a+"\n")
				_ = control.Flush()
			}
		}
	}))
	t.Cleanup(server.Close)
	c, err := client.New(server.URL)
	require.NoError(t, err)
	return c
}

func TestResultsOfAnImportAreReadAsTheyCome(t *testing.T) {
	t.Parallel()
	c := importing(t, `{"line": 1, "key": "row-1", "status": 201, "result": {}}`,
		`{"line": 2, "key": "row-2", "status": 409, "result": {"code": "insufficient_stock", "detail": "too few"}}`, `{"done": true, "lines": 2, "failed": 1}`)
	var errs []error
	for r, err := range c.ImportStock(ctx(), importLines) {
		require.NoError(t, err)
		errs = append(errs, r.Err())
	}
	require.Len(t, errs, 2)
	require.NoError(t, errs[0])
	require.Equal(t, client.CodeInsufficientStock, client.CodeOf(errs[1]))
}

func TestAnImportThatWasCutOffIsAnError(t *testing.T) {
	t.Parallel()
	n := 0
	var last error
	for _, err := range importing(t, `{"line": 1, "key": "row-1", "status": 201, "result": {}}`).ImportOrders(ctx(), importLines) {
		if last = err; err == nil {
			n++
		}
	}
	require.Equal(t, 1, n)
	require.ErrorIs(t, last, client.ErrCutOff)
	for _, err := range importing(t, `{"line": 1, "status": 201, "result": {}}`, `{"line": 2, "status": 201, "result": {}}`).ImportOrders(ctx(), importLines) {
		require.NoError(t, err)
		break // whoever has seen enough leaves nothing behind
	}
}
