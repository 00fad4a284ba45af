// Package guide runs the commands of a document as its reader would, and compares what they print with what the
// document says.
//
// Blocks of code of the kind sh are run from the top to the end, in one shell. A block of the kind text behind one is
// what it prints; "…" in it stands for anything. Others are not run, such as those whose kind has a second word.
package guide

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Options say how the commands of a document are run.
type Options struct {
	// Environment is added to that of the test, as NAME=value.
	Environment []string
	// Prelude is run before the first block, and After after each.
	Prelude, After string
	// BlocksMin is how many blocks the document has to have at least.
	BlocksMin int
	// Patience bounds the whole.
	Patience time.Duration
}

// blocks are the blocks of code of a document, with their kinds.
var blocks = regexp.MustCompile("(?ms)^```(sh|text)\n(.*?)^```$")

// blockEnd stands between what two blocks print.
const blockEnd = "---- end of a block ----"

// Run runs the commands of the document at a path, in a folder of the test.
func Run(t *testing.T, path string, o Options) {
	t.Helper()
	document, err := os.ReadFile(path) //nolint:gosec // a document of ours
	require.NoError(t, err)
	script, want := read(t, string(document), o)
	require.GreaterOrEqual(t, len(want), max(o.BlocksMin, 1), path)

	ctx, stop := context.WithTimeout(t.Context(), o.Patience)
	defer stop()
	shell := exec.CommandContext(ctx, "bash")
	shell.Dir = t.TempDir()
	shell.Stdin = strings.NewReader(script)
	shell.Env = append(os.Environ(), o.Environment...)
	shell.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	shell.Stdout, shell.Stderr = &stdout, &stderr
	err = shell.Run()
	have := strings.Split(stdout.String(), blockEnd+"\n")
	for i, text := range want {
		require.Greater(t, len(have), i+1, "block %d of %s ends with %v: %s%s", i+1, path, err, have[len(have)-1], stderr.String())
		if text != "" && !Printed(text).MatchString(strings.TrimSpace(strings.ReplaceAll(have[i], "\r", ""))) {
			t.Errorf("block %d of %s prints\n%s\nand the document says\n%s", i+1, path, have[i], text)
		}
	}
	require.NoError(t, err, stderr.String())
}

// read returns the script of a document, and what each of its blocks prints; "" for one of which nothing is said.
func read(t *testing.T, document string, o Options) (script string, want []string) {
	t.Helper()
	var lines strings.Builder
	lines.WriteString("set -eu -o pipefail\n" + o.Prelude + "\n")
	for _, m := range blocks.FindAllStringSubmatch(document, -1) {
		if kind, body := m[1], m[2]; kind == "sh" {
			lines.WriteString(body + o.After + "\necho '" + blockEnd + "'\n")
			want = append(want, "")
		} else {
			require.NotEmpty(t, want, "a block of text is what a block of commands prints")
			require.Empty(t, want[len(want)-1], "a block of commands prints one block of text")
			want[len(want)-1] = body
		}
	}
	return lines.String(), want
}

// Printed is what a block of text looks like when it is printed: "…" stands for anything.
func Printed(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(text)), "…", ".+") + `\z`)
}
