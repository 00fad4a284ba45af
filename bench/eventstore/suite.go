package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
)

// suite is everything that is measured.
type suite struct {
	server     *server
	db         *pgxpool.Pool
	store      *eventstore.Store
	repository *eventstore.Repository
	cases      []*kase
	growth     float64
}

// payload is about what an event of the platform looks like.
var payload = json.RawMessage(`{"sku":"SHIRT-BLUE-M","location":"berlin","order_id":"6f9619ff-8b86-d011-b42d-00c04fc964ff",` +
	`"quantity":2,"reserved_at":"2026-01-02T03:04:05.678901Z","total":{"amount":"119.80","currency":"EUR"},"note":"leave it with the neighbours"}`)

func metadata(order uuid.UUID) domain.Metadata {
	return domain.Metadata{
		CorrelationID: order.String(), CausationID: "order-" + order.String() + "/reserve-stock", UserID: "customer-4711",
		TraceParent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

func newEvents(stream uuid.UUID, n int) []eventstore.NewEvent {
	events := make([]eventstore.NewEvent, n)
	for i := range events {
		events[i] = eventstore.NewEvent{
			ID: uuid.New(), Type: "StockReserved", SchemaVersion: 1, Payload: payload, Metadata: metadata(stream), Timestamp: time.Now(),
		}
	}
	return events
}

const (
	bulkRows        = 50
	longStream      = 20
	hotPieces       = inventory.QuantityMax
	hotWriters      = 64
	eventsPerThree  = 3
	readPage        = 5_000
	baselineWriters = 64
)

// schema makes the tables of the baselines. One has the columns of the event store and no index but the primary key.
// The naive store's has the index that it needs too.
const schema = `
	CREATE SCHEMA IF NOT EXISTS bench;
	CREATE TABLE IF NOT EXISTS bench.bare (
		sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, version bigint NOT NULL, "timestamp" timestamptz NOT NULL,
		aggregate_id uuid NOT NULL, event_id uuid NOT NULL, event_version integer NOT NULL, aggregate_type text NOT NULL,
		event_type text NOT NULL, correlation_id text, causation_id text, user_id text, traceparent text, payload jsonb NOT NULL);
	CREATE TABLE IF NOT EXISTS bench.naive (LIKE bench.bare INCLUDING ALL);
	CREATE UNIQUE INDEX IF NOT EXISTS naive_stream ON bench.naive (aggregate_id, version);`

func newSuite(ctx context.Context, pool *pgxpool.Pool, server *server) (*suite, error) {
	s := &suite{server: server, db: pool}
	if err := s.exec(ctx, schema); err != nil {
		return nil, err
	}
	store, err := eventstore.Open(ctx, pool, eventstore.Options{})
	if err != nil {
		return nil, err
	}
	s.store = store
	s.repository = eventstore.NewRepository(store, eventstore.RepositoryOptions{Aggregates: []eventstore.Snapshottable{stock}})
	for _, w := range []int{1, 8, 64} {
		s.add(fmt.Sprintf("bare INSERT, %d writers", w), w, 1, s.bareInsert)
	}
	s.add("bulk INSERT of 50 rows, 64 writers", baselineWriters, bulkRows, s.bulkInsert)
	for _, events := range []int{1, eventsPerThree} {
		for _, w := range []int{1, 8, 64, 512} {
			s.add(fmt.Sprintf("append of %d, %d writers", events, w), w, events, s.appendNew(events))
		}
	}
	s.add("naive append of 1, 64 writers", baselineWriters, 1, s.naiveNew)
	s.add("naive hot stream, 64 writers", hotWriters, 1, s.naiveHot)
	s.add("hot stream, 64 writers", hotWriters, 1, s.hot())
	s.add("load of 20 events, 1 reader", 1, longStream, s.load())
	s.add("global read, page of 5000", 1, readPage, s.read())
	for _, index := range indexes {
		k := s.add(index.name, baselineWriters, eventsPerThree, s.appendNew(eventsPerThree))
		k.before = func(ctx context.Context) error {
			return s.exec(ctx, "TRUNCATE orderloom.events, orderloom.streams; "+index.make)
		}
		k.after = func(ctx context.Context) error { return s.exec(ctx, index.undo) }
	}
	return s, nil
}

// indexes are those that an append may have to keep up to date. The store has those of sequences, streams, times and
// event ids on partitions that still grow.
var indexes = []struct{ name, make, undo string }{
	{"append of 3, 64 writers, as it is", "", ""},
	{
		"… without the index by time", "DROP INDEX orderloom.events_timestamp",
		`CREATE INDEX events_timestamp ON orderloom.events USING brin ("timestamp") WITH (autosummarize = on)`,
	},
	{
		"… without the one of event ids",
		"DO $$ BEGIN EXECUTE (SELECT string_agg(format('DROP INDEX orderloom.%I', name || '_event_id'), '; ') FROM orderloom.partitions); END $$",
		"SELECT orderloom.index_event_ids(name) FROM orderloom.partitions",
	},
	{
		"… with one by event type", "CREATE INDEX bench_type ON orderloom.events (event_type, sequence)",
		"DROP INDEX orderloom.bench_type",
	},
	{
		"… with one by correlation id", "CREATE INDEX bench_correlation ON orderloom.events (correlation_id)",
		"DROP INDEX orderloom.bench_correlation",
	},
	{
		"… with GIN on the payload", "CREATE INDEX bench_payload ON orderloom.events USING gin (payload jsonb_path_ops)",
		"DROP INDEX orderloom.bench_payload",
	},
}

func (s *suite) exec(ctx context.Context, sql string) error {
	_, err := s.db.Exec(ctx, sql, pgx.QueryExecModeSimpleProtocol)
	return err
}

// close leaves the first suite's pool to its owner, who closes it twice without harm.
func (s *suite) close(ctx context.Context) {
	_ = s.store.Close(context.WithoutCancel(ctx))
	s.db.Close()
}

func (s *suite) add(name string, writers, events int, call func(ctx context.Context, writer int) error) *kase {
	k := &kase{name: name, writers: writers, events: events, call: call}
	s.cases = append(s.cases, k)
	return k
}

const insertOne = `(version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, correlation_id,
	causation_id, user_id, traceparent, payload) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`

func arguments(stream uuid.UUID, version int64, e eventstore.NewEvent) []any {
	return []any{
		version, e.Timestamp, stream, e.ID, e.SchemaVersion, domain.AggregateInventory, e.Type, e.Metadata.CorrelationID,
		e.Metadata.CausationID, e.Metadata.UserID, e.Metadata.TraceParent, string(e.Payload),
	}
}

func (s *suite) bareInsert(ctx context.Context, _ int) error {
	stream := uuid.New()
	_, err := s.db.Exec(ctx, "INSERT INTO bench.bare "+insertOne, arguments(stream, 1, newEvents(stream, 1)[0])...)
	return err
}

// bulkInsert stores 50 rows a commit, each from arrays, which is the fastest form short of COPY.
func (s *suite) bulkInsert(ctx context.Context, _ int) error {
	const sql = `INSERT INTO bench.bare (version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type,
		correlation_id, causation_id, user_id, traceparent, payload)
		SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::integer[], $6::text[], $7::text[],
			$8::text[], $9::text[], $10::text[], $11::text[], $12::jsonb[])`
	var versions []int64
	var times []time.Time
	var streams, ids [][16]byte
	var schemas []int32
	var texts [6][]string
	var payloads []string
	for range bulkRows {
		stream := uuid.New()
		e := newEvents(stream, 1)[0]
		versions, times, schemas = append(versions, 1), append(times, e.Timestamp), append(schemas, 1)
		streams, ids, payloads = append(streams, stream), append(ids, e.ID), append(payloads, string(e.Payload))
		for i, text := range []string{
			domain.AggregateInventory, e.Type, e.Metadata.CorrelationID, e.Metadata.CausationID, e.Metadata.UserID, e.Metadata.TraceParent,
		} {
			texts[i] = append(texts[i], text)
		}
	}
	_, err := s.db.Exec(ctx, sql, versions, times, streams, ids, schemas, texts[0], texts[1], texts[2], texts[3], texts[4], texts[5], payloads)
	return err
}

func (s *suite) appendNew(events int) func(context.Context, int) error {
	return func(ctx context.Context, _ int) error {
		stream := eventstore.StreamID{Type: domain.AggregateInventory, ID: uuid.New()}
		_, err := s.store.Append(ctx, eventstore.Append{Stream: stream, Expected: eventstore.NoStream, Events: newEvents(stream.ID, events)})
		return err
	}
}

// naive is the event store that one writes first. It reads the version, inserts at the next one, and begins again
// when another writer was faster.
func (s *suite) naive(ctx context.Context, stream uuid.UUID) error {
	for {
		err := pgx.BeginFunc(ctx, s.db, func(tx pgx.Tx) error {
			var version int64
			err := tx.QueryRow(ctx, "SELECT coalesce(max(version), 0) FROM bench.naive WHERE aggregate_id = $1", stream).Scan(&version)
			if err != nil {
				return err
			}
			_, err = tx.Exec(ctx, "INSERT INTO bench.naive "+insertOne, arguments(stream, version+1, newEvents(stream, 1)[0])...)
			return err
		})
		var answer *pgconn.PgError
		if !errors.As(err, &answer) || answer.Code != "23505" { // unique_violation
			return err
		}
	}
}

func (s *suite) naiveNew(ctx context.Context, _ int) error { return s.naive(ctx, uuid.New()) }

var naiveStream = uuid.New()

func (s *suite) naiveHot(ctx context.Context, _ int) error { return s.naive(ctx, naiveStream) }

var stock = eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}

// hot decides and appends on one stock item. It releases a reservation as often as it makes one, so that the state
// keeps its size.
func (s *suite) hot() func(context.Context, int) error {
	id := inventory.ID("HOT", uuid.NewString())
	streams := []eventstore.StreamID{{Type: stock.Type, ID: id}}
	open := make([]uuid.UUID, hotWriters)
	decide := func(ctx context.Context, what string, order uuid.UUID, command func(inventory.Stock) ([]domain.Event, error)) error {
		stamp := eventstore.Stamp{Source: "order-" + order.String() + "/" + what, At: time.Now(), Metadata: metadata(order)}
		return s.repository.Decide(ctx, stamp, streams, func(tx *eventstore.Tx) error {
			if eventstore.State(tx, stock, id).OnHand == 0 {
				eventstore.Record(tx, stock, id, inventory.StockReceived{SKU: "HOT", ReceiptID: id, Quantity: hotPieces})
			}
			events, err := command(eventstore.State(tx, stock, id))
			eventstore.Record(tx, stock, id, events...)
			return err
		})
	}
	return func(ctx context.Context, w int) error {
		if order := open[w]; order != uuid.Nil {
			open[w] = uuid.Nil
			return decide(ctx, "release", order, func(st inventory.Stock) ([]domain.Event, error) {
				return inventory.Release(st, inventory.ReleaseStock{SKU: "HOT", OrderID: order, At: time.Now()}), nil
			})
		}
		order := uuid.New()
		open[w] = order
		return decide(ctx, "reserve", order, func(st inventory.Stock) ([]domain.Event, error) {
			return inventory.Reserve(st, inventory.ReserveStock{SKU: "HOT", OrderID: order, Quantity: 1, At: time.Now()})
		})
	}
}

func (s *suite) load() func(context.Context, int) error {
	stream := eventstore.StreamID{Type: domain.AggregateInventory, ID: uuid.New()}
	return func(ctx context.Context, _ int) error {
		events, err := s.store.Load(ctx, stream, 0)
		if err == nil && len(events) == 0 { // the first time, and after another case has emptied the store
			_, err = s.store.Append(ctx, eventstore.Append{Stream: stream, Events: newEvents(stream.ID, longStream)})
		}
		return err
	}
}

// read goes through the global order page by page, from the beginning again at its end.
func (s *suite) read() func(context.Context, int) error {
	after := int64(0)
	return func(ctx context.Context, _ int) error {
		page, err := s.store.Read(ctx, eventstore.ReadOptions{After: after, Limit: readPage})
		if err != nil {
			return err
		}
		if after = page.Next; len(page.Events) < readPage {
			after = 0
		}
		return nil
	}
}

// Ratios are what the design aims at, by name.
type ratios struct {
	Writers1   float64 `json:"writers1_vs_insert"`
	Writers8   float64 `json:"writers8_vs_insert"`
	Writers64  float64 `json:"writers64_vs_insert"`
	Writers512 float64 `json:"writers512_vs_bulk"`
	Hot        float64 `json:"hot_vs_naive"`
	Growth     float64 `json:"growth"`
	ReadPerSec float64 `json:"read_events_per_second"`
}

func (s *suite) ratios() ratios {
	perSecond := func(name string) float64 {
		for _, k := range s.cases {
			if k.name == name {
				return k.median().calls
			}
		}
		fmt.Fprintln(os.Stderr, "no case is called", name)
		return 0
	}
	over := func(a, b float64) float64 {
		if b == 0 {
			return 0
		}
		return float64(int(a/b*1000)) / 1000
	}
	return ratios{
		Writers1:   over(perSecond("append of 1, 1 writers"), perSecond("bare INSERT, 1 writers")),
		Writers8:   over(perSecond("append of 1, 8 writers"), perSecond("bare INSERT, 8 writers")),
		Writers64:  over(perSecond("append of 1, 64 writers"), perSecond("bare INSERT, 64 writers")),
		Writers512: over(perSecond("append of 3, 512 writers")*eventsPerThree, perSecond("bulk INSERT of 50 rows, 64 writers")*bulkRows),
		Hot:        over(perSecond("hot stream, 64 writers"), perSecond("naive hot stream, 64 writers")),
		Growth:     s.growth,
		ReadPerSec: float64(int(perSecond("global read, page of 5000"))) * readPage,
	}
}
