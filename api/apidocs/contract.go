package apidocs

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// contract is what the page shows of the document.
type contract struct {
	Title, Version, Summary, Description string
	// BaseURL is the first server of the document, or a mark when that is relative.
	BaseURL  string
	Auth     *auth // nil when no API key is needed anywhere
	Groups   []group
	Headers  []field
	Refusals []sharedAnswer
	Problems []Problem
	Schemas  []schema
	Style    template.CSS
	Script   template.JS
}

// auth says how a request shows who sends it.
type auth struct {
	// Header is the whole header, with $API_KEY for the key.
	Header, Description string
}

type group struct {
	Anchor, Name, Description string
	Operations                []operation
}

type operation struct {
	ID, Method, Path, Summary, Description string
	// Open is true when no API key is needed. Scopes are those that it needs otherwise.
	Open         bool
	Scopes       []string
	Parameters   []field
	Headers      []string // shared ones, by name
	Body         []field
	BodyRequired bool
	Curl         template.HTML
	Bodies       []example // besides the first, which is in Curl
	Answers      []answer
	Refusals     []refusal
}

// answer is one that only this operation gives.
type answer struct {
	Status, Description string
	Type                template.HTML
	Fields              []field // of a body without a name
	Headers             []field
	Examples            []example
}

// refusal is a link to a shared answer.
type refusal struct{ Status, Anchor, Name string }

// sharedAnswer is a refusal that many operations give.
type sharedAnswer struct {
	Anchor, Name, Status, Description string
	Examples                          []example
}

type example struct {
	Name string
	Text template.HTML
}

type schema struct {
	Anchor, Name, Description string
	Type                      template.HTML
	Fields                    []field
}

// field is a member of an object, a parameter or a header.
type field struct {
	Anchor, Name, In, Description, Limits string
	Type                                  template.HTML
	Values                                []string // the only ones that are allowed
	Required                              bool
	Fields                                []field // of the object that the value is, or is a list of
}

// readContract reads a document. It refuses one whose references lead nowhere.
func readContract(o Options) (*contract, error) {
	var d document
	if err := yaml.UnmarshalWithOptions(o.Document, &d.root, yaml.UseOrderedMap()); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	if lost := d.lostReferences(); len(lost) > 0 {
		return nil, fmt.Errorf("the OpenAPI document refers to nothing by %s", strings.Join(lost, ", "))
	}
	d.learnExamples()
	info := d.m(get(d.root, "info"))
	c := &contract{
		Title: str(info, "title"), Version: str(info, "version"), Summary: str(info, "summary"), Description: str(info, "description"),
		BaseURL: d.baseURL(), Auth: d.auth(), Problems: o.Problems, Style: template.CSS(styleCSS), Script: template.JS(scriptJS), //nolint:gosec // ours
	}
	c.Refusals = d.sharedRefusals()
	c.Headers = d.sharedHeaders()
	c.Groups = d.groups(c)
	for _, s := range d.m(d.component("schemas")) {
		m := d.m(s.Value)
		name := fmt.Sprint(s.Key)
		f := d.field(name, rawMap(s.Value), false, 0)
		if len(list(m, "enum")) > 0 {
			f.Type = "string"
		}
		c.Schemas = append(c.Schemas, schema{
			Anchor: "schema-" + name, Name: name, Description: str(m, "description"), Type: f.Type, Fields: d.fields(m, 0),
		})
	}
	return c, nil
}

func (d *document) component(kind string) any { return get(d.m(get(d.root, "components")), kind) }

// baseURL returns the first server, or the mark when it is relative to where the document is served.
func (d *document) baseURL() string {
	for _, s := range list(d.root, "servers") {
		if url := strings.TrimRight(str(d.m(s), "url"), "/"); strings.Contains(url, "://") {
			return url
		}
	}
	return baseMark
}

