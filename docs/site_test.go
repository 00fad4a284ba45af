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

var (
	// tab is a line of the navigation that names one of its parts, or the page of a tab of its own.
	tab = regexp.MustCompile(`(?m)^  - ([^:\n]+):`)
	// navigated is a line of the navigation that names a page. One that ends with * names all pages of a folder that
	// are named nowhere else.
	navigated = regexp.MustCompile(`(?m)^ +- (?:[^:\n]+: )?(\S+\.md|\S+/\*)$`)
)

// Each document is in the navigation of the site, once, under its kind.
func TestEachDocumentIsInTheNavigation(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "mkdocs.yml"))
	require.NoError(t, err)
	_, nav, found := strings.Cut(string(text), "\nnav:\n")
	require.True(t, found)
	nav, _, found = strings.Cut(nav, "\n\n")
	require.True(t, found)

	var tabs []string
	for _, m := range tab.FindAllStringSubmatch(nav, -1) {
		tabs = append(tabs, m[1])
	}
	require.Equal(t, []string{"Home", "Tutorial", "How-to", "Reference", "Explanation", "Runbooks", "Decisions"}, tabs)

	named, folders := map[string]int{}, map[string]bool{}
	for _, m := range navigated.FindAllStringSubmatch(nav, -1) {
		if folder, all := strings.CutSuffix(m[1], "/*"); all {
			folders[folder] = true
		} else {
			named[m[1]]++
		}
	}
	pages := 0
	for name := range documents(t) {
		page, ours := strings.CutPrefix(name, "docs/")
		if !ours {
			continue
		}
		pages++
		if named[page] != 1 && (named[page] != 0 || !folders[path.Dir(page)]) {
			t.Errorf("%s is %d times in the navigation of mkdocs.yml", name, named[page])
		}
		delete(named, page)
	}
	require.Greater(t, pages, 50)
	require.Empty(t, named, "the navigation of mkdocs.yml names documents that are not there")
}

// pictureBytesMax bounds a picture of a document, so that a clone stays small.
const pictureBytesMax = 200_000

// Each picture is shown by a document, and is small.
func TestEachPictureIsShownAndSmall(t *testing.T) {
	t.Parallel()
	var shown strings.Builder
	for _, text := range documents(t) {
		shown.WriteString(text)
	}
	pictures, err := filepath.Glob("images/*.png")
	require.NoError(t, err)
	require.NotEmpty(t, pictures)
	for _, picture := range pictures {
		info, err := os.Stat(picture)
		require.NoError(t, err)
		require.Less(t, info.Size(), int64(pictureBytesMax), picture)
		require.Contains(t, shown.String(), "]("+picture+")", "no document shows it")
	}
}
