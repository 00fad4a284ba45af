// Command orderloom runs the platform and looks after it.
//
//	orderloom <command> [arguments]
//
// Settings come from the environment; docs/configuration.md lists them. Run it without arguments for
// the commands.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

// Exit statuses.
const (
	exitOK      = 0
	exitFailure = 1
	// exitUsage is for a command line or a setting that is wrong, as of BSD's sysexits.
	exitUsage = 64
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

// command is one word of the command line.
type command struct {
	name, arguments, help string
	run                   func(ctx context.Context, args []string, out io.Writer) error
}

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 || args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		return exitOK
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		// The first signal drains, the second ends the process at once.
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		return exit(c.run(ctx, args[1:], stdout), stderr)
	}
	fmt.Fprintf(stderr, "orderloom: there is no command %q\n\n", args[0])
	usage(stderr)
	return exitUsage
}

// usageError is a command line or a setting that is wrong.
type usageError struct{ error }

func exit(err error, stderr io.Writer) int {
	var wrong usageError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &wrong):
		fmt.Fprintf(stderr, "orderloom: %v\n", err)
		return exitUsage
	default:
		fmt.Fprintf(stderr, "orderloom: %v\n", err)
		return exitFailure
	}
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "Usage: orderloom <command> [arguments]")
	fmt.Fprintln(w)
	for _, c := range commands {
		fmt.Fprintf(w, "  %-32s %s\n", strings.TrimSpace(c.name+" "+c.arguments), c.help)
	}
	fmt.Fprintln(w)
	fmt.Fprintln(w, "Settings come from the environment: see docs/configuration.md, or run orderloom settings.")
}
