package config_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/require"
)

var key = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef"))

// complete is an environment with which every role starts.
func complete() map[string]string {
	return map[string]string{
		"DATABASE_URL":              "postgres://orderloom:hunter2@db.example:5432/orderloom",
		"TEMPORAL_ADDRESS":          "temporal.example:7233",
		"KAFKA_BROKERS":             "one.example:9092, two.example:9092",
		"ORDERLOOM_LOCATIONS":       "berlin:DE,reno:US",
		"ORDERLOOM_PAYMENT_GATEWAY": "sandbox",
		"ORDERLOOM_MASTER_KEYS":     "k2:" + key + ",k1:" + key,
	}
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) { v, ok := env[name]; return v, ok }
}

func TestLoadCompleteEnvironment(t *testing.T) {
	t.Parallel()
	for _, role := range []config.Role{config.RoleAPI, config.RoleWorker, config.RoleProjector, config.RoleAll, config.RoleMigrate, config.RoleSetup} {
		t.Run(string(role), func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(lookup(complete()), role)
			require.NoError(t, err)
			require.Equal(t, []string{"one.example:9092", "two.example:9092"}, c.Kafka.Brokers)
			require.Equal(t, []inventory.Location{{ID: "berlin", Country: "DE"}, {ID: "reno", Country: "US"}}, c.Orders.Locations)
			require.Equal(t, "k2", c.Privacy.MasterKeys[0].ID)
			require.Equal(t, ":8080", c.HTTP.Address)
			require.Equal(t, 25*time.Second, c.DrainTimeout)
			require.Equal(t, slog.LevelInfo, c.Telemetry.LogLevel)
			require.False(t, c.Temporal.TLS.Enabled)
		})
	}
}

func TestLoadTakesEveryDefault(t *testing.T) {
	t.Parallel()
	_, err := config.Load(lookup(nil))
	require.NoError(t, err)
}

func TestLoadNamesEverythingMissing(t *testing.T) {
	t.Parallel()
	_, err := config.Load(lookup(map[string]string{"DATABASE_URL": "  "}), config.RoleAll)
	require.ElementsMatch(t, []string{
		"DATABASE_URL", "TEMPORAL_ADDRESS", "KAFKA_BROKERS", "ORDERLOOM_LOCATIONS", "ORDERLOOM_PAYMENT_GATEWAY", "ORDERLOOM_MASTER_KEYS",
	}, names(t, err))
	require.ErrorContains(t, err, "6 settings are wrong:")

	_, err = config.Load(lookup(nil), config.RoleMigrate)
	require.EqualError(t, err, "a setting is wrong:\n  DATABASE_URL is required by migrate: postgres://user:password@host:port/database")
}

