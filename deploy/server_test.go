//go:build kubernetes

package deploy_test

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/orderloom/orderloom/internal/testing/kubetest"
	"github.com/stretchr/testify/require"
)

// shared is the API server of all tests here, with the kinds that operators bring.
var shared = sync.OnceValues(func() (*kubetest.Server, error) {
	dir, err := os.MkdirTemp("", "orderloom-kubernetes-")
	if err != nil {
		return nil, err
	}
	sharedDir = dir
	s, err := kubetest.Start(context.Background(), dir)
	if err != nil {
		return nil, err
	}
	stopShared = s.Stop
	return s, s.DefineResources(context.Background())
})

var (
	sharedDir  string
	stopShared = func() {}
)

func TestMain(m *testing.M) {
	code := m.Run()
	stopShared()
	if sharedDir != "" {
		_ = os.RemoveAll(sharedDir) // a folder for files that are temporary
	}
	os.Exit(code)
}

func server(t *testing.T) *kubetest.Server {
	t.Helper()
	s, err := shared()
	require.NoError(t, err)
	return s
}

// variants are values for what no file in helm/values turns on, over those of the installation base.
var variants = map[string]string{
	"base": "", "production": "", "managed": "", "gitops": "", "worker controller": "", "trial": "",
	"scaled by hpa": "{api: {autoscaling: {by: hpa}}, worker: {autoscaling: {by: hpa}}, projector: {autoscaling: {by: hpa}}}",
	"build ids":     "versioning: {by: buildId}",
	"all options": `
api: {capability: orders, tls: {secretName: orders-tls}}
service: {type: LoadBalancer, annotations: {example.com/internal: "yes"}}
ingress:
  enabled: true
  className: nginx
  annotations: {example.com/body: 1m}
  hosts: [{host: orders.example.com, path: /orders}]
serviceAccount: {annotations: {example.com/role: orders}}
imagePullSecrets: [{name: registry}]
image: {digest: "sha256:0000000000000000000000000000000000000000000000000000000000000000"}
networkPolicy: {egress: {ports: [], rules: [{to: [{ipBlock: {cidr: 10.0.0.0/8}}]}]}}
pod:
  annotations: {example.com/team: orders}
  labels: {example.com/team: orders}
  nodeSelector: {kubernetes.io/arch: amd64}
  tolerations: [{key: orders, operator: Exists, effect: NoSchedule}]
  affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 1, preference: {matchExpressions: [{key: disk, operator: In, values: [ssd]}]}}]}}
  revision: "2"
  spread: DoNotSchedule
  extraEnv: [{name: GOMEMLIMIT, value: 900MiB}]
  extraVolumes: [{name: more, emptyDir: {}}]
  extraVolumeMounts: [{name: more, mountPath: /more}]
`,
}

// A real API server takes each object of each set of values, with every field checked. It takes the pods of each as
// well, in a namespace that admits only those of the restricted Pod Security Standard.
func TestTheServerTakesWhatTheChartRenders(t *testing.T) {
	t.Parallel()
	for _, name := range slices.Sorted(maps.Keys(installations)) {
		require.Contains(t, variants, name, "it would not be tested")
	}
	for _, name := range slices.Sorted(maps.Keys(variants)) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, apply(t, chart, name))
		})
	}
}

func TestTheServerTakesThePlainManifestsAndTheExample(t *testing.T) {
	t.Parallel()
	manifests, err := os.ReadFile("kubernetes/orderloom.yaml")
	require.NoError(t, err)
	require.NoError(t, server(t).MakeNamespace(t.Context(), namespace))
	require.NoError(t, applyText(t, namespace, manifests))
	example, err := os.ReadFile("helm/examples/external-secrets.yaml")
	require.NoError(t, err)
	require.NoError(t, applyText(t, namespace, example))
}

