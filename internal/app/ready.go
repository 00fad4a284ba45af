package app

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/config"
	"go.temporal.io/sdk/client"
)

// checks are what the capabilities of the roles need, and the breakers, which are only shown. Orders are accepted
// without PostgreSQL, and reads answered without Temporal. Requests and sagas outwait Kafka, views do not.
func (p *platform) checks(o Options) []api.Check {
	needs := func(all ...api.Capability) (has []api.Capability) {
		for _, c := range all {
			if o.can(c) {
				has = append(has, c)
			}
		}
		return has
	}
	changing := needs(api.CapabilityReports, api.CapabilitySagas)
	accepting := append(needs(api.CapabilityOrders), changing...)
	checks := []api.Check{
		{Name: "postgres", Ask: writable(p.pool), For: append(needs(api.CapabilityViews), changing...)},
		{Name: "event_store", Ask: func(context.Context) error { return p.guard.Unconfirmed() }, For: accepting},
	}
	if o.can(api.CapabilityReads) {
		checks = append(checks, api.Check{Name: "postgres_reads", Ask: p.pool.Ping, For: needs(api.CapabilityReads)})
	}
	if len(accepting) > 0 {
		checks = append(checks, api.Check{Name: "temporal", For: accepting, Ask: func(ctx context.Context) error {
			_, err := p.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}})
	}
	if o.can(api.CapabilityViews) {
		checks = append(checks, api.Check{Name: "kafka", Ask: broker.NewProbe(p.kafka).Ask, For: needs(api.CapabilityViews)})
	}
	for _, b := range p.breakers.All() {
		checks = append(checks, api.Check{Name: "breaker_" + b.Name(), Ask: func(context.Context) error { return b.Err() }})
	}
	return checks
}

// can reports whether the roles have a capability.
func (o Options) can(c api.Capability) bool {
	switch c {
	case api.CapabilitySagas:
		return o.runs(config.RoleWorker)
	case api.CapabilityViews:
		return o.runs(config.RoleProjector)
	default:
		return o.runs(config.RoleAPI)
	}
}

// serviceHandler answers for the roles without an API. The function makes it say that the process stops.
func (p *platform) serviceHandler(o Options) (h http.Handler, drains func()) {
	mux := http.NewServeMux()
	var draining atomic.Bool
	mux.Handle("GET /ready", api.ReadyHandler(p.checks(o), p.tel.Logger, draining.Load))
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"status":"ok"}`)) // a client that has gone needs no answer
	})
	mux.Handle("GET /metrics", p.tel.MetricsHandler())
	return mux, func() { draining.Store(true) }
}
