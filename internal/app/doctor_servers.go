package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/workflows"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
)

func (p *patient) ofPostgres() []doctor.Check {
	check := func(name string, ask func(context.Context) (string, error)) doctor.Check {
		return doctor.Check{Group: "PostgreSQL", Name: name, Needs: []string{databaseAnswers}, Remedy: lookAtPostgres, Ask: ask}
	}
	ofSchema := func(name string, ask func(context.Context) (string, error)) doctor.Check {
		c := check(name, ask)
		c.Needs = append(c.Needs, databaseSchema)
		return c
	}
	answers := check("answers", p.postgresAnswers)
	answers.Needs = nil
	return []doctor.Check{
		answers,
		check("takes writes", func(ctx context.Context) (string, error) { return "", writable(p.pool)(ctx) }),
		check("gives each client a session", func(ctx context.Context) (string, error) { return "", checkSessions(ctx, p.pool) }),
		check("has the schema", p.schemaFits),
		ofSchema("has the indexes", p.indexesThere),
		ofSchema("lets this role do its work", p.roleMay),
		check("has connections to spare", p.connectionsLeft),
		check("has this machine's time", p.clocksAgree),
	}
}

// postgresOldest is the oldest version that the platform works with, as server_version_num has it.
const postgresOldest = 150_000

func (p *patient) postgresAnswers(ctx context.Context) (string, error) {
	var version string
	var number int
	err := p.pool.QueryRow(ctx, `SELECT current_setting('server_version'), current_setting('server_version_num')::int`).Scan(&version, &number)
	if err == nil && number < postgresOldest {
		err = doctor.Fault{What: "it is PostgreSQL " + version, Remedy: "use PostgreSQL 15 or newer"}
	}
	if err == nil {
		err = encodingFits(ctx, p.pool)
	}
	return "PostgreSQL " + version, refusedByPooler(err)
}

func (p *patient) schemaFits(ctx context.Context) (string, error) {
	state, err := migrations.Inspect(ctx, p.pool)
	switch {
	case err != nil:
		return "", err
	case len(state.Missing) > 0:
		return "", doctor.Fault{What: "it lacks " + migrations.Names(state.Missing), Remedy: `run "orderloom migrate"`, Minor: p.Before}
	case len(state.Newer) > 0:
		return "", doctor.Fault{
			What: "it is newer than this program, by " + migrations.Names(state.Newer), Remedy: "update this program; it works meanwhile", Minor: true,
		}
	}
	return "", nil
}

// anotherVersion reports whether the schema is another version's, whose parts are not known here.
func (p *patient) anotherVersion(ctx context.Context) (bool, error) {
	state, err := migrations.Inspect(ctx, p.pool)
	return len(state.Missing) > 0 || len(state.Newer) > 0, err
}

const notCompared = "not compared: the schema is another version's"

func (p *patient) indexesThere(ctx context.Context) (string, error) {
	if another, err := p.anotherVersion(ctx); another || err != nil {
		return notCompared, err
	}
	found, err := migrations.IndexFaults(ctx, p.pool)
	var faults []error
	for _, f := range found {
		what, statement := "is missing", f.Statement
		if statement == "" {
			what, statement = "is invalid, and not used", "REINDEX INDEX orderloom."+f.Name
		}
		faults = append(faults, doctor.Fault{What: "the index " + f.Name + " " + what, Remedy: "as the owner of the schema, in psql: " + statement + ";"})
	}
	return "", errors.Join(append(faults, err)...)
}

// roleMay looks whether the role of DATABASE_URL may do what the processes do.
func (p *patient) roleMay(ctx context.Context) (string, error) {
	if another, err := p.anotherVersion(ctx); another || err != nil {
		return notCompared, err
	}
	var role string
	var may bool
	err := p.pool.QueryRow(ctx, `SELECT current_user, has_schema_privilege('orderloom', 'USAGE')`).Scan(&role, &may)
	if err != nil {
		return "", err
	}
	table := "the schema orderloom"
	if may {
		if table, err = migrations.Lacking(ctx, p.pool); err != nil {
			return "", err
		}
	}
	if table != "" {
		return "", doctor.Fault{
			What:   fmt.Sprintf("the role %s lacks rights on %s", role, table),
			Remedy: givesRights(role),
		}
	}
	return "as " + role, nil
}

// connectionsShare is the part of PostgreSQL's connections above which people are warned.
const connectionsShare = 0.9

func (p *patient) connectionsLeft(ctx context.Context) (string, error) {
	var open, most int
	err := p.pool.QueryRow(ctx, `SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
		current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int`).Scan(&open, &most)
	found := fmt.Sprintf("%d of %d are open, and each process takes at most %d", open, most, p.cfg.Database.ConnectionsMax)
	if err == nil && float64(open) > connectionsShare*float64(most) {
		err = doctor.Fault{What: found, Remedy: "raise max_connections, or lower ORDERLOOM_DATABASE_CONNECTIONS_MAX", Minor: true}
	}
	return found, err
}

