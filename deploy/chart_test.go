//go:build helm

package deploy_test

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the plain manifests anew")

func TestHelmFindsNothingToCriticise(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(installations)) {
		lint := arguments("lint", name, "--strict")
		lint = slices.Delete(lint, 1, 2) // it takes no release
		out, err := exec.CommandContext(t.Context(), helmProgram(), lint...).CombinedOutput()
		require.NoError(t, err, "%s: %s", name, out)
	}
}

func TestPodsAreConfined(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(installations)) {
		pods := 0
		for _, o := range render(t, name, "") {
			template := podTemplate(o)
			if template == nil {
				continue
			}
			pods++
			what, spec := name+": "+o.Kind()+" "+o.Name(), at(template, "spec")
			require.Equal(t, false, at(spec, "automountServiceAccountToken"), what)
			require.Equal(t, true, at(spec, "securityContext", "runAsNonRoot"), what)
			require.EqualValues(t, 65532, at(spec, "securityContext", "runAsUser"), what)
			require.Equal(t, "RuntimeDefault", at(spec, "securityContext", "seccompProfile", "type"), what)
			for _, c := range append(list(spec, "containers"), list(spec, "initContainers")...) {
				require.Equal(t, "registry.example.com/orderloom:0.1.0", c["image"], what)
				require.Equal(t, true, at(c, "securityContext", "readOnlyRootFilesystem"), what)
				require.Equal(t, false, at(c, "securityContext", "allowPrivilegeEscalation"), what)
				require.Equal(t, []any{"ALL"}, at(c, "securityContext", "capabilities", "drop"), what)
				require.NotNil(t, at(c, "resources", "requests", "cpu"), what)
				require.NotNil(t, at(c, "resources", "limits", "memory"), what)
				names := map[any]bool{}
				for _, variable := range list(c, "env") {
					require.False(t, names[variable["name"]], "%s: %s is set twice", what, variable["name"])
					names[variable["name"]] = true
				}
			}
		}
		require.NotZero(t, pods, name)
	}
}

// The image, its user and its folders are those that the chart expects.
func TestTheImageFitsTheChart(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("../Dockerfile")
	require.NoError(t, err)
	for _, line := range []string{"USER 65532:65532", "WORKDIR /data", `ENTRYPOINT ["/orderloom"]`, "EXPOSE 8080", "FROM scratch"} {
		require.Contains(t, strings.Split(string(b), "\n"), line)
	}
}

// Every process and every job takes the settings that the chart gives it.
func TestTheProgramTakesTheSettings(t *testing.T) {
	t.Parallel()
	examples := map[string]string{}
	for _, s := range config.Settings {
		examples[s.Name] = s.Example
	}
	examples["ORDERLOOM_MASTER_KEYS"] = "m1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	examples["ORDERLOOM_INDEX_KEYS"], examples["ORDERLOOM_PAYLOAD_KEYS"] = examples["ORDERLOOM_MASTER_KEYS"], examples["ORDERLOOM_MASTER_KEYS"]
	for _, secret := range []string{"STRIPE_API_KEY", "STRIPE_WEBHOOK_SECRET", "KAFKA_SASL_PASSWORD", "TEMPORAL_API_KEY"} {
		examples[secret] = "a-secret"
	}
	roles := map[string]config.Role{}
	for _, r := range []config.Role{
		config.RoleAPI, config.RoleWorker, config.RoleProjector, config.RoleAll, config.RoleMigrate, config.RoleSetup, config.RoleCodecServer,
	} {
		roles[string(r)] = r
	}
	roles["partitions"] = config.RoleMigrate
	for _, name := range slices.Sorted(maps.Keys(installations)) {
		for _, o := range render(t, name, "") {
			spec := at(podTemplate(o), "spec")
			for _, c := range append(list(spec, "containers"), list(spec, "initContainers")...) {
				given := map[string]string{}
				if o.Kind() == "WorkerDeployment" { // what the controller adds
					given = map[string]string{"TEMPORAL_ADDRESS": "temporal:7233", "TEMPORAL_DEPLOYMENT_NAME": "shop/orderloom-worker", "TEMPORAL_WORKER_BUILD_ID": "1"}
				}
				for _, variable := range list(c, "env") {
					key := variable["name"].(string)
					value, plain := variable["value"].(string)
					if !plain {
						require.NotEmpty(t, at(variable, "valueFrom", "secretKeyRef", "name"), "%s: %s %s", name, o.Name(), key)
						value = examples[key]
						require.NotEmpty(t, value, key)
					}
					given[key] = value
				}
				role := roles[at(c, "args").([]any)[0].(string)]
				require.NotEmpty(t, role, "%s: %s", name, o.Name())
				cfg, err := config.Load(func(key string) (string, bool) { v, ok := given[key]; return v, ok }, role)
				require.NoError(t, err, "%s: %s %s", name, o.Kind(), o.Name())
				if o.Kind() == "WorkerDeployment" && role == config.RoleWorker {
					require.Equal(t, "1", cfg.Temporal.BuildID)
				}
			}
		}
	}
}

