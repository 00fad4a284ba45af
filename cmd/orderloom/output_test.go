package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// otherwise are the commands without -o, by why.
var otherwise = map[string]string{
	"all": "it serves", "api": "it serves", "worker": "it serves", "projector": "it serves", "codec-server": "it serves", "webhooks listen": "it serves",
	"export": "it writes what the API exports", "import": "it prints the API's results, one JSON object a line", "man": "it writes files",
	"completion": "it prints a script", "settings": "it prints the document, as Markdown", "health": "its exit status tells",
	"keys subject": "it prints one word", "help": "it prints a text",
}

// Each command that says anything says it as a table or sentence, as JSON, or as YAML.
func TestEachCommandSaysWhatItSaysToPrograms(t *testing.T) {
	t.Parallel()
	names := everyName()
	root := (&program{}).root()
	for _, name := range names {
		c, _, err := root.Find(strings.Fields(name))
		require.NoError(t, err)
		flag := c.Flags().Lookup("output")
		if (otherwise[name] == "") != (flag != nil) {
			t.Errorf("orderloom %s: -o is %t, and %q", name, flag != nil, otherwise[name])
		}
		require.Nil(t, c.Flags().Lookup("json"), "orderloom %s: -o json is the one way", name)
	}
	for name := range otherwise {
		require.Contains(t, append(names, "help"), name)
	}
}

// everyName are the words of every command that does something.
func everyName() (names []string) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		for _, below := range c.Commands() {
			walk(below)
		}
		if !c.HasSubCommands() {
			names = append(names, nameOf(c))
		}
	}
	walk((&program{}).root())
	return names
}

func TestDataIsTheSameAsJSONAndAsYAML(t *testing.T) {
	t.Parallel()
	var fromJSON, fromYAML map[string]string
	require.NoError(t, json.Unmarshal([]byte(withoutEnvironment(t, "version", "-o", "json").stdout), &fromJSON))
	require.NoError(t, yaml.Unmarshal([]byte(withoutEnvironment(t, "version", "-o", "yaml").stdout), &fromYAML))
	require.Equal(t, fromJSON, fromYAML)
	require.NotEmpty(t, fromJSON["version"])
	require.Contains(t, withoutEnvironment(t, "version").stdout, "orderloom "+fromJSON["version"])
	got := withoutEnvironment(t, "version", "-o", "xml")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "must be table, json or yaml")
}
