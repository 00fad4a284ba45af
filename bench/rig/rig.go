package rig

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/orderloom/orderloom/payments/sandbox"
)

// Options say what to start.
type Options struct {
	// Root is the repository's directory; empty is the parent of the working directory, as the benchmarks are run
	// in their own module's.
	Root string
	// Embedded uses the embedded broker even where there is Java.
	Embedded bool
	// Binaries is a directory with orderloom and orderloom-dev that are built already; empty builds them.
	Binaries string
	// Environment adds settings of the platform, as NAME=value.
	Environment []string
	// PostgresSettings are PostgreSQL's own, over those here.
	PostgresSettings map[string]string
	// Keep keeps the directory with the logs.
	Keep bool
	Log  progress.Log
}

// Rig is everything, running.
type Rig struct {
	// URL is the API's.
	URL string
	// Temporal is host:port of the server.
	Temporal string
	// Database is the URL of the platform's database.
	Database string
	// Broker says which Kafka it is.
	Broker string
	// Dir holds the logs.
	Dir string
	// Pool reads what the benchmark looks at; Executions is Temporal's own database.
	Pool, Executions *pgxpool.Pool

	options     Options
	binaries    string
	environment []string
	postgres    *pgserver.Server
	kafka       *process
	temporal    *process
	platform    *process
}

// Locations are where the benchmarks' goods lie.
const Locations = "berlin:DE,reno:US"

// Namespace is the platform's namespace at the Temporal server.
const Namespace = "orderloom"

const readyTimeout = 2 * time.Minute

