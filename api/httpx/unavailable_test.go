package httpx_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/stretchr/testify/require"
)

// What passes is 503, and what will never fit is the request's fault, however deep the database's answer lies.
func TestAValueThatNeverFitsDoesNotPass(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{
		"22021": http.StatusUnprocessableEntity, "22008": http.StatusUnprocessableEntity, "22003": http.StatusUnprocessableEntity,
		"57P03": http.StatusServiceUnavailable, "08006": http.StatusServiceUnavailable, "53300": http.StatusServiceUnavailable,
	} {
		p := httpx.AsProblem(httpx.Unavailable(fmt.Errorf("read orders: %w", &pgconn.PgError{Code: code, Message: "secret"})))
		require.Equal(t, status, p.Status, code)
		require.Equal(t, status == http.StatusServiceUnavailable, p.RetryAfter > 0, code)
		require.NotContains(t, p.Detail, "secret")
	}
	told := fmt.Errorf("read the returns: %w", httpx.NewProblem(httpx.KindRouteNotFound, ""))
	require.Equal(t, http.StatusNotFound, httpx.AsProblem(httpx.Unavailable(told)).Status)
	require.Equal(t, http.StatusServiceUnavailable, httpx.AsProblem(httpx.Unavailable(errors.New("dial tcp"))).Status)
}
