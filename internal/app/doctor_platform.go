package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/orphans"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
)

// ofDelivery are the checks from the event store to the views.
func (p *patient) ofDelivery() []doctor.Check {
	schema := []string{databaseAnswers, databaseSchema}
	all := []doctor.Check{
		{Group: "Event store", Name: "is confirmed", Needs: schema, Ask: p.storeConfirmed},
		{Group: "Event store", Name: "is of this mode", Needs: schema, Ask: p.storeOfMode},
		{Group: "Event store", Name: "no append stays open", Needs: schema, Ask: func(ctx context.Context) (string, error) {
			open, err := p.OpenAppends(ctx)
			return "", errors.Join(append(open, err)...)
		}},
		{Group: "Relay", Name: "publishes, and Kafka keeps it", Needs: append([]string{kafkaAnswers, storeIsConfirmed}, schema...), Ask: p.relayWell},
		{Group: "Views", Name: "are up to date", Needs: schema, Ask: p.viewsCurrent},
		{Group: "Views", Name: "nothing is parked", Needs: schema, Ask: p.nothingParked},
		{Group: "Webhooks", Name: "endpoints take what they are sent", Needs: schema, Ask: p.webhooksWell},
		{Group: "Attention", Name: "nothing waits for a person", Needs: schema, Ask: p.nothingWaits},
	}
	for i := range all {
		all[i].Remedy = lookAtPostgres
	}
	return all
}

func (p *patient) storeConfirmed(ctx context.Context) (string, error) {
	identity, err := p.Store.Identity(ctx)
	if err == nil && !identity.Confirmed {
		err = doctor.Fault{
			What:   fmt.Sprintf("it takes no append (%s)", identity.Reason),
			Remedy: `"orderloom recover" shows what was lost, and takes it back with --confirm (docs/backup.md)`,
		}
	}
	return fmt.Sprintf("store %s, epoch %d", identity.ID, identity.Epoch), err
}

// backlog tells what is not published.
func (p *patient) backlog() published { return published{p.Store, p.Pool} }

// relayBehind is how long the oldest event that is not published may wait.
const relayBehind = 30 * time.Second

func (p *patient) relayWell(ctx context.Context) (string, error) {
	all, err := p.relays(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", doctor.Fault{What: "no relay has led yet", Remedy: startWorker}
	}
	var faults []error
	var found []string
	for _, s := range all {
		found = append(found, fmt.Sprintf("%s: %d events behind, led by %s", s.Name, s.Behind, s.Leader))
		faults = append(faults, p.RelayFaults(ctx, s)...)
		if !s.Led && s.Behind == 0 {
			faults = append(faults, doctor.Fault{What: s.Name + ": nobody leads", Remedy: startWorker})
		}
	}
	backlog, err := p.backlog().Unpublished(ctx)
	for _, b := range backlog {
		if age := time.Since(b.Oldest); age > relayBehind {
			faults = append(faults, doctor.Fault{
				What:   fmt.Sprintf("%d events of type %s are not published, the oldest for %s", b.Events, b.AggregateType, age.Round(time.Second)),
				Remedy: `"orderloom relay status" says why`,
			})
		}
	}
	return strings.Join(found, "; "), errors.Join(append(faults, err)...)
}

// takesOver is how long nobody may lead, while another process takes over.
const takesOver = 4 * time.Second

// relays returns the status of each relay. It waits for another leader, where one may be taking over.
func (p *patient) relays(ctx context.Context) ([]relay.Status, error) {
	return settled(ctx, takesOver,
		func() ([]relay.Status, error) { return relay.Statuses(ctx, p.Pool, p.Store) },
		func(s relay.Status) bool { return s.Led })
}

