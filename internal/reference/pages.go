package reference

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Pages returns all pages by the names of their files. The code is read below root, where the repository begins.
func Pages(root string) (map[string]string, error) {
	document, err := os.ReadFile(filepath.Join(root, "api", "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	pages := map[string]string{"problems.md": Problems()}
	for name, write := range map[string]func() (string, error){
		"api.md":     func() (string, error) { return API(document) },
		"events.md":  func() (string, error) { return Events(root) },
		"metrics.md": func() (string, error) { return Metrics(root) },
	} {
		if pages[name], err = write(); err != nil {
			return nil, fmt.Errorf("write %s: %w", name, err)
		}
	}
	return pages, nil
}

// lineColumns is where a paragraph goes on in the next line.
const lineColumns = 120

// wrap breaks a paragraph into lines.
func wrap(text string) string {
	var b strings.Builder
	column := 0
	for _, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case column == 0:
		case column+1+length > lineColumns:
			b.WriteString("\n")
			column = 0
		default:
			b.WriteString(" ")
			column++
		}
		b.WriteString(word)
		column += length
	}
	return b.String()
}

// paragraphs breaks each paragraph of a text into lines.
func paragraphs(text string) string {
	parts := strings.Split(strings.TrimSpace(text), "\n\n")
	for i := range parts {
		parts[i] = wrap(parts[i])
	}
	return strings.Join(parts, "\n\n")
}

// cell is a text within a row of a table. What is no code in it is no HTML.
func cell(text string) string {
	parts := strings.Split(strings.Join(strings.Fields(text), " "), "`")
	for i := 0; i < len(parts); i += 2 { // those between are code
		parts[i] = strings.ReplaceAll(parts[i], "<", "&lt;")
	}
	return strings.ReplaceAll(strings.Join(parts, "`"), "|", `\|`)
}

func code(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = "`" + w + "`"
	}
	return strings.Join(quoted, ", ")
}
