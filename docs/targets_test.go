package docs_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// blocksOf calls f for each line of each block of a kind.
func blocksOf(t *testing.T, kind string, f func(name, line string)) {
	t.Helper()
	found := 0
	for name, text := range documents(t) {
		for _, m := range kindOfBlock.FindAllStringSubmatch(text, -1) {
			if m[2] != kind {
				continue
			}
			found++
			for line := range strings.Lines(m[3]) {
				if line = strings.TrimSpace(line); line != "" {
					f(name, line)
				}
			}
		}
	}
	require.NotZero(t, found)
}

// inText is a command in running text, which may go on in the next line.
var inText = regexp.MustCompile("`((?:make|go|docker|orderloom) [^`]+)`")

// commandsInText calls f for each command in running text that begins with a program.
func commandsInText(t *testing.T, program string, f func(name, line string)) {
	t.Helper()
	found := 0
	for name, text := range documents(t) {
		for _, m := range inText.FindAllStringSubmatch(withoutCode(text), -1) {
			if words := strings.Fields(m[1]); words[0] == program {
				found++
				f(name, strings.Join(words, " "))
			}
		}
	}
	require.NotZero(t, found)
}

// alsoRun are targets that CI and "make test-release" don't name: the file that does what they do, and the words in it.
var alsoRun = map[string][2]string{
	"generate": {"dev/verify.sh", "go generate ./..."},
	"help":     {"docs/targets_test.go", `"make", "help"`},
	"run":      {"docs/newcomer_test.go", "TestANewcomerStartsThePlatform"},
}

// Each target that a document names is there and takes the variables that it shows. CI runs it, or else
// "make test-release".
func TestEachTargetThatADocumentNamesIsRun(t *testing.T) {
	t.Parallel()
	targets := reached(t)
	notRun := listedAsNotRun(t)
	check := func(name, line string) {
		line, _, _ = strings.Cut(line, " #")
		words := strings.Fields(line)
		if words[0] != "make" {
			require.Contains(t, pipeline(t), words[0], name)
			return
		}
		dry := exec.CommandContext(t.Context(), "make", append([]string{"-n"}, words[1:]...)...) //nolint:gosec // of our own documents
		dry.Dir = root
		out, err := dry.CombinedOutput()
		require.NoError(t, err, "%s: %s: %s", name, line, out)
		for _, word := range words[2:] {
			_, value, _ := strings.Cut(word, "=")
			require.Contains(t, string(out), value, "%s: %s does nothing with %s", name, line, word)
		}
		if also, ok := alsoRun[words[1]]; ok {
			text, err := os.ReadFile(filepath.Join(root, also[0]))
			require.NoError(t, err)
			require.Contains(t, string(text), also[1])
			return
		}
		if !strings.Contains(notRun, "`make "+words[1]+"`") {
			require.Contains(t, targets, words[1], "%s: neither CI nor make test-release runs %s", name, line)
		}
	}
	blocksOf(t, "sh make", check)
	commandsInText(t, "make", check)
	help := exec.CommandContext(t.Context(), "make", "help")
	help.Dir = root
	out, err := help.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Contains(t, string(out), "\n  make test-release ")
}

// Commands of Docker in running text are listed as not run.
func TestCommandsOfDockerAreListedAsNotRun(t *testing.T) {
	t.Parallel()
	notRun := listedAsNotRun(t)
	commandsInText(t, "docker", func(name, line string) {
		if name != "CHANGELOG.md" && name != "CONTRIBUTING.md" {
			require.Contains(t, notRun, "`"+line+"`", name)
		}
	})
}

// pipeline is what CI runs, without comments and words for people.
func pipeline(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, file := range []string{".ci/run", ".github/workflows/ci.yml"} {
		text, err := os.ReadFile(filepath.Join(root, file))
		require.NoError(t, err)
		for line := range strings.Lines(string(text)) {
			if !strings.HasPrefix(strings.TrimSpace(line), "#") {
				all.WriteString(quoted.ReplaceAllString(line, ""))
			}
		}
	}
	return all.String()
}

