package feed_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/feed"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type bundle struct {
	pool  *pgxpool.Pool
	store *eventstore.Store
	feed  *feed.Feed
}

func setup(t *testing.T) *bundle {
	t.Helper()
	pool := pgtest.Pool(t)
	store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close(context.WithoutCancel(t.Context())) })
	return &bundle{pool: pool, store: store, feed: feed.New(store, vault{}, nil)}
}

// append stores events as they are, one after the other.
func (b *bundle) append(t *testing.T, events ...domain.Envelope) {
	t.Helper()
	for _, e := range events {
		_, err := b.store.Append(t.Context(), eventtest.AppendOf(e))
		require.NoError(t, err)
	}
}

// accounts are whose the orders of [lives] are.
var accounts = []string{"shop", "market", ""}

// lives are the lives of orders of several accounts.
func lives(seed uint64, n int) []domain.Envelope {
	events := eventtest.Lives(seed, n)
	for i, e := range events {
		if e.EventType == "OrderPlaced" {
			var members map[string]any
			_ = json.Unmarshal(e.Payload, &members)
			if members["caller"] = accounts[int(e.AggregateID[15])%len(accounts)]; members["caller"] == "" {
				delete(members, "caller")
			}
			events[i].Payload, _ = json.Marshal(members)
		}
	}
	return events
}

func keyOf(role access.Role, account string, channels ...string) *access.Caller {
	return &access.Caller{Account: account, ID: "key", Role: role, Scopes: role.Scopes(), Channels: channels}
}

// walk reads all pages of a query.
func walk(t require.TestingT, f *feed.Feed, q feed.Query) (events []feed.Event) {
	for {
		page, err := f.Page(context.Background(), q)
		require.NoError(t, err)
		events = append(events, page.Events...)
		if q.Cursor = page.Next; !page.More {
			return events
		}
	}
}

func ids(events []feed.Event) []uuid.UUID {
	list := make([]uuid.UUID, len(events))
	for i, e := range events {
		list[i] = e.EventID
	}
	return list
}

// model says which events a query is to show, by reading all of them.
type model struct {
	events []domain.Envelope
	owners map[uuid.UUID]map[string]any
}

func newModel(events []domain.Envelope) model {
	m := model{events, map[uuid.UUID]map[string]any{}}
	for _, e := range events {
		if e.EventType == "OrderPlaced" {
			var members map[string]any
			_ = json.Unmarshal(e.Payload, &members)
			m.owners[e.AggregateID] = members
		}
	}
	return m
}

func (m model) shows(q feed.Query, e domain.Envelope) bool {
	var of struct {
		OrderID uuid.UUID `json:"order_id"`
	}
	_ = json.Unmarshal(e.Payload, &of)
	stock := e.AggregateType == domain.AggregateInventory || e.AggregateType == domain.AggregateNetwork
	text := func(name string) string { s, _ := m.owners[of.OrderID][name].(string); return s }
	switch {
	case len(q.Types) > 0 && !slices.Contains(q.Types, e.EventType), !q.From.IsZero() && e.Timestamp.Before(q.From),
		!q.To.IsZero() && !e.Timestamp.Before(q.To), q.OrderID != uuid.Nil && (of.OrderID != q.OrderID || stock):
		return false
	case q.Caller.SeesAll():
		return !stock || slices.Contains(q.Caller.Scopes.List(), access.StockRead)
	}
	return !stock && m.owners[of.OrderID] != nil && text("caller") == q.Caller.Account &&
		(q.Caller.Channels == nil || slices.Contains(q.Caller.Channels, text("channel"))) &&
		(q.Caller.CustomerID == "" || text("customer_id") == q.Caller.CustomerID && e.EventType != "OrderNoted")
}

func (m model) all(q feed.Query) []uuid.UUID {
	list := []uuid.UUID{}
	for _, e := range m.events {
		if m.shows(q, e) {
			list = append(list, e.EventID)
		}
	}
	return list
}

