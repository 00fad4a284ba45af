package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/broker"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/projector"
	"github.com/orderloom/orderloom/projector/maintain"
	"github.com/orderloom/orderloom/projector/views"
	"github.com/orderloom/orderloom/relay"
	"github.com/stretchr/testify/require"
)

// testBundle is a store with events, and the settings with which the commands reach it.
type testBundle struct {
	*testing.T
	environment map[string]string
	pool        *pgxpool.Pool
	store       *eventstore.Store
	kafka       broker.Config
	events      []domain.Envelope
}

func setup(t *testing.T, seed uint64, orders int) *testBundle {
	t.Helper()
	database, cluster := pgtest.Database(t), kafkatest.Start(t)
	b := &testBundle{T: t, events: eventtest.Lives(seed, orders), environment: map[string]string{
		"DATABASE_URL": database, "KAFKA_BROKERS": strings.Join(cluster.Brokers, ","), "ORDERLOOM_LOG_LEVEL": "error",
	}}
	var err error
	b.pool, err = pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	t.Cleanup(b.pool.Close)
	b.store, err = eventstore.Open(t.Context(), b.pool, eventstore.Options{Logger: b.logger()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, b.store.Close(context.WithoutCancel(t.Context()))) })
	b.kafka = broker.Config{Brokers: cluster.Brokers, Group: "projector", Partitions: 3, Replication: 1, Retention: 7 * 24 * time.Hour, Logger: b.logger()}
	require.NoError(t, broker.EnsureTopics(t.Context(), b.kafka))
	for _, e := range b.events {
		_, err := b.store.Append(t.Context(), eventtest.AppendOf(e))
		require.NoError(t, err)
	}
	return b
}

func (b *testBundle) logger() *slog.Logger { return slog.New(slog.NewTextHandler(b.Output(), nil)) }

// source reads streams as the projector wants it.
type source struct{ *eventstore.Store }

func (s source) Load(ctx context.Context, aggregateType string, id uuid.UUID, after int64) ([]domain.Envelope, error) {
	return s.Store.Load(ctx, eventstore.StreamID{Type: aggregateType, ID: id}, after)
}

// deliver publishes all events and projects them.
func (b *testBundle) deliver() {
	b.Helper()
	writer := broker.NewWriter(b.kafka)
	b.Cleanup(func() { _ = writer.Close() })
	r, err := relay.New(relay.Options{Store: b.store, Pool: b.pool, Writer: writer, Logger: b.logger(), Instance: "one"})
	require.NoError(b, err)
	p, err := projector.New(projector.Options{Pool: b.pool, Source: source{b.store}, Streams: b.store, Projections: views.All(), Broker: b.kafka, Writer: writer, Logger: b.logger()})
	require.NoError(b, err)
	for _, run := range []func(context.Context) error{r.Run, p.Run} {
		ctx, cancel := context.WithCancel(b.Context())
		done := make(chan error, 1)
		go func() { done <- run(ctx) }()
		b.Cleanup(func() { cancel(); require.NoError(b, <-done) })
	}
	maintainer := maintain.New(projector.NewMender(projector.MenderOptions{
		Pool: b.pool, Source: source{b.store}, Projections: views.All(), Logger: b.logger(),
	}))
	require.Eventually(b, func() bool {
		v, err := maintainer.Verify(b.Context(), b.store, nil)
		require.NoError(b, err)
		return v.Behind == 0 && v.Events == int64(len(b.events))
	}, 30*time.Second, 50*time.Millisecond)
}

// orderloom carries out a command line, which must end with this exit status.
func (b *testBundle) orderloom(code int, arguments ...string) call {
	b.Helper()
	got := orderloom(b.T, b.environment, arguments...)
	require.Equal(b, code, got.code, "%v: %s%s", arguments, got.stdout, got.stderr)
	return got
}

