//go:build helm

package deploy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// refusal is values over those of an installation, what the chart says to them, and what makes it take them; empty for
// nothing.
type refusal struct{ installation, values, message, accepted string }

// Each combination that loses orders, money or secrets is refused, with what to do instead.
func TestUnsafeValuesAreRefused(t *testing.T) {
	t.Parallel()
	requireRefused(t, map[string]refusal{
		"an API that asks nobody": {
			"base", "settings: {ORDERLOOM_API_OPEN: everywhere}", "every pod of the cluster could place orders", "accept: {openAPI: true}",
		},
		"an open API outside": {
			"production", "{settings: {ORDERLOOM_API_OPEN: everywhere}, accept: {openAPI: true}}", "anybody could place orders", "",
		},
		"an open API of one role": {
			"base", "api: {settings: {ORDERLOOM_API_OPEN: everywhere}}", "every pod of the cluster could place orders", "accept: {openAPI: true}",
		},
		"an API on the loopback":     {"base", "settings: {ORDERLOOM_API_OPEN: loopback}", "the API would not start", ""},
		"metrics for all":            {"base", "networkPolicy: {enabled: false}", "every pod of the cluster reads metrics", "accept: {openMetrics: true}"},
		"metrics without a selector": {"base", "networkPolicy: {metrics: []}", "every pod of the cluster reads metrics", "accept: {openMetrics: true}"},
		"metrics for all namespaces": {"base", "networkPolicy: {metrics: [{namespaceSelector: {}}]}", "lets every pod of the cluster read metrics", "accept: {openMetrics: true}"},
		"metrics on another address": {"base", `settings: {ORDERLOOM_OPERATIONS_ADDRESS: ":80"}`, "the chart sets it", ""},
		"profiles for all":           {"base", `settings: {ORDERLOOM_PROFILE_ADDRESS: ":6060"}`, "profiles have no authentication", ""},
		"an ingress in the clear":    {"production", "ingress: {tls: []}", "keys would travel in the clear", "accept: {plainHTTP: true}"},
		"a load balancer in the clear": {
			"base", "service: {type: LoadBalancer}", "keys would travel in the clear", "api: {tls: {secretName: orders-tls}}",
		},
		"no time to drain":       {"base", "drain: {timeoutSeconds: 0}", "would be cut off", ""},
		"no notice of a stop":    {"base", "drain: {preStopSeconds: 0, delaySeconds: 0}", "pods that have stopped", ""},
		"a drain without a rest": {"base", "drain: {delaySeconds: 20}", "at most half", ""},
		"a budget for one":       {"base", "worker: {replicas: 1}", "protects nothing", "worker: {disruption: {enabled: false}}"},
		"a budget for all":       {"base", "api: {disruption: {maxUnavailable: 2}}", "protects nothing", "api: {replicas: 3}"},
		"a budget for one that scales": {
			"base", "worker: {autoscaling: {by: keda, min: 1}}", "protects nothing", "worker: {disruption: {enabled: false}}",
		},
		"idle projectors":           {"base", "projector: {replicas: 13}", "would have nothing to do", `settings: {ORDERLOOM_KAFKA_PARTITIONS: "24"}`},
		"payments that nobody pays": {"trial", "settings: {ORDERLOOM_MODE: live}", "nobody has paid for", "accept: {sandboxPayments: true}"},
		"ledgers that differ": {
			"trial", `{settings: {ORDERLOOM_SANDBOX_LEDGER: ""}, all: {replicas: 2}}`, "a ledger of its own", "settings: {ORDERLOOM_SANDBOX_LEDGER: /shared/ledger}",
		},
		"one role for all": {
			"base", `database: {owner: {name: orderloom-database, key: url}}`, "could change and drop everything", "accept: {oneDatabaseRole: true}",
		},
		"no role for the processes": {"base", `database: {runtimeRole: ""}`, "could change and drop everything", "accept: {oneDatabaseRole: true}"},
		"an unknown setting":        {"base", "settings: {ORDERLOOM_HTTP_RAET: \"5\"}", "there is no such setting", ""},
		"an unknown secret":         {"base", "secrets: {STRIPE_KEY: {name: a, key: b}}", "there is no such setting", ""},
		"a secret for all to read":  {"base", "settings: {STRIPE_API_KEY: sk_live_1}", "everybody could read", ""},
		"a secret of one role":      {"base", "worker: {settings: {STRIPE_API_KEY: sk_live_1}}", "everybody could read", ""},
		"a setting that is missing": {"base", `settings: {ORDERLOOM_LOCATIONS: ""}`, "ORDERLOOM_LOCATIONS is required by worker", ""},
		"a secret that is missing":  {"base", `secrets: {ORDERLOOM_MASTER_KEYS: null}`, "give it in secrets.ORDERLOOM_MASTER_KEYS", ""},
		"an image without a name":   {"base", "image: {tag: latest}", "a rollback could not name", ""},
		"a controller of one process": {
			"trial", "versioning: {by: controller}", "Set mode to roles", "",
		},
		"a controller and a scaler": {"worker controller", "worker: {autoscaling: {by: keda}}", "WorkerResourceTemplate", ""},
		"a misspelt value":          {"base", "apis: {replicas: 3}", "additional properties 'apis' not allowed", ""},
		"a number in place of text": {"base", "settings: {ORDERLOOM_HTTP_RATE: 5}", "got number, want string", ""},
	})
}