var (
	quoted     = regexp.MustCompile(`"[^"]*"`)
	targetLine = regexp.MustCompile(`(?m)^([a-z0-9-]+):([^=\n#]*)(?:#.*)?\n((?:\t.*\n)*)`)
	madeBy     = regexp.MustCompile(`\bmake ([a-z0-9-]+)`)
	listOf     = regexp.MustCompile(`(?m)^(\w+) := (.*)$`)
)

// reached are the targets of the Makefile that CI or "make test-release" runs, with their recipes.
func reached(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	require.NoError(t, err)
	makefile := string(text)
	for _, m := range listOf.FindAllStringSubmatch(makefile, -1) {
		makefile = strings.ReplaceAll(makefile, "$("+m[1]+")", m[2])
	}
	needs, recipes := map[string][]string{}, map[string]string{}
	for _, m := range targetLine.FindAllStringSubmatch(makefile, -1) {
		needs[m[1]], recipes[m[1]] = strings.Fields(m[2]), m[3]
	}
	found := map[string]string{}
	var follow func(target string)
	follow = func(target string) {
		recipe, known := recipes[target]
		if _, seen := found[target]; seen || !known {
			return
		}
		found[target] = recipe
		for _, need := range needs[target] {
			follow(need)
		}
	}
	follow("test-release")
	for _, m := range madeBy.FindAllStringSubmatch(pipeline(t), -1) {
		follow(m[1])
	}
	require.Contains(t, found, "test-e2e")
	require.Contains(t, found, "drill-restore")
	return found
}

var (
	buildTag = regexp.MustCompile(`(?m)^//go:build (\w+)$`)
	chosen   = regexp.MustCompile(`-tags (\w+)(?:.* -run '?([^' ]+))?`)
)

// requireRun demands that a recipe runs a test. One without a build tag is run by "make test".
func requireRun(t *testing.T, source, name string) {
	t.Helper()
	tag := buildTag.FindStringSubmatch(source)
	if tag == nil {
		return
	}
	for _, recipe := range reached(t) {
		for _, m := range chosen.FindAllStringSubmatch(recipe, -1) {
			pattern, _, _ := strings.Cut(m[2], "/")
			if m[1] == tag[1] && regexp.MustCompile(pattern).MatchString(name) {
				return
			}
		}
	}
	t.Errorf("neither CI nor make test-release runs %s", name)
}

// A command of Go that a document names finds what it is for: the package, its tests and its benchmarks.
func TestTheTestsThatADocumentNamesExist(t *testing.T) {
	t.Parallel()
	sources := files(t, ".go")
	check := func(name, line string) {
		words, folder := strings.Fields(line)[1:], ""
		if words[0] == "-C" {
			folder, words = words[1], words[2:]
		}
		if len(words) < 2 || !strings.HasPrefix(words[1], "./") {
			return // go build, and the like
		}
		in := path.Join(folder, strings.TrimSuffix(words[1], "/..."))
		if name == "docs/benchmarks/notebook.md" && words[0] == "build" {
			return // of another project
		}
		require.DirExists(t, filepath.Join(root, in), "%s: %s", name, line)
		for i, word := range words {
			if kind := map[string]string{"-run": "Test", "-bench": "Benchmark"}[word]; kind != "" {
				for pattern := range strings.SplitSeq(strings.Trim(words[i+1], "'"), "|") {
					requireFound(t, sources, in, kind, pattern, name+": "+line)
				}
			}
		}
	}
	blocksOf(t, "sh go", check)
	commandsInText(t, "go", check)
}

// requireFound demands that a package has a test or a benchmark that a pattern finds. "xxx" and "^$" are for none.
func requireFound(t *testing.T, sources map[string]string, in, kind, pattern, where string) {
	t.Helper()
	if pattern == "xxx" || pattern == "^$" {
		return
	}
	function := regexp.MustCompile(`(?m)^func (` + kind + `\w+)\(`)
	for file, text := range sources {
		if path.Dir(file) != in {
			continue
		}
		for _, m := range function.FindAllStringSubmatch(text, -1) {
			if regexp.MustCompile(pattern).MatchString(m[1]) {
				return
			}
		}
	}
	t.Errorf("%s: no %s is found by %s", where, kind, pattern)
}