// Whatever is asked, the pages hold what is chosen and may be seen, each once and in order.
func TestPagesHoldEveryEventOnce(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(7, 60)
	b.append(t, events...)
	m, orders := newModel(events), []uuid.UUID{}
	for _, e := range events {
		if e.EventType == "OrderPlaced" {
			orders = append(orders, e.AggregateID)
		}
	}
	first, last := events[0].Timestamp, events[len(events)-1].Timestamp
	callers := []*access.Caller{
		keyOf(access.Admin, "office"), keyOf(access.Finance, "office"), keyOf(access.Storefront, "shop"), keyOf(access.Storefront, "market", "channel-1"),
		keyOf(access.Storefront, "nobody"),
		{Account: "shop", Role: access.Customer, Scopes: access.Customer.Scopes(), CustomerID: "customer-7"},
	}
	found := 0
	rapid.Check(t, func(r *rapid.T) {
		q := feed.Query{Caller: rapid.SampledFrom(callers).Draw(r, "caller"), Limit: rapid.IntRange(0, 60).Draw(r, "limit")}
		for range rapid.IntRange(0, 3).Draw(r, "types") {
			q.Types = append(q.Types, rapid.SampledFrom(events).Draw(r, "type").EventType)
		}
		if rapid.Bool().Draw(r, "one order") {
			q.OrderID = rapid.SampledFrom(orders).Draw(r, "order")
		}
		at := func(name string) time.Time {
			return first.Add(time.Duration(rapid.Int64Range(0, last.Sub(first).Microseconds()).Draw(r, name)) * time.Microsecond)
		}
		if rapid.Bool().Draw(r, "from") {
			q.From = at("from time")
		}
		if rapid.Bool().Draw(r, "to") {
			q.To = at("to time")
		}
		got, want := ids(walk(r, b.feed, q)), m.all(q)
		require.Equal(r, want, got)
		found += len(got)
	})
	require.Positive(t, found)
}

// An append takes a number, a later one commits, and somebody reads. The first one commits after that.
func TestAnAppendThatCommitsLateIsNotPassedOver(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(8, 3)
	all := feed.Query{Caller: access.Anyone}
	i := slices.IndexFunc(events, func(e domain.Envelope) bool { return e.EventType == "OrderPlaced" })
	b.append(t, events[:i]...)
	before := walk(t, b.feed, all)
	require.Len(t, before, i)

	tx, err := b.pool.Begin(t.Context())
	require.NoError(t, err)
	late := events[i]
	for _, s := range []struct {
		sql  string
		args []any
	}{
		{"SELECT pg_advisory_xact_lock_shared(7308613, 1)", nil},
		{"INSERT INTO orderloom.streams VALUES ($1, 1, (SELECT last_value FROM orderloom.event_sequence), 'order')", []any{late.AggregateID}},
		{
			`INSERT INTO orderloom.events (sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, payload)
			VALUES (nextval('orderloom.event_sequence'), 1, $1, $2, $3, $4, 'order', $5, $6)`,
			[]any{late.Timestamp, late.AggregateID, late.EventID, late.EventVersion, late.EventType, string(late.Payload)},
		},
	} {
		_, err := tx.Exec(t.Context(), s.sql, s.args...)
		require.NoError(t, err)
	}
	other := lives(9, 3)
	j := slices.IndexFunc(other, func(e domain.Envelope) bool { return e.EventType == "OrderPlaced" })
	b.append(t, other[j])

	all.Cursor = before[len(before)-1].Cursor
	page, err := b.feed.Page(t.Context(), all)
	require.NoError(t, err)
	require.Empty(t, page.Events, "the later event waits for the earlier one")
	page, err = b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, OrderID: other[j].AggregateID})
	require.NoError(t, err)
	require.Empty(t, page.Events, "also where one order is asked for")
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, []uuid.UUID{late.EventID, other[j].EventID}, ids(walk(t, b.feed, all)))
}

