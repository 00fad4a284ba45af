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

// checks are what the roles can't do without, and the breakers, which are only shown. Requests and sagas outwait Kafka,
// a projector does not.
func (p *platform) checks(o Options) []api.Check {
	checks := []api.Check{
		{Name: "postgres", Ask: writable(p.pool)},
		{Name: "event_store", Shown: true, Ask: func(context.Context) error { return p.guard.Unconfirmed() }}, // reads go on
	}
	for _, b := range p.breakers.All() {
		checks = append(checks, api.Check{Name: "breaker_" + b.Name(), Shown: true, Ask: func(context.Context) error { return b.Err() }})
	}
	if o.runs(config.RoleAPI) || o.runs(config.RoleWorker) {
		return append(checks, api.Check{Name: "temporal", Ask: func(ctx context.Context) error {
			_, err := p.temporal.CheckHealth(ctx, &client.CheckHealthRequest{})
			return err
		}})
	}
	return append(checks, api.Check{Name: "kafka", Ask: broker.NewProbe(p.kafka).Ask})
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
