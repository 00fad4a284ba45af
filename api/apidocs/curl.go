package apidocs

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"

	"github.com/goccy/go-yaml"
)

// curl writes the line that makes a request, for a POSIX shell. The API key is that of the variable API_KEY.
func (d *document) curl(c *contract, o operation, m yaml.MapSlice, bodies []any) template.HTML {
	path, query := o.Path, url.Values{}
	var headers []string
	for _, p := range list(m, "parameters") {
		pm := d.m(p)
		name, given := str(pm, "name"), get(pm, "example")
		required := get(pm, "required") == true
		if given == nil && required {
			given = d.sample(name, get(pm, "schema"), 0)
		}
		switch str(pm, "in") {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(fmt.Sprint(given)))
		case "query":
			if required {
				query.Set(name, fmt.Sprint(given))
			}
		case "header":
			if given != nil {
				headers = append(headers, fmt.Sprintf("%s: %v", name, given))
			}
		}
	}
	address := c.BaseURL + path
	if len(query) > 0 {
		address = quoted(address + "?" + query.Encode())
	}
	line := "curl"
	if d.streams(m) {
		line += " -N" // show each event as it arrives
	}
	if o.Method != "GET" && (len(bodies) == 0 || o.Method != "POST") { // a body makes it a POST
		line += " -X " + o.Method
	}
	parts := []string{line + " " + address}
	if !o.Open {
		parts = append(parts, `-H "`+c.Auth.Header+`"`) // in double quotes, for the variable
	}
	for _, h := range headers {
		parts = append(parts, "-H "+quoted(h))
	}
	media := "application/json"
	for _, content := range d.m(get(d.m(get(m, "requestBody")), "content")) {
		media = fmt.Sprint(content.Key)
	}
	if len(bodies) > 0 {
		parts = append(parts, "-H 'Content-Type: "+media+"'")
	}
	out := template.HTMLEscapeString(strings.Join(parts, " \\\n  "))
	if lines, ok := first(bodies).(string); ok && media != "application/json" {
		return template.HTML(out + " \\\n  --data-binary " + template.HTMLEscapeString(quoted(lines))) //nolint:gosec // escaped
	}
	if len(bodies) > 0 {
		out += " \\\n  -d " + string(highlight(quoted(pretty(bodies[0]))))
	}
	return template.HTML(out) //nolint:gosec // escaped
}

// first is the first of a list; nil for none.
func first(list []any) any {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// streams reports whether the operation answers with a stream of events.
func (d *document) streams(m yaml.MapSlice) bool {
	for _, r := range d.m(get(m, "responses")) {
		if get(d.m(get(d.m(r.Value), "content")), "text/event-stream") != nil {
			return true
		}
	}
	return false
}

// quoted quotes a text for a POSIX shell.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
