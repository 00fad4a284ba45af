package broker_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/docs/events"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/sr/srfake"
)

const shipped = `{"type": "object", "title": "t", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}`

func TestSchemasAreRegisteredAndReferredTo(t *testing.T) {
	t.Parallel()
	registry := srfake.New()
	t.Cleanup(registry.Close)
	schemas := []broker.Schema{{EventType: "OrderShipped", Version: 1, JSON: json.RawMessage(shipped)}}
	opened := broker.NewRegistry(broker.RegistryAt{URL: registry.URL()}, schemas)
	require.EqualValues(t, "not_registered", domain.Code(opened.Load(t.Context())))
	r, err := broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, schemas)
	require.NoError(t, err)
	again, err := broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, schemas)
	require.NoError(t, err)
	require.Equal(t, r, again, "it may be repeated")
	require.NoError(t, opened.Load(t.Context()))
	require.Equal(t, r, opened)

	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 1, Replication: 1, Retention: 7 * 24 * time.Hour, Registry: r, Group: "test"}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	w := broker.NewWriter(config)
	defer func() { _ = w.Close() }()
	env := envelope(1)
	env.EventType = "OrderShipped"
	_, err = w.Publish(t.Context(), []domain.Envelope{env})
	require.NoError(t, err)
	m := read(t, config, 1)[0]
	require.Regexp(t, `^http://.*/schemas/ids/\d+$`, header(m, "ce_dataschema"))
}

// Fails without the comparison in RegisterSchemas: the registry used here accepts anything.
func TestIncompatibleSchemasAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		json string
		ok   bool
	}{
		"the same":           {shipped, true},
		"another text":       {`{"type": "object", "title": "other", "properties": {"order_id": {"type": "string"}}, "required": ["order_id"]}`, true},
		"a new optional one": {`{"type": "object", "properties": {"order_id": {"type": "string"}, "note": {"type": "string"}}, "required": ["order_id"]}`, true},
		"another type":       {`{"type": "object", "properties": {"order_id": {"type": "integer"}}, "required": ["order_id"]}`, false},
		"one gone":           {`{"type": "object", "properties": {}, "required": ["order_id"]}`, false},
		"not required now":   {`{"type": "object", "properties": {"order_id": {"type": "string"}}, "required": []}`, false},
		"a new required one": {`{"type": "object", "properties": {"order_id": {"type": "string"}, "note": {"type": "string"}}, "required": ["order_id", "note"]}`, false},
		"a new restriction":  {`{"type": "object", "properties": {"order_id": {"type": "string", "maxLength": 3}}, "required": ["order_id"]}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry := srfake.New()
			t.Cleanup(registry.Close)
			one := broker.Schema{EventType: "OrderShipped", Version: 1, JSON: json.RawMessage(shipped)}
			_, err := broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, []broker.Schema{one})
			require.NoError(t, err)
			one.JSON = json.RawMessage(c.json)
			another := broker.Schema{EventType: "OrderDelivered", Version: 1, JSON: json.RawMessage(shipped)}
			_, err = broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, []broker.Schema{another, one})
			if c.ok {
				require.NoError(t, err)
				return
			}
			require.Equal(t, broker.CodeIncompatibleSchema, domain.Code(err))
			err = broker.NewRegistry(broker.RegistryAt{URL: registry.URL()}, []broker.Schema{another}).Load(t.Context())
			require.EqualValues(t, "not_registered", domain.Code(err), "nothing is registered when anything is refused")
		})
	}
}

// All published schemas can be registered.
func TestPublishedSchemasAreRegistered(t *testing.T) {
	t.Parallel()
	schemas, err := broker.Schemas(events.FS)
	require.NoError(t, err)
	require.NotEmpty(t, schemas)
	registry := srfake.New()
	t.Cleanup(registry.Close)
	_, err = broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, schemas)
	require.NoError(t, err)
}

func TestRegistryAway(t *testing.T) {
	t.Parallel()
	_, err := broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: "http://127.0.0.1:1"}, []broker.Schema{{EventType: "OrderShipped", Version: 1, JSON: json.RawMessage(shipped)}})
	require.Error(t, err)
	require.Empty(t, domain.Code(err))
}

// A registry that does not answer at first is asked until it does, and then the messages have their references.
func TestAnswersOfARegistryThatWasAwayAreUsed(t *testing.T) {
	t.Parallel()
	registry := srfake.New()
	t.Cleanup(registry.Close)
	schemas := []broker.Schema{{EventType: "OrderShipped", Version: 1, JSON: json.RawMessage(shipped)}}
	_, err := broker.RegisterSchemas(t.Context(), broker.RegistryAt{URL: registry.URL()}, schemas)
	require.NoError(t, err)
	behind, err := url.Parse(registry.URL())
	require.NoError(t, err)
	var asked atomic.Int64
	var back atomic.Bool
	proxy := httputil.NewSingleHostReverseProxy(behind)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if !back.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(front.Close)
	r := broker.NewRegistry(broker.RegistryAt{URL: front.URL}, schemas)
	loaded := make(chan error, 1)
	go func() { loaded <- r.Await(t.Context()) }()
	require.Eventually(t, func() bool { return asked.Load() > 0 }, 10*time.Second, time.Millisecond)

	cluster := kafkatest.Start(t)
	config := broker.Config{Brokers: cluster.Brokers, Partitions: 1, Replication: 1, Retention: 7 * 24 * time.Hour, Registry: r, Group: "test"}
	require.NoError(t, broker.EnsureTopics(t.Context(), config))
	w := broker.NewWriter(config)
	defer func() { _ = w.Close() }()
	publish := func(version int64) {
		env := envelope(version)
		env.EventType = "OrderShipped"
		_, err := w.Publish(t.Context(), []domain.Envelope{env})
		require.NoError(t, err)
	}
	publish(1)
	back.Store(true)
	require.NoError(t, <-loaded)
	publish(2)
	messages := read(t, config, 2)
	require.Empty(t, header(messages[0], "ce_dataschema"))
	require.Regexp(t, `^http://.*/schemas/ids/\d+$`, header(messages[1], "ce_dataschema"))
}
