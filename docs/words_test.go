package docs_test

import (
	"path"
	"regexp"
	"strings"
	"testing"
)

// oneWord names for each thing that once had two words the one that is left. The key is a pattern in small letters.
var oneWord = map[string]string{
	"par" + "cel": "shipment",
}

// TestOneThingHasOneWord fails where a word is used that the vocabulary (domain/doc.go) has replaced. Migrations that
// have run are not edited, so theirs is the only place of the old words.
func TestOneThingHasOneWord(t *testing.T) {
	t.Parallel()
	for name, text := range files(t, ".go", ".md", ".sql", ".json", ".yaml", ".yml", ".sh", "Makefile", "Dockerfile") {
		if path.Dir(name) == "migrations" && strings.HasSuffix(name, ".sql") {
			continue
		}
		for old, now := range oneWord {
			for _, found := range regexp.MustCompile(`(?i)`+old).FindAllStringIndex(text, -1) {
				t.Errorf("%s:%d: %q is called %s here", name, 1+strings.Count(text[:found[0]], "\n"), text[found[0]:found[1]], now)
			}
		}
	}
}
