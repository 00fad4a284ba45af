package apidocs

import (
	"html/template"
	"strings"
)

// prose turns the little Markdown of the contract (paragraphs, **bold**, `code`) into HTML.
func prose(s string) template.HTML {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(s), "\n\n") {
		if paragraph == "" {
			continue
		}
		escaped := template.HTMLEscapeString(strings.ReplaceAll(paragraph, "\n", " "))
		escaped = pair(escaped, "**", "<strong>", "</strong>")
		escaped = pair(escaped, "`", "<code>", "</code>")
		b.WriteString("<p>" + escaped + "</p>")
	}
	return template.HTML(b.String()) //nolint:gosec // escaped above
}

// pair replaces every other mark by open, and the ones between by close.
func pair(s, mark, before, after string) string {
	parts := strings.Split(s, mark)
	var b strings.Builder
	for i, p := range parts {
		switch {
		case i == 0:
		case i%2 == 1 && i < len(parts)-1:
			b.WriteString(before)
		case i%2 == 0:
			b.WriteString(after)
		default:
			b.WriteString(mark)
		}
		b.WriteString(p)
	}
	return b.String()
}
