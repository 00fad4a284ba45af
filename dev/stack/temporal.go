package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/progress"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/server/common/auth"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/dynamicconfig"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/metrics"
	_ "go.temporal.io/server/common/persistence/sql/sqlplugin/postgresql" // the plugin postgres12_pgx
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"go.temporal.io/server/tools/common/schema"
	"go.temporal.io/server/tools/sql"
)

// What the server is given; the package comment says why.
const (
	historyShards         = 4
	executionConnections  = 20
	visibilityConnections = 10
	temporalStartTimeout  = 2 * time.Minute
)

// The server's two databases and where their schemas are inside the module.
const (
	executionDatabase  = "temporal"
	visibilityDatabase = "temporal_visibility"
	executionSchema    = "postgresql/v12/temporal"
	visibilitySchema   = "postgresql/v12/visibility"
)

func (s *Stack) startTemporal(ctx context.Context, opts Options) error {
	defer progress.Tick(opts.Log, "starting the Temporal server")()
	logger, closeLog, err := temporalLog(opts.Dir)
	if err != nil {
		return err
	}
	s.stops = append(s.stops, stop{"Temporal's log", closeLog})
	s.temporal = &temporalServer{opts: opts, logger: logger}
	s.stops = append(s.stops, stop{"the Temporal server", func(context.Context) error { return s.temporal.stop() }})
	s.TemporalAddress, err = s.temporal.start(ctx, s.DatabaseURL)
	return err
}

// LoseTemporal stops the Temporal server, drops its databases, and starts a new one at the same address. Everything
// that it knew is gone, the namespaces too. Error: the server is not one of ours.
func (s *Stack) LoseTemporal(ctx context.Context) error {
	if s.temporal == nil {
		return errors.New("the Temporal server was not started here")
	}
	if err := s.temporal.stop(); err != nil {
		return fmt.Errorf("stop the Temporal server: %w", err)
	}
	if err := dropDatabases(ctx, s.DatabaseURL, executionDatabase, visibilityDatabase); err != nil {
		return err
	}
	_, port, err := net.SplitHostPort(s.TemporalAddress)
	if err != nil {
		return err
	}
	if s.temporal.opts.Ports.Temporal, err = strconv.Atoi(port); err != nil {
		return err
	}
	address, err := s.temporal.start(ctx, s.DatabaseURL)
	if err == nil && address != s.TemporalAddress {
		err = fmt.Errorf("the Temporal server listens at %s instead of %s", address, s.TemporalAddress)
	}
	return err
}

func dropDatabases(ctx context.Context, databaseURL string, names ...string) error {
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(ctx) }() // nothing is under way
	for _, name := range names {
		if _, err := connection.Exec(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			return fmt.Errorf("drop the database %s: %w", name, err)
		}
	}
	return nil
}

// temporalServer is the Temporal server, which can be started anew.
type temporalServer struct {
	opts    Options
	logger  log.Logger
	running temporal.Server // nil when none is
}

// start makes the server's databases where they are missing, runs the server, and returns its address once it answers.
func (t *temporalServer) start(ctx context.Context, databaseURL string) (address string, err error) {
	execution, err := temporalStore(databaseURL, executionDatabase, executionConnections)
	if err != nil {
		return "", err
	}
	visibility, err := temporalStore(databaseURL, visibilityDatabase, visibilityConnections)
	if err != nil {
		return "", err
	}
	if err := setUpSchema(*execution, executionSchema, t.logger); err != nil {
		return "", fmt.Errorf("set up the database %s: %w", executionDatabase, err)
	}
	if err := setUpSchema(*visibility, visibilitySchema, t.logger); err != nil {
		return "", fmt.Errorf("set up the database %s: %w", visibilityDatabase, err)
	}
	for try := 1; ; try++ {
		t.running, address, err = runTemporal(t.opts, execution, visibility, t.logger)
		if err == nil {
			return address, awaitTemporal(ctx, address)
		}
		t.running = nil
		if try == startTries || !portTaken(err) {
			return "", err
		}
	}
}

// stop stops the server, if it runs.
func (t *temporalServer) stop() error {
	if t.running == nil {
		return nil
	}
	running := t.running
	t.running = nil
	return running.Stop()
}

// temporalLog writes warnings to a file beside the data, or nowhere.
func temporalLog(dir string) (log.Logger, func(context.Context) error, error) {
	if dir == "" {
		return log.NewNoopLogger(), func(context.Context) error { return nil }, nil
	}
	path := filepath.Join(dir, "temporal.log")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) { // the last run's
		return nil, nil, err
	}
	zap := log.BuildZapLogger(log.Config{Level: "warn", OutputFile: path})
	return log.NewZapLogger(zap), func(context.Context) error {
		_ = zap.Sync() // some files can't
		return nil
	}, nil
}

// temporalStore says how Temporal reaches a database on the server of a PostgreSQL URL.
func temporalStore(databaseURL, database string, connections int) (*config.SQL, error) {
	parsed, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", variableDatabase, err)
	}
	if strings.HasPrefix(parsed.Host, "/") {
		return nil, fmt.Errorf("%s leads to a Unix socket, and Temporal needs TCP: give a host, or give %s",
			variableDatabase, variableTemporal)
	}
	store := &config.SQL{
		PluginName: "postgres12_pgx", DatabaseName: database, ConnectProtocol: "tcp",
		ConnectAddr: net.JoinHostPort(parsed.Host, strconv.Itoa(int(parsed.Port))),
		User:        parsed.User, Password: parsed.Password,
		MaxConns: connections, MaxIdleConns: connections,
	}
	if parsed.TLSConfig != nil && len(parsed.Fallbacks) == 0 { // a fallback means that TLS is only preferred
		store.TLS = &auth.TLS{
			Enabled: true, ServerName: parsed.TLSConfig.ServerName,
			EnableHostVerification: !parsed.TLSConfig.InsecureSkipVerify,
		}
	}
	return store, nil
}

