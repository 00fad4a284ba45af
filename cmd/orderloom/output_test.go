package main

import (
	"encoding/json"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

// sentences are the commands that print no data, by why.
var sentences = map[string]string{
	"all": "it serves", "api": "it serves", "worker": "it serves", "projector": "it serves", "codec-server": "it serves", "webhooks listen": "it serves",
	"setup": "it says what it has done", "migrate": "it says what it has done", "parked retry": "it says what it has done",
	"parked discard": "it says what it has done", "attention retry": "it says what it has done", "attention resolve": "it says what it has done",
	"orphans resume": "it says what it has done", "orders resume": "it says what it has done", "relay rewind": "it says what it has done",
	"webhooks disable": "it says what it has done", "webhooks resend": "it says what it has done", "keys revoke": "it says what it has done",
	"keys version": "it says what it has done", "erase-customer": "it says what it has done", "rewrap-keys": "it says what it has done",
	"encryption-keys retire": "it says what it has done", "partitions maintain": "it says what it has done",
	"bundle": "it writes a file", "export": "it writes what the API exports", "man": "it writes files", "completion": "it prints a script", "health": "its exit status tells",
	"keys create": "its last line is the secret, for a shell", "keys rotate": "its last line is the secret, for a shell", "keys subject": "it prints one word",
	"settings": "it prints the document, as Markdown", "import": "it prints a line for each result, as it comes",
	"recover": "it tells what it does as it goes on", "rebuild": "it tells what it does as it goes on", "replay": "it prints a line for each history, as it comes",
	"help": "it prints a text",
}

// Each command that prints data does so as a table, JSON or YAML. The doctor and the verification have --json.
func TestEachCommandThatPrintsDataPrintsItForPrograms(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	var walk func(c *cobra.Command, name string)
	walk = func(c *cobra.Command, name string) {
		for _, below := range c.Commands() {
			walk(below, trimmed(name+" "+below.Name()))
		}
		if c.HasSubCommands() {
			return
		}
		found[name] = true
		printsData := c.Flags().Lookup("output") != nil || c.Flags().Lookup("json") != nil
		if (sentences[name] == "") != printsData {
			t.Errorf("orderloom %s: -o is %t, and %q", name, printsData, sentences[name])
		}
	}
	walk((&program{}).root(), "")
	for name := range sentences {
		require.True(t, found[name] || name == "help", "there is no command %s", name)
	}
}

func trimmed(name string) string {
	if name[0] == ' ' {
		return name[1:]
	}
	return name
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