// auth reads the scheme that the document requires by default.
func (d *document) auth() *auth {
	for _, requirement := range list(d.root, "security") {
		schemes := rawMap(requirement)
		if len(schemes) == 0 {
			continue
		}
		m := d.m(get(d.m(d.component("securitySchemes")), fmt.Sprint(schemes[0].Key)))
		a := &auth{Header: "Authorization: Bearer $API_KEY", Description: str(m, "description")}
		if str(m, "type") == "apiKey" && str(m, "in") == "header" {
			a.Header = str(m, "name") + ": $API_KEY"
		}
		return a
	}
	return nil
}

func (d *document) groups(c *contract) []group {
	var groups []group
	place := map[string]int{}
	for _, t := range list(d.root, "tags") {
		name := str(d.m(t), "name")
		place[name] = len(groups)
		groups = append(groups, group{Anchor: "group-" + anchor(name), Name: name, Description: str(d.m(t), "description")})
	}
	for _, path := range d.m(get(d.root, "paths")) {
		for _, method := range d.m(path.Value) {
			m := d.m(method.Value)
			if str(m, "operationId") == "" {
				continue // such as parameters of the whole path
			}
			o := d.operation(c, fmt.Sprint(method.Key), fmt.Sprint(path.Key), m)
			tag := ""
			if tags := list(m, "tags"); len(tags) > 0 {
				tag = fmt.Sprint(tags[0])
			}
			i, ok := place[tag]
			if !ok {
				i, place[tag] = len(groups), len(groups)
				groups = append(groups, group{Anchor: "group-" + anchor(tag), Name: tag})
			}
			groups[i].Operations = append(groups[i].Operations, o)
		}
	}
	return groups
}

// anchor makes a name fit for an id.
func anchor(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, strings.ToLower(name))
}

func (d *document) operation(c *contract, method, path string, m yaml.MapSlice) operation {
	security, secured := get(m, "security").([]any)
	o := operation{
		ID: str(m, "operationId"), Method: strings.ToUpper(method), Path: path, Summary: str(m, "summary"), Description: str(m, "description"),
		Open: c.Auth == nil || secured && len(security) == 0,
	}
	for _, requirement := range security {
		for _, scheme := range rawMap(requirement) {
			names, _ := scheme.Value.([]any)
			for _, scope := range names {
				o.Scopes = append(o.Scopes, fmt.Sprint(scope))
			}
		}
	}
	for _, p := range list(m, "parameters") {
		pm := d.m(p)
		if name := str(pm, "name"); slices.ContainsFunc(c.Headers, func(h field) bool { return h.Name == name }) {
			o.Headers = append(o.Headers, name)
			continue
		}
		f := d.field(str(pm, "name"), rawMap(get(pm, "schema")), get(pm, "required") == true, 0)
		f.In = str(pm, "in")
		if description := str(pm, "description"); description != "" {
			f.Description = description
		}
		o.Parameters = append(o.Parameters, f)
	}
	body := d.m(get(m, "requestBody"))
	o.BodyRequired = get(body, "required") == true
	var bodies []any
	for _, content := range d.m(get(body, "content")) {
		cm := d.m(content.Value)
		o.Body = d.fields(d.m(get(cm, "schema")), nestingMax)
		for _, e := range d.m(get(cm, "examples")) {
			em := d.m(e.Value)
			if bodies = append(bodies, get(em, "value")); len(bodies) > 1 {
				o.Bodies = append(o.Bodies, example{exampleName(e, em), highlight(pretty(get(em, "value")))})
			}
		}
		if len(bodies) == 0 && o.BodyRequired {
			bodies = append(bodies, d.sample("", get(cm, "schema"), 0))
		}
	}
	o.Curl = d.curl(c, o, m, bodies)
	d.answers(&o, m)
	return o
}

