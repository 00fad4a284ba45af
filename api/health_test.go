package api

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHealthAsksNobody(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Checks = []Check{{Name: "postgres", Ask: func(context.Context) error { return errors.New("down") }}}
	})
	require.Equal(t, http.StatusOK, b.get(t, "/health").status)
}

func TestReady(t *testing.T) {
	t.Parallel()
	var asked atomic.Int32
	b := setup(t, func(o *Options) {
		o.Checks = []Check{{Name: "postgres", Ask: func(context.Context) error { asked.Add(1); return nil }}}
	})
	for range 20 {
		require.Equal(t, "ready", b.get(t, "/ready").object(t)["status"])
	}
	require.LessOrEqual(t, asked.Load(), int32(2), "an answer holds for a moment")
	b.api.Drain()
	a := b.get(t, "/ready")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "draining", a.object(t)["status"])
}

func TestReadyNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Checks = []Check{
			{Name: "postgres", Ask: func(context.Context) error { return nil }},
			{Name: "temporal", Ask: func(context.Context) error { return errors.New("dial 10.0.0.8") }},
		}
	})
	a := b.get(t, "/ready")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.JSONEq(t, `{"status":"not_ready","checks":[{"name":"postgres","status":"ok"},{"name":"temporal","status":"failing"}]}`, a.body)
	require.Contains(t, b.log.String(), "10.0.0.8")
}
