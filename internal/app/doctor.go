package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/sagaclient"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
)

// Examination is what the doctor looks at.
type Examination struct {
	// Before is set before an installation: what "orderloom setup" makes may be missing, and no process runs.
	Before bool
	// Whole also compares every view and every event in Kafka with the event store, which reads all of them.
	Whole bool
}

// patient is what the checks ask.
type patient struct {
	Examination
	*Maintenance

	pool     *pgxpool.Pool
	temporal client.Client
	memos    converter.DataConverter
}

// Examine asks every part of the platform whether it is well, and tells each finding. It changes nothing, and may run
// at any time. Errors: a setting can't be used.
func Examine(ctx context.Context, cfg config.Config, tel *telemetry.Telemetry, e Examination, tell func(doctor.Finding)) (map[doctor.Status]int, error) {
	pool, err := openPool(ctx, cfg.Database, tel)
	if err != nil {
		return nil, err
	}
	// The checks look whether the database answers and has the schema.
	m, err := newMaintenance(ctx, pool, cfg, tel, eventstore.Options{Logger: tel.Logger, Unprepared: true})
	if err != nil {
		return nil, err
	}
	p := &patient{Examination: e, Maintenance: m, pool: pool}
	if p.temporal, p.memos, err = dialTemporal(cfg.Temporal, tel); err != nil {
		return nil, errors.Join(err, m.Close(ctx))
	}
	defer p.temporal.Close()
	counts := doctor.Run(ctx, p.checks(), tell)
	return counts, m.Close(ctx)
}

// checks are in the order in which they build on one another.
func (p *patient) checks() []doctor.Check {
	all := append(p.ofPostgres(), p.ofTemporal()...)
	all = append(all, p.ofKafka()...)
	all = append(all, p.ofOthers()...)
	if !p.Before {
		all = append(all, p.ofDelivery()...)
		all = append(all, p.ofSagas()...)
	}
	if p.Whole {
		all = append(all, p.ofEverything()...)
	}
	for i := range all {
		all[i].Explain = p.explainPostgres
	}
	return all
}

// missing is what "orderloom setup" makes, and what may be missing before an installation.
func (p *patient) missing(what string) error {
	return doctor.Fault{What: what, Remedy: `"orderloom setup" makes it`, Minor: p.Before}
}

// The names of checks that others need.
const (
	databaseAnswers  = "PostgreSQL: answers"
	databaseSchema   = "PostgreSQL: has the schema"
	temporalAnswers  = "Temporal: answers"
	temporalSpace    = "Temporal: has the namespace"
	temporalOurs     = "Sagas: the namespace is this store's"
	kafkaAnswers     = "Kafka: answers"
	kafkaTopics      = "Kafka: has the topics"
	storeIsConfirmed = "Event store: is confirmed"
)

// ofOthers are the checks of what the platform works with besides.
func (p *patient) ofOthers() (all []doctor.Check) {
	if p.cache != nil {
		all = append(all, doctor.Check{
			Group: "Redis", Name: "answers", Remedy: "look at Redis, and at REDIS_URL and REDIS_TLS_…; orders are read without it meanwhile",
			Ask: func(ctx context.Context) (string, error) { return "", p.cache.Check(ctx) },
		})
	}
	if p.cfg.Payment.Gateway != "" {
		all = append(all, doctor.Check{Group: "Payment gateway", Name: "answers", Remedy: "look at its status page, and at its settings", Ask: p.gatewayAnswers})
	}
	keys := encryptionKeys(p.cfg)
	for _, purpose := range slices.Sorted(maps.Keys(keys)) {
		if p.Before {
			continue
		}
		all = append(all, doctor.Check{
			Group: "Encryption keys", Name: fmt.Sprintf("the %s keys are those that are in use", purpose), Needs: []string{databaseAnswers, databaseSchema},
			Remedy: lookAtPostgres, Ask: func(ctx context.Context) (string, error) { return p.keysFit(ctx, purpose, keys[purpose]) },
		})
	}
	return append(all, p.ofCertificates()...)
}

// sagas is the client of the sagas. Each caller has its own.
func (p *patient) sagas() *sagaclient.Client {
	return sagaclient.New(p.temporal, p.memos, deadlines(p.cfg.Orders), "")
}

// certificateWarns is how long before its end a certificate is warned of.
const certificateWarns = 21 * 24 * time.Hour

// ofCertificates looks at the certificates of the settings: those of this client, of the authorities that it believes,
// and the API's own.
func (p *patient) ofCertificates() (all []doctor.Check) {
	for _, c := range certificateFiles(p.cfg) {
		all = append(all, doctor.Check{
			Group: "Certificates", Name: c.whose + " is valid", Remedy: "put a certificate and its key there",
			Ask: func(context.Context) (string, error) { return c.examine(time.Now()) },
		})
	}
	return all
}

// examine tells until when a certificate is valid.
func (c certificateFile) examine(now time.Time) (string, error) {
	from, until, err := c.lasts()
	if err != nil {
		return "", err
	}
	if err := c.pairs(); err != nil {
		return "", doctor.Fault{What: err.Error(), Remedy: "put the key of this certificate there; a process that runs goes on, and no other starts"}
	}
	fault := doctor.Fault{Remedy: "replace it; it is read anew for each connection"}
	if c.restart {
		fault.Remedy = "replace it, and restart the processes: it is read when they start"
	}
	switch {
	case now.Before(from):
		fault.What = fmt.Sprintf("%s begins at %s", c.file, from.UTC().Format(time.RFC3339))
	case until.Before(now):
		fault.What = fmt.Sprintf("%s has ended at %s", c.file, until.UTC().Format(time.RFC3339))
	case until.Before(now.Add(certificateWarns)):
		fault.What, fault.Minor = fmt.Sprintf("%s ends at %s", c.file, until.UTC().Format(time.RFC3339)), true
	default:
		return "until " + until.UTC().Format(time.DateOnly), nil
	}
	return "", fault
}
