//go:build helm

package deploy_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Each combination that loses orders, money or secrets is refused, with what to do instead.
func TestUnsafeValuesAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ installation, values, message, accepted string }{
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
	} {
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