// Writers append while followers come and go. Each goes on after its last event, and gets every event once.
func TestFollowersGetEveryEventOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	// Each writer appends lives of its own, with several connections to the database.
	var lists [][]domain.Envelope
	total := map[string]int{}
	for seed := range uint64(3) {
		events := slices.DeleteFunc(lives(20+seed, 15), func(e domain.Envelope) bool {
			return e.AggregateType != domain.AggregateOrder && e.AggregateType != domain.AggregatePayment
		})
		lists = append(lists, events)
		m := newModel(events)
		for _, account := range accounts[:2] {
			total[account] += len(m.all(feed.Query{Caller: keyOf(access.Storefront, account)}))
		}
		total["office"] += len(events)
	}
	var wg sync.WaitGroup
	for _, events := range lists {
		other, err := eventstore.Open(t.Context(), b.pool, eventstore.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = other.Close(context.WithoutCancel(t.Context())) })
		writer := &bundle{pool: b.pool, store: other}
		wg.Go(func() { writer.append(t, events...) })
	}
	got := map[string][]feed.Event{}
	var mu sync.Mutex
	for account, n := range total {
		require.Positive(t, n)
		caller := keyOf(access.Storefront, account)
		if account == "office" {
			caller = keyOf(access.Admin, account)
		}
		wg.Go(func() {
			var events []feed.Event
			q := feed.Query{Caller: caller, Limit: 7}
			for len(events) < n {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rand.IntN(50))*time.Millisecond)
				if rand.IntN(4) == 0 {
					cancel()
				}
				_ = b.feed.Follow(ctx, q, func(p feed.Page) error {
					events, q.Cursor = append(events, p.Events...), p.Next
					if len(p.Events) > 0 && rand.IntN(3) == 0 {
						q.Cursor = p.Events[len(p.Events)-1].Cursor
						return context.Canceled
					}
					return nil
				})
				cancel()
				if t.Context().Err() != nil {
					return
				}
			}
			mu.Lock()
			defer mu.Unlock()
			got[account] = events
		})
	}
	wg.Wait()
	for account, n := range total {
		require.Len(t, got[account], n)
		caller := keyOf(access.Storefront, account)
		if account == "office" {
			caller = keyOf(access.Admin, account)
		}
		require.Equal(t, ids(walk(t, b.feed, feed.Query{Caller: caller})), ids(got[account]), "as the pages have it")
	}
}

