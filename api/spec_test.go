package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"
)

// contract is openapi.yaml for tests. An OpenAPI 3.1 schema is a JSON Schema of 2020-12, so that a
// validator of those is all it takes.
type contract struct {
	document map[string]any
	compiler *jsonschema.Compiler

	mu      sync.Mutex
	schemas map[string]*jsonschema.Schema
}

var loadContract = sync.OnceValue(func() *contract {
	text, err := yaml.YAMLToJSON(spec)
	if err != nil {
		panic(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	if err := c.AddResource("openapi.json", document); err != nil {
		panic(err)
	}
	return &contract{document: document.(map[string]any), compiler: c, schemas: map[string]*jsonschema.Schema{}}
})

// at follows a path of names through the document, and references on the way.
func (c *contract) at(node any, names ...string) (any, bool) {
	node = c.resolve(node)
	for _, n := range names {
		m, ok := node.(map[string]any)
		if !ok {
			return nil, false
		}
		if node, ok = m[n]; !ok {
			return nil, false
		}
		node = c.resolve(node)
	}
	return node, true
}

func (c *contract) resolve(node any) any {
	m, ok := node.(map[string]any)
	if !ok {
		return node
	}
	ref, ok := m["$ref"].(string)
	if !ok {
		return node
	}
	target, ok := c.at(c.document, strings.Split(strings.TrimPrefix(ref, "#/"), "/")...)
	if !ok {
		panic("openapi.yaml refers to nothing: " + ref)
	}
	return target
}

// pointerTo is the place of a schema that may be behind references.
func (c *contract) schema(pointer ...string) (*jsonschema.Schema, error) {
	// Follow references on the way, because JSON Schema's pointers don't.
	at := []string{}
	var node any = c.document
	for _, n := range pointer {
		m := node.(map[string]any)
		if ref, ok := m["$ref"].(string); ok {
			at = strings.Split(strings.TrimPrefix(ref, "#/"), "/")
			m = c.resolve(m).(map[string]any)
		}
		next, ok := m[n]
		if !ok {
			return nil, fmt.Errorf("openapi.yaml has no %v", pointer)
		}
		at, node = append(at, n), next
	}
	escaped := make([]string, len(at))
	for i, n := range at {
		escaped[i] = url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(n))
	}
	place := "openapi.json#/" + strings.Join(escaped, "/")
	c.mu.Lock()
	defer c.mu.Unlock()
	if s, ok := c.schemas[place]; ok {
		return s, nil
	}
	s, err := c.compiler.Compile(place)
	c.schemas[place] = s
	return s, err
}

// operation returns the template of the path that serves a request, "" when none does.
func (c *contract) operation(method, path string) string {
	for template, item := range c.document["paths"].(map[string]any) {
		if _, ok := item.(map[string]any)[strings.ToLower(method)]; ok && pathMatches(template, path) {
			// A fixed path goes before one with a parameter.
			if fixed, ok := c.document["paths"].(map[string]any)[path]; ok && fixed.(map[string]any)[strings.ToLower(method)] != nil {
				return path
			}
			return template
		}
	}
	return ""
}

func pathMatches(template, path string) bool {
	t, p := strings.Split(template, "/"), strings.Split(path, "/")
	if len(t) != len(p) {
		return false
	}
	for i := range t {
		if t[i] != p[i] && !strings.HasPrefix(t[i], "{") {
			return false
		}
	}
	return true
}

// checkExchange requires that an answer is as the contract says, and, of a request that was taken,
// that the contract allows it.
func checkExchange(t *testing.T, r *http.Request, body string, a answer) {
	t.Helper()
	c := loadContract()
	template := c.operation(r.Method, r.URL.EscapedPath())
	if template == "" {
		require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, a.status, "%s %s is not in the contract", r.Method, r.URL.Path)
		c.checkBody(t, []string{"components", "schemas", "Problem"}, a.body)
		return
	}
	operation := []string{"paths", template, strings.ToLower(r.Method)}
	response := append(operation, "responses", fmt.Sprint(a.status))
	node, ok := c.at(c.document, response...)
	require.True(t, ok, "the contract has no %d of %s %s:\n%s", a.status, r.Method, template, a.body)
	headers, _ := c.at(node, "headers")
	if headers != nil {
		for name := range headers.(map[string]any) {
			required, _ := c.at(headers, name, "required")
			if required == true {
				require.NotEmpty(t, a.header.Get(name), "%s %s lacks the header %s", r.Method, template, name)
			}
		}
	}
	content, ok := c.at(node, "content")
	if !ok {
		require.Empty(t, a.body)
	} else {
		media, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
		require.NoError(t, err)
		require.Contains(t, content, media, "%s %s → %d", r.Method, template, a.status)
		if strings.HasSuffix(media, "json") {
			c.checkBody(t, append(response, "content", media, "schema"), a.body)
		}
	}
	if a.status < http.StatusBadRequest && body != "" {
		c.checkBody(t, append(operation, "requestBody", "content", "application/json", "schema"), body)
	}
}

func (c *contract) checkBody(t *testing.T, schema []string, body string) {
	t.Helper()
	s, err := c.schema(schema...)
	require.NoError(t, err)
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	require.NoError(t, err, body)
	require.NoError(t, s.Validate(v), body)
}

func TestContractAndRoutesAgree(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) {
		o.Stripe = &StripeWebhook{}
		o.Metrics = http.NotFoundHandler()
	})
	served := map[string]bool{}
	for _, r := range b.api.engine.Routes() {
		served[r.Method+" "+openAPIPath(r.Path)] = true
	}
	written := map[string]bool{}
	for template, item := range loadContract().document["paths"].(map[string]any) {
		for method := range item.(map[string]any) {
			written[strings.ToUpper(method)+" "+template] = true
		}
	}
	require.Equal(t, written, served)
}

func TestContractExamplesAreValid(t *testing.T) {
	t.Parallel()
	c := loadContract()
	var found int
	var walk func(node any, at []string)
	walk = func(node any, at []string) {
		switch n := node.(type) {
		case map[string]any:
			if examples, ok := n["examples"].(map[string]any); ok && n["schema"] != nil {
				s, err := c.schema(append(at, "schema")...)
				require.NoError(t, err)
				for name, e := range examples {
					found++
					require.NoError(t, s.Validate(e.(map[string]any)["value"]), "%v %s", at, name)
				}
			}
			for k, v := range n {
				walk(v, append(at[:len(at):len(at)], k))
			}
		case []any: // no examples in lists
		}
	}
	walk(c.document, nil)
	require.Greater(t, found, 15)
}

func TestContractExamplesAreTaken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	examples, ok := loadContract().at(loadContract().document, "paths", "/api/v1/orders", "post", "requestBody", "content", "application/json", "examples")
	require.True(t, ok)
	for name, e := range examples.(map[string]any) {
		body, err := json.Marshal(e.(map[string]any)["value"])
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/orders", string(body)).status, name)
	}
}

func TestContractNamesEveryProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, k := range problemKinds {
		a := b.get(t, "/problems/"+string(k.Code))
		require.Equal(t, http.StatusOK, a.status, k.Code)
		require.Contains(t, a.body, k.Code)
	}
	b.get(t, "/problems/none-such").problem(t, http.StatusNotFound, codeNotFound)
}
