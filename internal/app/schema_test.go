package app

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/migrations"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/stretchr/testify/require"
)

// twoRoles is a database whose schema belongs to one role, while the processes have another. Neither is a superuser.
type twoRoles struct {
	owner, runtime config.Config
	tel            *telemetry.Telemetry
}

// openTwoRoles makes the roles and an empty database that the owner may make a schema in.
func openTwoRoles(t *testing.T) twoRoles {
	t.Helper()
	address := pgtest.Empty(t)
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	admin, err := pgx.Connect(t.Context(), address)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, admin.Close(context.WithoutCancel(t.Context()))) })
	as := func(role string) config.Config {
		u, err := url.Parse(address)
		require.NoError(t, err)
		_, err = admin.Exec(t.Context(), "CREATE ROLE "+role+" LOGIN PASSWORD 'p'")
		require.NoError(t, err)
		t.Cleanup(func() {
			_, _ = admin.Exec(context.WithoutCancel(t.Context()), "DROP OWNED BY "+role+" CASCADE; DROP ROLE "+role, pgx.QueryExecModeSimpleProtocol)
		})
		u.User = url.UserPassword(role, "p")
		cfg := load(t, nil)
		cfg.Database.URL = config.Secret(u.String())
		return cfg
	}
	suffix := strings.ReplaceAll(uuid.NewString(), "-", "")
	b := twoRoles{owner: as("owner_" + suffix), runtime: as("runtime_" + suffix), tel: tel}
	b.owner.Database.RuntimeRole = "runtime_" + suffix
	_, err = admin.Exec(t.Context(), "GRANT CREATE ON DATABASE "+strings.TrimPrefix(mustParse(t, address).Path, "/")+" TO owner_"+suffix)
	require.NoError(t, err)
	return b
}

func mustParse(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	require.NoError(t, err)
	return u
}

