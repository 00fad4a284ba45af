package stack

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
)

// Options says what to start. The zero value is a throwaway on free ports, for tests.
type Options struct {
	// Dir keeps what the servers hold. Empty: nothing is kept.
	Dir string
	// Ports are those wanted; a port that is taken is replaced by a free one, and Log is told.
	Ports Ports
	// Given are the servers that are there already.
	Given Addresses
	// Without are servers that are neither started nor asked for: [Kafka], [Temporal].
	Without []string
	// PostgresSettings are PostgreSQL's own, over the defaults of package pgserver.
	PostgresSettings map[string]string
	// Log is told what takes long or is unusual; nil tells nobody.
	Log progress.Log
}

// The servers that a stack can go without.
const (
	Kafka    = "kafka"
	Temporal = "temporal"
)

// Addresses are what the product is told.
type Addresses struct {
	// DatabaseURL is a PostgreSQL URL of the product's database.
	DatabaseURL string
	// TemporalAddress is host:port of Temporal's frontend.
	TemporalAddress string
	// KafkaBrokers is host:port, or several with commas between.
	KafkaBrokers string
	// UIURL is where Temporal's Web UI is; empty if there is none that we know of.
	UIURL string
}

// The environment variables that hold addresses.
const (
	variableDatabase = "DATABASE_URL"
	variableTemporal = "TEMPORAL_ADDRESS"
	variableKafka    = "KAFKA_BROKERS"
	variableUI       = "ORDERLOOM_TEMPORAL_UI_URL"
)

// Given reads the addresses of servers that are there already from the environment.
func Given(lookup func(string) (string, bool)) Addresses {
	get := func(name string) string {
		value, _ := lookup(name)
		return strings.TrimSpace(value)
	}
	return Addresses{
		DatabaseURL:     get(variableDatabase),
		TemporalAddress: get(variableTemporal),
		KafkaBrokers:    get(variableKafka),
		UIURL:           get(variableUI),
	}
}

// Environment returns the addresses as the product's settings.
func (a Addresses) Environment() map[string]string {
	return map[string]string{
		variableDatabase: a.DatabaseURL,
		variableTemporal: a.TemporalAddress,
		variableKafka:    a.KafkaBrokers,
		variableUI:       a.UIURL,
	}
}

// Stack is what was started, with the addresses of all that is there.
type Stack struct {
	Addresses

	lost     <-chan struct{}
	temporal *temporalServer // nil when it is given
	stops    []stop          // in the order of starting
}

type stop struct {
	name string
	call func(context.Context) error
}

// stopTimeout bounds the stopping of each server.
const stopTimeout = 20 * time.Second

// Start starts what is not given and returns when all of it answers. ctx bounds the start only; the
// servers run until [Stack.Stop] or the end of the process.
func Start(ctx context.Context, opts Options) (_ *Stack, err error) {
	if opts.Log == nil {
		opts.Log = progress.Silent
	}
	s := &Stack{Addresses: opts.Given}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if opts.Dir != "" {
		unlock, err := lock(opts.Dir)
		if err != nil {
			return nil, err
		}
		s.stops = append(s.stops, stop{"the data directory", func(context.Context) error { return unlock() }})
	}
	if err := awaitGiven(ctx, opts.Given, opts.Log); err != nil {
		return nil, err
	}
	if s.KafkaBrokers == "" && !slices.Contains(opts.Without, Kafka) {
		if err := s.startKafka(opts); err != nil {
			return nil, fmt.Errorf("start the embedded Kafka broker: %w", err)
		}
	}
	if s.DatabaseURL == "" {
		if err := s.startPostgres(ctx, opts); err != nil {
			return nil, err
		}
	}
	if s.TemporalAddress == "" && !slices.Contains(opts.Without, Temporal) {
		if err := s.startTemporal(ctx, opts); err != nil {
			return nil, fmt.Errorf("start the embedded Temporal server: %w", err)
		}
		if err := s.startUI(ctx, opts); err != nil {
			return nil, fmt.Errorf("start Temporal's Web UI: %w", err)
		}
	}
	return s, nil
}

// Lost is closed when a server that was started here has ended unasked.
func (s *Stack) Lost() <-chan struct{} { return s.lost }

// Stop stops what was started, the last first. It may be repeated.
func (s *Stack) Stop(ctx context.Context) error {
	var failed []error
	for len(s.stops) > 0 {
		last := s.stops[len(s.stops)-1]
		s.stops = s.stops[:len(s.stops)-1]
		if err := last.within(ctx, stopTimeout); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(failed...)
}

// within gives up on a server that takes too long; the end of the process then ends it.
func (p stop) within(ctx context.Context, limit time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	result := make(chan error, 1)
	go func() { result <- p.call(ctx) }()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lock keeps other processes away from a data directory.
func lock(dir string) (unlock func() error, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // PostgreSQL's user may have to pass through
		return nil, fmt.Errorf("make the data directory: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("%s is in use by another process: is the platform already running?", dir)
	}
	return file.Close, nil
}

// databaseName is the product's database on an embedded PostgreSQL.
const databaseName = "orderloom"

func (s *Stack) startPostgres(ctx context.Context, opts Options) error {
	options := pgserver.Options{Port: opts.Ports.Postgres, Settings: opts.PostgresSettings, Log: opts.Log}
	if opts.Dir != "" {
		options.Dir = filepath.Join(opts.Dir, "postgres")
	}
	server, err := pgserver.Start(ctx, options)
	if errors.Is(err, pgserver.ErrPortTaken) {
		options.Port = 0
		if server, err = pgserver.Start(ctx, options); err == nil {
			opts.Log("port %d is taken: PostgreSQL listens on %d instead", opts.Ports.Postgres, server.Port())
		}
	}
	if err != nil {
		return err
	}
	s.lost = server.Exited()
	s.stops = append(s.stops, stop{"PostgreSQL", server.Stop})
	if err := server.CreateDatabase(ctx, databaseName); err != nil {
		return err
	}
	s.DatabaseURL = server.URL(databaseName)
	return nil
}
