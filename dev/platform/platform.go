package platform

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/workflows"
)

// Options says what to run. The zero value is a throwaway on free ports, for tests.
type Options struct {
	// Data is the directory that keeps everything. Empty: nothing is kept.
	Data string
	// Ports are those wanted for the servers, and APIPort for the API; 0 stands for any free one.
	Ports   stack.Ports
	APIPort int
	// Lookup gives the product's settings, as [os.LookupEnv] does. Nil: there are none.
	Lookup func(name string) (string, bool)
	// Log is told what takes long or is unusual; nil tells nobody.
	Log progress.Log
}

// Platform is the running whole.
type Platform struct {
	// Config is what the product was told.
	Config config.Config
	// Stack is the servers that the product uses.
	Stack *stack.Stack
	// APIURL is where the API listens.
	APIURL string
	// LogFile is where the product logs to; empty if nowhere.
	LogFile string

	log       progress.Log
	telemetry *telemetry.Telemetry
	running   context.Context
	stop      context.CancelCauseFunc
	ended     chan error
}

// setupTimeout bounds the creation of schema, topics, namespace and search attributes.
const setupTimeout = 2 * time.Minute

// ErrLost says that one of the servers has ended, and with it what the platform stands on.
var ErrLost = errors.New("PostgreSQL has ended unasked; its log lies beside its data")

// Start starts the stack, sets up what is missing there, and starts the product. ctx bounds the start
// only; the platform runs until [Platform.Stop].
func Start(ctx context.Context, opts Options) (_ *Platform, err error) {
	if opts.Log == nil {
		opts.Log = progress.Silent
	}
	if opts.Lookup == nil {
		opts.Lookup = func(string) (string, bool) { return "", false }
	}
	p := &Platform{log: opts.Log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Stop(context.WithoutCancel(ctx)))
		}
	}()
	p.Stack, err = stack.Start(ctx, stack.Options{Dir: opts.Data, Ports: opts.Ports, Given: stack.Given(opts.Lookup), Log: opts.Log})
	if err != nil {
		return p, err
	}
	if p.Config, err = settings(opts, p.Stack.Addresses); err != nil {
		return p, err
	}
	if err := p.openTelemetry(ctx, opts.Data); err != nil {
		return p, err
	}
	if err := p.SetUp(ctx); err != nil {
		return p, err
	}
	return p, p.launch(ctx)
}

// SetUp creates what is not there yet, as "orderloom setup" does. It may be repeated.
func (p *Platform) SetUp(ctx context.Context) error {
	defer progress.Tick(p.log, "creating schema, topics, namespace and search attributes")()
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	return app.Setup(ctx, p.Config, p.telemetry)
}

// openTelemetry sends the product's log to a file, so that people can read what the terminal shows.
func (p *Platform) openTelemetry(ctx context.Context, data string) error {
	tel, err := telemetry.Setup(ctx, p.Config.Telemetry, string(config.RoleAll))
	if err != nil {
		return err
	}
	p.telemetry = tel
	if data == "" {
		tel.Logger = slog.New(slog.DiscardHandler)
		return nil
	}
	p.LogFile = filepath.Join(data, "orderloom.log")
	file, err := os.OpenFile(p.LogFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("open the log: %w", err)
	}
	tel.Logger = telemetry.NewLogger(file, p.Config.Telemetry) // open as long as the process
	return nil
}

// launch runs the product and returns when it serves.
func (p *Platform) launch(ctx context.Context) error {
	p.running, p.stop = context.WithCancelCause(context.WithoutCancel(ctx))
	p.ended = make(chan error, 1)
	ready := make(chan string, 1)
	go func() {
		err := app.Run(p.running, p.Config, app.Options{
			Roles: []config.Role{config.RoleAll}, Telemetry: p.telemetry, Ready: func(url string) { ready <- url },
		})
		p.stop(err)
		p.ended <- err
	}()
	go func() {
		select {
		case <-p.Stack.Lost():
			p.stop(ErrLost)
		case <-p.running.Done():
		}
	}()
	select {
	case p.APIURL = <-ready:
		return nil
	case <-p.running.Done():
		return context.Cause(p.running)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Done is closed when the platform has failed or is being stopped; [Platform.Stop] then says why.
func (p *Platform) Done() <-chan struct{} { return p.running.Done() }

// Stop drains the product and stops the servers. It returns what had made the platform fail, if anything.
func (p *Platform) Stop(ctx context.Context) error {
	var failed []error
	if p.stop != nil {
		done := progress.Tick(p.log, "stopping the platform")
		cause := context.Cause(p.running)
		p.stop(nil)
		if err := <-p.ended; err != nil {
			failed = append(failed, err)
		}
		if errors.Is(cause, ErrLost) {
			failed = []error{ErrLost} // whatever else went wrong, went wrong by that
		}
		p.stop = nil
		done()
	}
	if p.telemetry != nil {
		failed = append(failed, p.telemetry.Shutdown(ctx))
		p.telemetry = nil
	}
	if p.Stack != nil {
		done := progress.Tick(p.log, "stopping the servers")
		failed = append(failed, p.Stack.Stop(ctx))
		done()
	}
	return errors.Join(failed...)
}

// SagasURL is the list of sagas in Temporal's Web UI; empty without one.
func (p *Platform) SagasURL() string {
	if p.Config.Temporal.UIURL == "" {
		return ""
	}
	return p.Config.Temporal.UIURL + "/namespaces/" + p.Config.Temporal.Namespace + "/workflows"
}

// SagaURL is an order's saga in Temporal's Web UI; empty without one, or when the id is none.
func (p *Platform) SagaURL(orderID string) string {
	id, err := uuid.Parse(orderID)
	if list := p.SagasURL(); err == nil && list != "" {
		return list + "/" + workflows.OrderSagaID(id)
	}
	return ""
}

// Locations are the ids of those that goods leave from.
func (p *Platform) Locations() []string {
	ids := make([]string, 0, len(p.Config.Orders.Locations))
	for _, location := range p.Config.Orders.Locations {
		ids = append(ids, location.ID)
	}
	return ids
}
