package httpx

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/stretchr/testify/require"
)

// failing serves one route that ends with an error.
func failing(t *testing.T, log *slog.Logger, err error) *httptest.ResponseRecorder {
	t.Helper()
	contract, e := NewContract([]byte(libraryYAML))
	require.NoError(t, e)
	router := NewRouter(Options{Contract: contract, Limits: Limits{BodyBytesMax: 1 << 10, RequestTimeout: time.Minute, RequestsMax: 4}, Logger: log})
	router.Handle(Route{Method: "GET", Path: "/open", Open: true, Handle: func(context.Context, *Exchange) error { return err }})
	w := httptest.NewRecorder()
	router.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/open", http.NoBody))
	return w
}

// What passes is 503 with Retry-After, what the caller has to change is 4xx, and all else is 500, however deep the
// server's answer lies.
func TestAnErrorOfAServerIsAnsweredAsItsClassSays(t *testing.T) {
	t.Parallel()
	for kind, cause := range map[failure.Kind]error{
		failure.Passes: &pgconn.PgError{Code: "57P03", Message: "secret"},
		failure.Late:   context.DeadlineExceeded,
		failure.Value:  &pgconn.PgError{Code: "22021", Message: "secret", Where: "unnamed portal parameter $1"},
		failure.Lasts:  &pgconn.PgError{Code: "22P02", Message: "secret"},
	} {
		require.Equal(t, kind, failure.Of(cause))
		w := failing(t, slog.New(slog.DiscardHandler), fmt.Errorf("read orders: %w", cause))
		var p Problem
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
		require.Equal(t, kind.String(), fmt.Sprint(w.Code, " ", p.Code))
		require.Equal(t, w.Code == http.StatusServiceUnavailable, w.Header().Get("Retry-After") != "", kind)
		require.NotContains(t, w.Body.String(), "secret")
	}
	told := fmt.Errorf("read the returns: %w", NewProblem(KindRouteNotFound, ""))
	require.Equal(t, http.StatusNotFound, failing(t, slog.New(slog.DiscardHandler), told).Code)
}

// An error that nobody knows is ours: its line in the log has its cause, and is found by the id in the answer.
func TestAnUnknownErrorIsOursAndLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	w := failing(t, slog.New(slog.NewJSONHandler(&log, nil)), fmt.Errorf("fold: %w", errors.New("what is that")))
	require.Equal(t, http.StatusInternalServerError, w.Code)
	require.Empty(t, w.Header().Get("Retry-After"))
	var p Problem
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
	var line struct {
		Level     string `json:"level"`
		RequestID string `json:"request_id"`
		Error     string `json:"error"`
	}
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	require.Equal(t, "ERROR", line.Level)
	require.NotEmpty(t, p.RequestID)
	require.Equal(t, p.RequestID, line.RequestID)
	require.Equal(t, "fold: what is that", line.Error)
}

// Reads that succeed are most of all requests. They are counted and traced, and logged for those who ask for it.
func TestAReadThatSucceedsIsLoggedAtDebug(t *testing.T) {
	t.Parallel()
	for level, lines := range map[slog.Level]int{slog.LevelInfo: 0, slog.LevelDebug: 1} {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: level}))
		require.Equal(t, http.StatusOK, failing(t, logger, nil).Code)
		require.Equal(t, lines, bytes.Count(log.Bytes(), []byte("\n")), log.String())
	}
	var log bytes.Buffer
	refused := failing(t, slog.New(slog.NewJSONHandler(&log, nil)), NewProblem(KindRouteNotFound, ""))
	require.Equal(t, http.StatusNotFound, refused.Code)
	require.Contains(t, log.String(), `"status":404`)
}