// What a filter picks is rare: a page ends early, and still has a cursor that goes on.
func TestAPageEndsEarlyWhereLittleIsPicked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	stream := eventstore.StreamID{Type: domain.AggregateOrder, ID: uuid.New()}
	const many = 300_000
	_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.events
			(sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, payload)
		SELECT nextval('orderloom.event_sequence'), n, now(), $1, gen_random_uuid(), 1, 'order', CASE n WHEN $2 THEN 'Rare' ELSE 'Common' END, '{}'
		FROM generate_series(1, $2) n`, stream.ID, many)
	require.NoError(t, err)
	_, err = b.pool.Exec(t.Context(), `INSERT INTO orderloom.streams VALUES ($1, $2, 0, 'order')`, stream.ID, many)
	require.NoError(t, err)
	for _, caller := range []*access.Caller{access.Anyone, keyOf(access.Storefront, "shop")} {
		q, pages, found := feed.Query{Caller: caller, Types: []string{"Rare"}}, 0, 0
		for more := true; more; pages++ {
			page, err := b.feed.Page(t.Context(), q)
			require.NoError(t, err)
			found += len(page.Events)
			q.Cursor, more = page.Next, page.More
		}
		require.Equal(t, many/100_000, pages, "100,000 numbers a page")
		if caller == access.Anyone {
			require.Equal(t, 1, found)
		}
	}
}

// counted counts how often a store is asked, and from where on it is read.
type counted struct {
	*eventstore.Store
	asked int
	after []int64
}

func (c *counted) Read(ctx context.Context, o eventstore.ReadOptions) (eventstore.Page, error) {
	c.asked++
	c.after = append(c.after, o.After)
	return c.Store.Read(ctx, o)
}

func (c *counted) Before(ctx context.Context, at time.Time) (int64, error) {
	c.asked++
	return c.Store.Before(ctx, at)
}

// A query from a time on jumps over what is older: it asks the store as often for much as for little. Clocks differ, so
// some events are newer than those after them, and none is passed over. Fails without [eventstore.Store.Before].
func TestAQueryFromATimeJumpsOverWhatIsOlder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begin, stored := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), 0
	fill := func(n int) {
		stream := uuid.New()
		_, err := b.pool.Exec(t.Context(), `INSERT INTO orderloom.events
				(sequence, version, "timestamp", aggregate_id, event_id, event_version, aggregate_type, event_type, payload)
			SELECT nextval('orderloom.event_sequence'), n, $2::timestamptz + ($3 + n) * interval '1 second' + (hashint4(n) % 3600) * interval '1 second',
				$1, gen_random_uuid(), 1, 'order', 'OrderConfirmed', '{}'
			FROM generate_series(1, $4) n`, stream, begin, stored, n)
		require.NoError(t, err)
		_, err = b.pool.Exec(t.Context(), `INSERT INTO orderloom.streams VALUES ($1, $2, 0, 'order')`, stream, n)
		require.NoError(t, err)
		stored += n
		_, err = b.store.Maintain(t.Context())
		require.NoError(t, err)
	}
	first := func(from time.Time) (*counted, feed.Page) {
		c := &counted{Store: b.store}
		f := feed.New(c, vault{}, nil)
		page, err := f.Page(t.Context(), feed.Query{Caller: access.Anyone, From: from, Limit: 1})
		require.NoError(t, err)
		return c, page
	}
	asked := 0
	for _, n := range []int{40_000, 160_000} {
		fill(n)
		for _, back := range []int{20_000, 12_345, 5_000} { // seconds before the last event
			from := begin.Add(time.Duration(stored-back) * time.Second)
			c, page := first(from)
			var want uuid.UUID
			require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT event_id FROM orderloom.events WHERE "timestamp" >= $1 ORDER BY sequence LIMIT 1`, from).Scan(&want))
			require.Equal(t, []uuid.UUID{want}, ids(page.Events))
			if asked == 0 {
				asked = c.asked
			}
			require.LessOrEqual(t, c.asked, asked, "with %d events", stored)
			require.Positive(t, c.after[0])
		}
	}
	c, page := first(begin.AddDate(-1, 0, 0))
	require.Len(t, page.Events, 1)
	require.Equal(t, int64(0), c.after[0])
	_, page = first(begin.AddDate(1, 0, 0))
	require.Empty(t, page.Events)
	require.False(t, page.More, "and the end is reached at once")
}

func TestWhoWaitsGetsWhatComes(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(10, 2)
	q := feed.Query{Caller: access.Anyone, Cursor: feed.Now, Types: []string{"OrderPlaced"}}
	waiting, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	page, err := b.feed.Wait(t.Context(), waiting, q)
	require.NoError(t, err)
	require.Empty(t, page.Events)
	require.False(t, page.More)

	q.Cursor = page.Next
	var wg sync.WaitGroup
	wg.Go(func() { b.append(t, events...) })
	page, err = b.feed.Wait(t.Context(), t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, "OrderPlaced", page.Events[0].Type)
	wg.Wait()
	page, err = b.feed.Wait(t.Context(), t.Context(), feed.Query{Caller: access.Anyone})
	require.NoError(t, err)
	require.Len(t, page.Events, min(len(events), feed.LimitDefault), "what is there is not waited for")
}

