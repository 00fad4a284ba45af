package reference_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/reference"
	"github.com/stretchr/testify/require"
)

const root = "../.."

func TestThePagesAreFresh(t *testing.T) {
	t.Parallel()
	pages, err := reference.Pages(root)
	require.NoError(t, err)
	require.Len(t, pages, 4)
	for name, text := range pages {
		there, err := os.ReadFile(filepath.Join(root, "docs", "reference", name))
		require.NoError(t, err)
		require.Equal(t, text, string(there), "docs/reference/%s is stale: go generate ./internal/reference", name)
	}
}

// Each operation of the document is told, with its scope and its refusals.
func TestEachOperationIsTold(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile(filepath.Join(root, "api", "openapi.yaml"))
	require.NoError(t, err)
	page, err := reference.API(document)
	require.NoError(t, err)
	operations := regexp.MustCompile(`(?m)^      operationId: (\w+)$`).FindAllStringSubmatch(string(document), -1)
	require.Greater(t, len(operations), 50)
	for _, o := range operations {
		require.Equal(t, 1, strings.Count(page, "Operation `"+o[1]+"`."), o[1])
	}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, "Refused with ") {
			require.Regexp(t, `^Refused with \[\d{3}\]`, line)
		}
	}
	_, place, found := strings.Cut(page, "\n### Place an order\n")
	require.True(t, found)
	place, _, _ = strings.Cut(place, "\n### ")
	require.Contains(t, place, "`POST /api/v1/orders`")
	require.Contains(t, place, "Scope `orders:write`.")
	require.Contains(t, place, "[409](problems.md#409-conflict)")
}

func TestAnOperationNeedsATagOfTheDocument(t *testing.T) {
	t.Parallel()
	_, err := reference.API([]byte("tags: [{name: A}]\npaths: {/a: {get: {tags: [B], summary: x}}}\n"))
	require.ErrorContains(t, err, "GET /a has the tags [B]")
}

// Whatever way a metric is made in, it is found: by itself, by a helper, as a description, with labels of both kinds.
func TestMetricsAreFoundInTheCode(t *testing.T) {
	t.Parallel()
	page := metricsOf(t, `package a
const (
	prefix = "orderloom_x_"
	// stuckMetric counts what is stuck.
	stuckMetric = "orderloom_stuck_total"
)
var described = prometheus.NewDesc("orderloom_described_seconds", "D.", []string{"of"}, nil)
func f(r Registerer) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
		return c
	}
	counter("a_total", "A.", "one", "two")
	r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Namespace: "orderloom", Subsystem: "y", Name: "b", Help: "B | <b>.", ConstLabels: prometheus.Labels{"of": of},
	}, func() float64 { return 0 }))
}`)
	for _, row := range []string{
		"| `orderloom_described_seconds` | gauge | `of` | D. |",
		"| `orderloom_stuck_total` | counter |  | Counts what is stuck. |",
		"| `orderloom_x_a_total` | counter | `one`, `two` | A. |",
		"| `orderloom_y_b` | gauge | `of` | B \\| &lt;b>. |",
	} {
		require.Contains(t, page, row)
	}
}

func TestAMetricWithoutAReadableNameIsAnError(t *testing.T) {
	t.Parallel()
	folder := folderWith(t, "package a\nfunc f(name string) { prometheus.NewGauge(prometheus.GaugeOpts{Name: name}) }\n")
	_, err := reference.Metrics(folder)
	require.ErrorContains(t, err, "name is no text that is known here")
}

func metricsOf(t *testing.T, source string) string {
	t.Helper()
	page, err := reference.Metrics(folderWith(t, source))
	require.NoError(t, err)
	return page
}

func folderWith(t *testing.T, source string) string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(folder, "a"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(folder, "a", "a.go"), []byte(source), 0o600))
	return folder
}
