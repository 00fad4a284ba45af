package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// completions write the completion of a shell.
var completions = map[string]func(root *cobra.Command, out io.Writer) error{
	"bash":       func(root *cobra.Command, out io.Writer) error { return root.GenBashCompletionV2(out, true) },
	"zsh":        func(root *cobra.Command, out io.Writer) error { return root.GenZshCompletion(out) },
	"fish":       func(root *cobra.Command, out io.Writer) error { return root.GenFishCompletion(out, true) },
	"powershell": func(root *cobra.Command, out io.Writer) error { return root.GenPowerShellCompletionWithDesc(out) },
}

var shells = []string{"bash", "zsh", "fish", "powershell"}

func (p *program) completionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "completion <shell>",
		Short: "Print what completes commands in bash, zsh, fish or powershell",
		Long: `Print what lets a shell complete commands and flags. Load it at the start of the shell, such as in bash by

  source <(orderloom completion bash)`,
		ValidArgs: shells,
		Args: func(c *cobra.Command, args []string) error {
			if err := arguments("shell")(c, args); err != nil {
				return err
			}
			if !slices.Contains(shells, args[0]) {
				return fmt.Errorf("%s: <shell> must be one of %s, got %q", c.CommandPath(), strings.Join(shells, ", "), args[0])
			}
			return nil
		},
		RunE: p.runs(func(_ context.Context, args []string) error { return completions[args[0]](p.root(), p.stdout) }),
	}
}

func (p *program) manualCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "man <directory>",
		Short: "Write a man page for each command",
		Long: `Write a man page for each command into a directory, which must be there, such as

  orderloom man /usr/local/share/man/man1`,
		Args: arguments("directory"),
		RunE: p.runs(func(_ context.Context, args []string) error {
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return wrongUsage("%s is no directory", args[0])
			}
			root := p.root()
			root.DisableAutoGenTag = true // so that the same program writes the same pages
			escape(root)
			if err := doc.GenManTree(root, &doc.GenManHeader{Title: "ORDERLOOM", Section: "1", Source: "Orderloom"}, args[0]); err != nil {
				return err
			}
			_, err := fmt.Fprintf(p.stdout, "The man pages lie in %s.\n", args[0])
			return err
		}),
	}
}

// escape keeps the words in angle brackets in the man pages, whose texts are Markdown.
func escape(c *cobra.Command) {
	brackets := strings.NewReplacer("<", `\<`, ">", `\>`)
	c.Use, c.Short, c.Long = brackets.Replace(c.Use), brackets.Replace(c.Short), brackets.Replace(c.Long)
	for _, below := range c.Commands() {
		escape(below)
	}
}
