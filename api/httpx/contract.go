package httpx

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/goccy/go-yaml"
	"github.com/orderloom/orderloom/access"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is an OpenAPI 3.1 document whose schemas check requests. It is safe for concurrent use.
//
// A schema of OpenAPI 3.1 is a JSON Schema of 2020-12, so a validator of those is all it takes. Formats are checked.
//
// A schema may say in x-message what a value must be, in words for people. It stands beside a pattern, a format, a list
// of alternatives or a "not".
type Contract struct {
	document   map[string]any
	mu         sync.Mutex // of the compiler
	compiler   *jsonschema.Compiler
	operations map[string]*operation // by method and path, such as "GET /api/v1/orders/{order_id}"
}

// operation is what the document says of the requests of one method on one path.
type operation struct {
	// name is the method and the path, such as "GET /api/v1/orders"; empty for what no operation is for.
	name                string
	path, query, header []parameter
	// body is nil when the operation takes none.
	body         *jsonschema.Schema
	bodyRequired bool
	// scopes are those that a caller needs. Scoped tells that the document names them.
	scopes access.Scopes
	scoped bool
}

// parameter is a part of a request's path, query or header.
type parameter struct {
	name string
	// header is the name as net/http has it.
	header   string
	required bool
	// repeated parameters may be given more than once.
	repeated bool
	integer  bool
	// schema is nil when any text will do.
	schema *jsonschema.Schema
}

// documentURL is the name of the document in the locations of its schemas.
const documentURL = "openapi.json"

// NewContract reads an OpenAPI document in YAML and compiles the schemas of all requests in it.
func NewContract(text []byte) (*Contract, error) {
	inJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(inJSON))
	if err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	root, ok := document.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("read the OpenAPI document: it is no object")
	}
	c := &Contract{document: root, compiler: jsonschema.NewCompiler(), operations: map[string]*operation{}}
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	c.compiler.RegisterFormat(timeFormat)
	if err := c.compiler.AddResource(documentURL, document); err != nil {
		return nil, fmt.Errorf("read the OpenAPI document: %w", err)
	}
	paths, _ := root["paths"].(map[string]any)
	for path, item := range paths {
		methods, _ := item.(map[string]any)
		for method := range methods {
			o, err := c.compile("paths", path, method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", strings.ToUpper(method), path, err)
			}
			o.name = strings.ToUpper(method) + " " + path
			c.operations[o.name] = o
		}
	}
	return c, nil
}