// A pod gets more time to stop than its process takes, in all.
func TestPodsAreGivenTimeToDrain(t *testing.T) {
	t.Parallel()
	for _, o := range render(t, "base", "drain: {preStopSeconds: 7, delaySeconds: 20, timeoutSeconds: 40}") {
		if o.Kind() != "Deployment" {
			continue
		}
		spec := at(podTemplate(o), "spec")
		require.EqualValues(t, 57, at(spec, "terminationGracePeriodSeconds"), o.Name())
		c := list(spec, "containers")[0]
		require.EqualValues(t, 7, at(c, "lifecycle", "preStop", "sleep", "seconds"), o.Name())
		require.Contains(t, list(c, "env"), object{"name": "ORDERLOOM_DRAIN_TIMEOUT", "value": "40s"})
		require.Contains(t, list(c, "env"), object{"name": "ORDERLOOM_DRAIN_DELAY", "value": "20s"})
	}
}

// Kubernetes before 1.33 refuses a sleep of no seconds.
func TestNoPauseIsNoSleep(t *testing.T) {
	t.Parallel()
	pods := 0
	for _, o := range render(t, "production", "drain: {preStopSeconds: 0}") {
		if o.Kind() == "Deployment" {
			pods++
			require.Nil(t, list(at(podTemplate(o), "spec"), "containers")[0]["lifecycle"], o.Name())
		}
	}
	require.Equal(t, 4, pods)
}

// Names fit for the longest name of a release that Helm takes, and the objects of two releases have different ones.
func TestNamesFit(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, name := range []string{"a" + strings.Repeat("-long", 10) + "-a", "b" + strings.Repeat("-long", 10) + "-b"} {
		require.Len(t, name, 53)
		template := arguments("template", "production")
		template[1] = name
		out, err := exec.CommandContext(t.Context(), helmProgram(), template...).Output()
		require.NoError(t, err)
		for _, o := range decode(t, out) {
			longest := 63
			if o.Kind() == "CronJob" {
				longest = 52
			}
			if o.Kind() != "ConfigMap" {
				require.LessOrEqual(t, len(o.Name()), longest, "%s %s", o.Kind(), o.Name())
			}
			require.False(t, names[o.Kind()+" "+o.Name()], "%s %s", o.Kind(), o.Name())
			names[o.Kind()+" "+o.Name()] = true
			for key, value := range at(o, "metadata", "labels").(map[string]any) {
				require.LessOrEqual(t, len(value.(string)), 63, key)
			}
		}
	}
}

func TestARoleIsReadyForItsOwnWork(t *testing.T) {
	t.Parallel()
	all := render(t, "base", "api: {capability: orders}")
	for role, path := range map[string]string{"api": "/ready?capability=orders", "worker": "/ready?capability=sagas", "projector": "/ready?capability=views"} {
		c := list(at(podTemplate(find(t, all, "Deployment", "orderloom-"+role)), "spec"), "containers")[0]
		require.Equal(t, path, at(c, "readinessProbe", "httpGet", "path"))
		require.Equal(t, "/health", at(c, "livenessProbe", "httpGet", "path"))
		require.Equal(t, "operations", at(c, "livenessProbe", "httpGet", "port"))
	}
	c := list(at(podTemplate(find(t, render(t, "trial", ""), "Deployment", "orderloom-all")), "spec"), "containers")[0]
	require.Equal(t, "/ready", at(c, "readinessProbe", "httpGet", "path"))
}

func TestTheSetupRunsBeforeTheProcesses(t *testing.T) {
	t.Parallel()
	hook := find(t, render(t, "base", ""), "Job", "orderloom-setup")
	require.Equal(t, "pre-install,pre-upgrade", at(hook, "metadata", "annotations", "helm.sh/hook"))
	require.Equal(t, "default", at(podTemplate(hook), "spec", "serviceAccountName"), "the chart's own is not there yet")

	plain := func(values string) (name string) {
		for _, o := range render(t, "gitops", values) {
			if o.Kind() == "Job" {
				name = o.Name()
			}
			require.Nil(t, at(o, "metadata", "annotations", "helm.sh/hook"))
		}
		require.Regexp(t, `^orderloom-setup-[0-9a-f]{8}$`, name)
		return name
	}
	require.Equal(t, plain(""), plain("api: {replicas: 5}"))
	require.NotEqual(t, plain(""), plain("image: {tag: 0.2.0}"), "a job can't be changed")
	for _, o := range render(t, "base", "setup: {run: none}") {
		require.NotEqual(t, "Job", o.Kind())
	}

	gate := list(at(podTemplate(find(t, render(t, "base", ""), "Deployment", "orderloom-api")), "spec"), "initContainers")[0]
	require.Equal(t, []any{"migrate", "--wait", "10m"}, gate["args"])
}