// Values with which no pod would start, or would reach what it needs, are refused before one is made.
func TestValuesThatCanNotWorkAreRefused(t *testing.T) {
	t.Parallel()
	requireRefused(t, map[string]refusal{
		"clients' certificates without TLS": {
			"base", `{certificates: {clients: {secretName: a}}, settings: {ORDERLOOM_HTTP_TLS_CLIENT_CA_PATH: /etc/orderloom/certificates/clients/ca.crt}}`,
			"Give api.tls.secretName", "api: {tls: {secretName: orders-tls}}",
		},
		"a certificate that is nowhere": {
			"base", `settings: {KAFKA_TLS: "true", KAFKA_TLS_SERVER_CA_CERT_PATH: /etc/orderloom/certificates/kafka/ca.crt}`,
			"nothing is mounted there", "certificates: {kafka: {secretName: kafka-ca}}",
		},
		"Kafka behind a closed port": {
			"base", `settings: {KAFKA_BROKERS: "one:9092, two:9096"}`, "pods may not reach port 9096", "networkPolicy: {egress: {ports: [5432, 7233, 9092, 9096, 443]}}",
		},
		"Temporal behind a closed port": {
			"base", `settings: {TEMPORAL_ADDRESS: "temporal:7234"}`, "pods may not reach port 7234", "networkPolicy: {egress: {rules: [{}]}}",
		},
		"a proxy behind a closed port":     {"base", `settings: {ORDERLOOM_WEBHOOK_PROXY_URL: "http://proxy:4750"}`, "pods may not reach port 4750", ""},
		"a collector behind a closed port": {"base", `api: {settings: {OTEL_EXPORTER_OTLP_ENDPOINT: "http://collector:14318/v1"}}`, "port 14318", ""},
		"a registry behind a closed port":  {"base", `settings: {SCHEMA_REGISTRY_URL: "http://registry"}`, "pods may not reach port 80", ""},
		"an issuer behind a closed port": {
			"base", `settings: {ORDERLOOM_OIDC_ISSUER: "https://id:8443/realms/a", ORDERLOOM_OIDC_AUDIENCE: a}`, "pods may not reach port 8443", "",
		},
		"no way out":                    {"base", "networkPolicy: {egress: {ports: []}}", "pods could reach no server", "networkPolicy: {egress: {rules: [{}]}}"},
		"a share of nothing":            {"base", "api: {autoscaling: {by: hpa}, resources: {requests: {cpu: null}}}", "which is not given", ""},
		"a setting past the checks":     {"base", "pod: {extraEnv: [{name: ORDERLOOM_API_OPEN, value: everywhere}]}", "is a setting", ""},
		"a label of the selectors":      {"base", "pod: {labels: {app.kubernetes.io/component: a}}", "whose selectors go by it", ""},
		"a codec server for everybody":  {"base", "codecServer: {enabled: true}", "decrypt for everybody", "secrets: {ORDERLOOM_CODEC_TOKEN: {name: a, key: b}}"},
		"an issuer without an audience": {"base", `settings: {ORDERLOOM_OIDC_ISSUER: "https://id"}`, "it needs ORDERLOOM_OIDC_AUDIENCE", "settings: {ORDERLOOM_OIDC_AUDIENCE: a}"},
		"a user without a password":     {"base", "settings: {KAFKA_SASL_MECHANISM: SCRAM-SHA-512, KAFKA_SASL_USERNAME: a}", "it needs KAFKA_SASL_PASSWORD", ""},
		"a certificate without its key": {"base", "settings: {TEMPORAL_TLS_CLIENT_CERT_PATH: /a}", "it needs TEMPORAL_TLS_CLIENT_KEY_PATH", ""},
		"a gateway without a key":       {"base", "secrets: {STRIPE_API_KEY: null, STRIPE_WEBHOOK_SECRET: null}", "it needs secrets.STRIPE_API_KEY", ""},
		"a gateway that nobody hears":   {"base", "secrets: {STRIPE_WEBHOOK_SECRET: null}", "nobody would hear", ""},
		"a setting that is twice there": {"base", "secrets: {KAFKA_BROKERS: {name: a, key: b}}", "one of them would be ignored", ""},
		"two modes":                     {"base", "worker: {settings: {ORDERLOOM_MODE: test}}", "every process and the setup need the same one", ""},
		"two namespaces":                {"base", "api: {settings: {TEMPORAL_NAMESPACE: a}}", "every process and the setup need the same one", ""},
		"everybody as a proxy":          {"base", `settings: {ORDERLOOM_TRUSTED_PROXIES: "10.0.0.0/8, ::/0"}`, "every caller could choose the address", ""},
	})
}

