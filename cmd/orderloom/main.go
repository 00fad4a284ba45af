// Command orderloom runs the platform and looks after it.
//
//	orderloom <command> [arguments] [flags]
//
// Each command is one file. Settings come from the environment; docs/configuration.md lists them. An exit
// status has one meaning for all commands, which the help of each tells.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/replay"
	"go.temporal.io/sdk/client"
)

func main() {
	// The first signal drains, the second ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	p := &program{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, lookup: os.LookupEnv, replayer: app.Replayer}
	os.Exit(p.run(ctx, os.Args[1:]))
}

// program is what a command works with: its streams and its environment.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	lookup         func(name string) (value string, ok bool)
	// replayer returns what "replay" works with; tests have sagas of their own.
	replayer func(config.Config) (*replay.Replayer, func(context.Context) (client.Client, error), error)
	// arguments is the command line without the program's name.
	arguments []string
	// interval is how long a command may work in silence, [progress.Interval] for zero.
	interval time.Duration
	// grace is how long a command may still take after Ctrl-C, [graceUsual] for zero.
	grace time.Duration
	// doing tells what the running command does at present.
	doing atomic.Pointer[func() string]
	// quiet is set while a command prints for programs.
	quiet bool
	// running is set once a command runs. An error before that is one of the command line.
	running bool
}
