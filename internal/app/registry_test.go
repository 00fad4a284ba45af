package app

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/docs/events"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

// platformOf returns a worker's platform with these settings of Kafka, which is not started.
func platformOf(t *testing.T, kafka config.Kafka) *platform {
	t.Helper()
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	p := &platform{cfg: config.Config{Kafka: kafka}, tel: tel, breakers: breaker.NewSet(nil, tel.Registry)}
	p.registry = p.breakers.Add(registryBreaker)
	return p
}

// The breaker of the registry tells for how long messages go without a reference. Without a registry nobody is asked.
func TestAWorkerAsksASchemaRegistryThatIsAwayUntilItAnswers(t *testing.T) {
	t.Parallel()
	registry := srfake.New()
	t.Cleanup(registry.Close)
	p := platformOf(t, config.Kafka{SchemaRegistryURL: registry.URL()})
	r, asking, err := p.openRegistry()
	require.NoError(t, err)
	require.NotNil(t, r)
	require.Len(t, asking, 1)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- asking[0].run(ctx) }()
	state := func() string {
		w := httptest.NewRecorder()
		p.tel.MetricsHandler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", http.NoBody))
		return w.Body.String()
	}
	require.Eventually(t, func() bool { return p.registry.Err() != nil }, time.Minute, time.Millisecond)
	require.ErrorContains(t, p.registry.Err(), "orderloom setup", "it tells what is missing")
	require.Contains(t, state(), "\norderloom_breaker_state{of=\"schema_registry\"} 2\n")

	schemas, err := broker.Schemas(events.FS)
	require.NoError(t, err)
	_, err = broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, schemas)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return p.registry.Err() == nil }, time.Minute, 10*time.Millisecond)
	require.Contains(t, state(), "\norderloom_breaker_state{of=\"schema_registry\"} 0\n")
	stop()
	require.NoError(t, <-ended)

	r, asking, err = platformOf(t, config.Kafka{}).openRegistry()
	require.NoError(t, err)
	require.Nil(t, r)
	require.Empty(t, asking)
}
