package eventstore_test

import (
	"errors"
	"flag"
	"fmt"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/storetest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelChecks is how many random runs there are unless -rapid.checks says otherwise: each costs a second.
const modelChecks = "30"

// model is what the store must behave like: lists of events.
type model struct {
	pool  *pgxpool.Pool
	store *eventstore.Store
	stock *eventstore.Repository

	began    int64 // where the global order stood
	streams  []eventstore.StreamID
	events   map[eventstore.StreamID][]uuid.UUID
	order    []uuid.UUID          // of all streams, as positions were given out
	appended []done               // for retries
	items    map[uuid.UUID]int    // pieces on hand by stock item
	versions map[uuid.UUID]int64  // of stock items
	last     map[uuid.UUID]string // the last receipt's source
}

type done struct {
	group   []eventstore.Append
	results []eventstore.Appended
}

// TestTheStoreBehavesLikeItsModel drives the store by random calls: appends right and wrong, groups,
// retries, reads, snapshots that are taken, spoilt and thrown away, restarts.
func TestTheStoreBehavesLikeItsModel(t *testing.T) {
	t.Parallel()
	if f := flag.Lookup("rapid.checks"); f.Value.String() == f.DefValue {
		require.NoError(t, f.Value.Set(modelChecks))
	}
	pool := pgtest.Pool(t)
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{
			pool: pool, events: map[eventstore.StreamID][]uuid.UUID{}, items: map[uuid.UUID]int{}, versions: map[uuid.UUID]int64{},
			last: map[uuid.UUID]string{},
		}
		m.open(t)
		defer func() { _ = m.store.Close(t.Context()) }()
		page, err := m.store.Read(t.Context(), eventstore.ReadOptions{Limit: 1})
		require.NoError(rt, err)
		m.began = page.HighWater
		for range 4 {
			m.streams = append(m.streams, storetest.Stream(domain.AggregateOrder))
		}
		rt.Repeat(map[string]func(*rapid.T){
			"append":   func(rt *rapid.T) { m.append(rt, t) },
			"retry":    func(rt *rapid.T) { m.retry(rt, t) },
			"reuse":    func(rt *rapid.T) { m.reuse(rt, t) },
			"load":     func(rt *rapid.T) { m.load(rt, t) },
			"read":     func(rt *rapid.T) { m.read(rt, t) },
			"receive":  func(rt *rapid.T) { m.receive(rt, t) },
			"snapshot": func(rt *rapid.T) { m.spoilSnapshots(rt, t) },
			"restart":  func(*rapid.T) { _ = m.store.Close(t.Context()); m.open(t) },
			"fold":     func(rt *rapid.T) { m.fold(rt, t) },
		})
		m.fold(rt, t)
	})
}

func (m *model) open(t *testing.T) {
	t.Helper()
	store, err := eventstore.Open(t.Context(), m.pool, eventstore.Options{})
	require.NoError(t, err)
	m.store = store
	m.stock = eventstore.NewRepository(store, eventstore.RepositoryOptions{Aggregates: []eventstore.Snapshottable{stock}, SnapshotEvery: 2, SnapshotPause: 1, StatesMax: 1})
}

func (m *model) append(rt *rapid.T, t *testing.T) {
	streams := rapid.SliceOfNDistinct(rapid.SampledFrom(m.streams), 1, 3, rapid.ID).Draw(rt, "streams")
	var group []eventstore.Append
	var wrong *eventstore.StreamID
	for _, s := range streams {
		version := int64(len(m.events[s]))
		expected := rapid.OneOf(rapid.Just(version), rapid.Just(version), rapid.Just(eventstore.Any), rapid.Int64Range(0, 5)).Draw(rt, "expected")
		group = append(group, storetest.To(s, expected, rapid.IntRange(1, 3).Draw(rt, "events")))
		if expected != version && expected != eventstore.Any && wrong == nil {
			wrong = &s
		}
	}
	results, err := m.store.Append(t.Context(), group...)
	if wrong != nil {
		var conflict *eventstore.ConcurrencyConflict
		require.ErrorAs(rt, err, &conflict)
		require.EqualValues(rt, len(m.events[conflict.Stream]), conflict.Actual)
		return
	}
	require.NoError(rt, err)
	for i, a := range group {
		require.False(rt, results[i].Duplicate)
		for _, e := range a.Events {
			m.events[a.Stream] = append(m.events[a.Stream], e.ID)
			m.order = append(m.order, e.ID)
		}
		require.EqualValues(rt, len(m.events[a.Stream]), results[i].Version)
	}
	m.appended = append(m.appended, done{group, results})
}

