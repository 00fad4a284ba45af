package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/activities"
	"github.com/orderloom/orderloom/api"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/privacy"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/views/figures"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/recovery"
	"github.com/orderloom/orderloom/relay"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/worker"
	"github.com/orderloom/orderloom/workflows"
	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
)

// Options say what to run.
type Options struct {
	// Roles are api, worker and projector; all is the three of them.
	Roles     []config.Role
	Telemetry *telemetry.Telemetry
	// Ready is called once, with the base URL of the HTTP listener, when everything runs; nil is nobody.
	Ready func(url string)
	// Interceptors run around every saga and activity of this process; for tests that break things.
	Interceptors []interceptor.WorkerInterceptor

	// own is true for an API that only this process reaches. Nobody looks for contacts there.
	own bool
}

// runs reports whether a role is among those to run.
func (o Options) runs(r config.Role) bool {
	return slices.Contains(o.Roles, r) || slices.Contains(o.Roles, config.RoleAll)
}

// platform is what the parts of a process share.
type platform struct {
	cfg      config.Config
	tel      *telemetry.Telemetry
	pool     *pgxpool.Pool
	store    *eventstore.Store
	temporal client.Client
	// memos reads what the sagas' memos hold, decrypted.
	memos   converter.DataConverter
	vault   *privacy.Vault
	reader  *readmodel.Reader
	cache   cache
	changes *readmodel.Changes
	kafka   broker.Config
	// guard knows whether the store takes appends.
	guard *recovery.Guard
	// breakers keep callers away from what does not answer.
	breakers *breaker.Set
	// gateway is the payment gateway's, and registry the schema registry's; nil without sagas.
	gateway, registry *breaker.Breaker
	// sealing is true for a process that works with encryption keys. A command that starts sagas encrypts what they are
	// told, and has to do that as they do.
	sealing, command bool
	// finding is true for a process that looks for contacts, and indexing for one that indexes them.
	finding, indexing bool
	// index finds contacts, and contacts fills it; nil without the keys.
	index    *privacy.Index
	contacts *privacy.Contacts
	// keys are who may call the API; nil for an open one.
	keys *access.Keys
	// audit keeps who has done what besides orders.
	audit *access.Audit
}

// cache is what the reader reads from and the projector invalidates.
type cache interface {
	readmodel.Cache
	projector.Invalidator
}

// Run runs the roles until ctx ends, and then stops them within the drain timeout. The HTTP listener stops first,
// then the sagas' worker, then the relay and the projector. Each finishes or hands over what it holds. It returns the
// first error of a part; the others are then stopped as well.
func Run(ctx context.Context, cfg config.Config, o Options) error {
	if err := checkRoles(o.Roles); err != nil {
		return err
	}
	p, err := open(ctx, cfg, o)
	if err != nil {
		return err
	}
	stages, err := p.stages(ctx, o)
	if err != nil {
		return errors.Join(err, p.close(ctx))
	}
	return errors.Join(runStages(ctx, stages, cfg.DrainTimeout), p.close(ctx))
}

func checkRoles(roles []config.Role) error {
	if len(roles) == 0 {
		return errors.New("no role to run: name api, worker, projector or all")
	}
	for _, r := range roles {
		if !slices.Contains([]config.Role{config.RoleAPI, config.RoleWorker, config.RoleProjector, config.RoleAll}, r) {
			return fmt.Errorf("role %q can't be run: name api, worker, projector or all", r)
		}
	}
	return nil
}

// looksWithSagas is how soon a process that runs sagas itself looks at an order of which it is told nothing.
const looksWithSagas = 400 * time.Millisecond