// setUpSchema makes the database if it is missing and brings its schema to the server's version.
func setUpSchema(store config.SQL, name string, logger log.Logger) error {
	create := store // which the next line changes
	if err := sql.DoCreateDatabase(&create, "postgres", logger); err != nil {
		return fmt.Errorf("create it: %w", err)
	}
	connection, err := sql.NewConnection(&store, logger)
	if err != nil {
		return err
	}
	defer connection.Close()
	if _, err := connection.ReadSchemaVersion(); err != nil { // it has none yet
		if err := schema.NewSetupSchemaTask(connection, &schema.SetupConfig{InitialVersion: "0.0"}, logger).Run(); err != nil {
			return err
		}
	}
	return schema.NewUpdateSchemaTask(connection, &schema.UpdateConfig{SchemaName: name}, logger).Run()
}

// runTemporal starts the server's four services in this process and returns the frontend's address.
func runTemporal(opts Options, execution, visibility *config.SQL, logger log.Logger) (temporal.Server, string, error) {
	frontend, err := free("Temporal", opts.Ports.Temporal, opts.Log)
	if err != nil {
		return nil, "", err
	}
	metricsPort, err := free("Temporal's metrics", opts.Ports.TemporalMetrics, opts.Log)
	if err != nil {
		return nil, "", err
	}
	// All at once, so that no two are the same.
	others, err := freePorts(4)
	if err != nil {
		return nil, "", err
	}
	http := others[3]
	ports := map[primitives.ServiceName]int{
		primitives.FrontendService: frontend, primitives.HistoryService: others[0],
		primitives.MatchingService: others[1], primitives.WorkerService: others[2],
	}
	conf := temporalConfig(execution, visibility, hostPort(frontend), hostPort(http))
	conf.Global.Metrics = &metrics.Config{Prometheus: &metrics.PrometheusConfig{ListenAddress: hostPort(metricsPort), HandlerPath: "/metrics"}}
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, port := range ports {
		service := config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: loopback}}
		if name == primitives.FrontendService {
			service.RPC.HTTPPort = http
		}
		conf.Services[string(name)] = service
		hosts[name] = static.SingleLocalHost(hostPort(port))
	}
	server, err := temporal.NewServer(
		temporal.WithConfig(conf), temporal.ForServices(temporal.DefaultServices), temporal.WithStaticHosts(hosts),
		temporal.WithLogger(logger), temporal.WithDynamicConfigClient(dynamicSettings()),
	)
	if err != nil {
		return nil, "", err
	}
	return server, hostPort(frontend), server.Start()
}

// clusterName is written into the data, so it stays as it is.
const clusterName = "active"

func temporalConfig(execution, visibility *config.SQL, frontend, http string) *config.Config {
	conf := &config.Config{Services: map[string]config.Service{}}
	conf.Global.Membership.MaxJoinDuration = 30 * time.Second
	conf.Global.Membership.BroadcastAddress = loopback
	conf.Persistence = config.Persistence{
		DefaultStore: "execution", VisibilityStore: "visibility", NumHistoryShards: historyShards,
		DataStores: map[string]config.DataStore{"execution": {SQL: execution}, "visibility": {SQL: visibility}},
	}
	conf.ClusterMetadata = &cluster.Config{
		FailoverVersionIncrement: 10, MasterClusterName: clusterName, CurrentClusterName: clusterName,
		ClusterInformation: map[string]cluster.ClusterInformation{clusterName: {
			Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend, HTTPAddress: http,
		}},
	}
	const off = "disabled"
	conf.DCRedirectionPolicy.Policy = "noop"
	conf.Archival.History.State, conf.Archival.Visibility.State = off, off
	conf.NamespaceDefaults.Archival.History.State, conf.NamespaceDefaults.Archival.Visibility.State = off, off
	conf.PublicClient.HostPort = frontend
	return conf
}

func dynamicSettings() dynamicconfig.Client {
	return dynamicconfig.StaticClient{
		dynamicconfig.EnableEagerWorkflowStart.Key():            true,
		dynamicconfig.EnableActivityEagerExecution.Key():        true,
		dynamicconfig.MatchingNumTaskqueueReadPartitions.Key():  1,
		dynamicconfig.MatchingNumTaskqueueWritePartitions.Key(): 1,
		dynamicconfig.EnableServerVersionCheck.Key():            false,
		dynamicconfig.NamespaceCacheRefreshInterval.Key():       time.Second,
	}
}

// awaitTemporal returns when the frontend answers.
func awaitTemporal(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, temporalStartTimeout)
	defer cancel()
	silent := sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler))
	connection, err := client.NewLazyClient(client.Options{HostPort: address, Logger: silent})
	if err != nil {
		return err
	}
	defer connection.Close()
	for {
		_, err := connection.CheckHealth(ctx, &client.CheckHealthRequest{})
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for it to answer at %s: %w (last: %w)", address, ctx.Err(), err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}