func TestCommandsAboutTheViews(t *testing.T) {
	t.Parallel()
	b := setup(t, 51, 40)
	b.deliver()

	got := b.orderloom(exitDone, "verify", "--no-temporal")
	require.Contains(t, got.stdout, "0 differences, 0 streams on their way, 0 parked")
	require.Contains(t, got.stdout, "0 incomplete or out of order")
	require.NotContains(t, b.orderloom(exitDone, "verify", "--no-temporal", "--no-kafka").stdout, "Kafka")

	require.Contains(t, b.orderloom(exitDone, "rebuild", "--dry-run", "timeline").stdout, "without --dry-run")
	require.Contains(t, b.orderloom(exitDone, "rebuild", "timeline").stdout, "the tables were swapped")
	require.Contains(t, b.orderloom(exitDone, "rebuild", "--drop-old", "timeline").stdout, "are gone")
	var rebuilt maintain.RebuildReport
	require.NoError(t, json.Unmarshal([]byte(b.orderloom(exitDone, "rebuild", "--dry-run", "timeline", "-o", "json").stdout), &rebuilt))
	require.Equal(t, "timeline", rebuilt.Projection)
	require.NotEmpty(t, rebuilt.Diff)
	require.Contains(t, b.orderloom(exitDone, "rebuild", "--abandon", "timeline", "-o", "yaml").stdout, "dropped: shadow")
	b.orderloom(exitUsage, "rebuild", "nope")

	_, err := b.pool.Exec(t.Context(), `UPDATE orderloom.stock_levels SET on_hand = on_hand + 1 WHERE sku = 'SKU-002'`)
	require.NoError(t, err)
	got = b.orderloom(exitFound, "verify", "--no-temporal", "-o", "json")
	require.Contains(t, got.stdout, "stock_levels")
	require.Contains(t, got.stderr, errDifferent.Error())
}

// Fails without VerifyStore: all tables come from the same backup and agree.
func TestVerifyNoticesAStoreThatLacksWhatKafkaHas(t *testing.T) {
	t.Parallel()
	b := setup(t, 52, 10)
	b.deliver()
	require.Contains(t, b.orderloom(exitDone, "verify", "--no-temporal").stdout, "the store lacks events of 0 streams")
	last := b.events[len(b.events)-1]
	_, err := b.pool.Exec(t.Context(), `DELETE FROM orderloom.events WHERE aggregate_id = $1`, last.AggregateID)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `DELETE FROM orderloom.streams WHERE aggregate_id = $1`, last.AggregateID)
	require.NoError(t, err)

	b.orderloom(exitDone, "verify", "--no-temporal", "--no-kafka") // the tables agree
	require.NoError(t, b.confirmed())
	got := b.orderloom(exitFound, "verify", "--no-temporal")
	require.Contains(t, got.stderr, `run "orderloom recover"`)
	require.Contains(t, got.stdout, "the store lacks events of 1 streams")
	require.Contains(t, got.stdout, fmt.Sprintf("%s/%s has version 0, and Kafka has other events as versions 1 to %d", last.AggregateType, last.AggregateID, last.Version))
	require.ErrorIs(t, b.confirmed(), eventstore.ErrUnconfirmed)
	require.Contains(t, b.orderloom(exitFound, "verify", "--no-temporal", "-o", "json").stdout, `"streams_behind": 1,
    "losses": [`)
}

// confirmed returns an error when the store's epoch is doubted.
func (b *testBundle) confirmed() error {
	b.Helper()
	identity, err := b.store.Identity(b.Context())
	require.NoError(b, err)
	if !identity.Confirmed {
		return eventstore.ErrUnconfirmed
	}
	return nil
}

func TestVerifySaysWhenTheSagasAreNotCompared(t *testing.T) {
	t.Parallel()
	b := setup(t, 7, 1)
	for address, why := range map[string]string{"": "TEMPORAL_ADDRESS is not set", "127.0.0.1:1": "the workflow service is unavailable"} {
		b.environment["TEMPORAL_ADDRESS"] = address
		status := map[bool]int{true: exitUsage, false: exitUnreachable}[address == ""]
		got := b.orderloom(status, "verify", "--no-kafka")
		require.Contains(t, got.stdout, "The sagas at Temporal were NOT compared: "+why)
		require.Contains(t, got.stderr, "--no-temporal")
		require.Contains(t, b.orderloom(status, "verify", "--no-kafka", "-o", "json").stdout, `"sagas_not_compared": "`+why)
	}
}

func TestCommandsAboutParkedAggregates(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	require.Contains(t, b.orderloom(exitDone, "parked", "list").stdout, "PROJECTION")
	id := uuid.NewString()
	require.Contains(t, b.orderloom(exitRefused, "parked", "show", "orders", id).stderr, id)
	b.orderloom(exitRefused, "parked", "retry", "orders", id)
	b.orderloom(exitRefused, "parked", "discard", "orders", id, "--reason", "broken by hand")
}