// settled asks for the status of each, until all are well or the time is over.
func settled[T any](ctx context.Context, within time.Duration, ask func() ([]T, error), well func(T) bool) ([]T, error) {
	for begun := time.Now(); ; {
		all, err := ask()
		unwell := slices.ContainsFunc(all, func(s T) bool { return !well(s) })
		if err != nil || !unwell || time.Since(begun) > within {
			return all, err
		}
		if err := backoff.Pause(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// viewsBehind is how old the oldest event may be that a view lacks.
const viewsBehind = 30 * time.Second

const startProjector = `start "orderloom projector" or "orderloom all", and look at its log`

// beginsToReport is how long a projector may take that has just begun: it joins its group, and reports after that.
const beginsToReport = 8 * time.Second

// projections returns the status of each projection. It waits for reports, where a projector may just have begun.
func (p *patient) projections(ctx context.Context) ([]readmodel.ProjectionStatus, error) {
	return settled(ctx, beginsToReport,
		func() ([]readmodel.ProjectionStatus, error) { return readmodel.Projections(ctx, p.Pool, p.backlog()) },
		func(s readmodel.ProjectionStatus) bool { return !s.Stale })
}

func (p *patient) viewsCurrent(ctx context.Context) (string, error) {
	all, err := p.projections(ctx)
	if err != nil {
		return "", err
	}
	if len(all) == 0 {
		return "", doctor.Fault{What: "no projector has made a view yet", Remedy: startProjector}
	}
	var faults []error
	for _, s := range all {
		if s.Stale {
			faults = append(faults, doctor.Fault{What: "no projector has reported about " + s.Name, Remedy: startProjector})
		}
		if s.WaitingSeconds > viewsBehind.Seconds() {
			faults = append(faults, doctor.Fault{
				What:   fmt.Sprintf("%s lacks %d events, the oldest for %.0f s", s.Name, s.LagEvents, s.WaitingSeconds),
				Remedy: "look at the relay above, and at the projector's log",
			})
		}
	}
	return fmt.Sprintf("%d projections", len(all)), errors.Join(faults...)
}

func (p *patient) nothingParked(ctx context.Context) (string, error) {
	all, err := readmodel.Projections(ctx, p.Pool, p.backlog())
	var faults []error
	for _, s := range all {
		if s.Parked > 0 {
			faults = append(faults, doctor.Fault{
				What:   fmt.Sprintf("%s can't go on with %d aggregates", s.Name, s.Parked),
				Remedy: `"orderloom parked list" shows each, and docs/reliability.md what mends it`,
			})
		}
	}
	return "", errors.Join(append(faults, err)...)
}

func (p *patient) nothingWaits(ctx context.Context) (string, error) {
	counts, err := readmodel.AttentionCounts(ctx, p.Pool)
	var faults []error
	for _, cause := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[cause].Count; n > 0 {
			faults = append(faults, doctor.Fault{
				What:   fmt.Sprintf("%d wait because of %s", n, cause),
				Remedy: fmt.Sprintf("\"orderloom attention list --cause %s\" shows each, and what may be done", cause),
				Minor:  true,
			})
		}
	}
	return "", errors.Join(append(faults, err)...)
}

// ofSagas are the checks of the sagas at Temporal.
func (p *patient) ofSagas() []doctor.Check {
	needs := []string{databaseAnswers, databaseSchema, temporalAnswers, temporalSpace}
	sagas := p.sagas()
	finder := newFinder(p.cfg, p.tel, sagas, p.Store, readmodel.NewReader(p.Pool, readmodel.Options{Logger: p.tel.Logger}), nil)
	all := []doctor.Check{
		{Group: "Sagas", Name: "the namespace is this store's", Needs: append([]string{storeIsConfirmed}, needs...), Ask: func(ctx context.Context) (string, error) {
			err := finder.CheckNamespace(ctx)
			if foreign := new(orphans.ForeignNamespaceError); errors.As(err, &foreign) {
				err = doctor.Fault{What: foreign.Error(), Remedy: foreignRemedy}
			}
			return "", err
		}},
		{Group: "Sagas", Name: "none fails", Needs: needs, Ask: func(ctx context.Context) (string, error) { return failing(ctx, finder) }},
		{
			Group: "Sagas", Name: "each open order has one", Needs: append([]string{temporalOurs}, needs...), Timeout: compareTimeout,
			Ask: func(ctx context.Context) (string, error) {
				v, err := finder.Verify(ctx)
				if err == nil && !v.OK() {
					err = doctor.Fault{
						What:   fmt.Sprintf("%d orders need a saga and have none, and %d ended orders have one", v.Orphaned, v.Surplus),
						Remedy: `"orderloom orphans list" shows each, and "orderloom orphans resume" resumes them`,
					}
				}
				return "", err
			},
		},
	}
	for i := range all {
		all[i].Remedy = "look at Temporal and PostgreSQL, and at their settings"
	}
	return all
}

// foreignRemedy mends that a namespace belongs to another event store.
const foreignRemedy = "let TEMPORAL_NAMESPACE or DATABASE_URL name the right one; docs/operations.md tells how a namespace is given to another store"

func failing(ctx context.Context, finder *orphans.Finder) (string, error) {
	found, count, supported, err := finder.Failing(ctx)
	switch {
	case err != nil:
		return "", err
	case !supported:
		return "the Temporal server does not tell", nil
	case count > 0:
		return "", doctor.Fault{
			What:   fmt.Sprintf("the workflow tasks of %d sagas keep failing, such as those of %s: %s", count, found[0].WorkflowID, found[0].Cause),
			Remedy: `"orderloom orphans list" shows each, and docs/operations.md what mends it`,
		}
	}
	return "", nil
}

// compareTimeout bounds a comparison that reads all of something.
const compareTimeout = 30 * time.Minute

// ofEverything compares all there is with the event store.
func (p *patient) ofEverything() []doctor.Check {
	needs := []string{databaseAnswers, databaseSchema}
	all := []doctor.Check{
		{Group: "Whole comparison", Name: "each customer has a key", Needs: needs, Timeout: compareTimeout, Ask: func(ctx context.Context) (string, error) {
			customers, err := p.CheckCustomerKeys(ctx)
			return fmt.Sprintf("%d customers", customers), err
		}},
		{Group: "Whole comparison", Name: "each row of each view", Needs: needs, Timeout: compareTimeout, Ask: func(ctx context.Context) (string, error) {
			v, err := p.Maintenance.Views.Verify(ctx, p.Store, nil)
			if err == nil && !v.OK() {
				err = doctor.Fault{What: fmt.Sprintf("%d rows differ", v.Wrong), Remedy: `"orderloom verify" shows each, and "orderloom rebuild" makes a view anew`}
			}
			return fmt.Sprintf("%d rows of %d streams", v.Rows, v.Streams), err
		}},
		{
			Group: "Whole comparison", Name: "each event in Kafka", Timeout: compareTimeout,
			Needs: append([]string{kafkaAnswers, kafkaTopics, storeIsConfirmed}, needs...),
			Ask: func(ctx context.Context) (string, error) {
				v, err := maintain.VerifyKafka(ctx, p.Broker, p.Published, false, nil)
				if err == nil && !v.OK() {
					err = doctor.Fault{What: fmt.Sprintf("%d streams are incomplete or out of order", v.Wrong), Remedy: `"orderloom verify" shows each`}
				}
				return fmt.Sprintf("%d events of %d streams", v.Events, v.Streams), err
			},
		},
	}
	for i := range all {
		all[i].Remedy = "look at PostgreSQL and Kafka, and at their settings"
	}
	return all
}