// A mistake in a template is found, of each kind that there is.
func TestMistakesInTemplatesAreRefused(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]struct{ installation, file, right, wrong, message string }{
		"a misspelt field":            {"base", "_pod.tpl", "terminationGracePeriodSeconds:", "terminationGracePeriodSecond:", "terminationGracePeriodSecond: field not declared in schema"},
		"a misspelt field of a job":   {"base", "_job.tpl", "restartPolicy:", "restartPolice:", "restartPolice: field not declared in schema"},
		"a number that is a text":     {"base", "deployments.yaml", "revisionHistoryLimit: 5", "revisionHistoryLimit: five", "revisionHistoryLimit"},
		"a text that is a number":     {"base", "_pod.tpl", `value: ":9464"`, "value: 9464", "spec.template.spec.containers"},
		"a version that has gone":     {"base", "disruption.yaml", "policy/v1", "policy/v1beta1", "no matches for kind"},
		"a word that is none":         {"base", "disruption.yaml", "AlwaysAllow", "Always", "unhealthyPodEvictionPolicy"},
		"a port that nobody has":      {"base", "_pod.tpl", "port: operations}\n  periodSeconds: 2", "port: operation_s}\n  periodSeconds: 2", "startupProbe"},
		"a selector that finds none":  {"base", "deployments.yaml", "matchLabels:\n", "matchLabels:\n      other: pods\n", "selector"},
		"a pod that may become root":  {"base", "_pod.tpl", "allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", `PodSecurity "restricted:latest"`},
		"a pod that runs as root":     {"base", "_pod.tpl", "runAsUser: 65532", "runAsUser: 0", `PodSecurity "restricted:latest"`},
		"a pod of an unknown account": {"base", "services.yaml", "kind: ServiceAccount\nmetadata:\n  name: ", "kind: ServiceAccount\nmetadata:\n  name: other-", "service account"},
		"a field of an operator":      {"production", "autoscaling.yaml", "minReplicaCount:", "minReplicas:", "minReplicas: field not declared in schema"},
		"a rule of an operator":       {"production", "monitoring.yaml", "interval: {{ .interval }}", "interval: soon", "spec.endpoints[0].interval"},
		"a field of the controller":   {"worker controller", "workerdeployment.yaml", "connectionRef:", "connection:", "connection"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoilt := filepath.Join(t.TempDir(), "orderloom")
			out, err := exec.CommandContext(t.Context(), "cp", "-rL", chart, spoilt).CombinedOutput()
			require.NoError(t, err, "%s", out)
			path := filepath.Join(spoilt, "templates", m.file)
			template, err := os.ReadFile(path)
			require.NoError(t, err)
			require.Contains(t, string(template), m.right)
			changed := strings.ReplaceAll(string(template), m.right, m.wrong)
			require.NoError(t, os.WriteFile(path, []byte(changed), 0o600))
			require.ErrorContains(t, apply(t, spoilt, m.installation), m.message)
		})
	}
}

// apply gives the server what a chart renders, in a namespace of the test's own.
func apply(t *testing.T, chart, variant string) error {
	t.Helper()
	installation, place := variant, namespaceOf(t)
	if installations[variant] == nil {
		installation = "base"
	}
	if err := server(t).MakeNamespace(t.Context(), place); err != nil {
		return err
	}
	call := arguments("template", installation, "--namespace", place, "--values", "-")
	call[2] = chart
	c := exec.CommandContext(t.Context(), helmProgram(), call...)
	c.Stdin = strings.NewReader(variants[variant])
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, problem.String())
	}
	return applyText(t, place, out.Bytes())
}

// namespaceOf returns a name for a namespace of a test's own.
func namespaceOf(t *testing.T) string {
	t.Helper()
	name := strings.ToLower(strings.NewReplacer("/", "-", "_", "-").Replace(t.Name()))
	return strings.Trim(name[max(0, len(name)-60):], "-")
}

// applyText first asks the server whether it would take the objects of a text, and then gives it them. Last it makes a
// pod of each template.
func applyText(t *testing.T, namespace string, manifests []byte) error {
	t.Helper()
	call := []string{"apply", "--server-side", "--validate=strict", "--warnings-as-errors", "--namespace", namespace, "--filename", "-"}
	if _, err := server(t).Kubectl(t.Context(), manifests, append(call, "--dry-run=server")...); err != nil {
		return err
	}
	if _, err := server(t).Kubectl(t.Context(), manifests, call...); err != nil {
		return err
	}
	for _, o := range decode(t, manifests) {
		template := podTemplate(o)
		if template == nil {
			continue
		}
		_, err := server(t).Create(t.Context(), "/api/v1/namespaces/"+namespace+"/pods", kubetest.Object{
			"metadata": kubetest.Object{"name": strings.ToLower(o.Kind()) + "-" + o.Name(), "labels": at(template, "metadata", "labels")},
			"spec":     at(template, "spec"),
		})
		if err != nil {
			return fmt.Errorf("a pod of %s %s: %w", o.Kind(), o.Name(), err)
		}
	}
	return nil
}
