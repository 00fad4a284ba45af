package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/spf13/cobra"
)

// exportTimeout bounds the export of the last spans.
const exportTimeout = 5 * time.Second

// action is what a command does, once its arguments and flags are read.
type action = func(c *cobra.Command, args []string) error

// runs returns the action of a command that needs no settings.
func (p *program) runs(f func(ctx context.Context, args []string) error) action {
	return func(c *cobra.Command, args []string) error {
		p.running = true
		if o := c.Flags().Lookup("output"); o != nil {
			p.quiet = o.Changed && o.Value.String() != string(outputTable)
		}
		if untilStopped[nameOf(c)] {
			return f(c.Context(), args)
		}
		defer p.tick(c.CommandPath())()
		return p.untilInterrupted(c.Context(), func(ctx context.Context) error { return f(ctx, args) })
	}
}

// graceUsual is how long a command may still take after Ctrl-C, such as to take a file away. A connection that is being
// made to a server which does not answer would hold it up for longer.
const graceUsual = time.Second

// untilInterrupted calls f, and leaves it behind when it has not ended in time after ctx has.
func (p *program) untilInterrupted(ctx context.Context, f func(context.Context) error) error {
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(cmp.Or(p.grace, graceUsual))
	defer late.Stop()
	select {
	case err := <-ended:
		return err
	case <-late.C:
		return ctx.Err()
	}
}

// runsWith returns the action of a command that needs the settings of a role. The action runs with its
// telemetry, whose last spans are then exported.
func (p *program) runsWith(
	role config.Role, f func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error,
) action {
	return p.runs(func(ctx context.Context, args []string) error {
		cfg, err := config.Load(p.lookup, role)
		if err != nil {
			return usageError{err}
		}
		tel, err := telemetry.Setup(ctx, cfg.Telemetry, string(role))
		if err != nil {
			return err
		}
		err = f(ctx, cfg, tel, args)
		ctx, cancel := drain.Timeout(ctx, exportTimeout)
		defer cancel()
		return errors.Join(err, tel.Shutdown(ctx))
	})
}

// maintains returns the action of a command about the database alone.
func (p *program) maintains(f func(ctx context.Context, m *app.Maintenance, args []string) error) action {
	return p.maintainsWith(config.RoleMigrate, f)
}

// comparesKafka returns the action of a command that compares the event store with Kafka.
func (p *program) comparesKafka(f func(ctx context.Context, m *app.Maintenance, args []string) error) action {
	return p.maintainsWith(config.RoleProjector, f)
}

func (p *program) maintainsWith(role config.Role, f func(ctx context.Context, m *app.Maintenance, args []string) error) action {
	return p.runsWith(role, func(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, args []string) error {
		collectSeldom() // a rebuild and a verification are as busy as the projector
		m, err := app.OpenMaintenance(ctx, cfg, tel)
		if err != nil {
			return err
		}
		err = f(ctx, m, args)
		return errors.Join(err, m.Close(ctx))
	})
}

// tick tells people that a command is still at work, at each interval until done is called. It is silent while
// the command prints for programs.
func (p *program) tick(command string) (done func()) {
	p.does(command)
	if p.quiet {
		return func() {}
	}
	return progress.TickEvery(cmp.Or(p.interval, progress.Interval), p.tell, func() string { return (*p.doing.Load())() })
}

// does notes what the command does from now on, for those who wait.
func (p *program) does(what string) { p.doesWith(func() string { return what }) }

// doesWith is [program.does] for what is told anew each time. What is called from another goroutine.
func (p *program) doesWith(what func() string) { p.doing.Store(&what) }

// tell writes a line for the person who waits. It is silent while the command prints for programs.
func (p *program) tell(format string, args ...any) {
	if !p.quiet {
		fmt.Fprintf(p.stderr, format+"\n", args...)
	}
}

// collectPercent lets the heap grow to five times what lives before it is collected. What lives is some
// tens of megabytes, and each collection goes through the stacks of all sagas. GOGC overrides it.
const collectPercent = 400

// memoryBytesMax is the memory above which the heap is collected more often. Most of what lives then is
// the cache of open sagas. GOMEMLIMIT overrides it.
const memoryBytesMax = 1 << 30

func collectSeldom() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryBytesMax)
	}
}
