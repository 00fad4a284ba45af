package httpx

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/stretchr/testify/require"
)

// Once all lines are read, the server waits on the connection for the client to hang up. Neither the deadline of the
// last line nor a stop may look like that. This request would end, and all that come by the connection later.
func TestReadersOfLinesLeaveTheConnectionAlone(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := gin.CreateTestContextOnly(w, gin.New())
		c.Request = r
		x := &Exchange{Context: c, router: &Router{limits: Limits{BodyBytesMax: 100}}}
		lines := x.Lines()
		for _, err := lines.Next(); err == nil; _, err = lines.Next() {
			continue
		}
		lines.Stop()
		_ = backoff.Pause(r.Context(), 100*time.Millisecond)
		ended <- context.Cause(r.Context())
		w.WriteHeader(http.StatusOK)
	}))
	defer server.Close()
	response, err := server.Client().Post(server.URL, LinesMedia, strings.NewReader("a\nb\n"))
	require.NoError(t, err)
	_, _ = io.Copy(io.Discard, response.Body)
	require.NoError(t, response.Body.Close())
	require.NoError(t, <-ended, "the client is still there")
}

// However much is wrong with a body, the answer names a hundred things, as the document says.
func TestAProblemNamesAHundredThingsAtMost(t *testing.T) {
	t.Parallel()
	var bad domain.Invalids
	for range errorsMax + 50 {
		bad = append(bad, domain.Invalid("types", "is no type"))
	}
	require.Len(t, InvalidBody(bad).Errors, errorsMax)
}
