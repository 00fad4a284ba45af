//go:build helm || kubernetes

package deploy_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/internal/testing/kubetest"
	"github.com/stretchr/testify/require"
)

const (
	chart     = "helm/orderloom"
	release   = "orderloom"
	namespace = "shop"
)

// helmProgram is Helm's command line, which the Makefile builds.
func helmProgram() string {
	if path := os.Getenv("HELM"); path != "" {
		return path
	}
	return "helm"
}

// installations are sets of values that are known to fit together, each of files in helm/values.
var installations = map[string][]string{
	"base":              {"base"},
	"production":        {"base", "production"},
	"managed":           {"base", "temporal-cloud", "kafka-managed", "postgresql-managed", "redis-managed", "production"},
	"gitops":            {"base", "gitops"},
	"worker controller": {"base", "worker-controller"},
	"trial":             {"trial"},
}

// object is one of Kubernetes.
type object = kubetest.Object

// at returns what lies below a value on a path of names; nil for nothing.
func at(value any, path ...string) any { return kubetest.At(value, path...) }

// list returns what lies below a value on a path as a list of objects.
func list(value any, path ...string) []object { return kubetest.List(value, path...) }

// arguments are those of Helm for an installation, with further values as YAML on its standard input.
func arguments(command, installation string, more ...string) []string {
	all := []string{command, release, chart, "--namespace", namespace, "--kube-version", "1.34.2"}
	for _, file := range installations[installation] {
		all = append(all, "--values", filepath.Join("helm", "values", file+".yaml"))
	}
	return append(all, more...)
}

// tryRender renders the chart with the values of an installation, and with those in the YAML over them.
func tryRender(t *testing.T, installation, values string, more ...string) ([]object, error) {
	t.Helper()
	c := exec.CommandContext(t.Context(), helmProgram(), append(arguments("template", installation, "--values", "-"), more...)...)
	c.Stdin = strings.NewReader(values)
	var out, problem bytes.Buffer
	c.Stdout, c.Stderr = &out, &problem
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, problem.String())
	}
	return decode(t, out.Bytes()), nil
}

func render(t *testing.T, installation, values string, more ...string) []object {
	t.Helper()
	all, err := tryRender(t, installation, values, more...)
	require.NoError(t, err)
	return all
}

// decode reads the objects of a stream of YAML documents.
func decode(t *testing.T, text []byte) (all []object) {
	t.Helper()
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.DisallowUnknownField())
	for {
		var o object
		err := decoder.Decode(&o)
		if errors.Is(err, io.EOF) {
			return all
		}
		require.NoError(t, err)
		if len(o) > 0 {
			all = append(all, o)
		}
	}
}

// find returns the object of a kind and a name.
func find(t *testing.T, all []object, kind, name string) object {
	t.Helper()
	for _, o := range all {
		if o.Kind() == kind && o.Name() == name {
			return o
		}
	}
	require.Fail(t, "not rendered", "%s %s", kind, name)
	return nil
}

// seriesName is a series of the platform, or of its scraping, in an expression.
var seriesName = regexp.MustCompile(`\b(?:orderloom_[a-z_]+|up\{)`)

// shippedRules returns the groups of a PrometheusRule as prometheus/alerts.yml has them. Each of its alerts has to be
// about the series of one release in a namespace, and to say so.
func shippedRules(t *testing.T, rendered object, in string) any {
	t.Helper()
	own := `namespace="` + in + `",release="` + release + `"`
	for _, group := range list(rendered, "spec", "groups") {
		for _, rule := range list(group, "rules") {
			expr := rule["expr"].(string)
			require.Len(t, seriesName.FindAllString(expr, -1), strings.Count(expr, own), expr)
			rule["expr"] = strings.NewReplacer("{"+own+"}", "", own+",", "").Replace(expr)
			labels := rule["labels"].(map[string]any)
			require.Equal(t, []any{in, release}, []any{labels["namespace"], labels["release"]})
			delete(labels, "namespace")
			delete(labels, "release")
		}
	}
	return at(rendered, "spec", "groups")
}

// podTemplate returns the template of the pods that an object makes; nil where it makes none.
func podTemplate(o object) any {
	switch o.Kind() {
	case "CronJob":
		return at(o, "spec", "jobTemplate", "spec", "template")
	case "Deployment", "Job", "WorkerDeployment":
		return at(o, "spec", "template")
	}
	return nil
}
