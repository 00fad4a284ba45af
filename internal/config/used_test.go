package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/config"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A setting that nobody reads is a promise that nobody keeps.
func TestEverySettingIsRead(t *testing.T) {
	t.Parallel()
	var code strings.Builder
	for _, pattern := range []string{"../app/*.go", "../telemetry/*.go", "../../cmd/*/*.go", "../../dev/*/*.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			b, err := os.ReadFile(file)
			require.NoError(t, err)
			code.Write(b)
		}
	}
	for _, name := range leaves(reflect.TypeFor[config.Config]()) {
		assert.True(t, regexp.MustCompile(`\.`+name+`\b`).MatchString(code.String()), "nobody reads %s", name)
	}
}

// leaves returns the names of the fields that hold a setting.
func leaves(t reflect.Type) []string {
	var names []string
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Type.Kind() == reflect.Struct && f.Type.PkgPath() == t.PkgPath() {
			names = append(names, leaves(f.Type)...)
			continue
		}
		names = append(names, f.Name)
	}
	return names
}
