package docs_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// long returns a text of as many words.
func long(words int) string { return strings.TrimSpace(strings.Repeat("so ", words)) }

func TestWhereASentenceEnds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		sentences  []string
	}{
		{"full stop, question mark, exclamation mark", "One. Two? Three! Four", []string{"One.", "Two?", "Three!", "Four"}},
		{"brackets, quotes and stars behind the stop", "**One.** (Two.) \"Three.\" Four.", []string{"**One.**", "(Two.)", "\"Three.\"", "Four."}},
		{"colon and semicolon before a capital", "One: Two; Three.", []string{"One:", "Two;", "Three."}},
		{"no colon or semicolon before a small letter", "One: two; three.", []string{"One: two; three."}},
		{"no stop inside of a number", "It took 2.5 seconds.", []string{"It took 2.5 seconds."}},
		{"no stop inside of code", "Run `a. B: C` first.", []string{"Run `a. B: C` first."}},
		{"a link at the end", "See [this](that.md). Go on.", []string{"See [this](that.md).", "Go on."}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var found []string
			for _, s := range sentences(paragraph{{1, c.text}}) {
				found = append(found, s.text)
			}
			require.Equal(t, c.sentences, found)
		})
	}
}

func TestASentenceIsNamedByTheLineItBeginsOn(t *testing.T) {
	t.Parallel()
	found := sentences(paragraph{{7, "One. Two goes"}, {8, "on here."}, {9, "Three."}})
	require.Equal(t, []sentence{{7, "One."}, {7, "Two goes on here."}, {9, "Three."}}, found)
}

func TestWhatIsAWord(t *testing.T) {
	t.Parallel()
	require.Equal(t, 3, countWords("Run `go test ./...` now."), "code is one word")
	require.Equal(t, 4, countWords("See [the page](some/where.md) again"), "a link is its text")
	require.Equal(t, 2, countWords("left → right — …"), "signs are no words")
}

func TestWhatIsTooLongInADocument(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("x", 121)
	for _, c := range []struct {
		name, document, fault string
	}{
		{"a sentence as long as it may be", long(25) + ".", ""},
		{"a sentence that is too long", "# Title\n\n" + long(10) + "\n" + long(16) + ".", "a.md:3: a sentence of 26 words, at most 25: so"},
		{"two paragraphs", long(20) + "\n\n" + long(20), ""},
		{"two items of a list", "- " + long(20) + "\n- " + long(20) + "\n1. " + long(20), ""},
		{"an item of a list that is too long", "- " + long(20) + "\n  " + long(6), "a.md:1: a sentence of 26 words"},
		{"two cells of a table", "| " + long(20) + " | " + long(20) + " |", ""},
		{"a cell that is too long", "| a |\n|---|\n| " + long(26) + " |", "a.md:3: a sentence of 26 words"},
		{"code", "```\n" + long(26) + "\n```", ""},
		{"a comment", "<!-- " + long(26) + "\n" + long(26) + " -->", ""},
		{"a line as wide as it may be", wide[1:], ""},
		{"a line that is too wide", "\n" + wide, "a.md:2: 121 columns, at most 120: xxx"},
		{"a table that is too wide", "| `" + wide + "` |", ""},
		{"a link that is too wide", "[text](" + wide + ")", ""},
		{"an address that is too wide", "See https://example.com/" + wide, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, c.fault, faultsOf(t, "a.md", c.document))
		})
	}
}

func TestWhatIsTooLongInAComment(t *testing.T) {
	t.Parallel()
	wide := strings.Repeat("x", 121)
	for _, c := range []struct {
		name, source, fault string
	}{
		{"a sentence as long as it may be", "// " + long(25) + ".", ""},
		{"a sentence over two lines", "// " + long(10) + "\n// " + long(16) + ".", "a.go:3: a sentence of 26 words, at most 25: so"},
		{"a block", "/*\n" + long(26) + "\n*/", "a.go:4: a sentence of 26 words"},
		{"behind code", "var a int // " + long(26), "a.go:3: a sentence of 26 words"},
		{"two paragraphs", "// " + long(20) + "\n//\n// " + long(20), ""},
		{"a list", "// Either:\n//   - " + long(20) + "\n//   - " + long(20), ""},
		{"code", "// For example:\n//\n//\t" + long(26) + "\n//\t" + wide, ""},
		{"a directive", "//nolint:all // " + long(26) + "\n//go:generate " + wide, ""},
		{"the output of an example", "func f() {\n\t// Output:\n\t// " + long(26) + "\n}", ""},
		{"a line that is too wide", "\t// " + wide[7:], "a.go:3: 121 columns, at most 120: // xxx"},
		{"a line of code that is too wide", "var a = `" + wide + "` // " + long(2), ""},
		{"slashes in a text", "var a = `\n// " + long(26) + "\n`", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			requireFault(t, c.fault, faultsOf(t, "a.go", "package a\n\n"+c.source+"\n"))
		})
	}
}

func requireFault(t *testing.T, fault string, found []string) {
	t.Helper()
	if fault == "" {
		require.Empty(t, found)
		return
	}
	require.Len(t, found, 1)
	require.Contains(t, found[0], fault)
}
