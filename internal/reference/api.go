package reference

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/api"
)

// document is what the page tells of an OpenAPI document.
type document struct {
	Info struct{ Description string }
	Tags []struct{ Name, Description string }
	// Paths has the operations in the order in which they are written.
	Paths      yaml.MapSlice
	Components struct {
		Parameters map[string]parameter
		Responses  map[string]response
	}
}

type operation struct {
	Tags        []string
	OperationID string `yaml:"operationId"`
	Summary     string
	Description string
	Deprecated  bool
	Security    []map[string][]string
	Parameters  []parameter
	Responses   map[string]response

	method, path string
}

type parameter struct {
	Ref         string `yaml:"$ref"`
	Name, In    string
	Required    bool
	Description string
	Schema      schema
}

type response struct {
	Ref         string `yaml:"$ref"`
	Description string
}

type schema struct {
	Ref  string `yaml:"$ref"`
	Type any
	Enum []any
}

// everywhere are the parameters that all operations have. They are told once.
var everywhere = []string{"X-Request-Id", "Orderloom-Version", "fields"}

// API returns the page of the operations of an OpenAPI document.
func API(text []byte) (string, error) {
	var d document
	if err := yaml.UnmarshalWithOptions(text, &d, yaml.UseOrderedMap()); err != nil {
		return "", err
	}
	operations, err := d.operations()
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`# The HTTP API

` + wrap("Each operation with its scopes, parameters and answers. A running platform shows the same at `/docs` with schemas, "+
		"examples and `curl` lines, and the document itself at `/openapi.yaml`. [integrate.md](../integrate.md) is a first "+
		"integration, [access.md](../access.md) explains scopes, and [problems.md](problems.md) every refusal.") + "\n\n")
	b.WriteString("## For all operations\n\n" + paragraphs(d.Info.Description) + "\n\n")
	b.WriteString("| Parameter | In | Meaning |\n|---|---|---|\n")
	for _, name := range everywhere {
		for _, key := range slices.Sorted(maps.Keys(d.Components.Parameters)) {
			if p := d.Components.Parameters[key]; p.Name == name {
				fmt.Fprintf(&b, "| `%s` | %s | %s |\n", p.Name, p.In, cell(p.Description))
			}
		}
	}
	for _, tag := range d.Tags {
		fmt.Fprintf(&b, "\n## %s\n\n%s\n", tag.Name, paragraphs(tag.Description))
		for _, o := range operations {
			if slices.Contains(o.Tags, tag.Name) {
				d.write(&b, o)
			}
		}
	}
	return b.String(), nil
}

// operations returns all operations in their order. An operation without a known tag would be nowhere: an error.
func (d *document) operations() ([]operation, error) {
	var all []operation
	for _, path := range d.Paths {
		methods, ok := path.Value.(yaml.MapSlice)
		if !ok {
			return nil, fmt.Errorf("%v holds no operations", path.Key)
		}
		for _, item := range methods {
			text, err := yaml.Marshal(item.Value)
			if err != nil {
				return nil, err
			}
			o := operation{method: strings.ToUpper(fmt.Sprint(item.Key)), path: fmt.Sprint(path.Key)}
			if err := yaml.Unmarshal(text, &o); err != nil {
				return nil, fmt.Errorf("%s %s: %w", o.method, o.path, err)
			}
			if len(o.Tags) != 1 || !slices.ContainsFunc(d.Tags, func(t struct{ Name, Description string }) bool { return t.Name == o.Tags[0] }) {
				return nil, fmt.Errorf("%s %s has the tags %v: one of the document's is needed", o.method, o.path, o.Tags)
			}
			all = append(all, o)
		}
	}
	return all, nil
}

func (d *document) write(b *strings.Builder, o operation) {
	fmt.Fprintf(b, "\n### %s\n\n`%s %s`\n", o.Summary, o.method, o.path)
	if o.Description != "" {
		fmt.Fprintf(b, "\n%s\n", paragraphs(o.Description))
	}
	fmt.Fprintf(b, "\n%s\n", wrap(scopes(o)+" Operation `"+o.OperationID+"`."))
	var rows []string
	for _, p := range o.Parameters {
		if p.Ref != "" {
			p = d.Components.Parameters[afterSlash(p.Ref)]
		}
		if slices.Contains(everywhere, p.Name) {
			continue
		}
		in := p.In
		if p.Required && p.In != "path" {
			in += ", required"
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %s | %s |\n", p.Name, in, cell(p.Description+oneOf(p))))
	}
	if len(rows) > 0 {
		b.WriteString("\n| Parameter | In | Meaning |\n|---|---|---|\n" + strings.Join(rows, ""))
	}
	d.writeAnswers(b, o)
}

// scopes says who may call an operation.
func scopes(o operation) string {
	if o.Security != nil && len(o.Security) == 0 {
		return "No key is needed."
	}
	var needed []string
	for _, way := range o.Security {
		for _, scope := range way["apiKey"] {
			if !slices.Contains(needed, scope) {
				needed = append(needed, scope)
			}
		}
	}
	if len(needed) == 0 {
		return "Any key."
	}
	word := "Scope"
	if len(needed) > 1 {
		word = "Scopes"
	}
	return word + " " + code(needed...) + "."
}

// oneOf tells the values that a parameter may have.
func oneOf(p parameter) string {
	if len(p.Schema.Enum) == 0 {
		return ""
	}
	values := make([]string, len(p.Schema.Enum))
	for i, v := range p.Schema.Enum {
		values[i] = fmt.Sprint(v)
	}
	return " One of " + code(values...) + "."
}

func (d *document) writeAnswers(b *strings.Builder, o operation) {
	var statuses []string
	for status := range o.Responses {
		statuses = append(statuses, status)
	}
	slices.Sort(statuses)
	var rows, refusals []string
	for _, status := range statuses {
		r := o.Responses[status]
		if r.Ref != "" {
			r = d.Components.Responses[afterSlash(r.Ref)]
		}
		if status < "4" {
			rows = append(rows, fmt.Sprintf("| %s | %s |\n", status, cell(r.Description)))
			continue
		}
		refusals = append(refusals, refusal(status))
	}
	if len(rows) > 0 {
		b.WriteString("\n| Answer | Says |\n|---|---|\n" + strings.Join(rows, ""))
	}
	if len(refusals) > 0 {
		b.WriteString("\nRefused with " + strings.Join(refusals, ", ") + ".\n")
	}
}

// refusal links a status to its problems. Not all have one: 408 is of a request that has not come whole.
func refusal(status string) string {
	for _, p := range api.Problems() {
		if strconv.Itoa(p.Status) == status {
			return fmt.Sprintf("[%s](problems.md#%s)", status, anchor(status+" "+http.StatusText(p.Status)))
		}
	}
	return status
}

// anchor returns the anchor of a heading of plain words.
func anchor(heading string) string { return strings.ReplaceAll(strings.ToLower(heading), " ", "-") }

func afterSlash(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }
