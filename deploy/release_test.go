//go:build kubernetes

package deploy_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// A role that has scaled keeps its pods when a release is upgraded, and when it goes back.
func TestAReleaseLeavesAloneWhatScales(t *testing.T) {
	t.Parallel()
	place := namespaceOf(t)
	require.NoError(t, server(t).MakeNamespace(t.Context(), place))
	scaled := "setup: {run: none}, worker: {autoscaling: {by: hpa}}"
	helm(t, "install", place, "{"+scaled+"}")
	_, err := server(t).Kubectl(t.Context(), nil, "--namespace", place, "scale", "deployment/orderloom-worker", "--replicas=7") // as a scaler does
	require.NoError(t, err)
	for _, step := range []struct{ command, values, image string }{
		{"upgrade", "{" + scaled + ", image: {tag: 0.2.0}}", "registry.example.com/orderloom:0.2.0"},
		{"rollback", "", "registry.example.com/orderloom:0.1.0"},
	} {
		helm(t, step.command, place, step.values)
		o, err := server(t).Get(t.Context(), "/apis/apps/v1/namespaces/"+place+"/deployments/orderloom-worker")
		require.NoError(t, err)
		require.Equal(t, step.image, list(podTemplate(o), "spec", "containers")[0]["image"])
		require.EqualValues(t, 7, at(o, "spec", "replicas"), step.command)
	}
}

// What the server holds for Prometheus and Grafana is what lies in deploy, with nothing left out and nothing more.
func TestTheServerHoldsTheAlertsAndDashboards(t *testing.T) {
	t.Parallel()
	place := namespaceOf(t)
	require.NoError(t, server(t).MakeNamespace(t.Context(), place))
	helm(t, "install", place, "{setup: {run: none}, monitoring: {prometheusRule: {enabled: true}, dashboards: {enabled: true}}}")
	rules, err := server(t).Items(t.Context(), "/apis/monitoring.coreos.com/v1/namespaces/"+place+"/prometheusrules")
	require.NoError(t, err)
	require.Len(t, rules, 1)
	b, err := os.ReadFile("prometheus/alerts.yml")
	require.NoError(t, err)
	written, err := yaml.YAMLToJSON(b)
	require.NoError(t, err)
	require.JSONEq(t, string(written), encode(t, object{"groups": shippedRules(t, rules[0], place)}))

	maps, err := server(t).Items(t.Context(), "/api/v1/namespaces/"+place+"/configmaps?labelSelector=grafana_dashboard%3D1")
	require.NoError(t, err)
	held := map[string]string{}
	for _, o := range maps {
		data, _ := at(o, "data").(map[string]any)
		for name, content := range data {
			held[name] = strings.TrimSpace(content.(string))
		}
	}
	files, err := filepath.Glob("grafana/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	require.Len(t, held, len(files))
	for _, path := range files {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(string(content)), held[filepath.Base(path)], path)
	}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	require.NoError(t, err)
	return string(text)
}

// helm carries out a command with the release of a namespace, with values over those of the installation base. A
// rollback goes one revision back.
func helm(t *testing.T, command, namespace, values string) {
	t.Helper()
	call := []string{command, release, "--namespace", namespace}
	if command != "rollback" {
		call = append(arguments(command, "base", "--values", "-"), "--namespace", namespace)
		i := slices.Index(call, "--kube-version") // the server says which one it is
		call = slices.Delete(call, i, i+2)
	}
	c := exec.CommandContext(t.Context(), helmProgram(), call...)
	c.Env = append(os.Environ(), "KUBECONFIG="+server(t).Kubeconfig)
	c.Stdin = strings.NewReader(values)
	var problem bytes.Buffer
	c.Stderr = &problem
	require.NoError(t, c.Run(), "%s: %s", command, &problem)
}