// Who changes the schema and who serves have different roles in PostgreSQL, and secrets are only where they are needed.
func TestSecretsGoToWhoNeedsThem(t *testing.T) {
	t.Parallel()
	secrets := func(o object) map[string]any {
		found := map[string]any{}
		for _, variable := range list(list(at(podTemplate(o), "spec"), "containers")[0], "env") {
			if ref := at(variable, "valueFrom", "secretKeyRef"); ref != nil {
				found[variable["name"].(string)] = at(ref, "name")
			}
		}
		return found
	}
	all := render(t, "managed", "")
	for _, job := range []object{find(t, all, "Job", "orderloom-setup"), find(t, all, "CronJob", "orderloom-maintain")} {
		require.Equal(t, map[string]any{
			"DATABASE_URL": "orderloom-database-owner", "KAFKA_SASL_PASSWORD": "orderloom-kafka", "TEMPORAL_API_KEY": "orderloom-temporal",
		}, secrets(job))
	}
	for _, role := range []string{"api", "worker", "projector"} {
		has := secrets(find(t, all, "Deployment", "orderloom-"+role))
		require.Equal(t, "orderloom-database", has["DATABASE_URL"])
		require.Equal(t, role != "projector", has["STRIPE_API_KEY"] != nil, role)
		require.Equal(t, "orderloom-keys", has["ORDERLOOM_MASTER_KEYS"], role)
	}
	require.Equal(t, map[string]any{"ORDERLOOM_PAYLOAD_KEYS": "orderloom-keys"}, secrets(find(t, all, "Deployment", "orderloom-codec-server")))
}

// What selects pods finds some, and what names a port finds it.
func TestSelectorsFindPods(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(installations)) {
		all := render(t, name, "")
		ports := func(selector any) map[any]bool {
			found := map[any]bool{}
			for _, o := range all {
				template := podTemplate(o)
				if labels, ok := at(template, "metadata", "labels").(map[string]any); ok && selects(selector, labels) {
					for _, c := range list(template, "spec", "containers") {
						for _, p := range list(c, "ports") {
							found[p["name"]] = true
						}
					}
				}
			}
			return found
		}
		for _, o := range all {
			what := name + ": " + o.Kind() + " " + o.Name()
			switch o.Kind() {
			case "Service":
				for _, p := range list(o, "spec", "ports") {
					require.True(t, ports(at(o, "spec", "selector"))[p["targetPort"]], what)
				}
			case "PodDisruptionBudget":
				require.NotEmpty(t, ports(at(o, "spec", "selector", "matchLabels")), what)
			case "NetworkPolicy":
				for _, rule := range list(o, "spec", "ingress") {
					for _, p := range list(rule, "ports") {
						require.True(t, ports(at(o, "spec", "podSelector", "matchLabels"))[p["port"]], what)
					}
				}
			case "HorizontalPodAutoscaler", "ScaledObject":
				find(t, all, "Deployment", at(o, "spec", "scaleTargetRef", "name").(string))
			case "ServiceMonitor":
				service := find(t, all, "Service", map[string]string{
					"orderloom": "orderloom-operations", "orderloom-codec-server": "orderloom-codec-server",
				}[o.Name()])
				require.True(t, selects(at(o, "spec", "selector", "matchLabels"), at(service, "metadata", "labels").(map[string]any)), what)
				require.Equal(t, list(service, "spec", "ports")[0]["name"], list(o, "spec", "endpoints")[0]["port"], what)
			}
		}
	}
}

func selects(selector any, labels map[string]any) bool {
	wanted, _ := selector.(map[string]any)
	for key, value := range wanted {
		if labels[key] != value {
			return false
		}
	}
	return len(wanted) > 0
}

