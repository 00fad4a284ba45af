package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the quoted code into the documents anew")

// TestQuotedCodeIsTheCode holds each quotation of a document to the source that it names. A comment before the block
// of code names the file, or a region of it:
//
//	<!-- quoted: payments/example_test.go -->
//	<!-- quoted: payments/example_test.go region open -->
//
// In the source, comments mark a region: "// region open" begins it, "// endregion" ends it. Files of other languages
// use their own comments. The source is compiled and run by its own package; with -update the documents follow it.
func TestQuotedCodeIsTheCode(t *testing.T) {
	for name, text := range documents(t) {
		fresh, err := quoteAnew(text, func(path string) (string, error) {
			source, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
			return string(source), err
		})
		require.NoError(t, err, name)
		if *update {
			require.NoError(t, os.WriteFile(filepath.Join(root, filepath.FromSlash(name)), []byte(fresh), 0o600))
			continue
		}
		require.Equal(t, fresh, text, "%s quotes code that has changed: go test ./docs -update", name)
		require.Len(t, quotedGo.FindAllString(text, -1), strings.Count(text, "\n```go\n"), "%s has Go that nothing compiles: quote it", name)
	}
}

var (
	mark      = regexp.MustCompile("(?m)^<!-- quoted: ")
	quotation = regexp.MustCompile("(?m)^(<!-- quoted: (\\S+)(?: region (\\S+))? -->\\n```[a-z]*\\n)((?s:.*?))^```$")
)

// quotedGo is a block of Go that is quoted.
var quotedGo = regexp.MustCompile("(?m)^<!-- quoted: .* -->\n```go$")

// quoteAnew returns the document with each quotation as the sources have it now.
func quoteAnew(document string, read func(path string) (string, error)) (string, error) {
	if marks, blocks := len(mark.FindAllString(document, -1)), len(quotation.FindAllString(document, -1)); marks != blocks {
		return "", fmt.Errorf("%d quotations are named and %d have a block of code right behind", marks, blocks)
	}
	var failed error
	fresh := quotation.ReplaceAllStringFunc(document, func(block string) string {
		parts := quotation.FindStringSubmatch(block)
		source, err := read(parts[2])
		if err == nil && parts[3] != "" {
			source, err = region(source, parts[3])
		}
		if err != nil {
			failed = fmt.Errorf("quote %s: %w", parts[2], err)
			return block
		}
		return parts[1] + strings.Trim(source, "\n") + "\n```"
	})
	return fresh, failed
}

// region returns the lines of a source between the marks of a region, without the indentation that they share. A name
// that occurs twice, or not at all, and a region without an end are errors.
func region(source, name string) (string, error) {
	var lines []string
	begun, ended := 0, false
	for line := range strings.Lines(source) {
		mark := strings.TrimLeft(strings.TrimSpace(line), "/-# ")
		switch {
		case mark == "region "+name:
			begun++
			ended = false
		case mark == "endregion":
			ended = true
		case begun > 0 && !ended:
			lines = append(lines, line)
		}
	}
	if begun != 1 || !ended {
		return "", fmt.Errorf("region %s begins %d times; it has to begin once, and to end with endregion", name, begun)
	}
	return withoutSharedIndentation(lines), nil
}

func withoutSharedIndentation(lines []string) string {
	shared := -1
	for _, line := range lines {
		if indentation := len(line) - len(strings.TrimLeft(line, "\t ")); strings.TrimSpace(line) != "" && (shared < 0 || indentation < shared) {
			shared = indentation
		}
	}
	var text strings.Builder
	for _, line := range lines {
		if strings.TrimSpace(line) != "" {
			line = line[shared:]
		}
		text.WriteString(line)
	}
	return text.String()
}

func TestAQuotationIsARegionOfItsFile(t *testing.T) {
	t.Parallel()
	source := "package x\n\nfunc f() {\n\t// region open\n\tif a {\n\t\tb()\n\t}\n\t// endregion\n}\n"
	read := func(path string) (string, error) {
		if path != "x/x.go" {
			return "", fmt.Errorf("%s: %w", path, os.ErrNotExist)
		}
		return source, nil
	}
	quote := func(mark, code string) string {
		return "Text.\n\n<!-- quoted: " + mark + " -->\n```go\n" + code + "```\n\nMore.\n"
	}

	for _, c := range []struct {
		name, document, fresh, err string
	}{
		{"a region", quote("x/x.go region open", "old\n"), quote("x/x.go region open", "if a {\n\tb()\n}\n"), ""},
		{"a whole file", quote("x/x.go", ""), quote("x/x.go", source), ""},
		{"nothing quoted", "```go\nold\n```\n", "```go\nold\n```\n", ""},
		{"no such file", quote("y/y.go", ""), "", "y/y.go"},
		{"no such region", quote("x/x.go region shut", ""), "", "region shut begins 0 times"},
		{"no block behind", "<!-- quoted: x/x.go -->\n\n```go\n```\n", "", "1 quotations are named and 0 have a block"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			fresh, err := quoteAnew(c.document, read)
			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.fresh, fresh)
		})
	}
}
