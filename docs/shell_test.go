package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	shellBlock = regexp.MustCompile("(?ms)^ *```(?:sh|bash)\\b[^\n]*\n(.*?)^ *```")
	apiPath    = regexp.MustCompile(`/api/v1/[^\s"'?#\\)]*`)
	variable   = regexp.MustCompile(`\$\{?\w+\}?|…`)
	pathKey    = regexp.MustCompile(`(?m)^  (/\S+):$`)
	parameter  = regexp.MustCompile(`\\\{\w+\\\}`)
)

// TestCommandsCanBeCopied holds what a reader copies into a shell. It can be parsed, and no line is cut off from the
// one before it. The API has each path that is named.
func TestCommandsCanBeCopied(t *testing.T) {
	t.Parallel()
	spec, err := os.ReadFile(filepath.Join(root, "api/openapi.yaml"))
	require.NoError(t, err)
	var paths []*regexp.Regexp
	for _, m := range pathKey.FindAllStringSubmatch(string(spec), -1) {
		paths = append(paths, regexp.MustCompile("^"+parameter.ReplaceAllString(regexp.QuoteMeta(m[1]), "[^/]+")+"$"))
	}
	require.Greater(t, len(paths), 50)
	found := 0
	for name, text := range documents(t) {
		for _, m := range shellBlock.FindAllStringSubmatch(text, -1) {
			found++
			parse := exec.CommandContext(t.Context(), "bash", "-n")
			parse.Stdin = strings.NewReader(m[1])
			out, err := parse.CombinedOutput()
			require.NoError(t, err, "%s: %s\n%s", name, out, m[1])
			for line := range strings.Lines(m[1]) {
				require.False(t, strings.HasPrefix(strings.TrimSpace(line), `\`), "%s: the line before goes on nowhere: %s", name, line)
				require.NotRegexp(t, `\\[ \t]+$`, strings.TrimSuffix(line, "\n"), "%s: a space ends the line", name)
			}
			for _, path := range apiPath.FindAllString(m[1], -1) {
				asked := variable.ReplaceAllString(path, "x")
				if strings.HasSuffix(path, "/") || strings.HasSuffix(path, "/$path") { // the rest is said elsewhere
					continue
				}
				require.True(t, slices.ContainsFunc(paths, func(p *regexp.Regexp) bool { return p.MatchString(asked) }), "%s: the API has no %s", name, path)
			}
		}
	}
	require.Greater(t, found, 50)
}