func TestWhatScalesHasNoReplicas(t *testing.T) {
	t.Parallel()
	for by, kind := range map[string]string{"hpa": "HorizontalPodAutoscaler", "keda": "ScaledObject"} {
		all := render(t, "base", `{api: {autoscaling: {by: `+by+`}}, worker: {autoscaling: {by: `+by+`}}, projector: {autoscaling: {by: `+by+`}}}`)
		for _, role := range []string{"api", "worker", "projector"} {
			require.Nil(t, at(find(t, all, "Deployment", "orderloom-"+role), "spec", "replicas"), "the next upgrade would undo what was scaled")
			find(t, all, kind, "orderloom-"+role)
		}
	}
	trigger := list(find(t, render(t, "base", "worker: {autoscaling: {by: keda}}"), "ScaledObject", "orderloom-worker"), "spec", "triggers")[0]
	require.Equal(t, "0.2", at(trigger, "metadata", "threshold"))
	require.Contains(t, at(trigger, "metadata", "query"), `namespace="shop"`)
}

// metricName is a series in an expression of Prometheus.
var metricName = regexp.MustCompile(`\b(?:orderloom|temporal)_[a-z_]+`)

// What scales, and what the adapter makes metrics of, are series that the platform has.
func TestScalingGoesBySeriesThatExist(t *testing.T) {
	t.Parallel()
	documents, err := os.ReadFile("../docs/operations.md")
	require.NoError(t, err)
	known := func(text string) {
		t.Helper()
		for _, name := range metricName.FindAllString(text, -1) {
			require.Contains(t, string(documents), "`"+strings.TrimSuffix(name, "_bucket")+"`")
		}
	}
	for _, o := range render(t, "production", "") {
		for _, trigger := range list(o, "spec", "triggers") {
			query := at(trigger, "metadata", "query").(string)
			require.Regexp(t, metricName, query)
			known(query)
		}
	}
	var adapter object
	b, err := os.ReadFile("prometheus/adapter.yml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(b, &adapter))
	made := map[any]bool{}
	for _, rule := range list(adapter, "externalRules") {
		known(rule["seriesQuery"].(string))
		made[at(rule, "name", "as")] = true
	}
	for _, o := range render(t, "base", "{worker: {autoscaling: {by: hpa}}, projector: {autoscaling: {by: hpa}}}") {
		for _, metric := range list(o, "spec", "metrics") {
			require.True(t, made[at(metric, "external", "metric", "name")], "%v", metric)
		}
	}
}

// Two releases may have one Prometheus. The alerts of one are about its own series, so that the leader of one does not
// stand in for that of the other. They are those of prometheus/alerts.yml otherwise, and Grafana gets every dashboard.
func TestAlertsAndDashboardsHaveOneSource(t *testing.T) {
	t.Parallel()
	all := render(t, "production", "")
	b, err := os.ReadFile("prometheus/alerts.yml")
	require.NoError(t, err)
	var file object
	require.NoError(t, yaml.Unmarshal(b, &file))
	require.NotEmpty(t, list(file, "groups"))
	require.Equal(t, file["groups"], shippedRules(t, find(t, all, "PrometheusRule", "orderloom"), namespace))
	dashboards, err := filepath.Glob("grafana/*.json")
	require.NoError(t, err)
	for _, path := range dashboards {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		name := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(path), ".json"), "_", "-")
		require.Equal(t, strings.TrimSpace(string(content)), strings.TrimSpace(at(find(t, all, "ConfigMap", "orderloom-dashboard-"+name), "data", filepath.Base(path)).(string)))
	}
	monitor := find(t, all, "ServiceMonitor", "orderloom")
	require.Contains(t, list(list(monitor, "spec", "endpoints")[0], "relabelings"), object{"targetLabel": "job", "replacement": "orderloom"})
	require.Contains(t, list(list(monitor, "spec", "endpoints")[0], "relabelings"), object{
		"sourceLabels": []any{"__meta_kubernetes_pod_label_app_kubernetes_io_instance"}, "targetLabel": "release",
	})
}

// The manifests in kubernetes/ are what the chart makes: "make generate-kubernetes" writes them.
func TestPlainManifestsAreFresh(t *testing.T) {
	t.Parallel()
	c := exec.CommandContext(t.Context(), helmProgram(), arguments("template", "gitops")...)
	out, err := c.Output()
	require.NoError(t, err)
	text := "# Rendered from deploy/helm/orderloom with helm/values/base.yaml and gitops.yaml by \"make generate-kubernetes\".\n" +
		"# Its addresses, image and Secrets are examples: docs/kubernetes.md.\n" + string(out)
	if *update {
		require.NoError(t, os.WriteFile("kubernetes/orderloom.yaml", []byte(text), 0o644)) //nolint:gosec // to be read by all
	}
	kept, err := os.ReadFile("kubernetes/orderloom.yaml")
	require.NoError(t, err)
	require.Equal(t, text, string(kept), "run make generate-kubernetes")
}
