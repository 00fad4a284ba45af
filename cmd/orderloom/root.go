package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func init() { cobra.EnableCommandSorting = false } // help shows commands in the order of use

// run carries out a command line and returns the exit status.
func (p *program) run(ctx context.Context, arguments []string) int {
	command, err := p.execute(ctx, arguments)
	if err == nil {
		return exitDone
	}
	if !p.running {
		fmt.Fprintf(p.stderr, "orderloom: %v\nRun \"%s --help\" for its usage.\n", err, command.CommandPath())
		return exitUsage
	}
	name := nameOf(command)
	if untilStopped[name] && ctx.Err() != nil && errors.Is(err, context.Canceled) { // it was still starting
		return exitDone
	}
	status := exitStatus(ctx, name, err)
	if status == exitInterrupted {
		err = errors.New("interrupted. " + left[name])
	}
	fmt.Fprintf(p.stderr, "orderloom: %s\n", told(err))
	if next := whatNext(status, err); next != "" {
		fmt.Fprintln(p.stderr, next)
	}
	return status
}

// nameOf is the words of a command behind the program's name.
func nameOf(c *cobra.Command) string {
	_, name, _ := strings.Cut(c.CommandPath(), " ")
	return name
}

// execute carries out a command line, and returns the command that it names.
func (p *program) execute(ctx context.Context, arguments []string) (*cobra.Command, error) {
	p.arguments = arguments
	root := p.root()
	root.SetArgs(arguments)
	return root.ExecuteContextC(ctx)
}

// root returns all commands.
func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "orderloom",
		Short: "Run the platform and look after it",
		Long: `Orderloom takes orders, runs their sagas and keeps their views.

Settings come from the environment: see docs/configuration.md, or run "orderloom settings".`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return noSuchCommand(c, args[0])
			}
			return nil
		},
		RunE:              func(c *cobra.Command, _ []string) error { return c.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(p.wrongFlag)
	root.SetUsageTemplate(usageTemplate)
	root.SetHelpTemplate(helpTemplate)
	root.AddCommand(
		p.allCommand(), p.apiCommand(), p.workerCommand(), p.projectorCommand(),
		p.setupCommand(), p.migrateCommand(),
		p.doctorCommand(), p.verifyCommand(), p.parkedCommand(), p.attentionCommand(), p.orphansCommand(), p.reconcileCommand(), p.recoverCommand(),
		p.rebuildCommand(), p.relayCommand(), p.replayCommand(),
		p.ordersCommand(), p.eventsCommand(), p.streamsCommand(),
		p.importCommand(), p.exportCommand(), p.webhooksCommand(),
		p.keysCommand(), p.eraseCustomerCommand(), p.rewrapKeysCommand(), p.encryptionKeysCommand(), p.partitionsCommand(), p.codecServerCommand(),
		p.bundleCommand(), p.settingsCommand(), p.healthCommand(), p.completionCommand(), p.manualCommand(), p.versionCommand(),
	)
	root.SetHelpCommand(p.helpCommand())
	refuseEmptyFlags(root)
	return root
}

const usageTemplate = `Usage:
  {{if .HasAvailableSubCommands}}{{.CommandPath}} <command>{{else}}{{.UseLine}}{{end}}
{{- if .HasAvailableSubCommands}}

Commands:
{{- range .Commands}}{{if .IsAvailableCommand}}
  {{rpad .Name .NamePadding}} {{.Short}}{{end}}{{end}}{{end}}
{{- if .HasAvailableLocalFlags}}

Flags:
{{.LocalFlags.FlagUsages | trimTrailingWhitespaces}}{{end}}
`

var helpTemplate = `{{with or .Long .Short}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}
` + exitHelp() + `
`

// helpCommand is "orderloom help <command>", which is the same as "orderloom <command> --help".
func (p *program) helpCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "help [command]",
		Short: "Explain a command",
		RunE: func(c *cobra.Command, args []string) error {
			asked, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return noSuchCommand(c.Root(), strings.Join(args, " "))
			}
			asked.InitDefaultHelpFlag() // so that it is listed
			return asked.Help()
		},
	}
}

// group returns a command that only holds others.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name()
	}
	g := &cobra.Command{
		Use:   use,
		Short: short,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return fmt.Errorf("%s needs a command: %s", c.CommandPath(), strings.Join(names, ", "))
			}
			return noSuchCommand(c, args[0])
		},
		RunE: func(*cobra.Command, []string) error { return nil }, // its arguments are always refused
	}
	g.AddCommand(commands...)
	return g
}

// noSuchCommand says that a word is no command, and which may be meant.
func noSuchCommand(c *cobra.Command, word string) error {
	message := fmt.Sprintf("%s has no command %q", c.CommandPath(), word)
	c.SuggestionsMinimumDistance = 2 // letters
	if meant := c.SuggestionsFor(word); len(meant) > 0 {
		message += fmt.Sprintf(", but %s", strings.Join(meant, " and "))
	}
	return usageError{errors.New(message)}
}

// arguments returns the check of a command that takes these arguments and no other.
func arguments(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		switch {
		case len(args) > len(names):
			return fmt.Errorf("%s does not take the argument %q", c.CommandPath(), args[len(names)])
		case len(args) < len(names):
			return fmt.Errorf("%s needs the argument <%s>", c.CommandPath(), names[len(args)])
		}
		if i := slices.Index(args, ""); i >= 0 {
			return fmt.Errorf("%s got an empty <%s>", c.CommandPath(), names[i])
		}
		return nil
	}
}

// idArgument returns the check of a command that takes this argument, which is an id, and no other.
func idArgument(name string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := arguments(name)(c, args); err != nil {
			return err
		}
		_, err := parseID("<"+name+">", args[0])
		return about(c, err)
	}
}

// parseID reads an id. The zero one is refused: it would stand for none, or for all.
func parseID(name, text string) (uuid.UUID, error) {
	id, err := uuid.Parse(text)
	if err != nil || id == uuid.Nil {
		return uuid.Nil, fmt.Errorf("%s must be an id, a UUID, got %q", name, text)
	}
	return id, nil
}

// about names the command that an error is about; nil for nil.
func about(c *cobra.Command, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", c.CommandPath(), err)
	}
	return err
}

// refuseEmptyFlags makes a command and those below it refuse a flag that is set to nothing. A variable of the shell
// that is not set does that. The flag would count as not given, and the command would do something else.
func refuseEmptyFlags(c *cobra.Command) {
	check := c.Args
	c.Args = func(c *cobra.Command, args []string) (err error) {
		c.Flags().Visit(func(f *pflag.Flag) {
			if strings.TrimSpace(f.Value.String()) == "" {
				err = fmt.Errorf("%s: --%s is set to nothing", c.CommandPath(), f.Name)
			}
		})
		if err != nil || check == nil {
			return err
		}
		return check(c, args)
	}
	for _, below := range c.Commands() {
		refuseEmptyFlags(below)
	}
}

// wrongFlag says what is wrong with a flag. A long flag takes two dashes: with one dash it would be read
// as several short flags.
func (p *program) wrongFlag(c *cobra.Command, err error) error {
	for _, word := range p.arguments {
		if word == "--" {
			break
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(word, "-"), "=")
		if strings.HasPrefix(word, "-") && len(name) > 1 && name[0] != '-' && c.Flags().Lookup(name) != nil {
			return fmt.Errorf("%s takes --%s with two dashes: write -%s instead of %s", c.CommandPath(), name, word, word)
		}
	}
	return fmt.Errorf("%s: %w", c.CommandPath(), err)
}
