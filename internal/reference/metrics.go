package reference

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// metric is one that the program shows.
type metric struct {
	name, kind, help string
	labels           []string
	folder           string
}

// passedOn is the file that makes the metrics of the Temporal SDK, whose names are known at run time alone.
const passedOn = "internal/telemetry/temporal.go"

// counted is the end of the names of constants that name a counter of the Temporal SDK's metrics handler.
const counted = "Metric"

// Metrics returns the page of the metrics that the code below root makes. It reads the calls of Prometheus's library.
// A name that can't be read from the code is an error, so that none is left out.
func Metrics(root string) (string, error) {
	all, err := metricsBelow(root)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(`# Metrics

` + wrap("Each metric of the platform, at `/metrics` of every process. Which ones say what is explained by "+
		"[observability.md](../observability.md) for the business and by [operations.md](../operations.md#health-and-metrics) "+
		"for those on call. Metrics whose names begin with `temporal_` are those of the [Temporal SDK](https://docs.temporal.io/references/sdk-metrics), "+
		"and those with `go_` and `process_` those of Prometheus's library for Go.") + "\n")
	for i, m := range all {
		if i == 0 || all[i-1].folder != m.folder {
			fmt.Fprintf(&b, "\n## %s\n\n| Metric | Kind | Labels | Meaning |\n|---|---|---|---|\n", m.folder)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", m.name, m.kind, code(m.labels...), cell(m.help))
	}
	return b.String(), nil
}

func metricsBelow(root string) ([]metric, error) {
	var all []metric
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() {
			if name != "." && strings.HasPrefix(name, ".") || slices.Contains([]string{"dev", "bench", "bin", "internal/testing", "internal/tools"}, name) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		found, err := metricsIn(path)
		if name == passedOn {
			err = nil
		}
		for _, m := range found {
			m.folder = folderOf(name)
			all = append(all, m)
		}
		return err
	})
	slices.SortFunc(all, func(a, b metric) int {
		return strings.Compare(a.folder+"\x00"+a.name, b.folder+"\x00"+b.name)
	})
	return all, err
}

// folderOf names the part that shows a metric: its package from the root on.
func folderOf(name string) string { return filepath.ToSlash(filepath.Dir(name)) }

// metricsIn returns the metrics that a Go file makes.
func metricsIn(path string) ([]metric, error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	r := reader{files: files, constants: values{}}
	for _, declaration := range file.Decls {
		if general, ok := declaration.(*ast.GenDecl); ok && general.Tok == token.CONST {
			r.readConstants(general)
		}
	}
	for _, declaration := range file.Decls {
		r.helpers = map[string]*ast.FuncLit{}
		r.read(declaration)
	}
	return r.found, errors.Join(r.problems...)
}

// values are what names stand for: texts and lists of texts.
type values map[string]any

// reader finds calls that make metrics. A function literal with such a call is a helper, whose calls are read instead.
type reader struct {
	files     *token.FileSet
	constants values
	helpers   map[string]*ast.FuncLit
	found     []metric
	problems  []error
}

func (r *reader) readConstants(declaration *ast.GenDecl) {
	for _, spec := range declaration.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok {
			continue
		}
		for i, name := range value.Names {
			if i >= len(value.Values) {
				continue
			}
			text, err := text(value.Values[i], r.constants)
			if err != nil {
				continue
			}
			r.constants[name.Name] = text
			if strings.HasSuffix(name.Name, counted) && strings.HasPrefix(text, "orderloom_") {
				r.found = append(r.found, metric{name: text, kind: "counter", help: said(name.Name, value.Doc, declaration.Doc)})
			}
		}
	}
}

// said returns what a comment says of a constant, without its name: "counts requests" becomes "Counts requests".
func said(name string, comments ...*ast.CommentGroup) string {
	for _, comment := range comments {
		if text, ours := strings.CutPrefix(comment.Text(), name+" "); ours {
			return strings.ToUpper(text[:1]) + strings.TrimSpace(text[1:])
		}
	}
	return ""
}

func (r *reader) read(declaration ast.Node) {
	ast.Inspect(declaration, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, right := range n.Rhs {
				if literal, ok := right.(*ast.FuncLit); ok && makes(literal) != nil {
					if name, ok := n.Lhs[i].(*ast.Ident); ok {
						r.helpers[name.Name] = literal
						return false
					}
				}
			}
		case *ast.CallExpr:
			if name, ok := n.Fun.(*ast.Ident); ok && r.helpers[name.Name] != nil {
				helper := r.helpers[name.Name]
				r.add(makes(helper), arguments(helper, n, r.constants))
			} else if kindOf(n) != "" {
				r.add(n, r.constants)
			}
		}
		return true
	})
}