func TestLoadNamesEverythingWrong(t *testing.T) {
	t.Parallel()
	wrong := map[string][]string{
		"DATABASE_URL":                       {"mysql://localhost/x", "postgres://", "localhost:5432", "postgres://a:b%zz@h/d"},
		"REDIS_URL":                          {"localhost:6379"},
		"KAFKA_BROKERS":                      {"kafka", ",", ":9092", "kafka:99999"},
		"ORDERLOOM_KAFKA_TOPIC_SETTINGS":     {"retention", "=1", "a=1;a=2"},
		"TEMPORAL_ADDRESS":                   {"temporal", "temporal:grpc"},
		"ORDERLOOM_HTTP_ADDRESS":             {"8080", ":80800"},
		"ORDERLOOM_HTTP_READ_TIMEOUT":        {"15", "-1s", "1h"},
		"ORDERLOOM_HTTP_BODY_BYTES_MAX":      {"1MB", "0", "99999999999999999999"},
		"ORDERLOOM_LOCATIONS":                {"berlin", "berlin:Germany", "berlin:DE,berlin:US", "Berlin:DE", ","},
		"ORDERLOOM_PAYMENT_GATEWAY":          {"paypal", "Sandbox"},
		"ORDERLOOM_MASTER_KEYS":              {"k1", "k1:!!!", "k1:c2hvcnQ=", ":" + key, "k1:" + key + ",k1:" + key},
		"ORDERLOOM_PAYLOAD_KEYS":             {"k1", "k1:" + key + ",k1:" + key},
		"ORDERLOOM_CODEC_ORIGINS":            {"localhost:8233", "http://localhost:8233/", "https://UI.example", "*", "https://a@ui.example"},
		"ORDERLOOM_LOG_LEVEL":                {"loud"},
		"ORDERLOOM_TRACE_RATIO":              {"2", "NaN", "half"},
		"TEMPORAL_TLS":                       {"perhaps"},
		"REDIS_TLS":                          {"perhaps"},
		"KAFKA_SASL_MECHANISM":               {"GSSAPI", "plain"},
		"OTEL_EXPORTER_OTLP_ENDPOINT":        {"localhost:4318", "https://user:pw@collector"},
		"OTEL_EXPORTER_OTLP_HEADERS":         {"authorization"},
		"ORDERLOOM_DATABASE_CONNECTIONS_MAX": {"0", "1"},
	}
	for name, values := range wrong {
		for _, value := range values {
			t.Run(name+"="+value, func(t *testing.T) {
				t.Parallel()
				env := complete()
				env[name] = value
				_, err := config.Load(lookup(env), config.RoleAll)
				require.Equal(t, []string{name}, names(t, err))
			})
		}
	}
	all := complete()
	for name, values := range wrong {
		all[name] = values[0]
	}
	_, err := config.Load(lookup(all), config.RoleAll)
	require.Len(t, names(t, err), len(wrong))
}