// A misspelt name is refused at every depth.
func TestMisspeltValuesAreRefused(t *testing.T) {
	t.Parallel()
	requireRefused(t, map[string]refusal{
		"a misspelt limit":               {"base", "api: {resources: {limit: {memory: 1Gi}}}", "additional properties 'limit' not allowed", ""},
		"a misspelt rollout":             {"worker controller", "versioning: {rollout: {stratgy: Manual}}", "additional properties 'stratgy' not allowed", ""},
		"a misspelt step":                {"worker controller", "versioning: {rollout: {steps: [{ramp: 5}]}}", "additional properties 'ramp' not allowed", ""},
		"a misspelt certificate":         {"production", "ingress: {tls: [{secret: a}]}", "additional properties 'secret' not allowed", ""},
		"a misspelt secret of the image": {"base", "imagePullSecrets: [{nam: a}]", "additional properties 'nam' not allowed", ""},
		"a misspelt variable":            {"base", "pod: {extraEnv: [{nam: a}]}", "additional properties 'nam' not allowed", ""},
		"a volume of the chart":          {"base", "pod: {extraVolumes: [{name: data, emptyDir: {}}]}", "/pod/extraVolumes/0/name", ""},
		"a secret without a name":        {"base", `secrets: {REDIS_URL: {name: "", key: a}}`, "minLength", ""},
		"a name that is none":            {"base", "fullnameOverride: A Shop", "does not match pattern", ""},
	})
}

func requireRefused(t *testing.T, all map[string]refusal) {
	t.Helper()
	for name, c := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := tryRender(t, c.installation, c.values)
			require.ErrorContains(t, err, c.message)
			if c.accepted != "" {
				more := filepath.Join(t.TempDir(), "accepted.yaml")
				require.NoError(t, os.WriteFile(more, []byte(c.accepted), 0o600))
				render(t, c.installation, c.values, "--values", more)
			}
		})
	}
}