func open(ctx context.Context, cfg config.Config, o Options) (*platform, error) {
	tel := o.Telemetry
	p := &platform{cfg: cfg, tel: tel, breakers: breaker.NewSet(tel.Logger, tel.Registry)}
	var err error
	if p.pool, err = openPool(ctx, cfg.Database, tel); err != nil {
		return nil, err
	}
	// One that does not answer yet is looked at again while the process runs.
	p.command = len(o.Roles) == 0
	if err := p.lookAtDatabase(ctx); permanent(err) {
		return nil, errors.Join(err, p.close(ctx))
	}
	if o.runs(config.RoleWorker) {
		p.gateway = p.breakers.Add(payments.BreakerSettings())
		if cfg.Kafka.SchemaRegistryURL != "" {
			p.registry = p.breakers.Add(registryBreaker)
		}
	}
	p.sealing = o.runs(config.RoleAPI) || o.runs(config.RoleWorker)
	p.finding, p.indexing = o.runs(config.RoleAPI) && !o.own, o.runs(config.RoleProjector)
	if err := p.checkKeys(ctx); permanent(err) {
		return nil, errors.Join(err, p.close(ctx))
	}
	if p.store, err = eventstore.Open(ctx, p.pool, eventstore.Options{Logger: tel.Logger, Registerer: tel.Registry}); err != nil {
		return nil, errors.Join(fmt.Errorf("open the event store: %w", refusedByPooler(err)), p.close(ctx))
	}
	if p.temporal, p.memos, err = dialTemporal(cfg.Temporal, tel, sagaclient.FailsAtOnce(p.breakers.Add(sagaclient.BreakerSettings()))); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	if p.command {
		if err := temporalServer(p.temporal, cfg.Temporal).ask(ctx); permanent(err) {
			return nil, errors.Join(err, p.close(ctx))
		}
	}
	if err := p.openPrivacy(); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	if p.kafka, err = brokerConfig(cfg, tel.Logger); err != nil {
		return nil, errors.Join(err, p.close(ctx))
	}
	local := readmodel.NewLocalCache(cfg.Redis.TTL)
	p.cache = local
	if cfg.Redis.URL != "" {
		if p.cache, err = openRedis(cfg.Redis, tel.Logger, p.breakers, tel.Registry); err != nil {
			return nil, errors.Join(err, p.close(ctx))
		}
		local = nil
	}
	p.changes = readmodel.NewChanges(p.pool, local, tel.Logger)
	read := readmodel.Options{Events: eventSource{p.store}, Backlog: published{p.store, p.pool}, Cache: p.cache, Logger: tel.Logger, Registerer: tel.Registry}
	if o.runs(config.RoleWorker) {
		read.LookAfter = looksWithSagas
	}
	p.reader = readmodel.NewReader(p.pool, read)
	return p, nil
}

// close frees what open took, as far as it came.
func (p *platform) close(ctx context.Context) error {
	ctx, cancel := drain.Timeout(ctx, p.cfg.DrainTimeout)
	defer cancel()
	var err error
	if p.temporal != nil {
		p.temporal.Close()
	}
	if p.store != nil {
		err = p.store.Close(ctx)
	}
	if p.pool != nil {
		p.pool.Close()
	}
	return err
}

// stages returns the parts of the roles in the order in which they stop.
func (p *platform) stages(ctx context.Context, o Options) ([]stage, error) {
	p.guard = recovery.NewGuard(p.guardOptions(o.runs(config.RoleWorker)))
	served := service{ready: o.Ready}
	served.handler, served.refuse = p.serviceHandler(o)
	if o.runs(config.RoleAPI) {
		a, err := p.api(ctx, o)
		if err != nil {
			return nil, err
		}
		served.handler, served.refuse, served.delay = a, a.Drain, drainDelay(p.cfg)
	}
	listen, err := p.listeners(ctx, served)
	if err != nil {
		return nil, err
	}
	p.tel.Registry.MustRegister(expiries{certificateFiles(p.cfg), p.keys})
	checks := part{"checks", watchChecks(p.tel.Registry, p.checks(o))}
	stages := []stage{append(listen, part{"database", p.watchDatabase}, part{"attention", p.countAttention()}, checks)}
	for _, s := range p.servers(o) {
		stages[0] = append(stages[0], p.awaited(s))
	}
	if o.runs(config.RoleAPI) {
		stages[0] = append(stages[0], part{"changes", p.changes.Run}, part{"audit", p.audit.Run})
		if p.keys != nil {
			stages[0] = append(stages[0], part{"keys", p.keys.Run})
		}
	}
	if o.runs(config.RoleWorker) {
		saga, err := p.worker(o.Interceptors)
		if err != nil {
			return nil, err
		}
		published := p.kafka
		var asking stage
		if published.Registry, asking, err = p.openRegistry(); err != nil {
			return nil, err
		}
		writer := broker.NewWriter(published)
		keys := &keyCopies{p.vault, p.store, p.guard, writer, p.tel.Logger}
		r, err := relay.New(relay.Options{
			Store: p.store, Pool: p.pool, Writer: &keysFirst{Writer: writer, copy: keys.first}, Logger: p.tel.Logger, Registerer: p.tel.Registry,
			Tracer: p.tel.TracerProvider,
		})
		if err != nil {
			return nil, err
		}
		stages = append(stages, stage{saga}, append(asking, part{"webhooks", p.dispatcher().Run},
			part{"relay", r.Run}, part{"housekeeping", p.housekeeping}, part{"orphans", p.orphans().Run}, part{"key copies", keys.Run}, part{"invoices", p.issuer().Run},
		))
	}
	if o.runs(config.RoleProjector) {
		stages[0] = append(stages[0], part{"contacts", p.countContacts()})
		pr, err := projector.New(projector.Options{
			Pool: p.pool, Source: eventSource{p.store}, Streams: p.store, Backlog: published{p.store, p.pool},
			Projections: projections(p.contacts, figures.New(p.tel.Registry)), Broker: p.kafka, Cache: p.cache,
			Logger: p.tel.Logger, Registerer: p.tel.Registry, Tracer: p.tel.TracerProvider,
		})
		if err != nil {
			return nil, err
		}
		last := len(stages) - 1
		if last > 0 {
			// The relay and the projector don't wait for each other.
			stages[last] = append(stages[last], part{"projector", pr.Run})
		} else {
			stages = append(stages, stage{part{"projector", pr.Run}})
		}
	}
	stages[len(stages)-1] = append(stages[len(stages)-1], part{"guard", p.guard.Run})
	return stages, nil
}

