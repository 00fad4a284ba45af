package docs_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// runBy are the tests that run the blocks of commands of a kind, each as "file test". The kinds stand behind the three
// backticks of a block. What no test runs has no kind here. It is of the kind [notRun], or can't be in a document.
var runBy = map[string]string{
	"sh":          "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"sh curl":     "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"sh process":  "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"sh start":    "docs/newcomer_test.go TestANewcomerStartsThePlatform",
	"sh go":       "docs/newcomer_test.go TestANewcomerRunsTheTestsThatADocumentNames",
	"sh drill":    "dev/e2e/restore_drill_test.go TestRestoringBackups",
	"sh helm":     "deploy/guide_test.go TestTheCommandsForScalingRender",
	"sh make":     "docs/targets_test.go TestEachTargetThatADocumentNamesIsRun",
	"sh temporal": "dev/e2e/temporal_tools_test.go TestTemporalsToolsCarryOutTheDocuments",
}

// blockByBlock runs the blocks of the kinds sh, curl and process.
const blockByBlock = "dev/e2e/document_commands_test.go runBlocks"

// notRun is the kind of commands that no test runs. CONTRIBUTING.md lists each with its reason, and its document says
// that it is not run.
const notRun = "sh not run"

// wholly are the documents whose blocks of the kind sh are run from the top to the end, by their tests.
var wholly = map[string]string{
	"docs/integrate.md":   "dev/e2e/integrate_test.go runGuide",
	"docs/kubernetes.md":  "dev/e2e/kubernetes_test.go TestTheDocumentOfKubernetesIsCarriedOut",
	"docs/production.md":  "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/rollout.md":     "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/rotate-keys.md": "cmd/orderloom/guide_test.go TestEveryKeyIsRotatedAsTheDocumentSays",
	"docs/scale.md":       "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/tutorial.md":    "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
}

// notCommands are the kinds of the other blocks.
var notCommands = []string{"go", "sql", "json", "ini", "text", "mermaid", "yaml"}

var kindOfBlock = regexp.MustCompile("(?ms)^( *)```([^\n`]*)\n(.*?)^ *```$")

// Fails when a document has a block of commands that no test runs. So it does when neither CI nor "make test-release"
// runs that test.
func TestATestRunsEachBlockOfCommands(t *testing.T) {
	t.Parallel()
	for document, runner := range wholly {
		require.Contains(t, runnerSource(t, runner), path.Base(document)+`"`, "%s does not name %s", runner, document)
	}
	for _, runner := range runBy {
		runnerSource(t, runner)
	}
	skipped := runnerSource(t, blockByBlock)
	found := 0
	for name, text := range documents(t) {
		if strings.HasPrefix(name, "docs/adr/") || name == "CHANGELOG.md" {
			continue
		}
		require.Equal(t, wholly[name] != "", strings.Contains(skipped, `"`+path.Base(name)+`"`), "%s is run whole, or block by block", name)
		for _, m := range kindOfBlock.FindAllStringSubmatch(text, -1) {
			indent, kind := m[1], m[2]
			if !isCommands(kind) {
				require.Contains(t, notCommands, kind, "%s: a block of this kind:\n%s", name, m[3])
				continue
			}
			found++
			require.Empty(t, indent, "%s: no test finds a block that is indented:\n%s", name, m[3])
			require.True(t, runByBlocks(name), "%s: no test looks for blocks there", name)
			if kind == notRun {
				requireSaysSo(t, name, text, m[0])
				continue
			}
			require.NotEmpty(t, runBy[kind], "%s: no test runs blocks of the kind %q:\n%s", name, kind, m[3])
			byBlock := kind != "sh" && runBy[kind] == runBy["sh"]
			require.False(t, byBlock && wholly[name] != "", "%s is run whole, without blocks of the kind %q:\n%s", name, kind, m[3])
		}
	}
	require.Greater(t, found, 100)
}

// runnerSource returns the source of a test that runs commands, which CI or "make test-release" has to run.
func runnerSource(t *testing.T, runner string) string {
	t.Helper()
	file, name, _ := strings.Cut(runner, " ")
	text, err := os.ReadFile(filepath.Join(root, file))
	require.NoError(t, err)
	require.Regexp(t, `(?m)^func (\([^)]*\) )?`+name+`\(`, string(text), "%s has no %s", file, name)
	requireRun(t, string(text), name)
	return string(text)
}

// runByBlocks reports whether a document lies where tests look for blocks (eachBlock in dev/e2e).
func runByBlocks(name string) bool {
	folder := path.Dir(name)
	return folder == "." || folder == "docs" || folder == "docs/runbooks"
}

// requireSaysSo demands that a document says that a block is not run, right before it, and that CONTRIBUTING.md has the
// reason.
func requireSaysSo(t *testing.T, name, text, block string) {
	t.Helper()
	before, _, _ := strings.Cut(text, block)
	paragraphs := strings.Split(strings.TrimSpace(before), "\n\n")
	require.Contains(t, paragraphs[len(paragraphs)-1], "No test runs", "%s does not say so of\n%s", name, block)
	first := strings.Split(block, "\n")[1]
	require.Contains(t, listedAsNotRun(t), "| `"+first+"`", "CONTRIBUTING.md has no reason for it")
}

// listedAsNotRun is the table of CONTRIBUTING.md with the commands that no test runs.
func listedAsNotRun(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "CONTRIBUTING.md"))
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "| Not run | Why |\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n\n")
	return table
}

func isCommands(kind string) bool { return kind == "sh" || strings.HasPrefix(kind, "sh ") }