func TestLoadChecksSettingsTogether(t *testing.T) {
	t.Parallel()
	for wrong, env := range map[string]map[string]string{
		"ORDERLOOM_DATABASE_CONNECTIONS_MIN": {"ORDERLOOM_DATABASE_CONNECTIONS_MIN": "50"},
		"ORDERLOOM_HTTP_REQUEST_TIMEOUT":     {"ORDERLOOM_HTTP_REQUEST_TIMEOUT": "30s"},
		"TEMPORAL_TLS_CLIENT_CERT_PATH":      {"TEMPORAL_TLS_CLIENT_KEY_PATH": "key.pem"},
		"KAFKA_TLS_CLIENT_CERT_PATH":         {"KAFKA_TLS_CLIENT_KEY_PATH": "key.pem"},
		"REDIS_TLS_CLIENT_CERT_PATH":         {"REDIS_TLS_CLIENT_KEY_PATH": "key.pem"},
		"KAFKA_SASL_MECHANISM":               {"KAFKA_SASL_USERNAME": "orderloom", "KAFKA_SASL_PASSWORD": "secret"},
		"KAFKA_SASL_USERNAME":                {"KAFKA_SASL_MECHANISM": "SCRAM-SHA-256", "KAFKA_SASL_USERNAME": "orderloom"},
		"KAFKA_SASL_TOKEN_PATH":              {"KAFKA_SASL_MECHANISM": "OAUTHBEARER", "KAFKA_TLS": "true"},
		"KAFKA_TLS":                          {"KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "orderloom", "KAFKA_SASL_PASSWORD": "secret"},
		"SCHEMA_REGISTRY_USERNAME":           {"SCHEMA_REGISTRY_PASSWORD": "secret"},
		"ORDERLOOM_DEPLOYMENT":               {"ORDERLOOM_BUILD_ID": "1"},
		"STRIPE_API_KEY":                     {"ORDERLOOM_PAYMENT_GATEWAY": "stripe", "STRIPE_WEBHOOK_SECRET": "whsec_x", "ORDERLOOM_STRIPE_RETURN_URL": "https://x"},
		"STRIPE_WEBHOOK_SECRET":              {"ORDERLOOM_PAYMENT_GATEWAY": "stripe", "STRIPE_API_KEY": "sk_x", "ORDERLOOM_STRIPE_RETURN_URL": "https://x"},
		"ORDERLOOM_STRIPE_RETURN_URL":        {"ORDERLOOM_PAYMENT_GATEWAY": "stripe", "STRIPE_API_KEY": "sk_x", "STRIPE_WEBHOOK_SECRET": "whsec_x"},
	} {
		t.Run(wrong, func(t *testing.T) {
			t.Parallel()
			merged := complete()
			maps.Copy(merged, env)
			_, err := config.Load(lookup(merged), config.RoleAll)
			require.Equal(t, []string{wrong}, names(t, err))
		})
	}
}

func TestTheCodecServerNeedsKeysAndAuthentication(t *testing.T) {
	t.Parallel()
	_, err := config.Load(lookup(nil), config.RoleCodecServer)
	require.ElementsMatch(t, []string{"ORDERLOOM_PAYLOAD_KEYS", "ORDERLOOM_CODEC_ISSUER"}, names(t, err))
	_, err = config.Load(lookup(map[string]string{
		"ORDERLOOM_PAYLOAD_KEYS": "p1:" + key, "ORDERLOOM_CODEC_ISSUER": "https://login.example.com",
	}), config.RoleCodecServer)
	require.Equal(t, []string{"ORDERLOOM_CODEC_AUDIENCE"}, names(t, err))
	c, err := config.Load(lookup(map[string]string{
		"ORDERLOOM_PAYLOAD_KEYS": "p2:" + key + ",p1:" + key, "ORDERLOOM_CODEC_TOKEN": "a-token-for-development",
		"ORDERLOOM_CODEC_ORIGINS": "http://localhost:8233, https://temporal.example.com",
	}), config.RoleCodecServer)
	require.NoError(t, err)
	require.Equal(t, "p2", c.Temporal.PayloadKeys[0].ID)
	require.True(t, c.Temporal.EncryptPayloads)
	require.Equal(t, []string{"http://localhost:8233", "https://temporal.example.com"}, c.Codec.Origins)
}

func TestTLSIsTurnedOnByWhatNeedsIt(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"TEMPORAL_API_KEY": "secret", "TEMPORAL_TLS": "true", "TEMPORAL_TLS_SERVER_CA_CERT_PATH": "ca.pem"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := config.Load(lookup(map[string]string{name: value}))
			require.NoError(t, err)
			require.True(t, c.Temporal.TLS.Enabled)
		})
	}
}

// A secret must not be seen however a Config or an error about it is printed.
func TestSecretsAreNeverPrinted(t *testing.T) {
	t.Parallel()
	const canary = "hunter2"
	env := complete()
	env["REDIS_URL"] = "redis://:hunter2@cache:6379"
	env["TEMPORAL_API_KEY"] = canary
	env["KAFKA_SASL_MECHANISM"], env["KAFKA_SASL_USERNAME"], env["KAFKA_SASL_PASSWORD"] = "SCRAM-SHA-256", "orderloom", canary
	env["SCHEMA_REGISTRY_USERNAME"], env["SCHEMA_REGISTRY_PASSWORD"] = "orderloom", canary
	env["ORDERLOOM_CODEC_TOKEN"] = canary
	env["ORDERLOOM_PAYLOAD_KEYS"] = "p1:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(canary, 5)[:32]))
	env["STRIPE_API_KEY"] = canary
	env["STRIPE_WEBHOOK_SECRET"] = canary
	env["OTEL_EXPORTER_OTLP_HEADERS"] = "authorization=Bearer%20hunter2"
	env["ORDERLOOM_MASTER_KEYS"] = "k1:" + base64.StdEncoding.EncodeToString([]byte(strings.Repeat(canary, 5)[:32]))
	c, err := config.Load(lookup(env), config.RoleAll)
	require.NoError(t, err)
	require.Contains(t, string(c.Database.URL), canary, "and yet it is there")
	require.Equal(t, config.Secret("Bearer hunter2"), c.Telemetry.OTLPHeaders["authorization"])

	var out strings.Builder
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		fmt.Fprintf(&out, verb, c)
		fmt.Fprintf(&out, verb, &c)
		fmt.Fprintf(&out, verb, c.Database.URL)
		fmt.Fprintf(&out, verb, c.Privacy.MasterKeys[0])
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("config", "config", c, "url", c.Database.URL, "key", c.Privacy.MasterKeys[0])
	slog.New(slog.NewTextHandler(&out, nil)).Info("config", "config", c, "url", c.Database.URL, "key", c.Privacy.MasterKeys[0])
	b, err := json.Marshal(c)
	require.NoError(t, err)
	out.Write(b)

	for _, s := range config.Settings {
		if s.Secret {
			env[s.Name] = "wrong-hunter2" // where text of any form will do, this stays right
		}
	}
	_, err = config.Load(lookup(env), config.RoleAll)
	require.Error(t, err)
	out.WriteString(err.Error())

	for _, seen := range []string{canary, fmt.Sprintf("%x", canary), base64.StdEncoding.EncodeToString([]byte(strings.Repeat(canary, 5)[:32]))} {
		require.NotContains(t, out.String(), seen)
	}
}

func TestSettingsAreDocumentedAndDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range config.Settings {
		require.False(t, seen[s.Name], "%s is there twice", s.Name)
		seen[s.Name] = true
		require.NotEmpty(t, s.Help, s.Name)
		require.NotEmpty(t, s.Form, s.Name)
		require.NotEmpty(t, s.Group, s.Name)
		require.NotContains(t, s.Help+s.Form, "|", "a bar would break the table")
		for _, value := range []string{s.Default, s.Example} {
			if value != "" {
				_, err := config.Load(lookup(map[string]string{s.Name: value}))
				require.NoError(t, err, "%s=%s", s.Name, value)
			}
		}
	}
}

func TestDocumentIsFresh(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../docs/configuration.md")
	require.NoError(t, err)
	require.Equal(t, config.Document(), string(b), "run: go generate ./internal/config")
}

func TestDotEnvExampleIsFresh(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	require.Equal(t, config.DotEnv(), string(b), "run: go generate ./internal/config")
}

func TestDotEnvNamesEverySetting(t *testing.T) {
	t.Parallel()
	lines := strings.Split(config.DotEnv(), "\n")
	for _, s := range config.Settings {
		require.True(t, slices.ContainsFunc(lines, func(l string) bool {
			return strings.HasPrefix(strings.TrimPrefix(l, "#"), s.Name+"=")
		}), s.Name)
	}
}

func names(t *testing.T, err error) []string {
	t.Helper()
	var problems config.Problems
	require.ErrorAs(t, err, &problems)
	list := make([]string, len(problems))
	for i, p := range problems {
		list[i] = p.Name
	}
	return list
}

func TestAPIKeysAreRefusedWithoutShowingThem(t *testing.T) {
	t.Parallel()
	sum := strings.Repeat("ab", 32)
	for name, list := range map[string]string{
		"no colon": "shop", "the key itself": "shop:s3cret", "half a hash": "shop:" + sum[:32], "no name": ":" + sum,
		"control character": "a\x00b:" + sum, "second entry": "shop:" + sum + ",other:x", "no role": "shop:" + sum + ":s3cret",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := config.Load(lookup(map[string]string{"ORDERLOOM_API_KEYS": list}))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "s3cret")
		})
	}
	c, err := config.Load(lookup(map[string]string{"ORDERLOOM_API_KEYS": "shop:" + sum + ",web:" + sum + ":storefront"}))
	require.NoError(t, err)
	require.Equal(t, []access.Role{access.Admin, access.Storefront}, []access.Role{c.HTTP.Access.Keys[0].Role, c.HTTP.Access.Keys[1].Role})
	for _, none := range []string{"", " "} {
		c, err := config.Load(lookup(map[string]string{"ORDERLOOM_API_KEYS": none}))
		require.NoError(t, err)
		require.Empty(t, c.HTTP.Access.Keys)
	}
}

