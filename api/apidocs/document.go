package apidocs

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// document is an OpenAPI document whose members keep their order.
type document struct {
	root yaml.MapSlice
	// known is what the document's examples say of names: how a sku looks, for instance. whole are the examples of
	// whole schemas, by name.
	known, whole map[string]any
}

// nestingMax is how deep the members of a request's body are shown where it is described.
const nestingMax = 3

// fields lists the members of an object. Members of members are listed down to a depth. An object without a name
// always has its members listed, since no other place describes them.
func (d *document) fields(m yaml.MapSlice, depth int) []field {
	required := list(m, "required")
	var out []field
	for _, p := range d.m(get(m, "properties")) {
		name := fmt.Sprint(p.Key)
		out = append(out, d.field(name, rawMap(p.Value), slices.Contains(required, any(name)), depth))
	}
	return out
}

// field describes a value of a schema.
func (d *document) field(name string, raw yaml.MapSlice, required bool, depth int) field {
	m := d.m(raw)
	f := field{Name: name, Type: d.typeOf(raw), Required: required, Description: str(raw, "description"), Limits: limits(m)}
	if f.Description == "" && str(raw, "$ref") == "" {
		f.Description = str(m, "description")
	}
	for _, of := range []yaml.MapSlice{m, d.m(get(m, "items"))} { // what it may be, or what a list of it may hold
		for _, v := range list(of, "enum") {
			f.Values = append(f.Values, fmt.Sprint(v))
		}
	}
	inner := raw
	if str(m, "type") == "array" {
		inner = rawMap(get(m, "items"))
	}
	if depth > 0 || str(inner, "$ref") == "" {
		f.Fields = d.fields(d.m(inner), max(depth-1, 0))
	}
	return f
}

// typeOf says in a few words what a schema allows; a named schema is a link.
func (d *document) typeOf(m yaml.MapSlice) template.HTML {
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
	return text("%s", kind)
}

// limits says what else holds for a value.
func limits(m yaml.MapSlice) string {
	var parts []string
	between := func(least, most, unit string) {
		l, u := get(m, least), get(m, most)
		switch {
		case l != nil && u != nil:
			parts = append(parts, fmt.Sprintf("%v to %v%s", l, u, unit))
		case l != nil:
			parts = append(parts, fmt.Sprintf("at least %v%s", l, unit))
		case u != nil:
			parts = append(parts, fmt.Sprintf("at most %v%s", u, unit))
		}
	}
	between("minimum", "maximum", "")
	if fmt.Sprint(get(m, "minLength")) == "1" && get(m, "maxLength") == nil {
		parts = append(parts, "not empty")
	} else {
		between("minLength", "maxLength", " characters")
	}
	between("minItems", "maxItems", " entries")
	if v := get(m, "default"); v != nil {
		parts = append(parts, fmt.Sprintf("default %v", v))
	}
	return strings.Join(parts, ", ")
}

// m is a node as a map, following a reference.
func (d *document) m(node any) yaml.MapSlice {
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

// componentName returns the name of the component that a node refers to, if it is of a kind.
func componentName(node any, kind string) (string, bool) {
	return strings.CutPrefix(str(rawMap(node), "$ref"), "#/components/"+kind+"/")
}

// lostReferences lists the references that lead nowhere.
func (d *document) lostReferences() []string {
	var lost []string
	var walk func(node any)
	walk = func(node any) {
		switch n := node.(type) {
		case yaml.MapSlice:
			if ref := str(n, "$ref"); ref != "" && len(d.m(n)) == 0 {
				lost = append(lost, ref)
			}
			for _, item := range n {
				walk(item.Value)
			}
		case []any:
			for _, v := range n {
				walk(v)
			}
		}
	}
	walk(d.root)
	return lost
}
