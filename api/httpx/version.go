package httpx

import (
	"bytes"
	stdjson "encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/orderloom/orderloom/api/version"
	"github.com/orderloom/orderloom/domain"
)

// unknownPinRetry is when to ask again where another process may know the version of a key.
const unknownPinRetry = 5 * time.Second

// setVersion chooses the version of request and answer, and tells it in the answer.
func (x *Exchange) setVersion(v version.Version) {
	x.version = v
	x.Writer.Header()[version.Header] = x.router.versionHeaders[v]
}

// chooseVersion takes the version that the request names, or else that of the caller's key, or else the newest. Errors:
// unknown_version; unavailable for a key of a version that only a newer program knows.
func (x *Exchange) chooseVersion() error {
	h := x.router.versions
	if h == nil {
		return nil
	}
	if asked, ok := x.Request.Header[version.Header]; ok {
		v := version.Version(strings.Join(asked, ", "))
		if !h.Knows(v) {
			return NewProblem(KindUnknownVersion, fmt.Sprintf("%q is no version of this API", domain.Clip(string(v)))).
				Extend("known_versions", h.Known())
		}
		x.setVersion(v)
		return nil
	}
	if x.Caller == nil || x.Caller.Version == "" {
		return nil
	}
	v := version.Version(x.Caller.Version)
	if !h.Knows(v) {
		p := NewProblem(KindUnavailable, "this process does not know the version that the key has")
		p.RetryAfter = unknownPinRetry
		return p
	}
	x.setVersion(v)
	return nil
}

// Version is the version of the API that the caller gets; empty without versions.
func (x *Exchange) Version() version.Version { return x.version }

// older reports whether the caller gets another version than the newest.
func (x *Exchange) older() bool {
	return x.router.versions != nil && x.version != x.router.newest
}

// forward brings a body that was read to the newest version. Text is nil when it stays as it is.
func (x *Exchange) forward(operation string, value any) (text []byte, err error) {
	if !x.older() || !x.router.versions.ChangesBody(x.version, operation) {
		return nil, nil
	}
	body, ok := value.(map[string]any)
	if !ok {
		return nil, nil // the document will refuse it
	}
	x.router.versions.Body(x.version, operation, body)
	return stdjson.Marshal(body)
}

// back brings an answer to the version that the caller gets.
func (x *Exchange) back(status int, media string, body []byte) []byte {
	if !x.older() || x.operation.name == "" {
		return body
	}
	return x.backFrom(body, x.answerPlace(status, media)...)
}

// answerPlace is where the document describes an answer.
func (x *Exchange) answerPlace(status int, media string) []string {
	method, path, _ := strings.Cut(x.operation.name, " ")
	return []string{"paths", path, strings.ToLower(method), "responses", strconv.Itoa(status), "content", media, "schema"}
}

// Shown brings a thing of a schema of the document to the version that the caller gets.
func (x *Exchange) Shown(schema string, object []byte) []byte {
	if !x.older() {
		return object
	}
	return x.backFrom(object, "components", "schemas", schema)
}

// backFrom brings back what a schema at a place of the document describes.
func (x *Exchange) backFrom(text []byte, place ...string) []byte {
	if !x.router.versions.ChangesAnswers(x.version) {
		return text
	}
	d := stdjson.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return text // it is no JSON
	}
	x.router.contract.Back(x.router.versions, x.version, value, place...)
	older, err := stdjson.Marshal(value)
	if err != nil {
		x.Note(fmt.Errorf("bring the answer to version %s: %w", x.version, err))
		return text
	}
	return older
}

// Back brings what a schema at a place of the document describes back to a version.
func (c *Contract) Back(h *version.History, to version.Version, value any, place ...string) {
	c.walk(place, value, func(schema string, object map[string]any) { h.Answer(to, schema, object) })
}

// walk visits all objects in a value that a schema at a place of the document gives a name, the inner ones first.
func (c *Contract) walk(place []string, value any, visit func(schema string, object map[string]any)) {
	c.walkAs(place, value, c.describes, visit)
}

// walkAs is [Contract.walk] with a rule of its own for which one of several alternatives describes a value.
func (c *Contract) walkAs(place []string, value any, describes func([]string, any) bool, visit func(schema string, object map[string]any)) {
	at, node, err := c.find(place...)
	m, ok := node.(map[string]any)
	if err != nil || !ok {
		return
	}
	if to, ok := m["$ref"].(string); ok { // with words beside it
		c.walkAs(pointer(to), value, describes, visit)
	}
	for _, keyword := range []string{"oneOf", "anyOf", "allOf"} {
		alternatives, _ := m[keyword].([]any)
		for i := range alternatives {
			below := join(at, keyword, strconv.Itoa(i))
			if keyword != "allOf" && !describes(below, value) {
				continue
			}
			if one, _ := c.At(below...).(map[string]any); one["not"] != nil {
				below = join(at, keyword, "0") // a part of the first one, which the caller has chosen
			}
			c.walkAs(below, value, describes, visit)
			if keyword != "allOf" {
				break
			}
		}
	}
	switch v := value.(type) {
	case map[string]any:
		properties, _ := m["properties"].(map[string]any)
		for name, inner := range v {
			if properties[name] != nil {
				c.walkAs(join(at, "properties", name), inner, describes, visit)
			} else if _, open := m["additionalProperties"].(map[string]any); open {
				c.walkAs(join(at, "additionalProperties"), inner, describes, visit)
			}
		}
		if len(at) == 3 && at[0] == "components" && at[1] == "schemas" {
			visit(at[2], v)
		}
	case []any:
		for _, inner := range v {
			c.walkAs(join(at, "items"), inner, describes, visit)
		}
	}
}

// describes reports whether a value is as a schema has it.
func (c *Contract) describes(place []string, value any) bool {
	schema, err := c.Schema(place...)
	return err == nil && schema.Validate(value) == nil
}

// versionHeaders are the values of the header for all versions.
func versionHeaders(h *version.History) map[version.Version][]string {
	all := map[version.Version][]string{}
	if h != nil {
		for _, v := range h.Known() {
			all[v] = []string{string(v)}
		}
	}
	return all
}

// KindUnknownVersion refuses a version that the API does not have.
var KindUnknownVersion = Kind{
	Code: "unknown_version", Status: http.StatusBadRequest, Title: "The API has no such version",
	About: "The header Orderloom-Version names a version that this API does not have. known_versions lists those that it has, the newest " +
		"first. Without the header, a request has the version of its key.",
}
