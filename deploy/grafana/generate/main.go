// Command generate writes the dashboards of deploy/grafana, one for each audience.
//
// A panel is a line here: what it shows, in which unit, by which query, and what a reader makes of it. A test runs
// every query against a Prometheus that has scraped the platform (dev/e2e/panels_test.go).
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

//go:generate go run . ..

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate FOLDER")
		os.Exit(2)
	}
	for _, d := range dashboards {
		text, err := d.JSON()
		if err == nil {
			err = os.WriteFile(filepath.Join(os.Args[1], d.name+".json"), text, 0o644) //nolint:gosec // for everybody to read
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// dashboard is a page for one audience.
type dashboard struct {
	name, title, what string
	rows              []row
}

// row is a heading and the panels below it, three beside each other.
type row struct {
	title  string
	panels []panel
}

// panel is a graph, or with now a single value.
type panel struct {
	title, what, unit string
	now               bool
	queries           []query
}

// query is an expression of PromQL, and the name of each of its series.
type query struct{ expr, legend string }

// Sizes in Grafana's grid of 24 columns.
const (
	panelWidth  = 8
	panelHeight = 8
	perRow      = 3
)

type object = map[string]any

var source = object{"type": "prometheus", "uid": "${datasource}"}

// JSON is what Grafana imports.
func (d dashboard) JSON() ([]byte, error) {
	var panels []object
	id, y := 1, 0
	add := func(p object) {
		p["id"] = id
		id++
		panels = append(panels, p)
	}
	for _, r := range d.rows {
		add(object{"type": "row", "title": r.title, "collapsed": false, "panels": []object{}, "gridPos": object{"x": 0, "y": y, "w": 24, "h": 1}})
		y++
		for i, p := range r.panels {
			at := object{"x": i % perRow * panelWidth, "y": y + i/perRow*panelHeight, "w": panelWidth, "h": panelHeight}
			add(p.object(at))
		}
		y += (len(r.panels) + perRow - 1) / perRow * panelHeight
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	err := e.Encode(object{
		"uid": "orderloom-" + d.name, "title": d.title, "description": d.what, "tags": []string{"orderloom"}, "editable": true, "schemaVersion": 39,
		"refresh": "30s", "time": object{"from": "now-6h", "to": "now"}, "timezone": "", "panels": panels, "graphTooltip": 1,
		"templating": object{"list": []object{
			{"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": object{}, "hide": 0},
			choice("namespace", "Namespace", "label_values(orderloom_build_info, namespace)"),
			choice("release", "Release", `label_values(orderloom_build_info{namespace=~"$namespace"}, release)`),
		}},
		"links": []object{{"type": "dashboards", "title": "Orderloom", "tags": []string{"orderloom"}, "asDropdown": false, "includeVars": true, "keepTime": true}},
	})
	return b.Bytes(), err
}

// choice is a variable for one, some or all values of a label. All stands for series without that label too.
func choice(name, label, values string) object {
	return object{
		"name": name, "label": label, "type": "query", "datasource": source, "query": object{"query": values, "refId": name}, "definition": values,
		"includeAll": true, "allValue": ".*", "multi": true, "refresh": 2, "sort": 1, "hide": 0,
		"current": object{"selected": true, "text": []string{"All"}, "value": []string{"$__all"}},
	}
}

// ofChosen are the labels that the chart gives the series of a release.
const ofChosen = `namespace=~"$namespace",release=~"$release"`

// series finds each selector of an expression: a name, and the brace behind it.
var series = regexp.MustCompile(`\b(?:((?:orderloom|temporal|process|go)_[a-z_]+|ALERTS)\b(\{?)|(up)(\{))`)

// chosen is an expression about the releases that are chosen.
func chosen(expr string) string {
	return series.ReplaceAllStringFunc(expr, func(selector string) string {
		if name, braced := strings.CutSuffix(selector, "{"); braced {
			return name + "{" + ofChosen + ","
		}
		return selector + "{" + ofChosen + "}"
	})
}

func (p panel) object(at object) object {
	kind, options := "timeseries", object{"legend": object{"displayMode": "list", "placement": "bottom"}, "tooltip": object{"mode": "multi", "sort": "desc"}}
	if p.now {
		kind, options = "stat", object{"reduceOptions": object{"calcs": []string{"lastNotNull"}}, "colorMode": "value", "textMode": "value_and_name"}
	}
	targets := make([]object, len(p.queries))
	for i, q := range p.queries {
		targets[i] = object{"refId": string(rune('A' + i)), "datasource": source, "expr": chosen(q.expr), "legendFormat": q.legend, "range": !p.now, "instant": p.now}
	}
	return object{
		"type": kind, "title": p.title, "description": p.what, "gridPos": at, "datasource": source, "options": options, "targets": targets,
		"fieldConfig": object{"defaults": object{"unit": p.unit, "min": 0}, "overrides": []object{}},
	}
}
