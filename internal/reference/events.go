package reference

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/orderloom/orderloom/domain/catalog"
	"github.com/orderloom/orderloom/internal/eventschema"
)

// Events returns the page of the events. Their meaning is that of the comments of their types below root.
func Events(root string) (string, error) {
	meanings, err := commentsOfTypes(filepath.Join(root, "domain"))
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`# Events

` + wrap("Each event with its newest version and the members of its payload. The links lead to the JSON Schema of each version "+
		"that was ever published. Kafka and [the feed](../feed.md) have them as CloudEvents, and a stored event of an older version "+
		"is read as one of the newest. A member with a `?` may be absent. Members of lists are written with `[]`.") + "\n")
	aggregate := ""
	for _, e := range catalog.All() {
		kind := e.EventType()
		if of := catalog.AggregateType(kind); of != aggregate {
			aggregate = of
			fmt.Fprintf(&b, "\n## Of the aggregate type `%s`\n", of)
		}
		if meanings[kind] == "" {
			return "", fmt.Errorf("the type %s has no comment", kind)
		}
		text, err := eventschema.Of(e)
		if err != nil {
			return "", err
		}
		var s payload
		if err := json.Unmarshal(text, &s); err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "\n### %s\n\n%s\n\n%s\n", kind, paragraphs(meanings[kind]), versions(kind, e.EventVersion()))
		b.WriteString("\n| Member | Form |\n|---|---|\n")
		s.write(&b, "")
	}
	return b.String(), nil
}

// versions links the schemas of all versions, the newest first.
func versions(kind string, newest int) string {
	links := make([]string, 0, newest)
	for v := newest; v >= 1; v-- {
		links = append(links, fmt.Sprintf("[version %d](../events/%s)", v, eventschema.Name(kind, v)))
	}
	return wrap(strings.Join(links, ", ") + ".")
}

// payload is what the page tells of a JSON Schema.
type payload struct {
	Type                 string          `json:"type"`
	Format               string          `json:"format"`
	Description          string          `json:"description"`
	Properties           ordered         `json:"properties"`
	Required             []string        `json:"required"`
	Items                *payload        `json:"items"`
	AdditionalProperties json.RawMessage `json:"additionalProperties"`
}

// ordered are the members of an object in the order in which they are written.
type ordered []member

type member struct {
	name string
	payload
}

// UnmarshalJSON implements [json.Unmarshaler].
func (o *ordered) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		m := member{name: fmt.Sprint(name)}
		if err := d.Decode(&m.payload); err != nil {
			return err
		}
		*o = append(*o, m)
	}
	return nil
}

// nestingMax is how deep members of members are listed.
const nestingMax = 2

func (p *payload) write(b *strings.Builder, path string) {
	for _, m := range p.Properties {
		name := path + m.name
		optional := ""
		if !slices.Contains(p.Required, m.name) {
			optional = "?"
		}
		fmt.Fprintf(b, "| `%s`%s | %s |\n", name, optional, m.form())
		inner, step := &m.payload, "."
		if m.Items != nil {
			inner, step = m.Items, "[]."
		}
		if !inner.isMoney() && strings.Count(name, ".")+1 < nestingMax {
			inner.write(b, name+step)
		}
	}
}

// form says in a few words what a member holds.
func (p *payload) form() string {
	switch {
	case p.isMoney():
		return "amount and currency"
	case p.Type == "array" && p.Items != nil:
		return "list of " + plural(p.Items.form())
	case p.Format == "uuid":
		return "id"
	case p.Format == "date-time":
		return "time"
	case p.Type == "object" && strings.HasPrefix(p.Description, "Personal data"):
		return "sealed personal data"
	case p.Type == "":
		return "any"
	}
	return p.Type
}

func plural(form string) string {
	switch form {
	case "amount and currency":
		return "amounts with currency"
	case "any", "sealed personal data":
		return form
	}
	return form + "s"
}

func (p *payload) isMoney() bool {
	return len(p.Properties) == 2 && p.Properties[0].name == "amount" && p.Properties[1].name == "currency"
}

// commentsOfTypes returns the comments of all types in the folders below a folder, by the names of the types.
func commentsOfTypes(folder string) (map[string]string, error) {
	found := map[string]string{}
	folders, err := os.ReadDir(folder)
	if err != nil {
		return nil, err
	}
	files := token.NewFileSet()
	for _, f := range folders {
		sources, err := filepath.Glob(filepath.Join(folder, f.Name(), "*.go"))
		if err != nil {
			return nil, err
		}
		for _, source := range sources {
			file, err := parser.ParseFile(files, source, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			for _, declaration := range file.Decls {
				if general, ok := declaration.(*ast.GenDecl); ok {
					noteComments(found, general)
				}
			}
		}
	}
	return found, nil
}

func noteComments(found map[string]string, declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok {
			continue
		}
		comment := t.Doc
		if comment == nil {
			comment = declaration.Doc
		}
		if comment != nil {
			first, _, _ := strings.Cut(comment.Text(), "\n\n")
			found[t.Name.Name] = brackets.Replace(strings.TrimSpace(first))
		}
	}
}

// brackets takes the links of Go's comments for what they name.
var brackets = strings.NewReplacer("[", "`", "]", "`")
