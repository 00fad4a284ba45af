package layout_test

import (
	"go/ast"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

// free are packages without import rules of their own, each with the reason.
var free = map[string]string{
	"deploy":       "it only holds files",
	"docs/events":  "it only holds files",
	"internal/app": "it wires all parts",
}

// Each package is named by a rule of depguard in .golangci.yml, apart from the rules that hold for nearly all files.
func TestEveryPackageHasImportRules(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(root + "/.golangci.yml")
	require.NoError(t, err)
	var linters struct {
		Linters struct {
			Settings struct {
				Depguard struct {
					Rules map[string]struct {
						Files []string `yaml:"files"`
					} `yaml:"rules"`
				} `yaml:"depguard"`
			} `yaml:"settings"`
		} `yaml:"linters"`
	}
	require.NoError(t, yaml.Unmarshal(b, &linters))
	var patterns []*regexp.Regexp
	for _, rule := range linters.Linters.Settings.Depguard.Rules {
		for _, file := range rule.Files {
			if glob, ok := strings.CutPrefix(file, "${base-path}/"); ok {
				patterns = append(patterns, pattern(glob))
			}
		}
	}
	require.Greater(t, len(patterns), 20)
	packages := map[string]bool{}
	eachSource(t, func(folder, _ string, _ *ast.File) { packages[folder] = true })
	for _, folder := range slices.Sorted(maps.Keys(packages)) {
		ruled := slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(folder + "/a.go") })
		require.Equal(t, free[folder] == "", ruled, "%s: no rule of depguard in .golangci.yml names it, or it is excepted and has one", folder)
	}
}

// pattern makes a regular expression of a glob in which ** stands for any folders, and * for any name.
func pattern(glob string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(glob)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.+`)
	return regexp.MustCompile("^" + strings.ReplaceAll(quoted, `\*`, `[^/]+`) + "$")
}