func TestAnEventIsForThoseWhoMaySeeIt(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(11, 20)
	b.append(t, events...)
	m := newModel(events)
	for _, caller := range []*access.Caller{keyOf(access.Admin, ""), keyOf(access.Finance, ""), keyOf(access.Storefront, "shop")} {
		q := feed.Query{Caller: caller}
		for _, e := range events {
			got, err := b.feed.Event(t.Context(), q, e.EventID)
			if !m.shows(q, e) {
				require.Equal(t, domain.CodeNotFound, domain.Code(err), e.EventType)
				continue
			}
			require.NoError(t, err)
			require.Equal(t, e.EventID, got.EventID)
			next, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: got.Cursor, Limit: 1})
			require.NoError(t, err)
			if i := slices.IndexFunc(events, func(o domain.Envelope) bool { return o.EventID == e.EventID }); i+1 < len(events) {
				require.Equal(t, events[i+1].EventID, next.Events[0].EventID, "its cursor goes on after it")
			}
		}
	}
	_, err := b.feed.Event(t.Context(), feed.Query{Caller: access.Anyone}, uuid.New())
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
}

// smallPartitions makes the store begin another partition after 40 numbers.
func smallPartitions(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	_, err := pool.Exec(t.Context(), `UPDATE orderloom.store SET partition_span = 40;
		DELETE FROM orderloom.partitions;
		DROP TABLE orderloom.events_0000000000000, orderloom.events_0000005000000, orderloom.events_0000010000000;
		SELECT orderloom.ensure_partitions()`, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
}

// Whoever restarts remembers no owners; those of archived partitions are found too.
func TestOwnersAreFoundWhereverTheirEventsLie(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(13, 30)
	smallPartitions(t, b.pool)
	b.append(t, events...)
	_, err := b.store.Maintain(t.Context())
	require.NoError(t, err)
	for range 2 {
		_, err = b.store.Archive(t.Context())
		require.NoError(t, err)
	}
	m, q := newModel(events), feed.Query{Caller: keyOf(access.Storefront, "shop")}
	want := m.all(q)
	require.NotEmpty(t, want)
	require.Equal(t, want, ids(walk(t, b.feed, q)))
	for _, id := range want {
		one, err := feed.New(b.store, vault{}, nil).Event(t.Context(), q, id)
		require.NoError(t, err)
		require.Equal(t, id, one.EventID)
		require.Equal(t, one.Aggregate.ID == *one.OrderID, one.Aggregate.Type == domain.AggregateOrder)
		if one.Aggregate.Type == domain.AggregatePayment {
			require.Equal(t, payment.ID(*one.OrderID), one.Aggregate.ID)
		}
	}
}

func TestCursorsOfAnotherStoreAreRefused(t *testing.T) {
	t.Parallel()
	b, events := setup(t), lives(15, 2)
	b.append(t, events...)
	page, err := b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Limit: feed.LimitMax})
	require.NoError(t, err)
	other := setup(t)
	_, err = other.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: page.Next})
	require.Equal(t, feed.CodeCursorLost, domain.Code(err), "it has no such events")
	_, err = other.pool.Exec(t.Context(), `UPDATE orderloom.store SET id = gen_random_uuid()`)
	require.NoError(t, err)
	other.feed = feed.New(other.store, vault{}, nil)
	_, err = other.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: page.Next})
	require.Equal(t, feed.CodeCursorLost, domain.Code(err))
	err = other.feed.Follow(t.Context(), feed.Query{Caller: access.Anyone, Cursor: page.Next}, nil)
	require.Equal(t, feed.CodeCursorLost, domain.Code(err))
	// The same store, restored to before the cursor.
	_, err = b.pool.Exec(t.Context(), `INSERT INTO orderloom.store_epochs (epoch, sequence, fingerprint)
		SELECT epoch + 1, 1, fingerprint FROM orderloom.store_epochs ORDER BY epoch DESC LIMIT 1`)
	require.NoError(t, err)
	restored := feed.New(b.store, vault{}, nil)
	_, err = restored.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: page.Next})
	require.Equal(t, feed.CodeCursorLost, domain.Code(err))
	for _, text := range []string{"x", "AAAA", "====", page.Next + "AA", page.Next[:20], "no w"} {
		_, err = b.feed.Page(t.Context(), feed.Query{Caller: access.Anyone, Cursor: text})
		require.Equal(t, domain.CodeInvalid, domain.Code(err), text)
	}
}
