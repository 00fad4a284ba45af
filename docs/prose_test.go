package docs_test

import (
	"cmp"
	"fmt"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// Limits of the house's language. They hold for every Markdown file and for every comment in a Go file.
const (
	sentenceWordsMax = 25
	lineColumnsMax   = 120
	tabColumns       = 4
)

// TestProseIsPlain fails for each sentence of more than 25 words and each line of more than 120 columns.
func TestProseIsPlain(t *testing.T) {
	t.Parallel()
	for name, text := range files(t, ".go", ".md") {
		for _, fault := range faultsOf(t, name, text) {
			t.Error(fault)
		}
	}
}

// faultsOf returns a message for each limit that a file breaks, in the order of its lines.
func faultsOf(t *testing.T, name, text string) []string {
	t.Helper()
	if strings.HasSuffix(name, ".md") {
		return faults(name, markdownProse(text))
	}
	prose, err := goProse(name, text)
	require.NoError(t, err)
	return faults(name, prose)
}

// prose is what a file says to its readers.
type prose struct {
	paragraphs []paragraph
	lines      []line // the lines whose width counts
}

// A paragraph is a run of lines that are read as one text. No sentence goes beyond it.
type paragraph []line

// A line is a line of a file, by its number from 1 on.
type line struct {
	number int
	text   string
}

// A sentence is a sentence of a paragraph, by the line on which it begins.
type sentence struct {
	line int
	text string
}

func faults(name string, p prose) []string {
	type fault struct {
		line    int
		message string
	}
	var found []fault
	for _, l := range p.lines {
		if columns := width(l.text); columns > lineColumnsMax {
			message := fmt.Sprintf("%s:%d: %d columns, at most %d: %s", name, l.number, columns, lineColumnsMax, strings.TrimSpace(l.text))
			found = append(found, fault{l.number, message})
		}
	}
	for _, paragraph := range p.paragraphs {
		for _, s := range sentences(paragraph) {
			if words := countWords(s.text); words > sentenceWordsMax {
				message := fmt.Sprintf("%s:%d: a sentence of %d words, at most %d: %s", name, s.line, words, sentenceWordsMax, s.text)
				found = append(found, fault{s.line, message})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b fault) int { return cmp.Compare(a.line, b.line) })
	messages := make([]string, 0, len(found))
	for _, f := range found {
		messages = append(messages, f.message)
	}
	return messages
}

// goProse returns the comments of a Go file, without directives, code, and the output of examples. The width of a
// comment counts where it has its line for itself.
func goProse(name, source string) (prose, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return prose{}, fmt.Errorf("read the comments of %s: %w", name, err)
	}
	var found prose
	sourceLines := strings.Split(source, "\n")
	for _, group := range file.Comments {
		var comments []line
		for _, comment := range group.List {
			first := files.Position(comment.Pos()).Line
			for i, text := range strings.Split(comment.Text, "\n") {
				comments = append(comments, line{first + i, text})
			}
		}
		found.paragraphs = append(found.paragraphs, commentParagraphs(comments)...)
		for _, c := range comments {
			if exampleOutput.MatchString(commentText(c.text)) {
				break
			}
			whole := sourceLines[c.number-1]
			alone := strings.HasPrefix(strings.TrimSpace(whole), c.text)
			if alone && !isDirective(c.text) && !isCode(commentText(c.text)) {
				found.lines = append(found.lines, line{c.number, whole})
			}
		}
	}
	return found, nil
}

// commentParagraphs divides one comment where a line is empty, a list goes on, or code begins or ends.
func commentParagraphs(comment []line) []paragraph {
	var found []paragraph
	var current paragraph
	end := func() {
		found = append(found, current)
		current = nil
	}
	for _, l := range comment {
		text := commentText(l.text)
		switch {
		case isDirective(l.text):
			end()
		case exampleOutput.MatchString(text):
			return append(found, current)
		case strings.TrimSpace(text) == "" || strings.HasPrefix(text, "# "):
			end()
		case listItem.MatchString(text):
			end()
			current = paragraph{{l.number, listItem.ReplaceAllString(text, "")}}
		case isCode(text) && len(current) == 0, strings.HasPrefix(text, "\t"):
			end()
		default:
			current = append(current, line{l.number, strings.TrimSpace(text)})
		}
	}
	return append(found, current)
}

var (
	directive     = regexp.MustCompile(`^//([a-z]+:|nolint|line )`)
	exampleOutput = regexp.MustCompile(`^(Unordered output|Output):`)
	listItem      = regexp.MustCompile(`^ *([-*]|\d+\.) +`)
)

func isDirective(comment string) bool { return directive.MatchString(comment) }

// isCode reports whether a line of a comment, without its slashes, is set as code: it is indented and no list item.
func isCode(text string) bool {
	return (strings.HasPrefix(text, "\t") || strings.HasPrefix(text, "    ")) && !listItem.MatchString(text)
}

func commentText(comment string) string {
	text := strings.TrimPrefix(strings.TrimPrefix(comment, "//"), "/*")
	return strings.TrimPrefix(strings.TrimSuffix(text, "*/"), " ")
}

// markdownProse returns the running text of a document: without code, headings and comments. Each cell of a table is
// a paragraph; the width of its row does not count.
func markdownProse(text string) prose {
	var found prose
	var current paragraph
	end := func() {
		found.paragraphs = append(found.paragraphs, current)
		current = nil
	}
	inCode, inComment := false, false
	for i, whole := range strings.Split(text, "\n") {
		l := line{i + 1, strings.TrimSpace(whole)}
		switch {
		case strings.HasPrefix(l.text, "```"):
			inCode = !inCode
			end()
		case inCode:
		case inComment || strings.HasPrefix(l.text, "<!--"):
			inComment = !strings.Contains(l.text, "-->")
			end()
		case l.text == "":
			end()
		case strings.HasPrefix(l.text, "|"):
			end()
			for _, cell := range cells(l.text) {
				found.paragraphs = append(found.paragraphs, paragraph{{l.number, cell}})
			}
		case strings.HasPrefix(l.text, "#"):
			end()
			found.lines = append(found.lines, line{l.number, whole})
		default:
			if listItem.MatchString(l.text) {
				end()
			}
			current = append(current, line{l.number, listItem.ReplaceAllString(strings.TrimPrefix(l.text, "> "), "")})
			found.lines = append(found.lines, line{l.number, whole})
		}
	}
	end()
	return found
}

// cells returns the cells of a row of a table. A bar inside of code divides nothing.
func cells(row string) []string {
	var found []string
	masked := maskCode(row)
	begin := 0
	for i := range len(masked) {
		if masked[i] == '|' {
			found = append(found, strings.TrimSpace(row[begin:i]))
			begin = i + 1
		}
	}
	return append(found, strings.TrimSpace(row[begin:]))
}

// sentences divides a paragraph. Before a space, a sentence ends with a full stop, a question mark or an exclamation
// mark. Before a space and a capital, it ends with a colon or a semicolon too. Brackets, quotes and stars may stand
// between.
func sentences(p paragraph) []sentence {
	var joined strings.Builder
	begins := make([]int, 0, len(p)) // where each line begins in the joined text
	for _, l := range p {
		begins = append(begins, joined.Len())
		joined.WriteString(l.text + " ")
	}
	text := joined.String()
	masked := maskLinks(maskCode(text))
	var found []sentence
	begin := 0
	for i := range len(masked) {
		if masked[i] != ' ' || !endsSentence(masked[begin:i], masked[i+1:]) {
			continue
		}
		if said := strings.TrimSpace(text[begin:i]); said != "" {
			n, exact := slices.BinarySearch(begins, begin+leadingSpaces(text[begin:]))
			if !exact {
				n--
			}
			found = append(found, sentence{p[n].number, said})
		}
		begin = i + 1
	}
	return found
}

func endsSentence(said, rest string) bool {
	if strings.TrimSpace(rest) == "" {
		return true
	}
	said = strings.TrimRight(said, `)]"'*_”’`)
	switch {
	case said == "":
		return false
	case strings.ContainsRune(".!?", rune(said[len(said)-1])):
		return true
	case strings.ContainsRune(":;", rune(said[len(said)-1])):
		next, _ := utf8.DecodeRuneInString(strings.TrimLeft(rest, ` ["'*_“‘(`))
		return unicode.IsUpper(next)
	}
	return false
}

func leadingSpaces(text string) int { return len(text) - len(strings.TrimLeft(text, " ")) }

var (
	codeSpan   = regexp.MustCompile("`[^`]*`")
	linkTarget = regexp.MustCompile(`\]\([^)]*\)`)
	bareURL    = regexp.MustCompile(`https?://\S+`)
)

// maskCode returns the text with each span of code as one word of the same length.
func maskCode(text string) string {
	return codeSpan.ReplaceAllStringFunc(text, func(code string) string { return strings.Repeat("x", len(code)) })
}

// maskLinks returns the text with the target of each link as spaces: its words count, its address does not.
func maskLinks(text string) string {
	return linkTarget.ReplaceAllStringFunc(text, func(target string) string { return strings.Repeat(" ", len(target)) })
}

// countWords counts what has a letter or a digit in it. A span of code is one word, and a link has those of its text.
func countWords(text string) int {
	words := 0
	for _, word := range strings.Fields(maskLinks(maskCode(text))) {
		if strings.ContainsFunc(word, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }) {
			words++
		}
	}
	return words
}

// width returns the columns of a line without the addresses of its links, which cannot be broken.
func width(text string) int {
	text = bareURL.ReplaceAllString(linkTarget.ReplaceAllString(text, "]"), "")
	return utf8.RuneCountInString(strings.ReplaceAll(text, "\t", strings.Repeat(" ", tabColumns)))
}
