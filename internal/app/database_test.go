package app

import (
	"bytes"
	"encoding/base64"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/keyring"
	"github.com/stretchr/testify/require"
)

func TestADatabaseThatFitsIsTaken(t *testing.T) {
	t.Parallel()
	require.NoError(t, checkDatabase(t.Context(), pgtest.Pool(t), slog.New(slog.DiscardHandler)))
}

func TestADatabaseThatDoesNotAnswerIsWaitedFor(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	require.NoError(t, err)
	defer pool.Close()
	err = checkDatabase(t.Context(), pool, slog.New(slog.DiscardHandler))
	require.Error(t, err)
	require.NotErrorIs(t, err, ErrUnfit)
}

// Fails where a session that a pooler gives to several clients is told by what PostgreSQL says of its statements.
func TestAStatementOfAnotherClientTellsOfAPooler(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "PREPARE another AS SELECT 1")
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "PREPARE another AS SELECT 1")
	require.ErrorIs(t, refusedByPooler(err), ErrUnfit)
	require.ErrorContains(t, refusedByPooler(err), "pool_mode=session")
	_, err = conn.Exec(t.Context(), "EXECUTE yet_another")
	require.ErrorIs(t, refusedByPooler(err), ErrUnfit)
	_, err = conn.Exec(t.Context(), "SELECT nothing")
	require.NotErrorIs(t, refusedByPooler(err), ErrUnfit)
}

// readOnly returns a pool whose database takes no writes.
func readOnly(t *testing.T) *pgxpool.Pool {
	t.Helper()
	url := pgtest.Database(t)
	first, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer first.Close()
	var name string
	require.NoError(t, first.QueryRow(t.Context(), "SELECT current_database()").Scan(&name))
	_, err = first.Exec(t.Context(), `ALTER DATABASE "`+name+`" SET default_transaction_read_only = on`)
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// Fails where readiness only asks PostgreSQL whether it answers.
func TestAReadOnlyDatabaseIsNotReady(t *testing.T) {
	t.Parallel()
	pool := readOnly(t)
	require.NoError(t, pool.Ping(t.Context()))
	require.ErrorContains(t, writable(pool)(t.Context()), "takes no writes")
	require.NoError(t, writable(pgtest.Pool(t))(t.Context()))
}

func TestEveryRoleWithoutAnAPISaysWhetherItIsReady(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	cluster := kafkatest.Start(t)
	p := &platform{cfg: config.Config{Kafka: config.Kafka{Brokers: cluster.Brokers}}, tel: tel, pool: pgtest.Pool(t)}
	p.temporal, _, err = dialTemporal(config.Temporal{Address: "127.0.0.1:1", Namespace: "none"}, tel)
	require.NoError(t, err)
	defer p.temporal.Close()
	for role, want := range map[config.Role]string{
		config.RoleWorker: `{"status":"not_ready","capabilities":[{"name":"sagas","status":"failing"}],
			"checks":[{"name":"postgres","status":"ok"},{"name":"event_store","status":"ok"},{"name":"temporal","status":"failing"}]}`,
		config.RoleProjector: `{"status":"not_ready","capabilities":[{"name":"views","status":"failing"}],
			"checks":[{"name":"postgres","status":"ok"},{"name":"event_store","status":"ok"},{"name":"kafka","status":"failing"}]}`,
	} {
		h, drains := p.serviceHandler(Options{Roles: []config.Role{role}})
		ask := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/ready", http.NoBody))
			return w
		}
		got := ask()
		require.Equal(t, http.StatusServiceUnavailable, got.Code, role)
		require.JSONEq(t, want, got.Body.String(), role)
		require.Equal(t, "application/json", got.Header().Get("Content-Type"))
		drains()
		require.Contains(t, ask().Body.String(), `"draining"`, role)
	}
}

// A process without a key that is in use can't go on with sagas. One with a wrong key makes data that nobody else can
// read.
func TestAProcessWithoutAKeyThatIsInUseIsRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	start := func(master, payload string) error {
		p := &platform{pool: pool, sealing: true, cfg: load(t, map[string]string{"ORDERLOOM_MASTER_KEYS": master, "ORDERLOOM_PAYLOAD_KEYS": payload})}
		return p.checkKeys(t.Context())
	}
	m1, m2, k1, k2 := keyText("m1", 1), keyText("m2", 2), keyText("k1", 3), keyText("k2", 4)
	require.NoError(t, start(m1, k1))
	require.NoError(t, start(m1, k1))
	for what, err := range map[string]error{
		`the payload key "k1" has been in use`: start(m1, ""),
		`the payload key "k1" is another`:      start(m1, keyText("k1", 9)),
		`the master key "m1" has been in use`:  start(m2, k1),
		`the master key "m1" is another`:       start(keyText("m1", 9), k1),
	} {
		require.ErrorIs(t, err, ErrUnfit)
		require.ErrorContains(t, err, what)
	}
	require.NoError(t, start(m1, k1+","+k2))
	known, err := keyring.List(t.Context(), pool)
	require.NoError(t, err)
	require.Len(t, known, 3, "the keys of a process that was refused are not remembered")
	require.NoError(t, (&platform{pool: pool}).checkKeys(t.Context()), "a projector needs no key")
}

func keyText(id string, seed byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, 32))
}

// The probe of readiness has to need room on the disk. Fails where it fits into memory.
func TestReadinessAsksForRoomOnTheDisk(t *testing.T) {
	t.Parallel()
	conn, err := pgtest.Pool(t).Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), "SET work_mem = '64kB'")
	require.NoError(t, err)
	rows, err := conn.Query(t.Context(), "EXPLAIN (ANALYZE, BUFFERS, COSTS off) "+spill)
	require.NoError(t, err)
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Contains(t, strings.Join(plan, "\n"), "temp read=")
	require.Contains(t, strings.Join(plan, "\n"), "written=")
}

// Fails where a process that is frozen in the middle of a transaction keeps its row locks for as long as it is.
func TestASessionThatIsSilentWithinATransactionIsEnded(t *testing.T) {
	t.Parallel()
	allowed := func(url string) (text string) {
		pc, err := poolConfig(config.Database{URL: config.Secret(url), ConnectionsMax: 1, ConnectTimeout: lookTimeout})
		require.NoError(t, err)
		pool, err := pgxpool.NewWithConfig(t.Context(), pc)
		require.NoError(t, err)
		defer pool.Close()
		require.NoError(t, pool.QueryRow(t.Context(), "SHOW "+idleInTransaction).Scan(&text))
		return text
	}
	url := pgtest.Database(t)
	require.Equal(t, "30s", allowed(url))
	require.Equal(t, "2min", allowed(url+"&"+idleInTransaction+"=120000"), "DATABASE_URL may say otherwise")
}