func TestWhatWaitsForAPersonIsListed(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	b.deliver()
	require.NotContains(t, b.orderloom(exitDone, "attention", "list").stdout, "parked")
	id := uuid.NewString()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.parked_streams
		(projection, aggregate_id, aggregate_type, version, event_id, event_type, last_version, error)
		VALUES ('orders', $1, 'order', 3, $1, 'OrderPlaced', 4, 'no such event')`, id)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.order_views SET attention = '{void_failed}', attention_since = '2026-11-01T00:00:00Z', shown = (shown::jsonb ||
		'{"attention": [{"attention_id": "6b982da7-89fe-483e-987e-fda395167e2f", "cause": "void_failed", "since": "2026-11-01T00:00:00Z",
			"amount": {"amount": "5.00", "currency": "EUR"}, "detail": "gone", "attempts": 2, "actions": ["retry", "resolve"]}]}')::json`)
	require.NoError(t, err)
	listed := b.orderloom(exitDone, "attention", "list").stdout
	require.Regexp(t, "parked +orders order/"+id+" .* 1 +retry_parked .* no such event", listed)
	require.Regexp(t, "void_failed +ORD-.* 2026-11-01T00:00:00Z +5.00 EUR +2 +retry, resolve +6b982da7-89fe-483e-987e-fda395167e2f +gone", listed)
	require.Less(t, strings.Index(listed, "void_failed"), strings.Index(listed, "parked"), "what has waited longest comes first")
	require.NotContains(t, b.orderloom(exitDone, "attention", "list", "--cause", "parked").stdout, "void_failed")
	require.Contains(t, b.orderloom(exitDone, "attention", "list", "--cause", "overdue").stdout, "Nothing waits for a person.")
	require.Contains(t, b.orderloom(exitDone, "attention", "list", "--limit", "1").stdout, "Only the first 1 are listed")
	var whole struct {
		Attention []struct{ Cause, OrderNumber string }
		More      bool
	}
	require.NoError(t, json.Unmarshal([]byte(b.orderloom(exitDone, "attention", "list", "-o", "json", "--limit", "1").stdout), &whole))
	require.True(t, whole.More)
	require.Equal(t, "void_failed", whole.Attention[0].Cause)

	shown := b.orderloom(exitDone, "attention", "show", "6b982da7-89fe-483e-987e-fda395167e2f").stdout
	require.Contains(t, shown, "orderloom attention resolve 6b982da7-89fe-483e-987e-fda395167e2f --amount 5 --reference <where>")
	require.Contains(t, b.orderloom(exitDone, "attention", "show", "-o", "json", "6b982da7-89fe-483e-987e-fda395167e2f").stdout, `"payment_id"`)
}

