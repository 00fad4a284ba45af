package api

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/domain"
)

// spec is the contract.
//
//go:embed openapi.yaml
var spec []byte

//go:embed docs.html
var docsHTML string

// getSpec serves the contract: GET /openapi.yaml.
func (a *API) getSpec(_ context.Context, x *exchange) error {
	return x.page("application/yaml", spec)
}

// getDocs serves the contract as a page for people: GET /docs. It needs nothing but itself: no
// script of others, no font, no network.
func (a *API) getDocs(_ context.Context, x *exchange) error {
	page, err := renderDocs()
	if err != nil {
		return err
	}
	return x.page("text/html; charset=utf-8", page)
}

// getProblem explains one kind of problem: GET /problems/{code}. It is where a problem's type points.
func (a *API) getProblem(_ context.Context, x *exchange) error {
	k := kindOf(domain.ErrorCode(x.Param("code")))
	if k.Code == "" {
		return newProblem(codeNotFound, "there is no problem of this name")
	}
	var b bytes.Buffer
	if err := docsTemplate().ExecuteTemplate(&b, "problem", k); err != nil {
		return fmt.Errorf("render the page of a problem: %w", err)
	}
	return x.page("text/html; charset=utf-8", b.Bytes())
}

// page answers with something that never changes while the process lives.
func (x *exchange) page(contentType string, body []byte) error {
	h := x.Writer.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	_, err := x.Writer.Write(body)
	return err
}

var docsTemplate = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("docs").Funcs(template.FuncMap{"prose": prose, "lower": strings.ToLower}).Parse(docsHTML))
})

// renderDocs makes the page, once.
var renderDocs = sync.OnceValues(func() ([]byte, error) {
	page, err := readDocs(spec)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := docsTemplate().ExecuteTemplate(&b, "docs", page); err != nil {
		return nil, fmt.Errorf("render the documentation: %w", err)
	}
	return b.Bytes(), nil
})

// docsPage is what the page shows of the contract.
type docsPage struct {
	Title, Version, Summary, Description string
	Groups                               []docsGroup
	Schemas                              []docsSchema
	Problems                             []problemKind
}

type docsGroup struct {
	Name, Description string
	Operations        []docsOperation
}

type docsOperation struct {
	ID, Method, Path, Summary, Description string
	Open                                   bool
	Parameters                             []docsField
	Body                                   []docsField
	BodyExamples                           []docsExample
	Responses                              []docsResponse
}

type docsResponse struct {
	Status, Description string
	Schema              template.HTML
	Examples            []docsExample
}

type docsExample struct{ Name, Text string }

type docsSchema struct {
	Name, Description string
	Type              template.HTML
	Fields            []docsField
}

// docsField is a member of an object, or a parameter.
type docsField struct {
	Name, In, Description string
	Type                  template.HTML
	Required              bool
}

// document is the contract with its order kept, as yaml.MapSlice.
type document struct{ root yaml.MapSlice }

func readDocs(text []byte) (docsPage, error) {
	var d document
	if err := yaml.UnmarshalWithOptions(text, &d.root, yaml.UseOrderedMap()); err != nil {
		return docsPage{}, fmt.Errorf("read openapi.yaml: %w", err)
	}
	info := d.m(get(d.root, "info"))
	page := docsPage{
		Title: str(info, "title"), Version: str(info, "version"), Summary: str(info, "summary"), Description: str(info, "description"),
		Problems: problemKinds,
	}
	groups := map[string]int{}
	for _, t := range list(d.root, "tags") {
		tag := d.m(t)
		groups[str(tag, "name")] = len(page.Groups)
		page.Groups = append(page.Groups, docsGroup{Name: str(tag, "name"), Description: str(tag, "description")})
	}
	for _, path := range d.m(get(d.root, "paths")) {
		for _, method := range d.m(path.Value) {
			op := d.operation(fmt.Sprint(method.Key), fmt.Sprint(path.Key), d.m(method.Value))
			for _, tag := range list(d.m(method.Value), "tags") {
				g := &page.Groups[groups[fmt.Sprint(tag)]]
				g.Operations = append(g.Operations, op)
			}
		}
	}
	for _, s := range d.m(get(d.m(get(d.root, "components")), "schemas")) {
		m := d.m(s.Value)
		page.Schemas = append(page.Schemas, docsSchema{
			Name: fmt.Sprint(s.Key), Description: str(m, "description"), Type: d.typeOf(m), Fields: d.fields(m),
		})
	}
	return page, nil
}

