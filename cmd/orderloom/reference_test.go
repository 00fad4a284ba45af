package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"
)

//go:generate go test . -run TestTheReferenceOfCommandsIsFresh -count=1 -update

var update = flag.Bool("update", false, "write docs/reference/commands.md anew")

const commandsPage = "../../docs/reference/commands.md"

// docs/reference/commands.md is the help of all commands.
func TestTheReferenceOfCommandsIsFresh(t *testing.T) {
	t.Parallel()
	page := commandsReference(t)
	if *update {
		require.NoError(t, os.WriteFile(commandsPage, []byte(page), 0o600))
	}
	there, err := os.ReadFile(commandsPage)
	require.NoError(t, err)
	require.Equal(t, page, string(there), "docs/reference/commands.md is stale: go generate ./cmd/orderloom")
}

func commandsReference(t *testing.T) string {
	t.Helper()
	var index, help strings.Builder
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		path := c.CommandPath()
		if !c.HasSubCommands() {
			fmt.Fprintf(&index, "| [`%s`](#%s) | %s |\n", path, strings.ReplaceAll(path, " ", "-"), withoutHTML.Replace(c.Short))
		}
		if c.HasParent() {
			got := withoutEnvironment(t, append(strings.Fields(path)[1:], "--help")...)
			fmt.Fprintf(&help, "\n## %s\n\n```text\n%s```\n", path, withoutUsualExit.Replace(got.stdout))
		}
		for _, below := range c.Commands() {
			walk(below)
		}
	}
	walk((&program{}).root())
	var statuses strings.Builder
	for _, e := range exitStatuses {
		fmt.Fprintf(&statuses, "| %d | %s |\n", e.status, e.meaning)
	}
	return `# Commands

What each command says with ` + "`--help`" + `, which needs no settings.

## Exit status

Each exit status has one meaning, whichever the command is:

| Status | Means |
|---|---|
` + statuses.String() + `
## All commands

With ` + "`-o json` or `-o yaml`" + ` a command prints for programs, and tells nobody how far it is. A command that goes on
prints one JSON object a line then, or one document of YAML after another.

What takes longer than two seconds tells how far it is, on the standard error.

| Command | Does |
|---|---|
` + index.String() + help.String()
}

// withoutUsualExit leaves out what the page says once.
var withoutUsualExit = strings.NewReplacer("\n"+exitHelp()+"\n", "")

var withoutHTML = strings.NewReplacer("<", "&lt;", "|", `\|`)