// Operations are the methods and paths of the document, such as "GET /health", sorted.
func (c *Contract) Operations() []string {
	names := make([]string, 0, len(c.operations))
	for name := range c.operations {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Schema compiles the schema at a place of the document. References on the way to it are followed.
func (c *Contract) Schema(place ...string) (*jsonschema.Schema, error) {
	place, _, err := c.find(place...)
	if err != nil {
		return nil, err
	}
	escaped := make([]string, len(place))
	for i, name := range place {
		escaped[i] = url.PathEscape(pointerEscapes.Replace(name))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compiler.Compile(documentURL + "#/" + strings.Join(escaped, "/"))
}

// At returns what stands at a place of the document, and nil when nothing does. References are followed.
func (c *Contract) At(place ...string) any {
	_, node, err := c.find(place...)
	if err != nil {
		return nil
	}
	return node
}

// compile reads the operation at a place of the document.
func (c *Contract) compile(place ...string) (*operation, error) {
	o := &operation{}
	if err := c.compileScopes(o, place); err != nil {
		return nil, err
	}
	list, _ := c.At(join(place, "parameters")...).([]any)
	for i := range list {
		if err := c.compileParameter(o, join(place, "parameters", fmt.Sprint(i))); err != nil {
			return nil, err
		}
	}
	body, ok := c.At(join(place, "requestBody")...).(map[string]any)
	if !ok {
		return o, nil
	}
	content, _ := body["content"].(map[string]any)
	if content["application/json"] == nil { // such as lines, which the handler reads
		return o, nil
	}
	o.bodyRequired, _ = body["required"].(bool)
	var err error
	o.body, err = c.Schema(join(place, "requestBody", "content", "application/json", "schema")...)
	return o, err
}

// compileScopes reads the scopes of an operation, those of its first security requirement (OpenAPI 3.1, section
// 4.8.30).
func (c *Contract) compileScopes(o *operation, place []string) error {
	requirements, _ := c.At(join(place, "security")...).([]any)
	if len(requirements) == 0 {
		return nil
	}
	schemes, _ := requirements[0].(map[string]any)
	for _, names := range schemes {
		list, _ := names.([]any)
		for _, name := range list {
			scope := access.Scope(fmt.Sprint(name))
			if !slices.Contains(access.AllScopes, scope) {
				return fmt.Errorf("%q is no scope", scope)
			}
			o.scopes |= access.ScopesOf(scope)
		}
	}
	o.scoped = o.scopes != 0
	return nil
}

// Scopes are what a caller needs for an operation, such as "GET /api/v1/orders"; none for one that is open.
func (c *Contract) Scopes(name string) access.Scopes {
	if o, ok := c.operations[name]; ok {
		return o.scopes
	}
	return 0
}

func (c *Contract) compileParameter(o *operation, place []string) error {
	m, _ := c.At(place...).(map[string]any)
	p := parameter{}
	p.name, _ = m["name"].(string)
	p.required, _ = m["required"].(bool)
	p.header = http.CanonicalHeaderKey(p.name)
	schema, err := c.Schema(join(place, "schema")...)
	if err != nil {
		return fmt.Errorf("parameter %s: %w", p.name, err)
	}
	if !c.isAnyText(join(place, "schema")...) {
		p.schema = schema
	}
	if schema.Types != nil {
		types := schema.Types.ToStrings()
		p.repeated, p.integer = slices.Contains(types, "array"), slices.Contains(types, "integer")
	}
	switch m["in"] {
	case InPath:
		o.path = append(o.path, p)
	case InQuery:
		o.query = append(o.query, p)
	case InHeader:
		o.header = append(o.header, p)
	default:
		return fmt.Errorf("parameter %q is in %v, which is not supported", p.name, m["in"])
	}
	return nil
}

// isAnyText reports whether a schema says nothing but that a value is a string.
func (c *Contract) isAnyText(place ...string) bool {
	m, _ := c.At(place...).(map[string]any)
	return len(m) == 1 && m["type"] == "string"
}

// find returns what stands at a place, and the place without references.
func (c *Contract) find(place ...string) ([]string, any, error) {
	var node any = c.document
	at := []string{}
	for _, name := range place {
		var next any
		switch n := node.(type) {
		case map[string]any:
			next = n[name]
		case []any:
			if i, ok := index(name, len(n)); ok {
				next = n[i]
			}
		}
		if next == nil {
			return nil, nil, fmt.Errorf("the OpenAPI document has nothing at %s", strings.Join(place, " "))
		}
		at, node = append(at, name), next
		for {
			target, ok := reference(node)
			if !ok {
				break
			}
			var err error
			if at, node, err = c.find(target...); err != nil {
				return nil, nil, err
			}
		}
	}
	return slices.Clone(at), node, nil
}

// join is a place below another one.
func join(place []string, names ...string) []string { return append(slices.Clone(place), names...) }

// reference returns where a node refers to that is a reference and nothing else.
func reference(node any) ([]string, bool) {
	m, ok := node.(map[string]any)
	if !ok {
		return nil, false
	}
	to, ok := m["$ref"].(string)
	if !ok || len(m) > 1 {
		return nil, false
	}
	return pointer(to), true
}

// pointer is the place that a reference names.
func pointer(to string) []string {
	names := strings.Split(strings.TrimPrefix(to, "#/"), "/")
	for i := range names {
		names[i] = pointerUnescapes.Replace(names[i])
	}
	return names
}

// described returns the node of the document that an error of the validator is about.
func (c *Contract) described(location string) map[string]any {
	_, pointer, _ := strings.Cut(location, "#/")
	names := strings.Split(pointer, "/")
	for i := range names {
		plain, err := url.PathUnescape(names[i])
		if err != nil {
			return nil
		}
		names[i] = pointerUnescapes.Replace(plain)
	}
	m, _ := c.At(names...).(map[string]any)
	return m
}

var (
	pointerEscapes   = strings.NewReplacer("~", "~0", "/", "~1")
	pointerUnescapes = strings.NewReplacer("~1", "/", "~0", "~")
)
