package api

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// While the event store takes no append, nothing is accepted and everything can be read. Fails without changing.
func TestNothingIsAcceptedWhileTheStoreIsUnconfirmed(t *testing.T) {
	t.Parallel()
	var confirmed atomic.Bool
	b := setup(t, func(o *Options) {
		o.Unconfirmed = func() error {
			if confirmed.Load() {
				return nil
			}
			return errors.New("unconfirmed")
		}
		o.Checks = []Check{
			{Name: "event_store", For: []Capability{CapabilityOrders, CapabilityReports}, Ask: func(context.Context) error { return o.Unconfirmed() }},
			{Name: "postgres_reads", For: []Capability{CapabilityReads}, Ask: func(context.Context) error { return nil }},
		}
	})
	refused := b.post(t, ordersPath, goodOrder)
	require.Equal(t, http.StatusServiceUnavailable, refused.status)
	require.Equal(t, string(codeStoreUnconfirmed), refused.object(t)["code"])
	require.Equal(t, "10", refused.header.Get("Retry-After"))
	require.Equal(t, http.StatusOK, b.get(t, "/api/v1/orders").status)
	ready := b.get(t, "/ready")
	require.Equal(t, http.StatusOK, ready.status, "reads go on")
	require.Equal(t, "degraded", ready.object(t)["status"])
	require.Equal(t, http.StatusServiceUnavailable, b.get(t, "/ready?capability=orders").status)
	confirmed.Store(true)
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder).status)
}
