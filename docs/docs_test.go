// Package docs_test holds the documents to what they speak of: paths exist, links lead somewhere, and every
// dependency has its reason.
package docs_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/worker"
	"github.com/stretchr/testify/require"
)

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

func TestLinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	all := documents(t)
	for name, text := range all {
		for _, m := range link.FindAllStringSubmatch(withoutCode(text), -1) {
			target, err := url.Parse(m[1])
			require.NoError(t, err, "%s: %s", name, m[1])
			if target.Scheme != "" {
				continue
			}
			place := name
			if target.Path != "" {
				place = path.Join(path.Dir(name), target.Path)
			}
			if _, err := os.Stat(filepath.Join(root, place)); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			} else if target.Fragment != "" && !anchors(all[place])[target.Fragment] {
				t.Errorf("%s links to %s, and there is no such heading", name, m[1])
			}
		}
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// unanchored is what an anchor leaves out of its heading.
	unanchored = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// anchors returns the anchors that GitHub makes of a document's headings.
func anchors(text string) map[string]bool {
	found := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(withoutCode(text), -1) {
		title := unanchored.ReplaceAllString(link.ReplaceAllString(m[1], ""), "")
		found[strings.ReplaceAll(strings.ToLower(title), " ", "-")] = true
	}
	return found
}

var (
	fence = regexp.MustCompile("(?ms)^```.*?^```")
	// inline is code in running text that could be a path: it has a slash after its first word.
	inline = regexp.MustCompile("`((\\.?[a-z]+)/[A-Za-z0-9_./-]*)`")
)

func withoutCode(text string) string { return fence.ReplaceAllString(text, "") }

func TestNamedPathsExist(t *testing.T) {
	t.Parallel()
	for name, text := range documents(t) {
		for _, m := range inline.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(root, m[2])); err != nil {
				continue // no folder of ours
			}
			if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(m[1]))); err != nil {
				t.Errorf("%s names %s, which is not there", name, m[1])
			}
		}
	}
}

var direct = regexp.MustCompile(`(?m)^\t(\S+) v\S+$`)

func TestEveryDependencyHasItsReason(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	table, err := os.ReadFile("adr/0002-dependencies.md")
	require.NoError(t, err)
	modules := direct.FindAllStringSubmatch(string(b), -1)
	for _, m := range modules {
		require.True(t, hasReason(string(table), m[1]), "%s is in go.mod and not in docs/adr/0002-dependencies.md", m[1])
	}
}

// hasReason reports whether the table names the module. Modules of one repository share a row, by the
// end of their names.
func hasReason(table, module string) bool {
	if strings.Contains(table, "`"+module+"`") {
		return true
	}
	for _, family := range []string{"go.opentelemetry.io/otel/", "github.com/twmb/franz-go/"} {
		if rest, ok := strings.CutPrefix(module, family); ok && strings.Contains(table, "`"+rest+"`") {
			return true
		}
	}
	return false
}

var decision = regexp.MustCompile(`^\d{4}-.*\.md$`)

func TestEveryDecisionIsInTheIndex(t *testing.T) {
	t.Parallel()
	index, err := os.ReadFile("adr/README.md")
	require.NoError(t, err)
	entries, err := os.ReadDir("adr")
	require.NoError(t, err)
	for _, entry := range entries {
		if decision.MatchString(entry.Name()) {
			require.Contains(t, string(index), "("+entry.Name()+")", "docs/adr/README.md does not list it")
		}
	}
}

// setting and metric are names in a document that some program defines. The groups of a metric are its subsystem and
// its own name, which programs give apart.
var (
	setting = regexp.MustCompile(`\bORDERLOOM_[A-Z0-9_]+\b`)
	metric  = regexp.MustCompile("`orderloom_([a-z]+)_([a-z_]+)`")
)

func TestNamedSettingsAndMetricsExist(t *testing.T) {
	t.Parallel()
	var programs strings.Builder
	for _, text := range files(t, ".go", ".sh", "Makefile") {
		programs.WriteString(text)
	}
	knows := func(name string) bool { return strings.Contains(programs.String(), name) }
	for name, text := range documents(t) {
		for _, s := range setting.FindAllString(text, -1) {
			require.True(t, knows(s), "%s names the setting %s, which no program knows", name, s)
		}
		for _, m := range metric.FindAllStringSubmatch(text, -1) {
			known := knows(strings.Trim(m[0], "`")) || knows(`"`+m[1]+`"`) && knows(`"`+m[2]+`"`)
			require.True(t, known, "%s names the metric %s, which no program has", name, m[0])
		}
	}
}

// testName is a test that a document names.
var testName = regexp.MustCompile("`(Test[A-Z][A-Za-z0-9]+)`")

func TestNamedTestsExist(t *testing.T) {
	t.Parallel()
	var tests strings.Builder
	for _, text := range files(t, "_test.go") {
		tests.WriteString(text)
	}
	for name, text := range documents(t) {
		for _, m := range testName.FindAllStringSubmatch(text, -1) {
			if !strings.Contains(tests.String(), "func "+m[1]+"(t *testing.T)") {
				t.Errorf("%s names %s, which is no test", name, m[1])
			}
		}
	}
}

func TestEverySagaIsDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("sagas.md")
	require.NoError(t, err)
	for saga := range worker.Sagas() {
		require.Contains(t, string(text), "| `"+saga+"` |", "docs/sagas.md has no row for it")
	}
}