// makes returns the call in a function literal that makes a metric; nil without one.
func makes(literal *ast.FuncLit) (call *ast.CallExpr) {
	ast.Inspect(literal, func(n ast.Node) bool {
		if c, ok := n.(*ast.CallExpr); ok && kindOf(c) != "" {
			call = c
		}
		return call == nil
	})
	return call
}

// kindOf names the kind of metric that a call makes; "" for another call.
func kindOf(call *ast.CallExpr) string {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return ""
	}
	if of, ok := selector.X.(*ast.Ident); !ok || of.Name != "prometheus" {
		return ""
	}
	kind := strings.TrimSuffix(strings.TrimSuffix(selector.Sel.Name, "Vec"), "Func")
	switch kind {
	case "NewCounter", "NewGauge", "NewHistogram", "NewSummary":
		return strings.ToLower(strings.TrimPrefix(kind, "New"))
	case "NewDesc":
		return "gauge"
	}
	return ""
}

// arguments returns what the parameters of a helper stand for in a call of it.
func arguments(helper *ast.FuncLit, call *ast.CallExpr, constants values) values {
	known := values{}
	for name, value := range constants {
		known[name] = value
	}
	i := 0
	for _, field := range helper.Type.Params.List {
		_, variadic := field.Type.(*ast.Ellipsis)
		for _, name := range field.Names {
			if variadic {
				known[name.Name], _ = texts(call.Args[i:], constants)
				break
			}
			if t, err := text(call.Args[i], constants); err == nil {
				known[name.Name] = t
			} else if list, err := list(call.Args[i], constants); err == nil {
				known[name.Name] = list
			}
			i++
		}
	}
	return known
}

// add notes the metric that a call makes, with what names stand for.
func (r *reader) add(call *ast.CallExpr, known values) {
	m := metric{kind: kindOf(call)}
	var err error
	if options, ok := call.Args[0].(*ast.CompositeLit); ok {
		err = m.readOptions(options, known)
	} else if m.name, err = text(call.Args[0], known); err == nil { // a description: name, help, labels
		m.help, err = text(call.Args[1], known)
	}
	last := call.Args[len(call.Args)-1]
	if describes := len(call.Args) == 4; describes {
		last = call.Args[2]
	}
	if labels, notLabels := list(last, known); notLabels == nil {
		m.labels = append(m.labels, labels...)
	}
	if err != nil {
		r.problems = append(r.problems, fmt.Errorf("%s: %w", r.files.Position(call.Pos()), err))
		return
	}
	r.found = append(r.found, m)
}

func (m *metric) readOptions(options *ast.CompositeLit, known values) error {
	var parts [3]string
	for _, element := range options.Elts {
		pair, ok := element.(*ast.KeyValueExpr)
		if !ok {
			return errors.New("options without names")
		}
		key, err := pair.Key.(*ast.Ident), error(nil)
		switch key.Name {
		case "Namespace":
			parts[0], err = text(pair.Value, known)
		case "Subsystem":
			parts[1], err = text(pair.Value, known)
		case "Name":
			parts[2], err = text(pair.Value, known)
		case "Help":
			m.help, err = text(pair.Value, known)
		case "ConstLabels":
			labels, ok := pair.Value.(*ast.CompositeLit)
			if !ok {
				return errors.New("labels that are not written out")
			}
			for _, e := range labels.Elts {
				if label, err := text(e.(*ast.KeyValueExpr).Key, known); err == nil {
					m.labels = append(m.labels, label)
				}
			}
		}
		if err != nil {
			return err
		}
	}
	m.name = strings.TrimLeft(strings.Join(parts[:], "_"), "_")
	return nil
}

// text returns the text that an expression stands for.
func text(e ast.Expr, known values) (string, error) {
	switch e := e.(type) {
	case *ast.BasicLit:
		return strconv.Unquote(e.Value)
	case *ast.ParenExpr:
		return text(e.X, known)
	case *ast.Ident:
		if t, ok := known[e.Name].(string); ok {
			return t, nil
		}
		return "", fmt.Errorf("%s is no text that is known here", e.Name)
	case *ast.BinaryExpr:
		left, err := text(e.X, known)
		if err != nil {
			return "", err
		}
		right, err := text(e.Y, known)
		return left + right, err
	}
	return "", errors.New("a text that is not written out")
}

// list returns the texts that an expression stands for: a list of them.
func list(e ast.Expr, known values) ([]string, error) {
	switch e := e.(type) {
	case *ast.Ident:
		if l, ok := known[e.Name].([]string); ok {
			return l, nil
		}
	case *ast.CompositeLit:
		if _, isList := e.Type.(*ast.ArrayType); isList {
			return texts(e.Elts, known)
		}
	}
	return nil, errors.New("no list that is written out")
}

func texts(expressions []ast.Expr, known values) ([]string, error) {
	found := make([]string, len(expressions))
	for i, e := range expressions {
		var err error
		if found[i], err = text(e, known); err != nil {
			return nil, err
		}
	}
	return found, nil
}