func (p *platform) api(ctx context.Context, o Options) (*api.API, error) {
	p.audit = access.NewAudit(p.pool, p.cfg.HTTP.Access.AuditRetention, p.tel.Logger)
	sagas := p.sagas()
	p.tel.Registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "orderloom_http_order_requests_waiting", Help: "Requests that wait until others to the same order have ended.",
	}, func() float64 { return float64(sagas.Waiting()) }))
	hooks, err := gatewayWebhooks(p.cfg.Payment)
	if err != nil {
		return nil, err
	}
	can, err := capabilities(p.cfg.Payment)
	if err != nil {
		return nil, err
	}
	var sandbox api.Sandbox
	if p.cfg.HTTP.Access.Mode == access.Test {
		sandbox = sagas
	}
	return api.New(api.Options{
		Sandbox: sandbox, Sagas: sagas, Warehouse: sagas, Orders: p.reader, Views: p.reader, Vault: p.vault, History: history{p.store}, Changes: p.changes,
		Webhooks: hooks, Payments: sagas, Capabilities: can, Taxes: taxes(p.cfg.Orders), ShippingByValue: p.cfg.Orders.ShippingByValue,
		Returns:  returnDeadlines(p.cfg.Orders),
		Contacts: p.contactIndex(),
		Events:   feed.New(p.store, p.vault, p.tel.Logger), Endpoints: p.endpoints(),
		Checks: p.checks(o), Unconfirmed: p.guard.Unconfirmed,
		Authenticator: p.authenticator(ctx, o), Proxies: p.cfg.HTTP.Access.Proxies, Audit: p.audit,
		Keys: access.NewTable(p.pool, p.cfg.HTTP.Access.Mode), KeyOverlap: p.cfg.HTTP.Access.KeyOverlap,
		Metrics: p.tel.MetricsHandler(), Origins: p.cfg.HTTP.Origins, Logger: p.tel.Logger, Registerer: p.tel.Registry,
		Limits: apiLimits(p.cfg.HTTP), Rate: apiRate(p.cfg.HTTP), OrderRate: orderRate(p.cfg.HTTP), Lender: p.lender(), TracerProvider: p.tel.TracerProvider,
	}), nil
}

// taxes finds the taxes of lines that come without any; nil where no table was given.
func taxes(cfg config.Orders) api.TaxProvider {
	if len(cfg.Taxes) == 0 {
		return nil
	}
	return api.TaxTable{Table: cfg.Taxes}
}

func apiRate(cfg config.HTTP) httpx.Rate { return httpx.Rate{PerSecond: cfg.Rate, Burst: cfg.Burst} }

// orderRate is how many orders a caller places. What it saves up lasts as long as that of all its requests.
func orderRate(cfg config.HTTP) httpx.Rate {
	return httpx.Rate{PerSecond: cfg.OrderRate, Burst: cfg.OrderRate * max(cfg.Burst/max(cfg.Rate, 1), 1)}
}

func apiLimits(cfg config.HTTP) api.Limits {
	return api.Limits{
		Limits:     httpx.Limits{BodyBytesMax: cfg.BodyBytesMax, RequestTimeout: cfg.RequestTimeout, RequestsMax: config.HTTPRequestsMax},
		CancelWait: config.HTTPCancelWait, ReportWait: config.HTTPReportWait, SettleWait: config.HTTPSettleWait,
		HistoryWait: config.HTTPHistoryWait, StreamsMax: config.HTTPStreamsMax, StreamKeepAlive: config.HTTPStreamKeepAlive,
	}
}

func serverLimits(cfg config.HTTP) httpx.ServerLimits {
	return httpx.ServerLimits{
		ReadHeaderTimeout: cfg.ReadHeaderTimeout, ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout,
		IdleTimeout: cfg.IdleTimeout, HeaderBytesMax: config.HTTPHeaderBytesMax,
	}
}

func (p *platform) sagas() *sagaclient.Client {
	return sagaclient.New(p.temporal, p.memos, deadlines(p.cfg.Orders), p.unversionedBuild())
}

