package httpx

import (
	"bytes"
	stdjson "encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// fieldsParameter names the members that a caller wants to see. Each operation whose document has it takes it: it
// chooses members of what is shown, or of each thing in a list.
const fieldsParameter = "fields"

// selection is which members of an object are shown; nil for all.
type selection map[string]selection

// add chooses a member by its path.
func (s selection) add(path []string) {
	below, there := s[path[0]]
	switch {
	case len(path) == 1:
		s[path[0]] = nil // all of it, whatever else is chosen within
	case there && below == nil:
	default:
		if below == nil {
			below = selection{}
			s[path[0]] = below
		}
		below.add(path[1:])
	}
}

// from returns what is chosen of a value. Of a list it is that of each element.
func (s selection) from(value any) any {
	if s == nil {
		return value
	}
	switch v := value.(type) {
	case map[string]any:
		chosen := make(map[string]any, len(s))
		for name, below := range s {
			if member, ok := v[name]; ok {
				chosen[name] = below.from(member)
			}
		}
		return chosen
	case []any:
		for i := range v {
			v[i] = s.from(v[i])
		}
	}
	return value
}

// readFields reads which members the caller wants, and blames those that there are not.
func (x *Exchange) readFields() {
	text := x.QueryText(fieldsParameter)
	if text == "" || !x.Takes(InQuery, fieldsParameter) {
		return
	}
	shown := x.shownPlace()
	chosen := selection{}
	var unknown []string
	for field := range strings.SplitSeq(text, ",") {
		field = strings.TrimSpace(field)
		path := strings.Split(field, ".")
		if !x.router.contract.hasMember(shown, path) {
			unknown = append(unknown, strconv.Quote(field))
			continue
		}
		chosen.add(path)
	}
	if len(unknown) > 0 {
		x.Blame(InQuery, fieldsParameter, "there is no member %s", strings.Join(unknown, ", "))
		return
	}
	x.fields = chosen
}

// shownPlace is where the document describes what the operation shows, or each thing of its list.
func (x *Exchange) shownPlace() []string {
	place := x.answerPlace(http.StatusOK, "application/json")
	if member := x.router.contract.listMember(place); member != "" {
		return join(place, "properties", member, "items")
	}
	return place
}

// listMember is the member of a page that holds its list; empty for what is no page.
func (c *Contract) listMember(place []string) string {
	page, _ := c.At(place...).(map[string]any)
	properties, _ := page["properties"].(map[string]any)
	if properties["next_cursor"] == nil {
		return ""
	}
	for name := range properties {
		member, _ := c.At(join(place, "properties", name)...).(map[string]any)
		if member["type"] == "array" {
			return name
		}
	}
	return ""
}

// hasMember reports whether what a schema describes has a member with this path. A path goes through lists. The members
// of an object that callers name are all there.
func (c *Contract) hasMember(place, path []string) bool {
	if len(path) == 0 {
		return true
	}
	at, node, err := c.find(place...)
	m, ok := node.(map[string]any)
	if err != nil || !ok {
		return false
	}
	if to, ok := m["$ref"].(string); ok && c.hasMember(pointer(to), path) { // with words beside it
		return true
	}
	for _, keyword := range []string{"oneOf", "anyOf", "allOf"} {
		alternatives, _ := m[keyword].([]any)
		for i := range alternatives {
			if c.hasMember(join(at, keyword, strconv.Itoa(i)), path) {
				return true
			}
		}
	}
	if m["items"] != nil && c.hasMember(join(at, "items"), path) {
		return true
	}
	if properties, _ := m["properties"].(map[string]any); properties[path[0]] != nil {
		return c.hasMember(join(at, "properties", path[0]), path[1:])
	}
	_, open := m["additionalProperties"].(map[string]any)
	return open && len(path) == 1
}

// sparse is an answer with those members alone that the caller wants.
func (x *Exchange) sparse(status int, body []byte) []byte {
	if x.fields == nil || status != http.StatusOK {
		return body
	}
	d := stdjson.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var value any
	if d.Decode(&value) != nil {
		return body
	}
	place := x.answerPlace(http.StatusOK, "application/json")
	page, isObject := value.(map[string]any)
	if member := x.router.contract.listMember(place); member != "" && isObject {
		page[member] = x.fields.from(page[member])
	} else {
		value = x.fields.from(value)
	}
	text, err := stdjson.Marshal(value)
	if err != nil {
		x.Note(err)
		return body
	}
	return text
}
