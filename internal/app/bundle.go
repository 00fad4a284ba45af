package app

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/relay"
	"go.temporal.io/api/workflowservice/v1"
)

// Bounds of a support bundle.
const (
	bundleParkedMax = 1_000
	bundleSagasMax  = 200
	// bundleSagasSince is how far back sagas that have failed are looked for.
	bundleSagasSince = 7 * 24 * time.Hour
	// bundlePartTimeout bounds each part. One that hangs must not keep the others.
	bundlePartTimeout = 30 * time.Second
)

// BundlePart is one thing that a support bundle tells. Get changes nothing. What it returns holds no payload, no text
// that a customer wrote, and no setting.
type BundlePart struct {
	Name string
	Get  func(ctx context.Context) (any, error)
}

// BundleParts returns what a support bundle tells of the servers that the settings name, in its order.
func BundleParts(cfg config.Config, tel *telemetry.Telemetry) []BundlePart {
	b := bundle{cfg, tel}
	all := []BundlePart{
		{"doctor", b.doctor},
		{"schema", b.withPool(b.schema)},
		{"tables", b.withPool(b.tables)},
		{"partitions", b.partitions},
		{"encryption-keys", func(ctx context.Context) (any, error) { return EncryptionKeys(ctx, cfg, tel) }},
		{"relay", b.withMaintenance(func(ctx context.Context, m *Maintenance) (any, error) { return relay.Statuses(ctx, m.Pool, m.Store) })},
		{"parked", b.withMaintenance(b.parked)},
		{"attention", b.withPool(b.attention)},
		{"failed-sagas", b.failedSagas},
	}
	for i, part := range all {
		all[i].Get = func(ctx context.Context) (any, error) {
			ctx, cancel := context.WithTimeout(ctx, bundlePartTimeout)
			defer cancel()
			return part.Get(ctx)
		}
	}
	return all
}

// bundle is what the parts are made with.
type bundle struct {
	cfg config.Config
	tel *telemetry.Telemetry
}

func (b bundle) withPool(get func(ctx context.Context, pool *pgxpool.Pool) (any, error)) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		pool, err := openPool(ctx, b.cfg.Database, b.tel)
		if err != nil {
			return nil, err
		}
		defer pool.Close()
		return get(ctx, pool)
	}
}

func (b bundle) withMaintenance(get func(ctx context.Context, m *Maintenance) (any, error)) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		m, err := OpenMaintenance(ctx, b.cfg, b.tel)
		if err != nil {
			return nil, err
		}
		found, err := get(ctx, m)
		return found, errors.Join(err, m.Close(ctx))
	}
}

func (b bundle) doctor(ctx context.Context) (any, error) {
	findings := []doctor.Finding{}
	_, err := Examine(ctx, b.cfg, b.tel, Examination{}, func(f doctor.Finding) { findings = append(findings, f) })
	return findings, err
}

func (bundle) schema(ctx context.Context, pool *pgxpool.Pool) (any, error) {
	state, err := migrations.Inspect(ctx, pool)
	if err != nil {
		return nil, err
	}
	var server string
	err = pool.QueryRow(ctx, "SHOW server_version").Scan(&server)
	return map[string]string{
		"postgresql": server, "missing": migrations.Names(state.Missing), "newer": migrations.Names(state.Newer),
	}, err
}

// tables tells the size of each table, and about how many rows it has.
func (bundle) tables(ctx context.Context, pool *pgxpool.Pool) (any, error) {
	type table struct {
		Name  string `json:"name"`
		Rows  int64  `json:"rows_about"`
		Dead  int64  `json:"dead_rows_about"`
		Bytes int64  `json:"bytes"`
	}
	rows, err := pool.Query(ctx, `SELECT relname, n_live_tup, n_dead_tup, pg_total_relation_size(relid) FROM pg_stat_user_tables
		WHERE schemaname = 'orderloom' ORDER BY relname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[table])
}

func (b bundle) partitions(ctx context.Context) (any, error) {
	return ListPartitions(ctx, b.cfg, b.tel)
}

// code is the code with which an error begins. What stands behind it may quote a payload.
var code = regexp.MustCompile(`^[a-z_]+(?::|$)`)

// parked tells what is parked, without the words of the errors.
func (bundle) parked(ctx context.Context, m *Maintenance) (any, error) {
	parked, err := m.Views.ListParked(ctx, bundleParkedMax)
	for i := range parked {
		parked[i].Error = code.FindString(parked[i].Error)
	}
	return parked, err
}

// attention counts what waits for a person, by cause.
func (bundle) attention(ctx context.Context, pool *pgxpool.Pool) (any, error) {
	type waiting struct {
		Count  int     `json:"count"`
		Oldest float64 `json:"oldest_seconds"`
	}
	counts, err := readmodel.AttentionCounts(ctx, pool)
	found := map[attention.Cause]waiting{}
	for cause, n := range counts {
		found[cause] = waiting{n.Count, n.Oldest.Seconds()}
	}
	return found, err
}

// failedSaga is an execution that has not ended as it should, without its reason, which may quote its input.
type failedSaga struct {
	WorkflowID string    `json:"workflow_id"`
	RunID      string    `json:"run_id"`
	Type       string    `json:"type"`
	Status     string    `json:"status"`
	Began      time.Time `json:"began"`
	Ended      time.Time `json:"ended"`
	Events     int64     `json:"history_events"`
}

func (b bundle) failedSagas(ctx context.Context) (any, error) {
	temporal, _, err := dialTemporal(b.cfg.Temporal, b.tel)
	if err != nil {
		return nil, err
	}
	defer temporal.Close()
	answer, err := temporal.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{
		Namespace: b.cfg.Temporal.Namespace, PageSize: bundleSagasMax,
		Query: fmt.Sprintf("ExecutionStatus IN ('Failed', 'TimedOut', 'Terminated') AND CloseTime > %q",
			time.Now().Add(-bundleSagasSince).UTC().Format(time.RFC3339)),
	})
	if err != nil {
		return nil, err
	}
	failed := []failedSaga{}
	for _, e := range answer.GetExecutions() {
		failed = append(failed, failedSaga{
			WorkflowID: idsOnly(e.GetExecution().GetWorkflowId()), RunID: e.GetExecution().GetRunId(), Type: e.GetType().GetName(),
			Status: e.GetStatus().String(), Began: e.GetStartTime().AsTime(), Ended: e.GetCloseTime().AsTime(), Events: e.GetHistoryLength(),
		})
	}
	return failed, nil
}

// ours is an id of ours. Others begin executions in the namespace too, under ids of their own.
var ours = regexp.MustCompile(`^[a-z-]+-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// idsOnly returns what of a workflow's id is ours.
func idsOnly(id string) string {
	if known := ours.FindString(id); known != "" {
		return known
	}
	return "another " + uuid.NewSHA1(uuid.NameSpaceURL, []byte(id)).String()
}
