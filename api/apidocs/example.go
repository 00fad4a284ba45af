package apidocs

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
)

// examples lists the examples of a body.
func (d *document) examples(m yaml.MapSlice) []example {
	var out []example
	for _, e := range d.m(get(m, "examples")) {
		em := d.m(e.Value)
		out = append(out, example{exampleName(e, em), highlight(pretty(get(em, "value")))})
	}
	return out
}

func exampleName(e yaml.MapItem, m yaml.MapSlice) string {
	if name := str(m, "summary"); name != "" {
		return name
	}
	name := strings.ReplaceAll(fmt.Sprint(e.Key), "_", " ")
	return strings.ToUpper(name[:1]) + name[1:]
}

// learnExamples notes what the document's examples say of the names in them.
func (d *document) learnExamples() {
	d.known, d.whole = map[string]any{}, map[string]any{}
	learn := func(name string, v any) {
		if _, ok := d.known[name]; !ok && v != nil && v != "" {
			d.known[name] = v
		}
	}
	var fromValue, fromNode func(node any)
	fromValue = func(node any) {
		switch n := node.(type) {
		case yaml.MapSlice:
			for _, item := range n {
				switch item.Value.(type) {
				case yaml.MapSlice, []any:
				default:
					learn(fmt.Sprint(item.Key), item.Value)
				}
				fromValue(item.Value)
			}
		case []any:
			for _, v := range n {
				fromValue(v)
			}
		}
	}
	fromNode = func(node any) {
		switch n := node.(type) {
		case yaml.MapSlice:
			if e := get(n, "example"); e != nil && str(n, "name") != "" {
				learn(str(n, "name"), e)
			}
			of, named := componentName(get(n, "schema"), "schemas")
			for _, e := range rawMap(get(n, "examples")) {
				value := get(d.m(e.Value), "value")
				fromValue(value)
				if _, ok := d.whole[of]; named && !ok {
					d.whole[of] = value
				}
			}
			for _, item := range n {
				fromNode(item.Value)
			}
		case []any:
			for _, v := range n {
				fromNode(v)
			}
		}
	}
	fromNode(get(d.root, "paths"))
	fromNode(get(d.root, "components"))
}

// Values where a document says nothing better.
const (
	sampleID   = "3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"
	sampleTime = "2026-11-23T09:12:44.5Z"
	// sampleDepthMax ends schemas that hold themselves.
	sampleDepthMax = 8
)

// sample makes a value that a schema allows, of what the document shows elsewhere.
func (d *document) sample(name string, node any, depth int) any {
	m := d.m(node)
	if of, named := componentName(node, "schemas"); named && d.whole[of] != nil {
		return d.whole[of]
	}
	if depth > sampleDepthMax {
		return nil
	}
	if given := list(m, "examples"); len(given) > 0 {
		return given[0]
	}
	for _, from := range []any{get(m, "example"), get(m, "const")} {
		if from != nil {
			return from
		}
	}
	if alternatives := list(m, "oneOf"); len(alternatives) > 0 {
		return d.sample(name, alternatives[0], depth+1)
	}
	kind, _ := get(m, "type").(string)
	if kinds := list(m, "type"); len(kinds) > 0 {
		kind = fmt.Sprint(kinds[0])
	}
	known := d.known[name]
	switch kind {
	case "object":
		out := yaml.MapSlice{}
		for _, p := range d.m(get(m, "properties")) {
			out = append(out, yaml.MapItem{Key: p.Key, Value: d.sample(fmt.Sprint(p.Key), p.Value, depth+1)})
		}
		return out
	case "array":
		return []any{d.sample(name, get(m, "items"), depth+1)}
	case "boolean":
		return false
	case "integer", "number":
		switch known.(type) {
		case uint64, int64, float64, int:
			return known
		}
		if least := get(m, "minimum"); least != nil {
			return least
		}
		return 0
	}
	return sampleText(known, m)
}

func sampleText(known any, m yaml.MapSlice) any {
	text, ok := known.(string)
	words := list(m, "enum")
	switch {
	case len(words) > 0:
		for _, w := range words {
			if w == known {
				return known
			}
		}
		return words[0]
	case ok:
		return text
	case str(m, "format") == "uuid":
		return sampleID
	case str(m, "format") == "date-time":
		return sampleTime
	}
	return "…"
}

// pretty writes an example as indented JSON, its members in their order. A text stands for itself.
func pretty(v any) string {
	if text, ok := v.(string); ok {
		return strings.TrimSpace(text)
	}
	var compact, indented bytes.Buffer
	writeJSON(&compact, v)
	if err := json.Indent(&indented, compact.Bytes(), "", "  "); err != nil {
		return compact.String()
	}
	return indented.String()
}

func writeJSON(b *bytes.Buffer, v any) {
	switch v := v.(type) {
	case yaml.MapSlice:
		b.WriteByte('{')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, fmt.Sprint(item.Key))
			b.WriteByte(':')
			writeJSON(b, item.Value)
		}
		b.WriteByte('}')
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteByte(',')
			}
			writeJSON(b, item)
		}
		b.WriteByte(']')
	default:
		e := json.NewEncoder(b)
		e.SetEscapeHTML(false)
		_ = e.Encode(v) // a scalar always has a JSON form
	}
}

// jsonToken finds what is marked up in JSON: names, texts, numbers and words.
var jsonToken = regexp.MustCompile(`("(?:[^"\\]|\\.)*")(\s*:)?|\b(?:true|false|null)\b|-?\b[0-9]+(?:\.[0-9]+)?\b`)

// highlight marks up JSON: b is a name, i a text, u anything else.
func highlight(text string) template.HTML {
	var b strings.Builder
	at := 0
	for _, m := range jsonToken.FindAllStringSubmatchIndex(text, -1) {
		b.WriteString(template.HTMLEscapeString(text[at:m[0]]))
		element, end := "u", m[1]
		switch {
		case m[2] >= 0 && m[4] >= 0:
			element, end = "b", m[3]
		case m[2] >= 0:
			element = "i"
		}
		b.WriteString("<" + element + ">" + template.HTMLEscapeString(text[m[0]:end]) + "</" + element + ">")
		at = end
	}
	b.WriteString(template.HTMLEscapeString(text[at:]))
	return template.HTML(b.String()) //nolint:gosec // escaped
}