func deadlines(cfg config.Orders) workflows.Deadlines {
	return workflows.Deadlines{
		Stock: cfg.StockDeadline, Review: cfg.ReviewDeadline, Payment: cfg.PaymentDeadline,
		PaymentRequired: cfg.PaymentRequiredDeadline, Dispatch: cfg.DispatchDeadline,
	}
}

func returnDeadlines(cfg config.Orders) api.ReturnDeadlines {
	return api.ReturnDeadlines{Decide: cfg.ReturnReviewDeadline, Expire: cfg.ReturnDeadline}
}

func (p *platform) worker(interceptors []interceptor.WorkerInterceptor) (part, error) {
	gateway, err := openGateway(p.cfg.Payment, p.gateway, p.tel)
	if err != nil {
		return part{}, err
	}
	can, err := capabilities(p.cfg.Payment)
	if err != nil {
		return part{}, err
	}
	acts := activities.New(activities.Options{
		Events: eventstore.NewRepository(p.store, eventstore.RepositoryOptions{Aggregates: activities.Snapshotted()}),
		Log:    p.store, Gateway: gateway, Capabilities: can, Vault: sagaVault{p.vault, p.pool}, Locations: p.cfg.Orders.Locations,
		Trying: p.cfg.HTTP.Access.Mode == access.Test,
		Review: activities.ReviewRules{Above: p.cfg.Orders.ReviewAbove, Customers: p.cfg.Orders.ReviewCustomers},
	})
	o := workerOptions(p.cfg)
	o.Interceptors, o.Logger, o.BuildID = interceptors, p.tel.Logger, cmp.Or(o.BuildID, p.unversionedBuild())
	return part{"worker", func(ctx context.Context) error {
		seed := func() error { return acts.SeedLocations(ctx, time.Now()) }
		if err := p.whenConfirmed(ctx, seed); err != nil && ctx.Err() == nil {
			return fmt.Errorf("start the worker: %w", err)
		}
		return worker.Run(ctx, p.tel.Logger, func(onFatalError func(error)) sdkworker.Worker {
			o.OnFatalError = onFatalError
			return worker.New(p.temporal, acts, o)
		})
	}}, nil
}

func workerOptions(cfg config.Config) worker.Options {
	return worker.Options{DrainTimeout: cfg.DrainTimeout, Deployment: cfg.Temporal.Deployment, BuildID: cfg.Temporal.BuildID}
}

// housekeepingEvery is how often the event store is looked after: partitions ahead of need, and the filters and
// indexes of those that are full. Several processes may do it at once.
const housekeepingEvery = time.Minute

func (p *platform) housekeeping(ctx context.Context) error {
	for {
		if indexed, err := p.store.Maintain(ctx); err != nil && ctx.Err() == nil {
			p.tel.Logger.WarnContext(ctx, "the event store could not be looked after, trying again later", "error", err)
		} else if indexed > 0 {
			p.tel.Logger.InfoContext(ctx, "indexed full partitions of the event store", "partitions", indexed)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(housekeepingEvery):
		}
	}
}

// part is something that runs until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// stage is parts that stop together.
type stage []part

// runStages runs all parts at once. When ctx ends or a part fails, it stops stage after stage, each
// after the one before has ended or used up its time.
func runStages(ctx context.Context, stages []stage, drain time.Duration) error {
	failed := make(chan error, 1)
	type running struct {
		stop context.CancelFunc
		done chan struct{}
	}
	var all []running
	for _, s := range stages {
		stageCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{stop: stop, done: make(chan struct{})}
		all = append(all, r)
		left := make(chan struct{}, len(s))
		for _, p := range s {
			go func() {
				defer func() { left <- struct{}{} }()
				err := p.run(stageCtx)
				if err == nil && stageCtx.Err() == nil {
					err = errors.New("ended by itself")
				}
				if err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, http.ErrServerClosed) {
					select {
					case failed <- fmt.Errorf("%s: %w", p.name, err):
					default: // the first failure is the one to tell
					}
				}
			}()
		}
		go func() {
			for range s {
				<-left
			}
			close(r.done)
		}()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	deadline := time.After(drain + drainGrace)
	for i, r := range all {
		r.stop()
		select {
		case <-r.done:
		case <-deadline:
			for _, other := range all[i:] {
				other.stop()
			}
			return errors.Join(err, fmt.Errorf("%s did not stop within %s", stages[i][0].name, drain))
		}
	}
	select {
	case late := <-failed:
		err = errors.Join(err, late)
	default:
	}
	return err
}

// drainGrace lets the parts, each of which keeps to the drain timeout by itself, end before they are
// given up.
const drainGrace = 2 * time.Second
