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
// backticks of a block. What no test runs has no kind here, and so can't be in a document.
var runBy = map[string]string{
	"sh":          "dev/e2e/document_commands_test.go runBlocks",
	"sh curl":     "dev/e2e/document_commands_test.go runBlocks",
	"sh start":    "dev/e2e/integrate_test.go runGuide",
	"sh drill":    "dev/e2e/restore_drill_test.go TestRestoringBackups",
	"sh helm":     "deploy/guide_test.go TestTheCommandsForScalingRender",
	"sh process":  "dev/e2e/ground_test.go launch",
	"sh go":       "docs/blocks_test.go TestTheTestsThatADocumentNamesExist",
	"sh make":     "docs/blocks_test.go TestTheTargetsThatADocumentNamesExist",
	"sh temporal": "dev/e2e/temporal_tools_test.go TestTemporalsToolsCarryOutTheDocuments",
}

// wholly are the documents whose blocks of the kind sh are run from the top to the end, by their tests.
var wholly = map[string]string{
	"docs/integrate.md":   "dev/e2e/integrate_test.go runGuide",
	"docs/kubernetes.md":  "dev/e2e/kubernetes_test.go installUntil",
	"docs/production.md":  "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/rollout.md":     "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/rotate-keys.md": "cmd/orderloom/guide_test.go TestEveryKeyIsRotatedAsTheDocumentSays",
	"docs/scale.md":       "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
	"docs/tutorial.md":    "dev/e2e/reconcile_test.go TestCommandsBesideAPlatform",
}

// notCommands are the kinds of the other blocks.
var notCommands = []string{"go", "sql", "json", "ini", "text", "mermaid", "yaml"}

var kindOfBlock = regexp.MustCompile("(?ms)^ *```([^\n`]*)\n(.*?)^ *```$")

// Fails when a document has a block of commands that no test runs.
func TestATestRunsEachBlockOfCommands(t *testing.T) {
	t.Parallel()
	there := func(runner string) string {
		file, name, _ := strings.Cut(runner, " ")
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		require.Regexp(t, `(?m)^func (\([^)]*\) )?`+name+`\(`, string(text), "%s has no %s", file, name)
		return string(text)
	}
	for document, runner := range wholly {
		require.Contains(t, there(runner), path.Base(document)+`"`, "%s does not name %s", runner, document)
	}
	for _, runner := range runBy {
		there(runner)
	}
	skipped := there(runBy["sh"])
	found := 0
	for name, text := range documents(t) {
		if strings.HasPrefix(name, "docs/adr/") || name == "CHANGELOG.md" {
			continue
		}
		require.Equal(t, wholly[name] != "", strings.Contains(skipped, `"`+path.Base(name)+`"`), "%s is run whole, or block by block", name)
		for _, m := range kindOfBlock.FindAllStringSubmatch(text, -1) {
			kind := m[1]
			if !isCommands(kind) {
				require.Contains(t, notCommands, kind, "%s: a block of this kind:\n%s", name, m[2])
				continue
			}
			found++
			require.NotEmpty(t, runBy[kind], "%s: no test runs blocks of the kind %q:\n%s", name, kind, m[2])
		}
	}
	require.Greater(t, found, 100)
}

func isCommands(kind string) bool { return kind == "sh" || strings.HasPrefix(kind, "sh ") }

// blocksOf calls f for each line of each block of a kind.
func blocksOf(t *testing.T, kind string, f func(name, line string)) {
	t.Helper()
	found := 0
	for name, text := range documents(t) {
		for _, m := range kindOfBlock.FindAllStringSubmatch(text, -1) {
			if m[1] != kind {
				continue
			}
			found++
			for line := range strings.Lines(m[2]) {
				if line = strings.TrimSpace(line); line != "" {
					f(name, line)
				}
			}
		}
	}
	require.NotZero(t, found)
}

var goTest = regexp.MustCompile(`^go test \./(\S+) -run '?([A-Za-z|]+)'?$`)

// The tests that a document has its reader run are there, and so are run with all others.
func TestTheTestsThatADocumentNamesExist(t *testing.T) {
	t.Parallel()
	sources := files(t, "_test.go")
	blocksOf(t, "sh go", func(name, line string) {
		m := goTest.FindStringSubmatch(line)
		require.NotNil(t, m, "%s: %s", name, line)
		for test := range strings.SplitSeq(m[2], "|") {
			there := false
			for file, text := range sources {
				there = there || path.Dir(file) == m[1] && strings.Contains(text, "\nfunc "+test)
			}
			require.True(t, there, "%s: %s has no test %s", name, m[1], test)
		}
	})
}

// The targets that a document names are there. They start tests or the development stack, which tests run.
func TestTheTargetsThatADocumentNamesExist(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	blocksOf(t, "sh make", func(name, line string) {
		words := strings.Fields(line)
		if words[0] != "make" {
			require.FileExists(t, filepath.Join(root, words[0]), name)
			return
		}
		require.Regexp(t, `(?m)^`+words[1]+`:`, string(makefile), name)
	})
}