// answers reads what the operation answers. A shared refusal is a link.
func (d *document) answers(o *operation, m yaml.MapSlice) {
	for _, r := range d.m(get(m, "responses")) {
		status := fmt.Sprint(r.Key)
		if name, shared := componentName(r.Value, "responses"); shared && isRefusal(status) {
			o.Refusals = append(o.Refusals, refusal{Status: status, Anchor: "refusal-" + name, Name: spaced(name)})
			continue
		}
		rm := d.m(r.Value)
		a := answer{Status: status, Description: str(rm, "description")}
		for _, h := range d.m(get(rm, "headers")) {
			if name := fmt.Sprint(h.Key); name != "X-Request-Id" {
				a.Headers = append(a.Headers, field{Name: name, Description: str(d.m(h.Value), "description")})
			}
		}
		for _, content := range d.m(get(rm, "content")) {
			cm := d.m(content.Value)
			schema := rawMap(get(cm, "schema"))
			if a.Type = d.typeOf(schema); str(schema, "$ref") == "" {
				a.Fields = d.fields(schema, 0)
			}
			a.Examples = d.examples(cm)
			if len(a.Examples) == 0 && fmt.Sprint(content.Key) == "application/json" {
				a.Examples = []example{{"", highlight(pretty(d.sample("", get(cm, "schema"), 0)))}}
			}
		}
		o.Answers = append(o.Answers, a)
	}
}

func isRefusal(status string) bool { return status >= "4" }

// sharedRefusals reads the refusals among the document's shared answers, by their statuses.
func (d *document) sharedRefusals() []sharedAnswer {
	statuses := map[string][]string{}
	for _, path := range d.m(get(d.root, "paths")) {
		for _, method := range d.m(path.Value) {
			for _, r := range d.m(get(d.m(method.Value), "responses")) {
				name, _ := componentName(r.Value, "responses")
				if status := fmt.Sprint(r.Key); isRefusal(status) && !slices.Contains(statuses[name], status) {
					statuses[name] = append(statuses[name], status)
				}
			}
		}
	}
	var out []sharedAnswer
	for _, r := range d.m(d.component("responses")) {
		name, m := fmt.Sprint(r.Key), d.m(r.Value)
		if len(statuses[name]) == 0 {
			continue
		}
		shared := sharedAnswer{
			Anchor: "refusal-" + name, Name: spaced(name), Status: strings.Join(statuses[name], ", "), Description: str(m, "description"),
		}
		for _, content := range d.m(get(m, "content")) {
			shared.Examples = append(shared.Examples, d.examples(d.m(content.Value))...)
		}
		out = append(out, shared)
	}
	slices.SortStableFunc(out, func(a, b sharedAnswer) int { return strings.Compare(a.Status, b.Status) })
	return out
}

// sharedHeaders reads the headers among the document's shared parameters.
func (d *document) sharedHeaders() []field {
	var out []field
	for _, p := range d.m(d.component("parameters")) {
		m := d.m(p.Value)
		if str(m, "in") != "header" {
			continue
		}
		f := d.field(str(m, "name"), rawMap(get(m, "schema")), get(m, "required") == true, 0)
		f.Anchor, f.Description = "header-"+f.Name, str(m, "description")
		out = append(out, f)
	}
	return out
}

// spaced turns RequestTimeout into Request timeout.
func spaced(name string) string {
	var b strings.Builder
	for i, r := range name {
		upper := r >= 'A' && r <= 'Z'
		acronym := upper && i+1 < len(name) && name[i+1] >= 'A' && name[i+1] <= 'Z' || i > 0 && upper && name[i-1] >= 'A' && name[i-1] <= 'Z'
		switch {
		case i == 0 || !upper:
			b.WriteRune(r)
		case acronym:
			if name[i-1] < 'A' || name[i-1] > 'Z' {
				b.WriteByte(' ')
			}
			b.WriteRune(r)
		default:
			b.WriteByte(' ')
			b.WriteRune(r + 'a' - 'A')
		}
	}
	return b.String()
}
