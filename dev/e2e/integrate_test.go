package e2e_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// blocks are the commands of a document and what they print. A block that begins with "sh start" starts the platform.
var blocks = regexp.MustCompile("(?ms)^```(sh start|sh|text)\n(.*?)^```$")

// runGuide runs docs/integrate.md from its top to its end, in one shell, as a reader would, and compares what each of
// its commands prints. Only how the platform is started differs: it is there already, and so is its program.
func (s *shop) runGuide(t *testing.T) {
	t.Helper()
	text, err := os.ReadFile("../../docs/integrate.md")
	require.NoError(t, err)
	program := sharedProgram(t)
	var script strings.Builder
	script.WriteString("set -eu -o pipefail\n")
	var want []string
	for _, m := range blocks.FindAllStringSubmatch(string(text), -1) {
		switch kind, body := m[1], m[2]; kind {
		case "sh start":
			require.Contains(t, body, "docker compose up")
			require.Contains(t, body, "\norderloom() {")
			require.Contains(t, body, "\nAPI=")
		case "sh":
			script.WriteString(body + "echo '" + blockEnd + "'\n")
			want = append(want, "")
		default:
			require.Empty(t, want[len(want)-1], "a block of commands prints one block of text")
			want[len(want)-1] = body
		}
	}
	require.Greater(t, len(want), 10)

	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	shell := exec.CommandContext(ctx, "bash")
	shell.Dir = t.TempDir()
	shell.Stdin = strings.NewReader(script.String())
	shell.Env = append(os.Environ(), "API="+s.platform.APIURL, "DATABASE_URL="+string(s.platform.Config.Database.URL), "ORDERLOOM_MODE=test",
		"PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
	var stdout, stderr bytes.Buffer
	shell.Stdout, shell.Stderr = &stdout, &stderr
	err = shell.Run()
	have := strings.Split(stdout.String(), blockEnd+"\n")
	for i, text := range want {
		require.Greater(t, len(have), i+1, "block %d ends with %v: %s", i+1, err, stderr.String())
		if !printed(text).MatchString(strings.TrimSpace(strings.ReplaceAll(have[i], "\r", ""))) {
			t.Errorf("block %d prints\n%s\nand the guide says\n%s", i+1, have[i], text)
		}
	}
	require.NoError(t, err, stderr.String())
}

// blockEnd stands between what two blocks print.
const blockEnd = "---- end of a block ----"

// printed is what a block of text looks like when it is printed: "…" stands for anything.
func printed(text string) *regexp.Regexp {
	return regexp.MustCompile(`(?s)\A` + strings.ReplaceAll(regexp.QuoteMeta(strings.TrimSpace(text)), "…", ".+") + `\z`)
}