func (d document) operation(method, path string, m yaml.MapSlice) docsOperation {
	op := docsOperation{
		ID: str(m, "operationId"), Method: strings.ToUpper(method), Path: path, Summary: str(m, "summary"), Description: str(m, "description"),
	}
	if security, ok := get(m, "security").([]any); ok && len(security) == 0 {
		op.Open = true
	}
	for _, p := range list(m, "parameters") {
		pm := d.m(p)
		op.Parameters = append(op.Parameters, docsField{
			Name: str(pm, "name"), In: str(pm, "in"), Description: str(pm, "description"),
			Type: d.typeOf(rawMap(get(pm, "schema"))), Required: get(pm, "required") == true,
		})
	}
	for _, content := range d.m(get(d.m(get(m, "requestBody")), "content")) {
		cm := d.m(content.Value)
		op.Body = d.fields(d.m(get(cm, "schema")))
		op.BodyExamples = d.examples(cm)
	}
	for _, r := range d.m(get(m, "responses")) {
		rm := d.m(r.Value)
		response := docsResponse{Status: fmt.Sprint(r.Key), Description: str(rm, "description")}
		for _, content := range d.m(get(rm, "content")) {
			cm := d.m(content.Value)
			response.Schema = d.typeOf(rawMap(get(cm, "schema")))
			response.Examples = d.examples(cm)
		}
		op.Responses = append(op.Responses, response)
	}
	return op
}

func (d document) examples(m yaml.MapSlice) []docsExample {
	var out []docsExample
	for _, e := range d.m(get(m, "examples")) {
		em := d.m(e.Value)
		name := str(em, "summary")
		if name == "" {
			name = strings.ReplaceAll(fmt.Sprint(e.Key), "_", " ")
		}
		out = append(out, docsExample{Name: name, Text: pretty(get(em, "value"))})
	}
	return out
}

// fields lists the members of an object.
func (d document) fields(m yaml.MapSlice) []docsField {
	required := map[string]bool{}
	for _, r := range list(m, "required") {
		required[fmt.Sprint(r)] = true
	}
	var out []docsField
	for _, p := range d.m(get(m, "properties")) {
		raw, resolved := rawMap(p.Value), d.m(p.Value)
		description := str(raw, "description")
		if description == "" && str(raw, "$ref") == "" {
			description = str(resolved, "description")
		}
		name := fmt.Sprint(p.Key)
		out = append(out, docsField{Name: name, Type: d.typeOf(raw), Description: description, Required: required[name]})
	}
	return out
}

// typeOf says in a few words what a schema allows; a named schema is a link.
func (d document) typeOf(m yaml.MapSlice) template.HTML {
	if ref := str(m, "$ref"); ref != "" {
		name := ref[strings.LastIndexByte(ref, '/')+1:]
		return template.HTML(fmt.Sprintf(`<a href="#schema-%[1]s">%[1]s</a>`, template.HTMLEscapeString(name))) //nolint:gosec // escaped
	}
	text := func(format string, args ...any) template.HTML {
		return template.HTML(template.HTMLEscapeString(fmt.Sprintf(format, args...))) //nolint:gosec // escaped
	}
	if alternatives := list(m, "oneOf"); len(alternatives) > 0 {
		var parts []string
		for _, a := range alternatives {
			parts = append(parts, string(d.typeOf(rawMap(a))))
		}
		return template.HTML(strings.Join(parts, " or ")) //nolint:gosec // each is escaped
	}
	if words := list(m, "enum"); len(words) > 0 {
		var parts []string
		for _, w := range words {
			parts = append(parts, fmt.Sprint(w))
		}
		return text("%s", strings.Join(parts, " | "))
	}
	if c := get(m, "const"); c != nil {
		return text("%v", c)
	}
	kind := str(m, "type")
	if kind == "array" {
		return "list of " + d.typeOf(rawMap(get(m, "items")))
	}
	if kind == "" && len(m) == 0 {
		return "anything"
	}
	if format := str(m, "format"); format != "" && format != "int64" {
		kind = format
	}
	return text("%s%s", kind, limits(m))
}

// limits says what else holds for a value.
func limits(m yaml.MapSlice) string {
	var parts []string
	between := func(least, most, unit string) {
		l, u := get(m, least), get(m, most)
		switch {
		case l != nil && u != nil:
			parts = append(parts, fmt.Sprintf("%v…%v%s", l, u, unit))
		case l != nil:
			parts = append(parts, fmt.Sprintf("≥ %v%s", l, unit))
		case u != nil:
			parts = append(parts, fmt.Sprintf("≤ %v%s", u, unit))
		}
	}
	between("minimum", "maximum", "")
	between("minLength", "maxLength", " characters")
	if v := get(m, "default"); v != nil {
		parts = append(parts, fmt.Sprintf("default %v", v))
	}
	if len(parts) == 0 {
		return ""
	}
	return ", " + strings.Join(parts, ", ")
}

// m is a node as a map, following a reference.
func (d document) m(node any) yaml.MapSlice {
	m := rawMap(node)
	ref := str(m, "$ref")
	if ref == "" {
		return m
	}
	var at any = d.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		at = get(rawMap(at), part)
	}
	return rawMap(at)
}

func rawMap(node any) yaml.MapSlice {
	m, _ := node.(yaml.MapSlice)
	return m
}

func get(m yaml.MapSlice, name string) any {
	for _, item := range m {
		if fmt.Sprint(item.Key) == name {
			return item.Value
		}
	}
	return nil
}

func str(m yaml.MapSlice, name string) string {
	s, _ := get(m, name).(string)
	return strings.TrimSpace(s)
}

func list(m yaml.MapSlice, name string) []any {
	l, _ := get(m, name).([]any)
	return l
}

// pretty writes an example as indented JSON, its members in their order.
func pretty(v any) string {
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
