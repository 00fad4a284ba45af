//go:build real

package app

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/testing/certs"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/kafkatest/apache"
	"github.com/orderloom/orderloom/internal/testing/program"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	saslplain "github.com/twmb/franz-go/pkg/sasl/plain"
)

// TestKafkaWithTLSAndSASL reaches a real Kafka by each mechanism, as the settings say. The server takes TLS with a
// client's certificate and SASL alone.
func TestKafkaWithTLSAndSASL(t *testing.T) {
	t.Parallel()
	files := certs.New(t)
	address := startSecuredKafka(t, files)
	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte(unsecuredToken()+"\n"), 0o600))
	tokenServer := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id, secret, _ := r.BasicAuth()
		if id != "orderloom" || secret != "secret" || r.FormValue("scope") != "kafka" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"access_token": unsecuredToken(), "token_type": "bearer", "expires_in": 3600})
	}))
	t.Cleanup(tokenServer.Close)
	user := map[string]string{"KAFKA_SASL_USERNAME": "orderloom", "KAFKA_SASL_PASSWORD": "secret"}
	tls := map[string]string{
		"KAFKA_BROKERS": address, "KAFKA_TLS_SERVER_CA_CERT_PATH": files.Authority,
		"KAFKA_TLS_CLIENT_CERT_PATH": files.Client, "KAFKA_TLS_CLIENT_KEY_PATH": files.ClientKey,
	}
	for name, set := range map[string]map[string]string{
		"PLAIN":                    with(user, "KAFKA_SASL_MECHANISM", "PLAIN"),
		"SCRAM-SHA-256":            with(user, "KAFKA_SASL_MECHANISM", "SCRAM-SHA-256"),
		"SCRAM-SHA-512":            with(user, "KAFKA_SASL_MECHANISM", "SCRAM-SHA-512"),
		"OAUTHBEARER, from a file": {"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_PATH": tokenFile},
		"OAUTHBEARER, from a server": with(user, "KAFKA_SASL_MECHANISM", "OAUTHBEARER", "KAFKA_SASL_TOKEN_URL", tokenServer.URL,
			"KAFKA_SASL_TOKEN_SCOPES", "kafka"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kafka := usedKafka(t, load(t, merged(tls, set)))
			kafka.Group = "group-" + uuid.NewString()
			require.NoError(t, broker.EnsureTopics(t.Context(), kafka))
			w := broker.NewWriter(kafka)
			defer func() { require.NoError(t, w.Close()) }()
			events := eventtest.Lives(1, 20)
			unpublished, err := w.Publish(t.Context(), events)
			require.NoError(t, err)
			require.Empty(t, unpublished)
			r, err := broker.NewReader(kafka, broker.Topics()...)
			require.NoError(t, err)
			defer func() { require.NoError(t, r.Close()) }()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			for read := 0; read < len(events); {
				messages, err := r.Fetch(ctx, 100)
				require.NoError(t, err)
				read += len(messages)
			}
			audited, err := broker.Audit(t.Context(), kafka, nil)
			require.NoError(t, err)
			require.Contains(t, audited, events[0].AggregateID)
		})
	}
	for name, set := range map[string]map[string]string{
		"a wrong password":              {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256", "KAFKA_SASL_USERNAME": "orderloom", "KAFKA_SASL_PASSWORD": "wrong"},
		"a certificate of another":      with(user, "KAFKA_SASL_MECHANISM", "PLAIN", "KAFKA_TLS_CLIENT_CERT_PATH", files.OtherClient, "KAFKA_TLS_CLIENT_KEY_PATH", files.OtherClientKey),
		"a server of another authority": with(user, "KAFKA_SASL_MECHANISM", "PLAIN", "KAFKA_TLS_SERVER_CA_CERT_PATH", files.OtherClient),
		"an expired token":              {"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_SASL_TOKEN_PATH": expiredToken(t)},
	} {
		t.Run("refused: "+name, func(t *testing.T) {
			t.Parallel()
			kafka := usedKafka(t, load(t, merged(tls, set)))
			ctx, stop := context.WithTimeout(t.Context(), 15*time.Second)
			defer stop()
			require.Error(t, broker.EnsureTopics(ctx, kafka))
			require.NoError(t, ctx.Err(), "it says so before its time is over")
		})
	}
}

// startSecuredKafka starts a real Kafka with the user orderloom, whose password is secret.
func startSecuredKafka(t *testing.T, files certs.Files) (address string) {
	t.Helper()
	jars, err := apache.Jars(t.Context(), t.Logf)
	require.NoError(t, err)
	const login = "org.apache.kafka.common.security."
	server, address, err := apache.Node(t.Context(), jars, filepath.Join(t.TempDir(), "kafka"),
		"listeners=SASL_SSL://{address},CONTROLLER://{controller}", "advertised.listeners=SASL_SSL://{address}",
		"listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT", "inter.broker.listener.name=SASL_SSL",
		"sasl.mechanism.inter.broker.protocol=PLAIN", "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER",
		`listener.name.sasl_ssl.plain.sasl.jaas.config=`+login+`plain.PlainLoginModule required username="admin" password="admin" user_admin="admin" user_orderloom="secret";`,
		`listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=`+login+`scram.ScramLoginModule required;`,
		`listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=`+login+`scram.ScramLoginModule required;`,
		`listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=`+login+`oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="admin";`,
		"ssl.keystore.type=PEM", "ssl.keystore.location="+files.ServerBoth, "ssl.truststore.type=PEM", "ssl.truststore.location="+files.Authority,
		"listener.name.sasl_ssl.ssl.client.auth=required", "ssl.endpoint.identification.algorithm=",
	)
	require.NoError(t, err)
	output := filepath.Join(t.TempDir(), "output")
	stop, err := program.Start(t.Context(), server, output, address)
	require.NoError(t, err)
	t.Cleanup(func() {
		stop()
		if text, err := os.ReadFile(output); t.Failed() && err == nil {
			t.Logf("Kafka says: %s", text)
		}
	})
	addScramUser(t, address, files)
	return address
}