// Whoever reaches an open API may place orders. It is reached from this machine alone unless somebody says otherwise.
func TestAnOpenAPIListensOnTheLoopbackAlone(t *testing.T) {
	t.Parallel()
	load := func(open, address string) error {
		_, err := config.Load(lookup(map[string]string{
			"ORDERLOOM_API_OPEN": open, "ORDERLOOM_HTTP_ADDRESS": address, "DATABASE_URL": "postgres://h/d", "TEMPORAL_ADDRESS": "h:1",
			"ORDERLOOM_MASTER_KEYS": "a:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
		}), config.RoleAPI)
		return err
	}
	for _, address := range []string{"localhost:8080", "127.0.0.1:0", "127.1.2.3:80", "[::1]:8080"} {
		require.NoError(t, load("loopback", address))
	}
	for _, address := range []string{":8080", "0.0.0.0:8080", "10.0.0.1:80", "[::]:8080", "orders.example.com:80"} {
		require.ErrorContains(t, load("loopback", address), "ORDERLOOM_HTTP_ADDRESS must be on the loopback", address)
		require.NoError(t, load("no", address))
		require.NoError(t, load("everywhere", address))
	}
}

// A platform for trying would charge people for orders that nobody ships.
func TestALiveKeyOfTheGatewayIsRefusedInTestMode(t *testing.T) {
	t.Parallel()
	for key, wrong := range map[string]bool{"sk_live_x": true, "rk_live_x": true, "sk_test_x": false, "rk_test_x": false} {
		for _, mode := range []string{"test", "live"} {
			set := map[string]string{"ORDERLOOM_MODE": mode, "ORDERLOOM_PAYMENT_GATEWAY": "stripe", "STRIPE_API_KEY": key}
			_, err := config.Load(func(name string) (string, bool) { v, ok := set[name]; return v, ok }, config.RoleWorker)
			require.Equal(t, wrong && mode == "test", strings.Contains(fmt.Sprint(err), "ORDERLOOM_MODE"), "%s %s: %v", mode, key, err)
		}
	}
}

// The Worker Controller of Temporal tells a worker its version under names of its own.
func TestTheVersionIsAlsoReadWhereTheWorkerControllerWritesIt(t *testing.T) {
	t.Parallel()
	given := map[string]string{"TEMPORAL_DEPLOYMENT_NAME": "shop/orderloom-worker", "TEMPORAL_WORKER_BUILD_ID": "b1"}
	lookup := func(name string) (string, bool) { v, ok := given[name]; return v, ok }
	cfg, err := config.Load(lookup)
	require.NoError(t, err)
	require.Equal(t, "shop/orderloom-worker", cfg.Temporal.Deployment)
	require.Equal(t, "b1", cfg.Temporal.BuildID)
	given["ORDERLOOM_BUILD_ID"] = "b2"
	cfg, err = config.Load(lookup)
	require.NoError(t, err)
	require.Equal(t, "b2", cfg.Temporal.BuildID, "our own name goes first")
}

// Fails where an issuer loses the slash at its end: it is compared letter by letter, and some have one.
func TestAnIssuerKeepsItsSlash(t *testing.T) {
	t.Parallel()
	for _, issuer := range []string{"https://login.example.com", "https://login.example.com/", "https://login.example.com/realms/shop/"} {
		c, err := config.Load(lookup(map[string]string{"ORDERLOOM_OIDC_ISSUER": issuer, "ORDERLOOM_CODEC_ISSUER": issuer}))
		require.NoError(t, err)
		require.Equal(t, issuer, c.HTTP.Access.Issuer.URL)
	}
}
