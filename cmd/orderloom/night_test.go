package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Fails where a file that is none is told as a failure, which a script would repeat.
func TestAFileThatCannotBeUsedIsAWrongCommandLine(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, line := range []string{
		"orders place FOLDER", "orders place FOLDER/none", "orders place FILE/below", "import orders FOLDER --key k", "import orders FOLDER/none --key k",
		"replay FOLDER", "replay FOLDER/none.json", "bundle --file FILE", "bundle --file FOLDER/none/b", "man FILE", "man FOLDER/none",
		"export orders --file FOLDER/none/x", "export orders --file FILE/below",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(strings.NewReplacer("FOLDER", folder, "FILE", file).Replace(line))
			got := orderloom(t, map[string]string{"ORDERLOOM_URL": "http://127.0.0.1:1"}, words...)
			require.Equal(t, exitUsage, got.code, got.stderr)
			require.Contains(t, got.stderr, folder, "it names the file")
		})
	}
}

// Each command without its server says what to look at, and says nothing twice.
func TestAServerOutOfReachComesWithWhatToDo(t *testing.T) {
	t.Parallel()
	for line, next := range map[string]string{
		"orders list": "whether ORDERLOOM_URL says where it is", "events tail": "whether ORDERLOOM_URL says where it is",
		"keys list": `"orderloom doctor" says which one`, "relay status": `"orderloom doctor" says which one`, "reconcile": `"orderloom doctor" says which one`,
	} {
		got := orderloom(t, allAt("127.0.0.1:1"), strings.Fields(line)...)
		require.Equal(t, exitUnreachable, got.code, got.stderr)
		require.Contains(t, got.stderr, next, line)
		seen := map[string]bool{}
		for each := range strings.Lines(got.stderr) {
			require.False(t, seen[each], "%s: %s", line, got.stderr)
			seen[each] = true
		}
	}
}

// Fails where a server that takes connections and does not answer has no name.
func TestAServerThatDoesNotAnswerIsNamed(t *testing.T) {
	t.Parallel()
	environment := allAt(silent(t))
	environment["ORDERLOOM_DATABASE_CONNECT_TIMEOUT"] = "4s"
	got := orderloom(t, environment, "keys", "list")
	require.Equal(t, exitUnreachable, got.code, got.stderr)
	require.Contains(t, got.stderr, "PostgreSQL, at DATABASE_URL, does not answer within")
}

// Fails where a command takes an output that can't be written for success.
func TestAnOutputThatCannotBeWrittenIsAFailure(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"version", "version -o json", "version -o yaml", "settings", "completion bash"} {
		full := &program{stdin: strings.NewReader(""), stdout: fullDisk{}, stderr: new(strings.Builder), lookup: noEnvironment}
		require.Equal(t, exitFailure, full.run(t.Context(), strings.Fields(line)), line)
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, os.ErrClosed }

// Fails where a script that reads what a command prints gets how far it is besides.
func TestWhoReadsAsAProgramIsNotToldHowFarItIs(t *testing.T) {
	t.Parallel()
	environment := allAt(silent(t))
	for _, line := range []string{"keys list -o json", "keys list -o yaml"} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr watched
			p := &program{
				stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, interval: time.Millisecond,
				lookup: func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
			}
			require.Equal(t, exitUnreachable, p.run(t.Context(), strings.Fields(line)), stderr.String())
			require.NotContains(t, stderr.String(), " … ")
			require.Empty(t, stdout.String())
		})
	}
}