func addScramUser(t *testing.T, address string, files certs.Files) {
	t.Helper()
	kafka := usedKafka(t, load(t, map[string]string{
		"KAFKA_TLS_SERVER_CA_CERT_PATH": files.Authority, "KAFKA_TLS_CLIENT_CERT_PATH": files.Client, "KAFKA_TLS_CLIENT_KEY_PATH": files.ClientKey,
	}))
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.DialTLSConfig(kafka.TLS), kgo.SASL(saslplain.Auth{User: "admin", Pass: "admin"}.AsMechanism()))
	require.NoError(t, err)
	defer client.Close()
	// One request may name a user once.
	for _, mechanism := range []kadm.ScramMechanism{kadm.ScramSha256, kadm.ScramSha512} {
		require.EventuallyWithT(t, func(c *assert.CollectT) {
			ctx, stop := context.WithTimeout(t.Context(), 5*time.Second)
			defer stop()
			user := kadm.UpsertSCRAM{User: "orderloom", Mechanism: mechanism, Iterations: 4096, Password: "secret"}
			altered, err := kadm.NewClient(client).AlterUserSCRAMs(ctx, nil, []kadm.UpsertSCRAM{user})
			require.NoError(c, err)
			require.NoError(c, altered.Error())
		}, time.Minute, 100*time.Millisecond)
	}
}

// unsecuredToken is an access token that Kafka takes when it is told of no issuer.
func unsecuredToken() string { return token(time.Now().Add(time.Hour)) }

func token(expires time.Time) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // maps of text and numbers can be encoded
		return base64.RawURLEncoding.EncodeToString(b)
	}
	return part(map[string]any{"alg": "none"}) + "." +
		part(map[string]any{"sub": "orderloom", "iat": expires.Add(-2 * time.Hour).Unix(), "exp": expires.Unix()}) + "."
}

func expiredToken(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "expired")
	require.NoError(t, os.WriteFile(file, []byte(token(time.Now().Add(-time.Hour))), 0o600))
	return file
}

// with returns a copy of settings with further names and values.
func with(settings map[string]string, more ...string) map[string]string {
	out := merged(settings)
	for i := 0; i < len(more); i += 2 {
		out[more[i]] = more[i+1]
	}
	return out
}

func merged(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, settings := range all {
		for name, value := range settings {
			out[name] = value
		}
	}
	return out
}

// TestRedisWithTLSAndACL reaches a real Redis that takes TLS with a client's certificate and a user of its own alone.
func TestRedisWithTLSAndACL(t *testing.T) {
	t.Parallel()
	files := certs.New(t)
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	address := freeport.Address(ports[0])
	acl := filepath.Join(t.TempDir(), "users.acl")
	require.NoError(t, os.WriteFile(acl, []byte("user default off\nuser orderloom on >secret ~* +@all -@dangerous +flushdb +info\n"), 0o600))
	server := exec.Command("redis-server", "--port", "0", "--tls-port", fmt.Sprint(ports[0]), "--bind", "127.0.0.1", "--dir", t.TempDir(),
		"--save", "", "--appendonly", "no", "--tls-cert-file", files.Server, "--tls-key-file", files.ServerKey,
		"--tls-ca-cert-file", files.Authority, "--tls-auth-clients", "yes", "--aclfile", acl)
	stop, err := program.Start(t.Context(), server, filepath.Join(t.TempDir(), "output"), address)
	require.NoError(t, err)
	t.Cleanup(stop)
	tls := map[string]string{
		"REDIS_URL": "redis://orderloom:secret@" + address, "REDIS_TLS_SERVER_CA_CERT_PATH": files.Authority,
		"REDIS_TLS_CLIENT_CERT_PATH": files.Client, "REDIS_TLS_CLIENT_KEY_PATH": files.ClientKey,
	}
	for name, set := range map[string]struct {
		more   map[string]string
		cached bool
	}{
		"a user with a certificate": {nil, true},
		"rediss":                    {map[string]string{"REDIS_URL": "rediss://orderloom:secret@" + address}, true},
		"a wrong password":          {map[string]string{"REDIS_URL": "redis://orderloom:wrong@" + address}, false},
		"another's certificate":     {map[string]string{"REDIS_TLS_CLIENT_CERT_PATH": files.OtherClient, "REDIS_TLS_CLIENT_KEY_PATH": files.OtherClientKey}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said strings.Builder
			log := slog.New(slog.NewTextHandler(&said, nil))
			cache, err := openRedis(load(t, merged(tls, set.more)).Redis, log, breaker.NewSet(log, nil), nil)
			require.NoError(t, err)
			defer func() { require.NoError(t, cache.Close()) }()
			v := readmodel.NewOrderView(uuid.New())
			v.Version = 1
			cache.Put(t.Context(), v.Shown())
			_, found := cache.Get(t.Context(), v.OrderID)
			require.Equal(t, set.cached, found, said.String())
			require.NotContains(t, said.String(), "wrong@", "no password in a log")
		})
	}
}
