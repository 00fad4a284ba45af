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
	return `# Commands

What each command says with ` + "`--help`" + `, which needs no settings. Every command ends with 0 when it is done, and with 1
when it failed or found differences. With 2, the command line or a setting is wrong. Those with another status say so.

| Command | Does |
|---|---|
` + index.String() + help.String()
}

// withoutUsualExit leaves out what the page says once.
var withoutUsualExit = strings.NewReplacer(`
Exit status: 0 when it is done, 1 when it failed or found differences, 2 when the command line or a
setting is wrong.
`, "")

var withoutHTML = strings.NewReplacer("<", "&lt;", "|", `\|`)
