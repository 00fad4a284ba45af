package domain_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A code that is written twice drifts apart. So it is a constant beside the rule that refuses, and everybody else names
// that constant. Tests may write codes out, because callers depend on them.
func TestErrorCodesAreConstants(t *testing.T) {
	t.Parallel()
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && entry.Name() != ".." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "bin"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		files := token.NewFileSet()
		file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, literal := range codeLiterals(file) {
			t.Errorf("%s: %s is an error code: name its constant", files.Position(literal.Pos()), literal.Value)
		}
		return nil
	})
	require.NoError(t, err)
}

func TestCodeLiteralsAreFound(t *testing.T) {
	t.Parallel()
	for code, found := range map[string]int{
		`domain.Refuse("not_found", "")`:                                                  1,
		`Refuse(CodeNotFound, "not_found")`:                                               0,
		`&domain.Error{Code: "not_found", Message: "x"}`:                                  1,
		`temporal.NewNonRetryableApplicationError("x", "not_found", nil)`:                 1,
		`temporal.NewNonRetryableApplicationError("x", string(domain.CodeNotFound), nil)`: 0,
		`domain.Code(err) == "not_found" || "not_found" != refusalCode(err)`:              2,
		`domain.Code(err) == "" || domain.Code(err) != CodeNotFound`:                      0,
		`func() { switch domain.Code(err) { case "a", domain.CodeNotFound, "b": } }`:      2,
		`domain.ErrorCode("not_found")`:                                                   1,
	} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			file, err := parser.ParseFile(token.NewFileSet(), "x.go", fmt.Sprintf("package x\nvar _ = %s\n", code), parser.SkipObjectResolution)
			require.NoError(t, err, code)
			require.Len(t, codeLiterals(file), found, code)
		})
	}
}

// codeLiterals returns the string literals of a file that stand where an error code does.
func codeLiterals(file *ast.File) (found []*ast.BasicLit) {
	note := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING && literal.Value != `""` {
			found = append(found, literal)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			switch name := calledName(n); {
			case (name == "Refuse" || name == "ErrorCode") && len(n.Args) > 0:
				note(n.Args[0])
			case strings.HasSuffix(name, "ApplicationError") && len(n.Args) > 1:
				note(n.Args[1])
			}
		case *ast.CompositeLit:
			if name := nameOf(n.Type); name != "Error" {
				break
			}
			for _, element := range n.Elts {
				if field, ok := element.(*ast.KeyValueExpr); ok && nameOf(field.Key) == "Code" {
					note(field.Value)
				}
			}
		case *ast.BinaryExpr:
			if isCode(n.X) || isCode(n.Y) {
				note(n.X)
				note(n.Y)
			}
		case *ast.SwitchStmt:
			if !isCode(n.Tag) {
				break
			}
			for _, clause := range n.Body.List {
				for _, e := range clause.(*ast.CaseClause).List {
					note(e)
				}
			}
		}
		return true
	})
	return found
}

// isCode reports whether e asks an error for its code.
func isCode(e ast.Expr) bool {
	call, ok := e.(*ast.CallExpr)
	return ok && (calledName(call) == "refusalCode" || calledName(call) == "Code" && len(call.Args) == 1)
}

func calledName(call *ast.CallExpr) string { return nameOf(call.Fun) }

// nameOf returns the name that an identifier or a selector ends with.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}