func (m *model) retry(rt *rapid.T, t *testing.T) {
	if len(m.appended) == 0 {
		rt.Skip("nothing to retry")
	}
	d := rapid.SampledFrom(m.appended).Draw(rt, "call")
	results, err := m.store.Append(t.Context(), d.group...)
	require.NoError(rt, err)
	for i, r := range results {
		require.True(rt, r.Duplicate)
		require.Equal(rt, d.results[i].Positions, r.Positions)
		require.Equal(rt, d.results[i].Version, r.Version)
	}
}

// reuse appends with an id that another event has.
func (m *model) reuse(rt *rapid.T, t *testing.T) {
	if len(m.order) == 0 {
		rt.Skip("nothing to reuse")
	}
	s := rapid.SampledFrom(m.streams).Draw(rt, "stream")
	a := storetest.To(s, int64(len(m.events[s])), rapid.IntRange(1, 3).Draw(rt, "events"))
	index := rapid.IntRange(0, len(a.Events)-1).Draw(rt, "index")
	a.Events[index].ID = rapid.SampledFrom(m.order).Draw(rt, "id")
	_, err := m.store.Append(t.Context(), a)
	var refused *eventstore.InvalidError
	require.ErrorAs(rt, err, &refused)
	require.Equal(rt, eventstore.InvalidError{Stream: s, Index: index, Code: eventstore.CodeEventIDReused, Message: refused.Message}, *refused)
}

func (m *model) load(rt *rapid.T, t *testing.T) {
	s := rapid.SampledFrom(m.streams).Draw(rt, "stream")
	after := rapid.IntRange(0, len(m.events[s])).Draw(rt, "after")
	events, err := m.store.Load(t.Context(), s, int64(after))
	require.NoError(rt, err)
	require.Len(rt, events, len(m.events[s])-after)
	for i, e := range events {
		require.Equal(rt, m.events[s][after+i], e.EventID)
		require.EqualValues(rt, after+i+1, e.Version)
	}
}

func (m *model) read(rt *rapid.T, t *testing.T) {
	limit := rapid.IntRange(1, 20).Draw(rt, "limit")
	var ids []uuid.UUID
	o := eventstore.ReadOptions{After: m.began, Limit: limit, Filter: eventstore.Filter{AggregateTypes: []string{domain.AggregateOrder}}}
	for {
		page, err := m.store.Read(t.Context(), o)
		require.NoError(rt, err)
		for _, e := range page.Events {
			ids = append(ids, e.EventID)
		}
		if page.Next == o.After {
			break
		}
		o.After = page.Next
	}
	require.Equal(rt, m.order, ids)
}

// receive decides on a stock item, so that snapshots are taken; now and then it repeats the last decision.
func (m *model) receive(rt *rapid.T, t *testing.T) {
	id := inventory.ID(fmt.Sprint(m.streams[0].ID, rapid.IntRange(0, 2).Draw(rt, "sku")), "berlin")
	source := m.last[id]
	again := source != "" && rapid.Bool().Draw(rt, "again")
	if !again {
		source = uuid.NewString()
	}
	receipt := domain.DerivedID(uuid.Nil, source)
	quantity := 1 + int(receipt[0])%9 // a repeated receipt is of as many
	refusal := errors.New("refused")
	refuse := !again && rapid.IntRange(0, 4).Draw(rt, "refuse") == 0
	_, version, err := eventstore.Execute(t.Context(), m.stock, stock, id, stamp(source), func(s inventory.Stock) ([]domain.Event, error) {
		if refuse {
			return nil, refusal
		}
		return inventory.Receive(s, inventory.ReceiveStock{
			SKU: "s", Location: "berlin", ReceiptID: receipt, Quantity: quantity, At: testTime,
		})
	})
	if refuse {
		require.ErrorIs(rt, err, refusal)
		return
	}
	require.NoError(rt, err)
	if !again {
		m.items[id] += quantity
		m.versions[id]++
		m.last[id] = source
	}
	require.Equal(rt, m.versions[id], version)
}

// spoilSnapshots does to snapshots what may happen to them: they are lost, of another shape, or unreadable.
// They are never needed, so nothing may change.
func (m *model) spoilSnapshots(rt *rapid.T, t *testing.T) {
	sql := rapid.SampledFrom([]string{
		"DELETE FROM orderloom.snapshots",
		"UPDATE orderloom.snapshots SET shape = 'other', state = '{\"on_hand\": 1000000}'",
		"UPDATE orderloom.snapshots SET state = '[]'",
	}).Draw(rt, "what")
	_, err := m.pool.Exec(t.Context(), sql)
	require.NoError(rt, err)
}

// fold checks the stock items.
func (m *model) fold(rt *rapid.T, t *testing.T) {
	for id, onHand := range m.items {
		s, version, err := eventstore.Fold(t.Context(), m.stock, stock, id)
		require.NoError(rt, err)
		require.Equal(rt, onHand, s.OnHand)
		require.Equal(rt, m.versions[id], version)
	}
}
