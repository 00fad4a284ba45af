package docs_test

import (
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/orderloom/orderloom/"

// row is a row of the table of packages: a package and the cell with what it imports.
var row = regexp.MustCompile("(?m)^\\| `([a-z/]+)` \\|.*\\| ([^|]*) \\|$")

// TestImportsAreAsTheTableSays holds the table of packages in architecture.md to the imports of the code.
func TestImportsAreAsTheTableSays(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("architecture.md")
	require.NoError(t, err)
	_, table, found := strings.Cut(string(text), "## Packages\n")
	require.True(t, found)
	table, _, _ = strings.Cut(table, "\n## ")
	imports := importsOfRooms(t)
	var described []string
	for _, m := range row.FindAllStringSubmatch(table, -1) {
		room, cell := m[1], m[2]
		described = append(described, room)
		if cell == "all" {
			continue
		}
		said := codeSpan.FindAllString(cell, -1)
		for i := range said {
			said[i] = strings.Trim(said[i], "`")
		}
		slices.Sort(said)
		if !slices.Equal(said, imports[room]) {
			t.Errorf("docs/architecture.md says that %s imports %v; it imports %v", room, said, imports[room])
		}
	}
	for room := range imports {
		if room != "internal" && room != "cmd" && room != "docs" && !slices.Contains(described, room) {
			t.Errorf("docs/architecture.md does not describe the package %s", room)
		}
	}
}

// importsOfRooms returns for each top-level folder with Go code which others its code imports, tests left out. Imports
// of internal are left out as well.
func importsOfRooms(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, source := range files(t, ".go") {
		room, _, inFolder := strings.Cut(name, "/")
		if !inFolder || strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, source, parser.ImportsOnly)
		require.NoError(t, err)
		if found[room] == nil {
			found[room] = []string{}
		}
		for _, spec := range file.Imports {
			path, ours := strings.CutPrefix(strings.Trim(spec.Path.Value, `"`), module)
			imported, _, _ := strings.Cut(path, "/")
			if ours && imported != room && imported != "internal" && !slices.Contains(found[room], imported) {
				found[room] = append(found[room], imported)
			}
		}
		slices.Sort(found[room])
	}
	return found
}