func (b twoRoles) pool(t *testing.T, cfg config.Config) *pgxpool.Pool {
	t.Helper()
	pool, err := openPool(t.Context(), cfg.Database, b.tel)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// migrate is what the setup does, before the processes start.
func (b twoRoles) migrate(t *testing.T) {
	t.Helper()
	_, err := Migrate(t.Context(), b.owner, b.tel)
	require.NoError(t, err)
}

func TestTheRoleOfTheProcessesCannotChangeTheSchema(t *testing.T) {
	t.Parallel()
	b := openTwoRoles(t)
	b.migrate(t)
	b.migrate(t) // may be repeated
	pool := b.pool(t, b.runtime)
	for _, statement := range []string{
		`CREATE SCHEMA another`,
		`CREATE TABLE orderloom.another (id int)`,
		`ALTER TABLE orderloom.events ADD another int`,
		`DROP TABLE orderloom.order_views`,
		`DROP SCHEMA orderloom CASCADE`,
		`TRUNCATE orderloom.streams`,
		`CREATE INDEX another ON orderloom.events (event_type)`,
		`CREATE OR REPLACE FUNCTION orderloom.runtime_lacks() RETURNS text LANGUAGE sql AS 'SELECT NULL::text'`,
		`UPDATE orderloom.events SET payload = '{}'`,
		`DELETE FROM orderloom.events`,
		`DELETE FROM orderloom.events_0000000000000`,
		`INSERT INTO orderloom.events_0000000000000 SELECT * FROM orderloom.events`,
		`DELETE FROM orderloom.invoices`,
		`DELETE FROM orderloom.audit`,
		`UPDATE orderloom.schema_migrations SET checksum = ''`,
		`DELETE FROM orderloom.partitions`,
		`SELECT setval('orderloom.event_sequence', 1)`,
	} {
		_, err := pool.Exec(t.Context(), statement)
		var answer *pgconn.PgError
		require.ErrorAs(t, err, &answer, statement)
		require.Equal(t, notAllowed, answer.Code, "%s: %s", statement, answer.Message)
	}
	require.NoError(t, checkDatabase(t.Context(), pool, slog.New(slog.DiscardHandler)), "it starts nevertheless")
}

func TestTheRoleOfTheProcessesMakesPartitionsAndLeavesTheRestToTheOwner(t *testing.T) {
	t.Parallel()
	b := openTwoRoles(t)
	b.migrate(t)
	owner, runtime := b.pool(t, b.owner), b.pool(t, b.runtime)
	_, err := owner.Exec(t.Context(), `UPDATE orderloom.store SET partition_span = 10, partitions_ahead = 1;
		DELETE FROM orderloom.partitions;
		DROP TABLE orderloom.events_0000000000000, orderloom.events_0000005000000, orderloom.events_0000010000000;
		SELECT orderloom.ensure_partitions();
		CREATE TABLE orderloom.audit_200001 PARTITION OF orderloom.audit FOR VALUES FROM ('2000-01-01Z') TO ('2000-02-01Z')`,
		pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	store, err := eventstore.Open(t.Context(), runtime, eventstore.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, store.Close(context.WithoutCancel(t.Context()))) }()
	for range 25 { // more than two partitions
		stream := eventstore.StreamID{Type: domain.AggregateOrder, ID: uuid.New()}
		_, err := store.Append(t.Context(), eventstore.Append{Stream: stream, Expected: eventstore.NoStream, Events: []eventstore.NewEvent{{
			ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: json.RawMessage(`{}`), Timestamp: time.Now(),
		}}})
		require.NoError(t, err)
	}
	months := func() (n int) {
		require.NoError(t, owner.QueryRow(t.Context(), `SELECT count(*) FROM pg_inherits WHERE inhparent = 'orderloom.audit'::regclass`).Scan(&n))
		return n
	}
	_, err = owner.Exec(t.Context(), `DROP TABLE orderloom.audit_`+time.Now().UTC().Format("200601"))
	require.NoError(t, err)
	audit := access.NewAudit(runtime, time.Hour, nil)

	indexed, err := store.Maintain(t.Context())
	require.NoError(t, err, "it leaves to the owner what it may not do")
	require.Zero(t, indexed)
	require.NoError(t, audit.Maintain(t.Context()))
	require.Equal(t, 3, months(), "it makes this month's partition, and drops none")
	_, err = audit.Begin(t.Context(), access.AuditEntry{Action: "a test"})
	require.NoError(t, err)

	indexed, err = MaintainPartitions(t.Context(), b.owner, b.tel)
	require.NoError(t, err)
	require.Equal(t, 2, indexed)
	require.Equal(t, 2, months(), "the owner drops what is over")
	table, err := migrations.Lacking(t.Context(), runtime)
	require.NoError(t, err)
	require.Empty(t, table)
}

func TestTheRoleOfTheProcessesKeepsItsRightsOverARebuild(t *testing.T) {
	t.Parallel()
	b := openTwoRoles(t)
	b.migrate(t)
	m, err := OpenMaintenance(t.Context(), b.owner, b.tel)
	require.NoError(t, err)
	defer func() { require.NoError(t, m.Close(t.Context())) }()
	for _, p := range views.All() {
		_, err := m.Views.Rebuild(t.Context(), m.Store, p.Name(), maintain.RebuildOptions{})
		require.NoError(t, err)
	}
	table, err := migrations.Lacking(t.Context(), b.pool(t, b.runtime))
	require.NoError(t, err)
	require.Empty(t, table)
	var owned int
	require.NoError(t, b.pool(t, b.owner).QueryRow(t.Context(), `SELECT count(*) FROM pg_tables WHERE schemaname = 'orderloom' AND tablename = $1`,
		projector.Old.Name("order_views")).Scan(&owned))
	require.Equal(t, 1, owned, "it was rebuilt")
}

func TestAProcessWaitsForItsSchemaAndItsRights(t *testing.T) {
	t.Parallel()
	b := openTwoRoles(t)
	soon := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return AwaitSchema(ctx, b.runtime, b.tel)
	}
	require.ErrorContains(t, soon(), "migrations, from 00001_event_store")

	waited := make(chan error, 1)
	go func() { waited <- AwaitSchema(t.Context(), b.runtime, b.tel) }()
	withoutRole := b.owner
	withoutRole.Database.RuntimeRole = ""
	_, err := Migrate(t.Context(), withoutRole, b.tel)
	require.NoError(t, err)
	require.Error(t, soon(), "it has no rights yet")
	b.migrate(t)
	require.NoError(t, <-waited)

	_, err = b.pool(t, b.owner).Exec(t.Context(), `CREATE TABLE orderloom.of_a_newer_version (id int)`)
	require.NoError(t, err)
	require.ErrorContains(t, soon(), "the role lacks rights on of_a_newer_version")
	b.migrate(t)
	require.NoError(t, soon())

	nobody := b.runtime
	nobody.Database.URL = "postgres://nobody:p@" + config.Secret(mustParse(t, string(b.runtime.Database.URL)).Host) + "/postgres"
	err = AwaitSchema(t.Context(), nobody, b.tel)
	require.ErrorIs(t, err, ErrRefused, "who is refused does not wait")
}