// clockSkewMax is how much two clocks may differ. Deadlines, retention and the age of what is behind are told by them.
const clockSkewMax = time.Second

func (p *patient) clocksAgree(ctx context.Context) (string, error) {
	var theirs time.Time
	begun := time.Now()
	if err := p.pool.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&theirs); err != nil {
		return "", err
	}
	took := time.Since(begun)
	skew := theirs.Sub(begun.Add(took / 2)).Abs()
	found := fmt.Sprintf("%s apart", skew.Round(time.Millisecond))
	if skew > clockSkewMax+took {
		return "", doctor.Fault{What: found, Remedy: "synchronise both clocks, such as with chrony", Minor: true}
	}
	return found, nil
}

func (p *patient) ofTemporal() []doctor.Check {
	check := func(name string, ask func(context.Context) (string, error), needs ...string) doctor.Check {
		return doctor.Check{Group: "Temporal", Name: name, Needs: needs, Remedy: "look at Temporal, and at " + temporalSettings, Ask: ask}
	}
	all := []doctor.Check{
		check("answers", p.temporalAnswers),
		check("has the namespace", p.namespaceExists, temporalAnswers),
		check("has the search attributes", p.attributesExist, temporalAnswers, temporalSpace),
	}
	if !p.Before {
		all = append(all, check("has a process that runs sagas", p.sagasAreRun, temporalAnswers, temporalSpace),
			check("reconciles with the gateway each night", p.reconciles, temporalAnswers, temporalSpace))
	}
	return all
}

func (p *patient) temporalAnswers(ctx context.Context) (string, error) {
	info, err := p.temporal.WorkflowService().GetSystemInfo(ctx, &workflowservice.GetSystemInfoRequest{})
	return "server " + info.GetServerVersion(), err
}

func (p *patient) namespaceExists(ctx context.Context) (string, error) {
	name := p.cfg.Temporal.Namespace
	d, err := p.temporal.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: name})
	if missing := (*serviceerror.NamespaceNotFound)(nil); errors.As(err, &missing) {
		return "", p.missing("there is no namespace " + name)
	}
	return fmt.Sprintf("%s keeps closed sagas for %s", name, d.GetConfig().GetWorkflowExecutionRetentionTtl().AsDuration()), err
}

func (p *patient) attributesExist(ctx context.Context) (string, error) {
	have, err := p.temporal.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: p.cfg.Temporal.Namespace})
	if missing := (*serviceerror.NamespaceNotFound)(nil); errors.As(err, &missing) { // before an installation
		return "", p.missing("there are none, without the namespace")
	}
	if err != nil {
		return "", err
	}
	wanted := workflows.SearchAttributes()
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		got, known := have.GetCustomAttributes()[name]
		switch {
		case !known:
			return "", p.missing("there is no search attribute " + name)
		case got != wanted[name]:
			return "", doctor.Fault{What: fmt.Sprintf("%s is a %s and should be a %s", name, got, wanted[name]), Remedy: "remove it, and run \"orderloom setup\""}
		}
	}
	return strings.Join(slices.Sorted(maps.Keys(wanted)), ", "), nil
}

// pollsWithin is how often a process asks Temporal for work at least, with some allowance: a poll ends after a minute.
const pollsWithin = 90 * time.Second

func (p *patient) sagasAreRun(ctx context.Context) (string, error) {
	d, err := p.temporal.WorkflowService().DescribeTaskQueue(ctx, &workflowservice.DescribeTaskQueueRequest{
		Namespace: p.cfg.Temporal.Namespace, TaskQueueType: enums.TASK_QUEUE_TYPE_WORKFLOW, TaskQueue: &taskqueue.TaskQueue{Name: workflows.TaskQueue},
	})
	// Temporal lists those that have gone, for minutes.
	alive := slices.DeleteFunc(d.GetPollers(), func(poller *taskqueue.PollerInfo) bool {
		return time.Since(poller.GetLastAccessTime().AsTime()) > pollsWithin
	})
	if err == nil && len(alive) == 0 {
		err = doctor.Fault{What: fmt.Sprintf("no process has asked for work in the last %s", pollsWithin), Remedy: startWorker}
	}
	return fmt.Sprintf("%d pollers", len(alive)), err
}

// reconciliationOld is how old the last nightly reconciliation may be.
const reconciliationOld = 26 * time.Hour

