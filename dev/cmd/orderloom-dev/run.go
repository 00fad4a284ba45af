package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/dev/demo"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/app"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/workflows"
)

// setupTimeout bounds the creation of schema, topics, namespace and search attributes.
const setupTimeout = 2 * time.Minute

// run starts everything, plays the sample orders and serves until ctx ends.
func run(ctx context.Context, data string) error {
	return withPlatform(ctx, data, func(p *platform) error {
		if _, err := demo.Earlier(p.ctx, p.demoOptions()); err != nil {
			return err
		}
		report, err := demo.Play(p.ctx, p.demoOptions())
		if err != nil {
			return err
		}
		if !report.AsItShould() {
			say("\nNot everything ended as it should:\n%s", report.Differences())
		}
		p.printAddresses()
		say("\nServing until Ctrl-C. `make clean-data` forgets everything.")
		<-p.ctx.Done()
		return nil
	})
}

// playDemo starts everything, plays the sample orders and stops. It fails unless each order ended as it should.
func playDemo(ctx context.Context, data string) error {
	return withPlatform(ctx, data, func(p *platform) error {
		report, err := demo.Play(p.ctx, p.demoOptions())
		if err != nil {
			return err
		}
		if !report.AsItShould() {
			return fmt.Errorf("not every order ended as it should:\n%s", report.Differences())
		}
		say("\nAll %d sample orders ended as they should, in %.1f s.", len(report.Orders), report.Took.Seconds())
		return nil
	})
}

// platform is the product, running.
type platform struct {
	ctx     context.Context // ends when the platform is to stop, or has failed
	cfg     config.Config
	stack   *stack.Stack
	apiURL  string
	logFile string
}

// withPlatform starts the stack and the product, does something with it, and stops both.
func withPlatform(ctx context.Context, data string, do func(*platform) error) (err error) {
	begun := time.Now()
	s, err := startStack(ctx, data, say)
	if err != nil {
		return err
	}
	defer func() {
		defer progress.Tick(say, "stopping the servers")()
		err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
	}()
	p := &platform{stack: s}
	if p.cfg, err = settings(data, s.Addresses); err != nil {
		return err
	}
	tel, err := p.telemetry(ctx, data)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, tel.Shutdown(context.WithoutCancel(ctx))) }()
	if err := p.setUp(ctx, tel); err != nil {
		return err
	}

	runCtx, fail := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	ready := make(chan string, 1)
	go func() {
		err := app.Run(runCtx, p.cfg, app.Options{
			Roles: []config.Role{config.RoleAll}, Telemetry: tel, Ready: func(url string) { ready <- url },
		})
		fail(err)
		ended <- err
	}()
	go func() {
		select {
		case <-s.Lost():
			fail(errLost)
		case <-runCtx.Done():
		}
	}()
	defer func() {
		cause := context.Cause(runCtx)
		fail(context.Canceled)
		defer progress.Tick(say, "stopping the platform")()
		err = errors.Join(err, <-ended)
		if errors.Is(cause, errLost) {
			err = errLost
		}
	}()
	select {
	case p.apiURL = <-ready:
	case <-runCtx.Done():
		return nil // what ended it is told below
	}
	p.ctx = runCtx
	say("everything runs after %.1f s", time.Since(begun).Seconds())
	p.printAddresses()
	err = do(p)
	if runCtx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // interrupted
	}
	return err
}

// setUp creates what is not there yet.
func (p *platform) setUp(ctx context.Context, tel *telemetry.Telemetry) error {
	defer progress.Tick(say, "creating schema, topics, namespace and search attributes")()
	ctx, cancel := context.WithTimeout(ctx, setupTimeout)
	defer cancel()
	return app.Setup(ctx, p.cfg, tel)
}

// telemetry writes the product's log to a file, so that people can read what the terminal shows.
func (p *platform) telemetry(ctx context.Context, data string) (*telemetry.Telemetry, error) {
	tel, err := telemetry.Setup(ctx, p.cfg.Telemetry, string(config.RoleAll))
	if err != nil || data == "" {
		return tel, err
	}
	p.logFile = filepath.Join(data, "orderloom.log")
	file, err := os.OpenFile(p.logFile, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the log: %w", err)
	}
	tel.Logger = telemetry.NewLogger(file, p.cfg.Telemetry) // open as long as the process
	return tel, nil
}

func (p *platform) printAddresses() {
	rows := [][2]string{
		{"API", p.apiURL + "/api/v1/orders"},
		{"API documentation", p.apiURL + "/docs"},
		{"Temporal Web UI", p.workflowsURL()},
		{"Temporal", p.cfg.Temporal.Address},
		{"PostgreSQL", string(p.cfg.Database.URL)},
		{"Kafka", p.stack.KafkaBrokers},
		{"Metrics", p.apiURL + "/metrics"},
		{"Log", p.logFile},
	}
	say("")
	for _, row := range rows {
		if row[1] != "" {
			say("   %-18s %s", row[0], row[1])
		}
	}
}

// workflowsURL is the list of sagas in the Web UI; empty without one.
func (p *platform) workflowsURL() string {
	if p.cfg.Temporal.UIURL == "" {
		return ""
	}
	return p.cfg.Temporal.UIURL + "/namespaces/" + p.cfg.Temporal.Namespace + "/workflows"
}

func (p *platform) demoOptions() demo.Options {
	options := demo.Options{APIURL: p.apiURL, Out: os.Stdout, Colour: colourful()}
	for _, location := range p.cfg.Orders.Locations {
		options.Locations = append(options.Locations, location.ID)
	}
	if list := p.workflowsURL(); list != "" {
		options.SagaURL = func(orderID string) string {
			id, err := uuid.Parse(orderID)
			if err != nil {
				return list
			}
			return list + "/" + workflows.OrderSagaID(id)
		}
	}
	return options
}