// The commands ask by the API's own routes, in this process.
func TestADecisionIsRefusedAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	b.deliver()
	parked, dispute, hold, order := uuid.NewString(), uuid.NewString(), uuid.NewString(), uuid.NewString()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.parked_streams
		(attention_id, projection, aggregate_id, aggregate_type, version, event_id, event_type, last_version, error)
		VALUES ($1, 'orders', $2, 'stock', 3, $1, 'StockReceived', 4, 'no such event')`, parked, order)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `UPDATE orderloom.order_views SET attention = '{void_failed,dispute_open}', attention_since = '2026-11-01',
		shown = (shown::jsonb || format(
		'{"attention": [{"attention_id": "%s", "cause": "dispute_open", "since": "2026-11-01T00:00:00Z", "actions": ["answer_dispute"]},
			{"attention_id": "%s", "cause": "void_failed", "since": "2026-11-01T00:00:00Z", "amount": {"amount": "5.00", "currency": "EUR"},
			"actions": ["retry", "resolve"]}]}', $1::text, $2::text)::jsonb)::json
		WHERE order_id = (SELECT order_id FROM orderloom.order_views WHERE created_at IS NOT NULL LIMIT 1)`, dispute, hold)
	require.NoError(t, err)
	b.environment["TEMPORAL_ADDRESS"] = "127.0.0.1:1"
	b.environment["ORDERLOOM_MASTER_KEYS"] = "1:" + base64.StdEncoding.EncodeToString(make([]byte, 32))
	retried := b.orderloom(exitRefused, "attention", "retry", parked).stderr
	require.Contains(t, retried, "orderloom parked retry orders "+order)
	require.Contains(t, b.orderloom(exitRefused, "attention", "retry", dispute).stderr, "action_not_possible")
	require.Contains(t, b.orderloom(exitRefused, "attention", "resolve", dispute, "--amount", "5", "--reference", "r").stderr,
		"possible is [answer_dispute]", "no currency is asked for in vain")
	require.Contains(t, b.orderloom(exitRefused, "attention", "retry", uuid.NewString()).stderr, "nothing waits for a person under")
	settled := []string{"attention", "resolve", hold, "--reference", "SEPA-1"}
	require.Contains(t, b.orderloom(exitUsage, append(settled, "--amount", "5.00", "--currency", "USD")...).stderr, "currency")
	require.Contains(t, b.orderloom(exitUsage, append(settled, "--amount", "-5")...).stderr, "amount")
}

func TestWrongArgumentsAboutWhatWaitsAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	id := uuid.NewString()
	for _, c := range []struct {
		code      int
		says      string
		arguments []string
	}{
		{exitUsage, "--limit must be at least 1, got -1", []string{"list", "--limit", "-1"}},
		{exitUsage, "--cause must be one of void_failed, ", []string{"list", "--cause", "void"}},
		{exitUsage, "must be table, json or yaml", []string{"list", "-o", "xml"}},
		{exitUsage, "does not take the argument", []string{"list", id}},
		{exitUsage, "<attention-id> must be an id", []string{"show", "7"}},
		{exitUsage, "needs the argument <attention-id>", []string{"retry"}},
		{exitUsage, "--order must be an id", []string{"retry", id, "--order", "ORD-1"}},
		{exitUsage, "amount", []string{"resolve", id, "--reference", "SEPA-1"}},
		{exitRefused, "nothing waits for a person under " + id, []string{"show", id}},
	} {
		require.Contains(t, b.orderloom(c.code, append([]string{"attention"}, c.arguments...)...).stderr, c.says)
	}
}

func TestCommandsAboutTheRelay(t *testing.T) {
	t.Parallel()
	b := setup(t, 9, 5)
	require.Contains(t, b.orderloom(exitDone, "relay", "status").stdout, "No relay has led yet")
	require.Contains(t, b.orderloom(exitRefused, "relay", "rewind", "--to", "0").stderr, "not_found")
	b.deliver()
	require.Contains(t, b.orderloom(exitDone, "relay", "status").stdout, "0 events behind; led by one in epoch 1")
	require.Contains(t, b.orderloom(exitUsage, "relay", "rewind", "--to", "999999999").stderr, "the last event of the store")
	require.Contains(t, b.orderloom(exitDone, "relay", "rewind", "--to", "0").stdout, "goes on after sequence 0")
	require.Eventually(t, func() bool {
		return strings.Contains(b.orderloom(exitDone, "relay", "status").stdout, " 0 events behind")
	}, 30*time.Second, 50*time.Millisecond)

	// Kafka has lost what it should still keep. The cursor does not tell.
	b.kafka.Retention = -1
	require.NoError(t, broker.EnsureTopics(t.Context(), b.kafka))
	kafkatest.Truncate(t, b.kafka.Brokers, broker.Topics(), 1)
	got := b.orderloom(exitFound, "relay", "status")
	require.Contains(t, got.stderr, fmt.Sprintf("Kafka has events up to sequence 0, and lacks %d that were published", len(b.events)))
	require.Contains(t, got.stderr, "relay rewind --to 0")
}

func TestACursorBeyondTheStoreIsShown(t *testing.T) {
	t.Parallel()
	b := setup(t, 9, 1)
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.relay_cursors (name, position) VALUES ('orderloom', 999999999)`)
	require.NoError(t, err)
	require.Contains(t, b.orderloom(exitFound, "relay", "status").stderr, "beyond the last event of the store")
	b.orderloom(exitDone, "relay", "rewind", "--to", "0")
}

