//go:build newcomer

package docs_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	home = "https://github.com/orderloom/orderloom"
	// patience bounds what a newcomer waits for: a first build takes ten minutes at worst.
	patience = 15 * time.Minute
)

// newcomer has a fresh clone of what is committed here.
type newcomer struct {
	clone       string
	environment []string
}

// arrive carries out the commands with which the tutorial gets a clone. They fetch it from this repository.
func arrive(t *testing.T) (n newcomer, start string) {
	t.Helper()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	blocksOf(t, "sh start", func(_, line string) { start += line + "\n" })
	get, start, found := strings.Cut(start, "cd orderloom\n")
	require.True(t, found)
	n.environment = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+here+".insteadOf", "GIT_CONFIG_VALUE_0="+home)
	folder := t.TempDir()
	shell := exec.CommandContext(t.Context(), "bash", "-euc", get) //nolint:gosec // of our own document
	shell.Dir, shell.Env = folder, n.environment
	out, err := shell.CombinedOutput()
	require.NoError(t, err, string(out))
	n.clone = filepath.Join(folder, "orderloom")
	return n, start
}

// begin starts a command in the clone, as a terminal would. Its words come to out.
func (n newcomer) begin(t *testing.T, line string, out io.Writer) *exec.Cmd {
	t.Helper()
	shell := exec.CommandContext(t.Context(), "bash", "-euc", line) //nolint:gosec // of our own documents
	shell.Dir, shell.Env, shell.Stdout, shell.Stderr = n.clone, n.environment, out, out
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGKILL) }
	shell.WaitDelay = time.Second
	require.NoError(t, shell.Start())
	return shell
}

// words are what a command has said so far.
type words struct {
	lock sync.Mutex
	said bytes.Buffer
	more chan struct{}
}

func (w *words) Write(p []byte) (int, error) {
	w.lock.Lock()
	defer w.lock.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
	return w.said.Write(p)
}

func (w *words) String() string {
	w.lock.Lock()
	defer w.lock.Unlock()
	return w.said.String()
}

var (
	servesAt    = regexp.MustCompile(`(?m)^   API +(http://\S+)/api/v1/orders$`)
	addressOfIt = regexp.MustCompile(`(?m)^API=(http://\S+)$`)
)

// TestANewcomerStartsThePlatform carries out the beginning of docs/tutorial.md in a fresh clone, and Ctrl-C at its end.
// Then it carries out "make demo" there.
func TestANewcomerStartsThePlatform(t *testing.T) {
	n, start := arrive(t)
	run, address, found := strings.Cut(start, "\n")
	require.True(t, found)
	out := &words{more: make(chan struct{}, 1)}
	platform := n.begin(t, run, out)
	ended := make(chan struct{})
	go func() {
		_ = platform.Wait() // how it ended is in its words
		close(ended)
	}()
	late := time.After(patience)
	for !strings.Contains(out.String(), "Serving until Ctrl-C") {
		select {
		case <-out.more:
		case <-ended:
			require.Fail(t, "it has ended", "%s", out)
		case <-late:
			require.Fail(t, "it does not serve", "%s", out)
		}
	}
	require.NotContains(t, out.String(), "Not everything ended as it should")
	at := addressOfIt.FindStringSubmatch(address)
	if strings.Contains(out.String(), " is taken: ") {
		at = servesAt.FindStringSubmatch(out.String())
	}
	require.NotNil(t, at, "%s", out)
	answer, err := http.Get(at[1] + "/docs")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode)
	require.NoError(t, syscall.Kill(-platform.Process.Pid, syscall.SIGINT))
	select {
	case <-ended:
	case <-late:
		require.Fail(t, "Ctrl-C does not end it", "%s", out)
	}
	require.Contains(t, out.String(), "\nstopping\n")

	out = &words{more: make(chan struct{}, 1)}
	require.NoError(t, n.begin(t, "make demo", out).Wait(), "%s", out)
	require.Contains(t, out.String(), "sample orders ended as they should")
}

// TestANewcomerRunsTheTestsThatADocumentNames runs each "go test" of a document, in a fresh clone.
func TestANewcomerRunsTheTestsThatADocumentNames(t *testing.T) {
	n, _ := arrive(t)
	blocksOf(t, "sh go", func(name, line string) {
		out := &words{more: make(chan struct{}, 1)}
		require.NoError(t, n.begin(t, line, out).Wait(), "%s: %s\n%s", name, line, out)
		require.NotContains(t, out.String(), "no tests to run", "%s: %s", name, line)
	})
}