func (p *patient) reconciles(ctx context.Context) (string, error) {
	d, err := p.temporal.ScheduleClient().GetHandle(ctx, workflows.ReconciliationScheduleID).Describe(ctx)
	if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
		return "", p.missing("there is no schedule " + workflows.ReconciliationScheduleID)
	}
	if err != nil {
		return "", err
	}
	if d.Schedule.State != nil && d.Schedule.State.Paused {
		return "", doctor.Fault{
			What: "the schedule is paused", Remedy: "temporal schedule toggle --unpause --schedule-id " + workflows.ReconciliationScheduleID, Minor: true,
		}
	}
	last := d.Info.CreatedAt
	if n := len(d.Info.RecentActions); n > 0 {
		last = d.Info.RecentActions[n-1].ActualTime
	}
	if time.Since(last) > reconciliationOld {
		return "", doctor.Fault{
			What: "it ran last at " + last.UTC().Format(time.RFC3339), Remedy: `run "orderloom reconcile", and look at the schedule in Temporal`, Minor: true,
		}
	}
	return fmt.Sprintf("%d runs so far", d.Info.NumActions), nil
}

func (p *patient) ofKafka() []doctor.Check {
	probe := broker.NewProbe(p.Broker)
	const remedy = "look at Kafka, and at " + kafkaSettings + "; events wait in the event store meanwhile"
	all := []doctor.Check{
		{Group: "Kafka", Name: "answers", Remedy: remedy, Ask: func(ctx context.Context) (string, error) { return "", probe.Reach(ctx) }},
		{Group: "Kafka", Name: "has the topics", Needs: []string{kafkaAnswers}, Remedy: remedy, Ask: func(ctx context.Context) (string, error) {
			if err := probe.AskAll(ctx); err != nil {
				return "", p.missing(err.Error())
			}
			return "", nil
		}},
		{
			Group: "Kafka", Name: "the topics are as the settings say", Needs: []string{kafkaAnswers, kafkaTopics}, Remedy: remedy,
			Ask: func(ctx context.Context) (string, error) { return p.topicsFit(ctx, probe) },
		},
	}
	if p.cfg.Kafka.SchemaRegistryURL != "" {
		all = append(all, doctor.Check{
			Group: "Kafka", Name: "the schema registry has the schemas", Ask: p.schemasRegistered,
			Remedy: "look at the registry, and at SCHEMA_REGISTRY_URL; events go without their schema meanwhile",
		})
	}
	return all
}

// topicsFit compares the topics with the settings. Events are published to others all the same.
func (p *patient) topicsFit(ctx context.Context, probe *broker.Probe) (string, error) {
	found, err := probe.Deviations(ctx)
	if p.Before && broker.LacksTopic(err) {
		return "there are none to compare", nil
	}
	var faults []error
	for _, d := range found {
		fault := doctor.Fault{Minor: true}
		switch {
		case d.Partitions > 0:
			fault.What = fmt.Sprintf("%s has %d partitions, and ORDERLOOM_KAFKA_PARTITIONS is %d", d.Topic, d.Partitions, p.Broker.Partitions)
			fault.Remedy = fmt.Sprintf("set ORDERLOOM_KAFKA_PARTITIONS=%d; to add partitions would break the order of events", d.Partitions)
		case d.Copies > 0:
			fault.What = fmt.Sprintf("a partition of %s has %d copies in step, and ORDERLOOM_KAFKA_REPLICATION is %d", d.Topic, d.Copies, p.Broker.Replication)
			fault.Remedy = "look whether a broker is away; where none is, give the topic more copies with kafka-reassign-partitions.sh"
		default:
			fault.What = fmt.Sprintf("%s has %s=%s, and by the settings %s", d.Topic, d.Setting, d.Is, d.Should)
			fault.Remedy = `"orderloom setup" gives it the settings`
		}
		faults = append(faults, fault)
	}
	return fmt.Sprintf("%d topics", len(broker.AllTopics())), errors.Join(append(faults, err)...)
}

func (p *patient) schemasRegistered(ctx context.Context) (string, error) {
	r, err := knownSchemas(p.cfg.Kafka)
	if err != nil {
		return "", err
	}
	err = r.Load(ctx)
	if domain.Code(err) == broker.CodeNotRegistered {
		err = p.missing(err.Error())
	}
	return "", err
}

// gatewayAnswers asks the gateway for a payment that it can't know.
func (p *patient) gatewayAnswers(ctx context.Context) (string, error) {
	gateway, err := openGateway(p.cfg.Payment, breaker.NewSet(p.tel.Logger, nil).Add(payments.BreakerSettings()), p.tel)
	if err != nil {
		return "", err
	}
	_, err = gateway.Find(ctx, payments.FindRequest{PaymentID: uuid.New()})
	if errors.Is(err, payments.ErrCredentials) {
		err = doctor.Fault{What: err.Error(), Remedy: "put the right credentials into the settings of " + p.cfg.Payment.Gateway}
	}
	return p.cfg.Payment.Gateway, err
}

// keysFit compares keys with those that are in use, and remembers none.
func (p *patient) keysFit(ctx context.Context, purpose keyring.Purpose, keys []keyring.Key) (string, error) {
	err := keyring.Compare(ctx, p.pool, purpose, keys)
	if domain.Code(err) != "" {
		err = doctor.Fault{What: err.Error(), Remedy: "docs/encryption.md tells how keys are changed"}
	}
	return fmt.Sprintf("%d keys", len(keys)), err
}
