package main

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"

	"github.com/orderloom/orderloom/dev/platform"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/progress"
)

// startStack starts the servers that the environment does not give. Without a data directory they are
// throwaways on free ports.
func startStack(ctx context.Context, data string, log progress.Log, without ...string) (*stack.Stack, error) {
	options := stack.Options{Dir: data, Given: stack.Given(os.LookupEnv), Without: without, Log: log}
	if data != "" {
		options.Ports = stack.DefaultPorts
	}
	return stack.Start(ctx, options)
}

// runStack runs the servers alone. What it prints can be read by a shell: eval, source or an env file.
func runStack(ctx context.Context, o options) (err error) {
	s, err := startStack(ctx, o.data, func(format string, args ...any) { say("# "+format, args...) }, o.withoutServers()...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Stop(context.WithoutCancel(ctx))) }()
	environment := s.Environment()
	for _, name := range slices.Sorted(maps.Keys(environment)) {
		if environment[name] != "" {
			say("%s=%s", name, environment[name])
		}
	}
	say("# serving until Ctrl-C")
	select {
	case <-ctx.Done():
		return nil
	case <-s.Lost():
		return platform.ErrLost
	}
}
