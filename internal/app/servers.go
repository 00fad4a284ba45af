package app

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"regexp"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/readmodel"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// ErrRefused is the error for a server that answers, and that refuses what the settings say until somebody changes one
// of them. Trying again is of no use.
var ErrRefused = errors.New("a server refuses what these settings say")

// server is one that a process waits for when it starts.
type server struct {
	// name is for people, and settings are those that say where it is and who we are to it.
	name, settings string
	// look asks it once whether it can be worked with.
	look func(context.Context) error
	// refuses reports whether an answer stays the same until somebody changes something. Nil is for a look whose error
	// says so itself, as ErrUnfit.
	refuses func(error) bool
}

// await looks at the server until it can be worked with, or ctx ends. What is waited for is logged once. Errors:
// ErrRefused and ErrUnfit; that of ctx.
func (s server) await(ctx context.Context, log *slog.Logger) error {
	var last error
	for wait := backoff.New(); ; {
		err := s.ask(ctx)
		switch {
		case err == nil:
			if last != nil {
				log.InfoContext(ctx, "a server answers now", "server", s.name)
			}
			return nil
		case permanent(err):
			return err
		case last == nil && ctx.Err() == nil:
			last = err
			log.WarnContext(ctx, "waiting for a server", "server", s.name, "settings", s.settings, "error", err)
		}
		if ended := wait.Wait(ctx); ended != nil {
			return fmt.Errorf("wait for %s: %w (it said: %w)", s.name, ended, cmp.Or(last, err))
		}
	}
}

// permanent reports whether an error stays until somebody changes something.
func permanent(err error) bool { return errors.Is(err, ErrUnfit) || errors.Is(err, ErrRefused) }

// ask looks once. Errors: ErrRefused; any other means that the server may answer later.
func (s server) ask(ctx context.Context) error {
	asked, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	err := s.look(asked)
	if err != nil && asked.Err() != nil && ctx.Err() == nil {
		return fmt.Errorf("%s, at %s, does not answer within %s: %w", s.name, s.settings, lookTimeout, err)
	}
	if err != nil && !permanent(err) && (refusesTLS(err) || s.refuses != nil && s.refuses(err)) {
		return fmt.Errorf("%w: %s, at %s: %w", ErrRefused, s.settings, s.name, err)
	}
	return err
}

// awaited returns the part of a process that waits for a server. It ends the process when the server refuses what the
// settings say.
func (p *platform) awaited(s server) part {
	return part{s.name, func(ctx context.Context) error {
		if err := s.await(ctx, p.tel.Logger); err != nil {
			return err
		}
		<-ctx.Done()
		return nil
	}}
}

// servers are those besides PostgreSQL that the roles wait for.
func (p *platform) servers(o Options) (all []server) {
	if o.runs(config.RoleAPI) || o.runs(config.RoleWorker) {
		all = append(all, temporalServer(p.temporal, p.cfg.Temporal))
	}
	if o.runs(config.RoleWorker) || o.runs(config.RoleProjector) {
		all = append(all, kafkaServer(p.kafka))
	}
	if redis, ok := p.cache.(*readmodel.RedisCache); ok {
		all = append(all, redisServer(redis))
	}
	return all
}

func redisServer(c *readmodel.RedisCache) server {
	return server{name: "Redis", settings: "REDIS_URL and REDIS_TLS_…", look: c.Check, refuses: readmodel.RefusesCaller}
}

// databaseServer is PostgreSQL. Look's errors name what does not fit.
func databaseServer(look func(context.Context) error) server {
	return server{name: "PostgreSQL", settings: "DATABASE_URL", look: look, refuses: refusedByPostgres}
}

// refusedByPostgres reports whether PostgreSQL refuses who we are or what we ask for.
func refusedByPostgres(err error) bool {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return err != nil && noTLS.MatchString(err.Error())
	}
	switch answer.Code {
	case "28000", "28P01", // the user, the password or what pg_hba.conf says
		"3D000", // no such database
		"42501", // not allowed
		"42704": // an unknown setting of the session
		return true
	}
	return false
}

// noTLS is pgx's error for a server without TLS.
var noTLS = regexp.MustCompile(`server refused TLS connection`)

const kafkaSettings = "KAFKA_BROKERS, KAFKA_SASL_… and KAFKA_TLS_…"

// kafkaServer is Kafka with the topics of the platform.
func kafkaServer(cfg broker.Config) server {
	s := reachedKafka(cfg)
	reach, probe := s.look, broker.NewProbe(cfg)
	s.look = func(ctx context.Context) error {
		if err := reach(ctx); err != nil {
			return err
		}
		return probe.Ask(ctx)
	}
	return s
}

// reachedKafka is Kafka whatever topics it has.
func reachedKafka(cfg broker.Config) server {
	return server{name: "Kafka", settings: kafkaSettings, look: broker.NewProbe(cfg).Reach, refuses: broker.RefusesCaller}
}

const temporalSettings = "TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY and TEMPORAL_TLS_…"

// reachedTemporal is Temporal whatever namespaces it has.
func reachedTemporal(c client.Client) server {
	return server{
		name: "Temporal", settings: temporalSettings, refuses: refusedByTemporal,
		look: func(ctx context.Context) error {
			_, err := c.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
			return err
		},
	}
}

// temporalServer is Temporal with the platform's namespace.
func temporalServer(c client.Client, cfg config.Temporal) server {
	return server{
		name: "Temporal", settings: temporalSettings,
		look: func(ctx context.Context) error {
			_, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: cfg.Namespace})
			var missing *serviceerror.NamespaceNotFound
			if errors.As(err, &missing) {
				return fmt.Errorf("%w: TEMPORAL_NAMESPACE: there is no namespace %s at %s, and \"orderloom setup\" makes it",
					ErrRefused, cfg.Namespace, cfg.Address)
			}
			return err
		},
		refuses: refusedByTemporal,
	}
}

// refusedByTemporal reports whether Temporal refuses who we are or what we ask for.
func refusedByTemporal(err error) bool {
	var denied *serviceerror.PermissionDenied
	return errors.As(err, &denied) || status.Code(err) == codes.Unauthenticated
}

// refusesTLS reports whether TLS fails by what either side has or asks for. Connections over TLS that break are none
// of that.
func refusesTLS(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host) || errors.As(err, &record) ||
		errors.As(err, &alert) || tlsWords.MatchString(err.Error())
}

// tlsWords are in the text of such errors, of which gRPC and the clients of others pass on the text alone.
var tlsWords = regexp.MustCompile(`\bx509: |\btls: `)
