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
		o.Checks = []Check{{Name: "postgres", For: []Capability{CapabilityReports}, Ask: func(context.Context) error { asked.Add(1); return nil }}}
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

// Fails where a process is taken out of service as a whole for what a part of its work lacks.
func TestReadyTellsWhichPartOfTheWorkCanBeDone(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Checks = []Check{
			{Name: "postgres", For: []Capability{CapabilityReads, CapabilityReports}, Ask: func(context.Context) error { return nil }},
			{Name: "temporal", For: []Capability{CapabilityOrders, CapabilityReports}, Ask: func(context.Context) error { return errors.New("dial 10.0.0.8") }},
			{Name: "breaker_redis", Ask: func(context.Context) error { return errors.New("open") }},
		}
	})
	a := b.get(t, "/ready")
	require.Equal(t, http.StatusOK, a.status, "reads are answered")
	require.JSONEq(t, `{"status":"degraded",
		"capabilities":[{"name":"orders","status":"failing"},{"name":"reads","status":"ok"},{"name":"reports","status":"failing"}],
		"checks":[{"name":"postgres","status":"ok"},{"name":"temporal","status":"failing"},{"name":"breaker_redis","status":"failing"}]}`, a.body)
	require.Contains(t, b.log.String(), "10.0.0.8")
	require.Equal(t, http.StatusOK, b.get(t, "/ready?capability=reads").status)
	require.Equal(t, http.StatusServiceUnavailable, b.get(t, "/ready?capability=orders").status)
	require.Equal(t, http.StatusServiceUnavailable, b.get(t, "/ready?capability=views").status, "this process has no such work")
	require.Equal(t, http.StatusUnprocessableEntity, b.get(t, "/ready?capability=nonsense").status)
}

func TestAProcessThatCanDoNothingIsNotReady(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Checks = []Check{{Name: "postgres", For: []Capability{CapabilityReads, CapabilityReports}, Ask: func(context.Context) error { return errors.New("down") }}}
	})
	a := b.get(t, "/ready")
	require.Equal(t, http.StatusServiceUnavailable, a.status)
	require.Equal(t, "not_ready", a.object(t)["status"])
}
