package app

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/certs"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
)

var quiet = slog.New(slog.DiscardHandler)

// refused asserts that a server is not waited for, and that the message names the setting.
func refused(t *testing.T, s server, setting string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := s.await(ctx, quiet)
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, setting)
}

// Fails where a wrong password is tried again and again.
func TestADatabaseThatRefusesUsEndsTheStart(t *testing.T) {
	t.Parallel()
	right := pgtest.Database(t)
	for name, change := range map[string]func(*url.URL){
		"a wrong password":   func(u *url.URL) { u.User = url.UserPassword(u.User.Username(), "wrong") },
		"an unknown user":    func(u *url.URL) { u.User = url.UserPassword("nobody", "wrong") },
		"an unknown databse": func(u *url.URL) { u.Path = "/nowhere" },
		"TLS":                func(u *url.URL) { u.RawQuery = "sslmode=require" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := url.Parse(right)
			require.NoError(t, err)
			change(u)
			tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
			require.NoError(t, err)
			cfg := load(t, map[string]string{})
			cfg.Database.URL = config.Secret(u.String())
			pool, err := openPool(t.Context(), cfg.Database, tel)
			require.NoError(t, err)
			defer pool.Close()
			refused(t, databaseServer(func(ctx context.Context) error { return checkDatabase(ctx, pool, quiet) }), "DATABASE_URL")
			err = Run(t.Context(), cfg, Options{Roles: []config.Role{config.RoleProjector}, Telemetry: tel})
			require.ErrorIs(t, err, ErrRefused)
			require.NotContains(t, err.Error(), "wrong@", "no password is shown")
		})
	}
}

func TestAServerIsWaitedForWithOneLine(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	asked := 0
	s := server{name: "Kafka", settings: "KAFKA_BROKERS", look: func(context.Context) error {
		if asked++; asked < 5 {
			return errors.New("connection refused")
		}
		return nil
	}}
	require.NoError(t, s.await(t.Context(), slog.New(slog.NewTextHandler(&out, nil))))
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	require.Len(t, lines, 2)
	for _, word := range []string{"waiting for a server", "server=Kafka", "settings=KAFKA_BROKERS", "connection refused"} {
		require.Contains(t, lines[0], word)
	}
	require.Contains(t, lines[1], "a server answers now")
	ctx, stop := context.WithCancel(t.Context())
	stop()
	s.look = func(context.Context) error { return errors.New("connection refused") }
	err := s.await(ctx, quiet)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "connection refused")
}

func TestAKafkaThatRefusesUsEndsTheStart(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.Superuser("SCRAM-SHA-256", "orderloom", "secret"))
	require.NoError(t, err)
	t.Cleanup(cluster.Close)
	reach := func(password string) server {
		m, err := broker.Mechanism(broker.Credentials{Mechanism: broker.ScramSHA256, Username: "orderloom", Password: password})
		require.NoError(t, err)
		return reachedKafka(broker.Config{Brokers: cluster.ListenAddrs(), SASL: m})
	}
	require.NoError(t, reach("secret").await(t.Context(), quiet))
	refused(t, reach("wrong"), "KAFKA_SASL_")
}

func TestARedisThatRefusesUsEndsTheStart(t *testing.T) {
	t.Parallel()
	server1 := miniredis.RunT(t)
	server1.RequireUserAuth("orderloom", "secret")
	check := func(user string) server {
		c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + user + server1.Addr(), TTL: time.Minute, Breakers: breaker.NewSet(nil, nil)})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, c.Close()) })
		return redisServer(c)
	}
	require.NoError(t, check("orderloom:secret@").await(t.Context(), quiet))
	refused(t, check("orderloom:wrong@"), "REDIS_URL")
	refused(t, check(""), "REDIS_URL")
}

func TestASchemaRegistryThatRefusesUsEndsTheStart(t *testing.T) {
	t.Parallel()
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) }))
	t.Cleanup(web.Close)
	p := platformOf(t, config.Kafka{SchemaRegistryURL: web.URL})
	_, asking, err := p.openRegistry()
	require.NoError(t, err)
	require.Len(t, asking, 1)
	err = asking[0].run(t.Context())
	require.ErrorIs(t, err, ErrRefused)
	require.ErrorContains(t, err, "SCHEMA_REGISTRY_USERNAME")
	require.Error(t, setupRegistry(t.Context(), p.cfg.Kafka, quiet))
}

// namespaces is a Temporal server that tells of namespaces alone, with this error.
type namespaces struct {
	workflowservice.UnimplementedWorkflowServiceServer
	answer atomic.Pointer[error]
}

func (n *namespaces) DescribeNamespace(context.Context, *workflowservice.DescribeNamespaceRequest) (*workflowservice.DescribeNamespaceResponse, error) {
	return &workflowservice.DescribeNamespaceResponse{}, *n.answer.Load()
}

func TestATemporalThatRefusesUsEndsTheStart(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	for name, c := range map[string]struct {
		answer  error
		options []grpc.ServerOption
		setting string
	}{
		"a namespace that does not exist": {answer: serviceerror.NewNamespaceNotFound("orders"), setting: `there is no namespace orders at`},
		"a wrong API key":                 {answer: status.Error(codes.Unauthenticated, "invalid key"), setting: "TEMPORAL_API_KEY"},
		"a right that is missing":         {answer: serviceerror.NewPermissionDenied("no", ""), setting: "TEMPORAL_API_KEY"},
		"an unknown authority":            {options: []grpc.ServerOption{withCertificate(t)}, setting: "TEMPORAL_TLS_"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var n namespaces
			answer := c.answer
			if s, ok := answer.(serviceerror.ServiceError); ok { //nolint:errorlint // it is not wrapped
				answer = s.Status().Err()
			}
			n.answer.Store(&answer)
			cfg := config.Temporal{Address: serve(t, &n, c.options...), Namespace: "orders", TLS: config.TLS{Enabled: c.options != nil}}
			temporal, _, err := dialTemporal(cfg, tel)
			require.NoError(t, err)
			defer temporal.Close()
			refused(t, temporalServer(temporal, cfg), c.setting)
			_, err = Reconcile(t.Context(), config.Config{Temporal: cfg}, tel, Reconciliation{}, func(Reconciled) {})
			require.ErrorIs(t, err, ErrRefused, "a command says so too")
		})
	}
}

func serve(t *testing.T, n *namespaces, o ...grpc.ServerOption) (address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := grpc.NewServer(o...)
	workflowservice.RegisterWorkflowServiceServer(s, n)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return l.Addr().String()
}

func withCertificate(t *testing.T) grpc.ServerOption {
	t.Helper()
	files := certs.New(t)
	c, err := credentials.NewServerTLSFromFile(files.Server, files.ServerKey)
	require.NoError(t, err)
	return grpc.Creds(c)
}