func TestErasingACustomerSaysWhatWasDone(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	b.asWorker()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.customer_keys (subject, generation, master_key, wrapped) VALUES ('ada', 1, 'a', '\x00')`)
	require.NoError(t, err)
	got := b.orderloom(exitRefused, "erase-customer", "nobody")
	require.Contains(t, got.stderr, `no personal data were ever sealed for customer "nobody": nothing was erased`)
	require.Empty(t, got.stdout)
	require.Contains(t, b.orderloom(exitDone, "erase-customer", "ada").stdout, `The key of customer "ada" is destroyed`)
	require.Contains(t, b.orderloom(exitDone, "erase-customer", "ada").stdout, "Nothing was left to erase")
}

// Commands that change what others depend on leave a record, as the API's privileged calls do.
func TestCommandsThatChangeThePlatformAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t, 9, 1)
	b.asWorker()
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.relay_cursors (name, position) VALUES ('orderloom', 9)`)
	require.NoError(t, err)
	b.orderloom(exitDone, "relay", "rewind", "--to", "0")
	b.orderloom(exitRefused, "parked", "discard", "orders", someID, "--reason", "wrong")
	b.orderloom(exitRefused, "parked", "retry", "orders", someID)
	b.orderloom(exitDone, "rebuild", "orders", "--dry-run")
	b.orderloom(exitDone, "rebuild", "orders")
	b.orderloom(exitRefused, "rewrap-keys")
	b.orderloom(exitDone, "partitions", "list")
	rows, err := b.pool.Query(t.Context(), `SELECT concat_ws(' ', actor, action, subject) FROM orderloom.audit ORDER BY at`)
	require.NoError(t, err)
	recorded, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Equal(t, []string{
		"admin/command relay rewind 0", "admin/command parked discard orders/" + someID, "admin/command parked retry orders/" + someID,
		"admin/command rebuild orders", "admin/command rewrap-keys ",
	}, recorded)
}

// asWorker adds the settings that the worker's commands need.
func (b *testBundle) asWorker() {
	for name, value := range map[string]string{
		"TEMPORAL_ADDRESS": "127.0.0.1:1", "ORDERLOOM_LOCATIONS": "berlin:DE", "ORDERLOOM_PAYMENT_GATEWAY": "sandbox",
		"ORDERLOOM_MASTER_KEYS": "a:" + base64.StdEncoding.EncodeToString(make([]byte, 32)),
	} {
		b.environment[name] = value
	}
}

// Fails without checkSchema in the process's start: the projector would look for what is not there, for ever.
func TestASchemaIsOlderOrNewerThanTheProgram(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	require.Contains(t, b.orderloom(exitDone, "migrate").stdout, "is up to date")
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.schema_migrations (number, name, checksum) VALUES (99999, 'of_tomorrow', '')`)
	require.NoError(t, err)
	require.Contains(t, b.orderloom(exitDone, "migrate").stdout, "newer than this program: it has 99999_of_tomorrow besides. Nothing was changed")
	b.orderloom(exitDone, "parked", "list")

	_, err = b.pool.Exec(t.Context(), `DELETE FROM orderloom.schema_migrations WHERE number = (SELECT max(number) FROM orderloom.schema_migrations WHERE number < 99999)`)
	require.NoError(t, err)
	b.environment["ORDERLOOM_HTTP_ADDRESS"], b.environment["ORDERLOOM_API_OPEN"], b.environment["ORDERLOOM_DRAIN_DELAY"] = "127.0.0.1:0", "loopback", "0s"
	b.asWorker()
	for _, line := range []string{"projector", "worker", "api", "all", "verify", "parked list", "relay status", "partitions list", "erase-customer ada", "orphans list"} {
		require.Contains(t, b.orderloom(exitFailure, strings.Fields(line)...).stderr, `run "orderloom migrate"`, line)
	}
}

func TestAListThatHoldsNothingIsRefused(t *testing.T) {
	t.Parallel()
	for _, list := range []string{"parked", "attention"} {
		for _, limit := range []string{"-1", "0"} {
			got := withoutEnvironment(t, list, "list", "--limit", limit)
			require.Equal(t, exitUsage, got.code)
			require.Contains(t, got.stderr, list+" list: --limit must be at least 1, got "+limit)
		}
	}
}

func TestAnUnknownProjectionIsAWrongCommandLine(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	id := uuid.NewString()
	for _, line := range []string{
		"parked show nope " + id, "parked retry nope " + id, "parked discard nope " + id + " --reason x", "rebuild nope", "rebuild --drop-old nope", "rebuild --abandon nope",
	} {
		require.Contains(t, b.orderloom(exitUsage, strings.Fields(line)...).stderr, "unknown_projection", line)
	}
}
