// Command orderloom-dev runs the whole platform on one machine with nothing to install: PostgreSQL,
// Temporal with its Web UI and a Kafka broker, all in this process, and the product on top of them.
//
//	orderloom-dev run    start everything, place sample orders, and serve until Ctrl-C
//	orderloom-dev demo   the same, but stop by itself; exit status 0 only if every order ended as it should
//	orderloom-dev stack  the servers alone: prints their addresses as settings, and serves until Ctrl-C
//	orderloom-dev soak   several processes of the product under mixed load, killed at random moments, then an audit;
//	                     exit status 0 only if nothing was lost, doubled or left undone
//
// Settings that the environment gives are used (DATABASE_URL, TEMPORAL_ADDRESS, KAFKA_BROKERS, and every other
// setting of the product). The others have defaults for one machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/orderloom/orderloom/dev/stack"
)

const usage = `usage: orderloom-dev [flags] run | demo | stack | soak

  run    start everything, place sample orders, and serve until Ctrl-C
  demo   the same, but stop by itself; exit status 0 only if every order ended as it should
  stack  the servers alone: prints their addresses as settings, and serves until Ctrl-C
  soak   several processes of the product under mixed load, killed at random moments, then an audit

`

// options are what the flags say.
type options struct {
	data string
	// without is for stack.
	without string
	// The others are for soak.
	duration, killEvery time.Duration
	seed                uint64
	buyers              int
	roles, orderloom    string
}

func (o *options) register(flags *flag.FlagSet) {
	flags.StringVar(&o.data, "data", ".data", "directory that keeps everything; empty for a throwaway on free ports (not for soak)")
	flags.StringVar(&o.without, "without", "", "stack: servers that are not started, such as kafka,temporal")
	flags.DurationVar(&o.duration, "duration", 3*time.Minute, "soak: how long orders are placed")
	flags.DurationVar(&o.killEvery, "kill-every", 10*time.Second, "soak: mean time between two kills")
	flags.Uint64Var(&o.seed, "seed", 0, "soak: what decides the choices; 0 draws one")
	flags.IntVar(&o.buyers, "buyers", 12, "soak: orders under way at once")
	flags.StringVar(&o.roles, "roles", "all,all", "soak: the processes, such as api,worker,worker,projector,projector")
	flags.StringVar(&o.orderloom, "orderloom", "bin/orderloom", "soak: the product's program")
}

// Exit statuses.
const (
	exitFailed = 1
	exitUsage  = 2
	// exitInterrupted is what a shell reports of a command that Ctrl-C has ended.
	exitInterrupted = 130
)

// check returns what is wrong with the flags.
func (o *options) check() error {
	switch {
	case o.duration <= 0:
		return fmt.Errorf("-duration must be above 0, got %s", o.duration)
	case o.killEvery <= 0:
		return fmt.Errorf("-kill-every must be above 0, got %s", o.killEvery)
	case o.buyers < 1:
		return fmt.Errorf("-buyers must be at least 1, got %d", o.buyers)
	}
	for _, server := range o.withoutServers() {
		if server != stack.Kafka && server != stack.Temporal {
			return fmt.Errorf("-without must name %s or %s, got %q", stack.Kafka, stack.Temporal, server)
		}
	}
	return nil
}

func (o *options) withoutServers() []string {
	if o.without == "" {
		return nil
	}
	return strings.Split(o.without, ",")
}

// parse reads the command line. It returns the command that it names, or the exit status when there is nothing to run.
func parse(arguments []string, out, errs io.Writer) (command string, o options, status int) {
	flags := flag.NewFlagSet("orderloom-dev", flag.ContinueOnError)
	flags.SetOutput(errs)
	flags.Usage = func() {
		_, _ = io.WriteString(flags.Output(), usage)
		flags.PrintDefaults()
	}
	o.register(flags)
	if slices.ContainsFunc(arguments, func(a string) bool { return a == "-h" || a == "-help" || a == "--help" }) {
		flags.SetOutput(out)
		flags.Usage()
		return "", o, 0
	}
	if err := flags.Parse(arguments); err != nil {
		return "", o, exitUsage // it is told
	}
	if flags.NArg() != 1 || !slices.Contains([]string{"run", "demo", "stack", "soak"}, flags.Arg(0)) {
		flags.Usage()
		return "", o, exitUsage
	}
	if err := o.check(); err != nil {
		_, _ = fmt.Fprintf(errs, "orderloom-dev: %v\n", err)
		return "", o, exitUsage
	}
	return flags.Arg(0), o, 0
}

func main() {
	name, o, status := parse(os.Args[1:], os.Stdout, os.Stderr)
	if name == "" {
		os.Exit(status)
	}
	on := func(command func(context.Context, string) error) func(context.Context, options) error {
		return func(ctx context.Context, o options) error { return command(ctx, o.data) }
	}
	commands := map[string]func(context.Context, options) error{"run": on(run), "demo": on(playDemo), "stack": runStack, "soak": runSoak}
	command := commands[name]
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := command(ctx, o); err != nil {
		if ctx.Err() != nil && errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "orderloom-dev: interrupted before it was done")
			os.Exit(exitInterrupted)
		}
		fmt.Fprintf(os.Stderr, "orderloom-dev: %v\n", err)
		os.Exit(exitFailed)
	}
}

// say prints a line for people; standard output is what they read.
func say(format string, args ...any) { _, _ = fmt.Fprintf(os.Stdout, format+"\n", args...) }

// colourful reports whether standard output is a terminal that wants colours (no-color.org).
func colourful() bool {
	info, err := os.Stdout.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}
