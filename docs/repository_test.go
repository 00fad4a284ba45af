package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is where the repository begins, seen from this package.
const root = ".."

// files returns the text of every file of the repository whose name ends with one of the endings, by its path from
// the root. It leaves out recorded data (testdata), binaries, and folders whose name begins with a dot.
func files(t *testing.T, endings ...string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || name == "bin") {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !endsWithOneOf(name, endings) {
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		found[filepath.ToSlash(name)] = string(text)
		return nil
	})
	require.NoError(t, err)
	return found
}

func endsWithOneOf(name string, endings []string) bool {
	for _, ending := range endings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// documents returns every Markdown file of the repository, by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	found := files(t, ".md")
	require.Contains(t, found, "README.md")
	require.Contains(t, found, "docs/adr/0001-record-decisions.md")
	return found
}