// Start starts everything and returns when the platform answers.
func Start(ctx context.Context, o Options) (_ *Rig, err error) {
	if o.Log == nil {
		o.Log = progress.Silent
	}
	r := &Rig{options: o, binaries: o.Binaries}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if r.Dir, err = os.MkdirTemp("", "orderloom-bench-"); err != nil {
		return nil, err
	}
	for _, start := range []func(context.Context) error{
		r.build, r.startPostgres, r.startKafka, r.startTemporal, r.setUp, r.StartPlatform,
	} {
		if err := start(ctx); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// build builds the two binaries from the working tree.
func (r *Rig) build(ctx context.Context) error {
	if r.binaries != "" {
		return nil
	}
	defer progress.Tick(r.options.Log, "building the platform and the Temporal server (the first time takes some minutes)")()
	r.binaries = r.Dir
	for module, name := range map[string]string{".": "orderloom", "dev": "orderloom-dev"} {
		build := command(ctx, filepath.Join(cmp.Or(r.options.Root, ".."), module), "go", "build", "-buildvcs=false", "-o", filepath.Join(r.Dir, name), "./cmd/"+name)
		if out, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}

// keepPlans lets PostgreSQL keep the plans of the driver's frequent statements, so that they stay cheap.
const keepPlans = "&plan_cache_mode=force_generic_plan"

func (r *Rig) startPostgres(ctx context.Context) error {
	settings := map[string]string{
		"shared_buffers": "512MB", "max_wal_size": "4GB", "track_commit_timestamp": "on",
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on",
		"shared_preload_libraries": "pg_stat_statements", "autovacuum_naptime": "1min", "checkpoint_timeout": "5min",
	}
	for name, value := range r.options.PostgresSettings {
		settings[name] = value
	}
	var err error
	r.postgres, err = pgserver.Start(ctx, pgserver.Options{Settings: settings, Log: r.options.Log})
	if err != nil {
		return err
	}
	if err := r.postgres.CreateDatabase(ctx, "orderloom"); err != nil {
		return err
	}
	r.Database = r.postgres.URL("orderloom")
	if r.Pool, err = pgxpool.New(ctx, r.Database+"&pool_max_conns=4"+keepPlans); err != nil {
		return err
	}
	_, err = r.Pool.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	return err
}

func (r *Rig) startTemporal(ctx context.Context) (err error) {
	defer progress.Tick(r.options.Log, "starting the Temporal server")()
	r.temporal, err = r.startStack(ctx, "temporal", "kafka")
	if err != nil {
		return err
	}
	r.Temporal = r.temporal.setting("TEMPORAL_ADDRESS")
	r.Executions, err = pgxpool.New(ctx, r.postgres.URL("temporal")+"&pool_max_conns=2"+keepPlans)
	return err
}

// startStack runs the embedded stack on the rig's PostgreSQL, without one of its servers.
func (r *Rig) startStack(ctx context.Context, name, without string) (*process, error) {
	p, err := r.start(name, append(os.Environ(), "DATABASE_URL="+r.Database), r.binary("orderloom-dev"), "-data", "", "-without", without, "stack")
	if err != nil {
		return nil, err
	}
	return p, p.await(ctx, "# serving until")
}

func (r *Rig) setUp(ctx context.Context) error {
	defer progress.Tick(r.options.Log, "creating schema, topics, namespace and search attributes")()
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	r.environment = append(append(os.Environ(),
		"DATABASE_URL="+r.Database, "TEMPORAL_ADDRESS="+r.Temporal, "KAFKA_BROKERS="+r.kafka.address,
		"TEMPORAL_NAMESPACE="+Namespace, "ORDERLOOM_LOCATIONS="+Locations, "ORDERLOOM_PAYMENT_GATEWAY="+sandbox.Name,
		"ORDERLOOM_MASTER_KEYS=bench:"+base64.StdEncoding.EncodeToString(key[:]),
		"ORDERLOOM_INDEX_KEYS=bench:"+base64.StdEncoding.EncodeToString(key[:]), "ORDERLOOM_HTTP_ADDRESS=127.0.0.1:0",
		"ORDERLOOM_API_OPEN=no", "ORDERLOOM_API_KEYS="+fmt.Sprintf("bench:%x", sha256.Sum256([]byte(Key))),
		"ORDERLOOM_DRAIN_DELAY=0s", "ORDERLOOM_HTTP_RATE=0", "ORDERLOOM_HTTP_ORDER_RATE=0",
	), r.options.Environment...)
	setup := command(ctx, r.Dir, r.binary("orderloom"), "setup")
	setup.Env = r.environment
	if out, err := setup.CombinedOutput(); err != nil {
		return fmt.Errorf("set up the platform: %w\n%s", err, out)
	}
	return nil
}

func (r *Rig) binary(name string) string { return filepath.Join(r.binaries, name) }

// StartPlatform runs `orderloom all`, on a free port.
func (r *Rig) StartPlatform(ctx context.Context) error {
	defer progress.Tick(r.options.Log, "starting the platform")()
	var err error
	if r.platform, err = r.start("platform", r.environment, r.binary("orderloom"), "all"); err != nil {
		return err
	}
	if err := r.platform.await(ctx, `"msg":"serving"`); err != nil {
		return err
	}
	_, rest, _ := strings.Cut(r.platform.line(`"msg":"serving"`), `"url":"`)
	r.URL, _, _ = strings.Cut(rest, `"`)
	return r.awaitHealth(ctx)
}

// StopPlatform stops the platform as a deployment would.
func (r *Rig) StopPlatform(ctx context.Context) error {
	err := r.platform.stop(ctx)
	r.platform = nil
	return err
}

func (r *Rig) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, readyTimeout)
	defer cancel()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, r.URL+"/health", http.NoBody)
		if err != nil {
			return err
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the platform: %w", ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Stop stops everything.
func (r *Rig) Stop(ctx context.Context) error {
	var err error
	for _, p := range []*process{r.platform, r.temporal, r.kafka} {
		if p != nil {
			err = errors.Join(err, p.stop(ctx))
		}
	}
	for _, pool := range []*pgxpool.Pool{r.Pool, r.Executions} {
		if pool != nil {
			pool.Close()
		}
	}
	if r.postgres != nil {
		err = errors.Join(err, r.postgres.Stop(ctx))
	}
	if r.options.Keep || r.Dir == "" {
		return err
	}
	return errors.Join(err, os.RemoveAll(r.Dir))
}
