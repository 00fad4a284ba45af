package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
)

// examined carries out "orderloom doctor", and returns its findings by group and check.
func (b *testBundle) examined(code int, flags ...string) map[string]doctor.Finding {
	b.Helper()
	var found examination
	require.NoError(b, json.Unmarshal([]byte(b.orderloom(code, append([]string{"doctor", "-o", "json"}, flags...)...).stdout), &found))
	all := map[string]doctor.Finding{}
	for _, f := range found.Findings {
		all[f.Group+": "+f.Check] = f
	}
	return all
}

func TestTheDoctorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 10)
	b.asWorker()
	b.deliver()
	found := b.examined(exitFound, "--whole")
	require.Equal(t, doctor.OK, found["PostgreSQL: has the schema"].Status)
	require.Equal(t, doctor.OK, found["Kafka: has the topics"].Status)
	require.Equal(t, doctor.OK, found["Whole comparison: each row of each view"].Status)
	require.Equal(t, doctor.OK, found["Whole comparison: each event in Kafka"].Status)
	require.Equal(t, doctor.Failing, found["Temporal: answers"].Status)
	require.Contains(t, found["Temporal: answers"].Remedy, "TEMPORAL_ADDRESS")
	require.Equal(t, doctor.Skipped, found["Sagas: each open order has one"].Status)

	keyless := found["Whole comparison: each customer has a key"]
	require.Equal(t, doctor.Failing, keyless.Status, "nobody has sealed anything here")
	require.Contains(t, keyless.Remedy, "orderloom recover --confirm")
	var number string
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT order_number FROM orderloom.order_views ORDER BY customer_id, created_at LIMIT 1`).Scan(&number))
	require.Contains(t, keyless.Found, number)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.customer_keys (subject, generation, master_key, wrapped)
		SELECT DISTINCT customer_id, 1, 'a', '\x00'::bytea FROM orderloom.customer_summaries`)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.stock_levels SET on_hand = on_hand + 1 WHERE sku = (SELECT min(sku) FROM orderloom.stock_levels)`)
	require.NoError(t, err)
	found = b.examined(exitFound, "--whole")
	require.Equal(t, doctor.OK, found["Whole comparison: each customer has a key"].Status)
	require.Contains(t, found["Whole comparison: each row of each view"].Remedy, "orderloom rebuild")
}

// Fails where the doctor opens the event store as others do, which refuse such databases.
func TestTheDoctorExaminesADatabaseThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 0)
	b.asWorker()
	_, err := b.pool.Exec(t.Context(), `DROP SCHEMA orderloom CASCADE`)
	require.NoError(t, err)
	found := b.examined(exitFound, "--pre")
	require.Equal(t, doctor.Warning, found["PostgreSQL: has the schema"].Status)
	require.Equal(t, doctor.OK, found["Kafka: has the topics"].Status)
	found = b.examined(exitFound)
	require.Equal(t, doctor.Failing, found["PostgreSQL: has the schema"].Status)
	require.Equal(t, doctor.Skipped, found["Event store: is confirmed"].Status)

	b.environment["DATABASE_URL"] = strings.Replace(b.environment["DATABASE_URL"], "/"+b.pool.Config().ConnConfig.Database, "/nowhere", 1)
	found = b.examined(exitFound)
	require.Equal(t, doctor.Failing, found["PostgreSQL: answers"].Status)
	require.Contains(t, found["PostgreSQL: answers"].Found, "does not exist")
	require.Contains(t, found["PostgreSQL: answers"].Remedy, "DATABASE_URL")
	require.Equal(t, doctor.OK, found["Kafka: has the topics"].Status)
}

// Fails where the doctor believes that who led last leads, and takes no views for good ones.
func TestTheDoctorNamesProcessesThatHaveGone(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 3)
	b.asWorker()
	require.Equal(t, "no projector has made a view yet", b.examined(exitFound)["Views: are up to date"].Found)
	t.Run("while they run", func(t *testing.T) { //nolint:paralleltest // it ends before the rest
		running := *b
		running.T = t
		running.deliver()
		found := running.examined(exitFound) // for Temporal, which is away
		require.Equal(t, doctor.OK, found["Relay: publishes, and Kafka keeps it"].Status)
		require.Equal(t, doctor.OK, found["Views: are up to date"].Status)
	})
	found := b.examined(exitFound)["Relay: publishes, and Kafka keeps it"]
	require.Equal(t, doctor.Failing, found.Status)
	require.Equal(t, "orderloom: nobody leads", found.Found)
	require.Contains(t, found.Remedy, "orderloom worker")
}

// Fails where only the topics of events are looked at, without which the relay publishes nothing either.
func TestTheDoctorMissesEachTopic(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 0)
	b.asWorker()
	for _, topic := range []string{broker.CustomerKeys, broker.DeadLetters} {
		client := &kafka.Client{Addr: kafka.TCP(b.kafka.Brokers...)}
		_, err := client.DeleteTopics(t.Context(), &kafka.DeleteTopicsRequest{Topics: []string{topic}})
		require.NoError(t, err)
		found := b.examined(exitFound)["Kafka: has the topics"]
		require.Equal(t, doctor.Failing, found.Status)
		require.Contains(t, found.Found, topic)
		require.NoError(t, broker.EnsureTopics(t.Context(), b.kafka))
	}
}

// Fails where a topic that is there counts as well, whatever it is like.
func TestTheDoctorComparesTopicsWithTheSettings(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 0)
	b.asWorker()
	const check = "Kafka: the topics are as the settings say"
	retention := b.kafka.Retention
	b.environment["ORDERLOOM_KAFKA_PARTITIONS"] = strconv.Itoa(b.kafka.Partitions)
	b.environment["ORDERLOOM_KAFKA_RETENTION"] = retention.String()
	require.Equal(t, doctor.OK, b.examined(exitFound)[check].Status, "%v", b.examined(exitFound)[check])

	b.kafka.Retention = retention / 2
	require.NoError(t, broker.EnsureTopics(t.Context(), b.kafka))
	found := b.examined(exitFound)[check]
	require.Equal(t, doctor.Warning, found.Status)
	require.Contains(t, found.Found, "retention.ms")
	require.Contains(t, found.Remedy, "orderloom setup")

	b.kafka.Retention = retention
	require.NoError(t, broker.EnsureTopics(t.Context(), b.kafka))
	b.environment["ORDERLOOM_KAFKA_PARTITIONS"] = "48"
	found = b.examined(exitFound)[check]
	require.Equal(t, doctor.Warning, found.Status)
	require.Contains(t, found.Found, fmt.Sprintf("has %d partitions", b.kafka.Partitions))
	require.Contains(t, found.Remedy, fmt.Sprintf("ORDERLOOM_KAFKA_PARTITIONS=%d", b.kafka.Partitions))
}

// Fails where the schema counts as whole once its migrations were carried out.
func TestTheDoctorMissesIndexesAndRights(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 0)
	b.asWorker()
	found := b.examined(exitFound)
	require.Equal(t, doctor.OK, found["PostgreSQL: has the indexes"].Status)
	require.Equal(t, doctor.OK, found["PostgreSQL: lets this role do its work"].Status)
	_, err := b.pool.Exec(t.Context(), `ALTER TABLE orderloom.api_keys DROP CONSTRAINT api_keys_pkey CASCADE`)
	require.NoError(t, err)
	role := "lacking_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	_, err = b.pool.Exec(t.Context(), `CREATE ROLE `+role+` LOGIN PASSWORD 'p'`)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, _ = b.pool.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+role+` CASCADE`)
		_, _ = b.pool.Exec(context.WithoutCancel(t.Context()), `DROP ROLE `+role)
	})
	_, err = b.pool.Exec(t.Context(), `SELECT orderloom.grant_runtime($1)`, role)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `REVOKE INSERT ON orderloom.events FROM `+role)
	require.NoError(t, err)
	u, err := url.Parse(b.environment["DATABASE_URL"])
	require.NoError(t, err)
	u.User = url.UserPassword(role, "p")
	b.environment["DATABASE_URL"] = u.String()

	found = b.examined(exitFound)
	missing, may := found["PostgreSQL: has the indexes"], found["PostgreSQL: lets this role do its work"]
	require.Equal(t, doctor.Failing, missing.Status)
	require.Contains(t, missing.Found, "api_keys_pkey")
	require.Contains(t, missing.Remedy, "CREATE UNIQUE INDEX api_keys_pkey ON orderloom.api_keys")
	require.Equal(t, doctor.Failing, may.Status)
	require.Equal(t, "the role "+role+" lacks rights on events", may.Found)
	require.Contains(t, may.Remedy, "orderloom migrate")
}

// Fails where all that PostgreSQL answers has the same remedy.
func TestTheDoctorKnowsWhatMendsAnAnswerOfPostgreSQL(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 0)
	b.asWorker()
	database, role := b.pool.Config().ConnConfig.Database, "stranger_"+strings.ReplaceAll(uuid.NewString(), "-", "")
	do := func(statement string) {
		t.Helper()
		_, err := b.pool.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	do(`CREATE ROLE ` + role + ` LOGIN PASSWORD 'p'`)
	do(`CREATE DATABASE ` + role + ` ENCODING 'SQL_ASCII' LOCALE 'C' TEMPLATE template0`)
	t.Cleanup(func() {
		_, _ = b.pool.Exec(context.WithoutCancel(t.Context()), `DROP DATABASE `+role+` WITH (FORCE)`)
		_, _ = b.pool.Exec(context.WithoutCancel(t.Context()), `DROP ROLE `+role)
	})
	address, err := url.Parse(b.environment["DATABASE_URL"])
	require.NoError(t, err)
	examined := func(check string, change func(u *url.URL)) doctor.Finding {
		t.Helper()
		u := *address
		change(&u)
		b.environment["DATABASE_URL"] = u.String()
		found := b.examined(exitFound)[check]
		require.Equal(t, doctor.Failing, found.Status, check)
		require.NotContains(t, found.Found, "\n")
		return found
	}
	const answers, schema = "PostgreSQL: answers", "PostgreSQL: has the schema"
	as := func(name string) func(u *url.URL) { return func(u *url.URL) { u.User = url.UserPassword(name, "p") } }
	in := func(name string) func(u *url.URL) { return func(u *url.URL) { u.Path = "/" + name } }

	encoded := examined(answers, in(role))
	require.Equal(t, "its encoding is SQL_ASCII", encoded.Found)
	require.Contains(t, encoded.Remedy, "ENCODING 'UTF8'")
	require.Contains(t, b.orderloom(exitFailure, "migrate").stderr, "ENCODING 'UTF8'", "nothing is made where it can't stay")

	require.Contains(t, examined(schema, as(role)).Remedy, "ORDERLOOM_DATABASE_RUNTIME_ROLE="+role)
	require.Contains(t, examined(answers, in("nowhere")).Remedy, "make the database")
	unknown := examined(answers, as("nobody"))
	require.Contains(t, unknown.Remedy, "the right role and password")
	require.NotContains(t, unknown.Found, "TLS", "an attempt over TLS is not the cause")
	do(`ALTER ROLE ` + role + ` CONNECTION LIMIT 0`)
	require.Contains(t, examined(answers, as(role)).Remedy, "max_connections")
	do(`ALTER ROLE ` + role + ` CONNECTION LIMIT -1`)
	do(`REVOKE CONNECT ON DATABASE "` + database + `" FROM PUBLIC`)
	require.Contains(t, examined(answers, as(role)).Remedy, "GRANT CONNECT")
	do(`ALTER DATABASE "` + database + `" SET default_transaction_read_only = on`)
	require.Contains(t, examined("PostgreSQL: takes writes", func(*url.URL) {}).Remedy, "default_transaction_read_only")
}

func TestBeforeAnInstallationTheSchemaMayBeMissing(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 1)
	b.asWorker()
	_, err := b.pool.Exec(t.Context(), `DELETE FROM orderloom.schema_migrations WHERE number > 3`)
	require.NoError(t, err)
	require.Equal(t, doctor.Warning, b.examined(exitFound, "--pre")["PostgreSQL: has the schema"].Status)
	found := b.examined(exitFound)["PostgreSQL: has the schema"]
	require.Equal(t, doctor.Failing, found.Status)
	require.Contains(t, found.Remedy, "orderloom migrate")
}

func TestAFileOfTheSettingsThatIsNotThereIsAWrongSetting(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 1)
	b.asWorker()
	b.environment["KAFKA_TLS"], b.environment["KAFKA_TLS_SERVER_CA_CERT_PATH"] = "true", t.TempDir()+"/none.pem"
	require.Contains(t, b.orderloom(exitUsage, "doctor").stderr, "none.pem")
}
