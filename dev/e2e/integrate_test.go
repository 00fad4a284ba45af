package e2e_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/testing/guide"
	"github.com/stretchr/testify/require"
)

// started is the block of docs/integrate.md that starts the platform by Docker.
var started = regexp.MustCompile("(?ms)^```sh not run\n(.*?)^```$")

// runGuide runs docs/integrate.md from its top to its end, in one shell, as a reader would, and compares what each of
// its commands prints. Only how the platform is started differs: it is there already, and so is its program.
func (s *shop) runGuide(t *testing.T) {
	t.Helper()
	const path = "../../docs/integrate.md"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	start := started.FindSubmatch(text)
	require.NotNil(t, start)
	for _, part := range []string{"docker compose up", "\norderloom() {", "\nAPI="} {
		require.Contains(t, string(start[1]), part)
	}
	guide.Run(t, path, guide.Options{BlocksMin: 10, Patience: patience, Environment: []string{
		"API=" + s.platform.APIURL, "DATABASE_URL=" + string(s.platform.Config.Database.URL), "ORDERLOOM_MODE=test",
		"PATH=" + filepath.Dir(sharedProgram(t)) + ":" + os.Getenv("PATH"),
	}})
}

// runDocument runs a document about the platform's commands beside this platform, with its encryption keys and a key of
// the API.
func (s *shop) runDocument(t *testing.T, c commands, key madeKey, document string) {
	t.Helper()
	environment := append(c.documentEnvironment(s), "ORDERLOOM_KEY="+key.Secret, "PATH="+filepath.Dir(c.program)+":"+os.Getenv("PATH"))
	guide.Run(t, "../../docs/"+document, guide.Options{BlocksMin: 2, Patience: patience, Environment: environment})
}

// documentEnvironment are the settings with which documents' commands reach this platform.
func (c commands) documentEnvironment(s *shop) []string {
	return append(slices.Clone(c.environment), "API="+s.platform.APIURL, "ORDERLOOM_MODE=test", "ORDERLOOM_CODEC_ADDRESS=127.0.0.1:0",
		"ORDERLOOM_HTTP_ADDRESS="+strings.TrimPrefix(s.platform.APIURL, "http://"), "ORDERLOOM_LOG_LEVEL=error",
		"ORDERLOOM_MASTER_KEYS="+keysAsSet(s.platform.Config.Privacy.MasterKeys), "ORDERLOOM_INDEX_KEYS="+keysAsSet(s.platform.Config.Privacy.IndexKeys))
}

// keysAsSet are keys as a setting has them.
func keysAsSet(keys []config.MasterKey) string {
	all := make([]string, len(keys))
	for i, k := range keys {
		all[i] = k.ID + ":" + base64.StdEncoding.EncodeToString(k.Key)
	}
	return strings.Join(all, ",")
}
