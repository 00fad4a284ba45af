package eventstore_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"weak"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

var stock = eventstore.Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}

var testTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func stamp(source string) eventstore.Stamp { return eventstore.Stamp{Source: source, At: testTime} }

func receive(t testing.TB, r *eventstore.Repository, sku string, quantity int) uuid.UUID {
	t.Helper()
	id := inventory.ID(sku, "berlin")
	receipt := uuid.New()
	_, _, err := eventstore.Execute(t.Context(), r, stock, id, stamp("receipt-"+receipt.String()), func(s inventory.Stock) ([]domain.Event, error) {
		return inventory.Receive(s, inventory.ReceiveStock{SKU: sku, Location: "berlin", ReceiptID: receipt, Quantity: quantity, At: testTime})
	})
	require.NoError(t, err)
	return id
}

func reserve(ctx context.Context, r *eventstore.Repository, id, order uuid.UUID, quantity int) error {
	return r.Decide(ctx, stamp("order-"+order.String()+"/reserve"), []eventstore.StreamID{{Type: stock.Type, ID: id}}, func(tx *eventstore.Tx) error {
		events, err := inventory.Reserve(eventstore.State(tx, stock, id), inventory.ReserveStock{
			SKU: "sku", Location: "berlin", OrderID: order, Quantity: quantity, At: testTime,
		})
		eventstore.Record(tx, stock, id, events...)
		return err
	})
}

// backends runs a test on both stores. The function it gives returns another process's store on the same
// events, where that is possible.
func backends(t *testing.T, test func(t *testing.T, open func() eventstore.Backend)) {
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pool := pgtest.Pool(t)
		test(t, func() eventstore.Backend {
			store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
			require.NoError(t, err)
			t.Cleanup(func() { _ = store.Close(t.Context()) })
			return store
		})
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		memory := eventstore.NewMemory()
		test(t, func() eventstore.Backend { return memory })
	})
}

func TestFlashSaleSellsExactlyWhatIsThere(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		const pieces, buyers, processes = 100, 150, 3
		var repositories []*eventstore.Repository
		for range processes {
			repositories = append(repositories, eventstore.NewRepository(open(), eventstore.RepositoryOptions{}))
		}
		id := receive(t, repositories[0], "sku", pieces)
		var sold, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range buyers * processes {
			wg.Go(func() {
				err := reserve(t.Context(), repositories[i%processes], id, uuid.New(), 1)
				switch domain.Code(err) {
				case "insufficient_stock":
					refused.Add(1)
				case "":
					if err != nil {
						t.Errorf("reserve: %v", err)
					}
					sold.Add(1)
				default:
					t.Errorf("reserve: %v", err)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, pieces, sold.Load())
		require.EqualValues(t, buyers*processes-pieces, refused.Load())
		s, version, err := eventstore.Fold(t.Context(), repositories[1], stock, id)
		require.NoError(t, err)
		require.Equal(t, pieces, s.Reserved)
		require.Zero(t, s.Available())
		require.EqualValues(t, pieces+1, version)
	})
}

// A state stays in memory, what was decided on it and for whom does not.
// Fails without e.decision = nil in decision.conclude: each state held the context of its last caller, and with it
// a whole workflow in memory.
func TestADecisionKeepsNothingOfItsCaller(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		r := eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, r, "sku", 1)
		type key struct{}
		held := new([1 << 10]byte)
		alive := weak.Make(held)
		require.NoError(t, reserve(context.WithValue(t.Context(), key{}, held), r, id, uuid.New(), 1))
		require.Eventually(t, func() bool { runtime.GC(); return alive.Value() == nil }, 20*time.Second, 10*time.Millisecond)
		s, _, err := eventstore.Fold(t.Context(), r, stock, id) // so that the repository is alive until here
		require.NoError(t, err)
		require.Equal(t, 1, s.Reserved)
	})
}

func TestARefusalIsNeverBasedOnAnOldState(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		here, there := eventstore.NewRepository(open(), eventstore.RepositoryOptions{}), eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, here, "sku", 1)
		require.NoError(t, reserve(t.Context(), here, id, uuid.New(), 1))
		require.EqualValues(t, "insufficient_stock", domain.Code(reserve(t.Context(), here, id, uuid.New(), 1)))
		receive(t, there, "sku", 5) // "here" does not hear of it
		require.NoError(t, reserve(t.Context(), here, id, uuid.New(), 1))
		require.NoError(t, reserve(t.Context(), there, id, uuid.New(), 4))
		s, _, err := eventstore.Fold(t.Context(), here, stock, id)
		require.NoError(t, err)
		require.Equal(t, 6, s.Reserved)
	})
}

func TestADecisionOverSeveralStreamsStandsOrFalls(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		store := open()
		r := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
		a, b := receive(t, r, "a", 10), receive(t, r, "b", 1)
		both := []eventstore.StreamID{{Type: stock.Type, ID: a}, {Type: stock.Type, ID: b}}
		buy := func(order uuid.UUID) error {
			return r.Decide(t.Context(), stamp("order-"+order.String()), both, func(tx *eventstore.Tx) error {
				for _, id := range []uuid.UUID{a, b} {
					events, err := inventory.Reserve(eventstore.State(tx, stock, id), inventory.ReserveStock{OrderID: order, Quantity: 1, At: testTime})
					if err != nil {
						return err
					}
					eventstore.Record(tx, stock, id, events...)
					eventstore.State(tx, stock, id) // puts what was recorded into the state, so a refusal has to take it out
				}
				return nil
			})
		}
		var wg sync.WaitGroup
		var sold atomic.Int64
		for range 12 {
			wg.Go(func() {
				if buy(uuid.New()) == nil {
					sold.Add(1)
				}
			})
		}
		wg.Wait()
		require.EqualValues(t, 1, sold.Load())
		for _, id := range []uuid.UUID{a, b} {
			s, _, err := eventstore.Fold(t.Context(), r, stock, id)
			require.NoError(t, err)
			require.Equal(t, 1, s.Reserved)
		}
	})
}

func TestWhatADecisionMayNotDo(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		r := eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, r, "sku", 3)
		streams := []eventstore.StreamID{{Type: stock.Type, ID: id}}
		refusal := errors.New("no")
		require.ErrorIs(t, r.Decide(t.Context(), stamp("a"), streams, func(tx *eventstore.Tx) error {
			eventstore.Record(tx, stock, id, inventory.StockAdjusted{AdjustmentID: uuid.New(), Delta: 5})
			return refusal
		}), refusal)
		require.ErrorContains(t, r.Decide(t.Context(), stamp("b"), streams, func(tx *eventstore.Tx) error {
			eventstore.State(tx, stock, uuid.New())
			return nil
		}), "was not named")
		require.ErrorContains(t, r.Decide(t.Context(), stamp("c"), streams, func(*eventstore.Tx) error { panic("oh") }), "panic: oh")
		require.Error(t, r.Decide(t.Context(), eventstore.Stamp{}, streams, func(*eventstore.Tx) error { return nil }))
		require.Equal(t, eventstore.CodeUnknownAggregateType, domain.Code(r.Decide(t.Context(), stamp("d"),
			[]eventstore.StreamID{{Type: "cart", ID: id}}, func(*eventstore.Tx) error { return nil })))
		require.Equal(t, eventstore.CodeNUL, domain.Code(r.Decide(t.Context(), stamp("e"), streams, func(tx *eventstore.Tx) error {
			eventstore.Record(tx, stock, id, inventory.StockAdjusted{AdjustmentID: uuid.New(), Delta: 5, Reason: "a\x00b"})
			return nil
		})))
		s, version, err := eventstore.Fold(t.Context(), r, stock, id)
		require.NoError(t, err)
		require.EqualValues(t, 1, version)
		require.Equal(t, 3, s.OnHand)
	})
}

func TestADecisionMadeTwiceIsStoredOnce(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		here, there := eventstore.NewRepository(open(), eventstore.RepositoryOptions{}), eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, here, "sku", 3)
		order := uuid.New()
		for _, r := range []*eventstore.Repository{here, here, there, there} {
			require.NoError(t, reserve(t.Context(), r, id, order, 1))
		}
		_, version, err := eventstore.Fold(t.Context(), there, stock, id)
		require.NoError(t, err)
		require.EqualValues(t, 2, version)
	})
}

func TestAFreshStreamThatIsNotFresh(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		here, there := eventstore.NewRepository(open(), eventstore.RepositoryOptions{}), eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, here, "sku", 3)
		fresh := stamp("fresh")
		fresh.Fresh = id
		s, version, err := eventstore.Execute(t.Context(), there, stock, id, fresh, func(s inventory.Stock) ([]domain.Event, error) {
			return nil, nil
		})
		require.NoError(t, err)
		require.EqualValues(t, 1, version, "a decision to do nothing is checked")
		require.Equal(t, 3, s.OnHand)

		other := receive(t, here, "other", 3)
		fresh.Source, fresh.Fresh = "fresh2", other
		s, version, err = eventstore.Execute(t.Context(), there, stock, other, fresh, func(s inventory.Stock) ([]domain.Event, error) {
			return inventory.Receive(s, inventory.ReceiveStock{SKU: "other", Location: "berlin", ReceiptID: uuid.New(), Quantity: 4, At: testTime})
		})
		require.NoError(t, err)
		require.EqualValues(t, 2, version)
		require.Equal(t, 7, s.OnHand)
	})
}

func TestStatesThatWereDroppedAreLoadedAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		r := eventstore.NewRepository(open(), eventstore.RepositoryOptions{StatesMax: 2})
		var ids []uuid.UUID
		for i := range 6 {
			ids = append(ids, receive(t, r, fmt.Sprint("sku", i), i+1))
		}
		for i, id := range ids {
			s, _, err := eventstore.Fold(t.Context(), r, stock, id)
			require.NoError(t, err)
			require.Equal(t, i+1, s.OnHand)
		}
	})
}

func TestEventsOfADecisionHaveTheSameIDsAgain(t *testing.T) {
	t.Parallel()
	var ids []uuid.UUID
	for range 2 {
		store := eventstore.NewMemory()
		r := eventstore.NewRepository(store, eventstore.RepositoryOptions{})
		id := inventory.ID("sku", "berlin")
		require.NoError(t, r.Decide(t.Context(), stamp("w/step"), []eventstore.StreamID{{Type: stock.Type, ID: id}}, func(tx *eventstore.Tx) error {
			eventstore.Record(tx, stock, id, inventory.StockAdjusted{Delta: 5}, inventory.StockAdjusted{Delta: 5})
			return nil
		}))
		events, err := store.Load(t.Context(), eventstore.StreamID{Type: stock.Type, ID: id}, 0)
		require.NoError(t, err)
		require.Len(t, events, 2)
		require.Equal(t, "w/step", events[0].Metadata.CausationID)
		require.Equal(t, testTime, events[0].Timestamp)
		ids = append(ids, events[0].EventID, events[1].EventID)
	}
	require.Equal(t, ids[:2], ids[2:])
	require.NotEqual(t, ids[0], ids[1])
}

// A process is killed after a step was stored and before anyone heard of it. The one that takes over has an older
// state in memory. It decides the same step again at a later time: the same event ids, with another content. It fails
// without the reused ids in outdated (engine.go).
func TestAStepRepeatedByAProcessWithAnOldStateIsDecidedAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		killed, takesOver := open(), open()
		first := eventstore.NewRepository(killed, eventstore.RepositoryOptions{})
		second := eventstore.NewRepository(takesOver, eventstore.RepositoryOptions{})
		id := receive(t, first, "sku", 5)
		order := uuid.New()
		reserveAt := func(r *eventstore.Repository, at time.Time) error {
			step := eventstore.Stamp{Source: "order/reserve", At: at}
			_, _, err := eventstore.Execute(t.Context(), r, stock, id, step, func(s inventory.Stock) ([]domain.Event, error) {
				return inventory.Reserve(s, inventory.ReserveStock{SKU: "sku", Location: "berlin", OrderID: order, Quantity: 2, At: at})
			})
			return err
		}
		_, _, err := eventstore.Fold(t.Context(), second, stock, id) // the old state
		require.NoError(t, err)
		require.NoError(t, reserveAt(first, testTime))
		require.NoError(t, reserveAt(second, testTime.Add(time.Minute)))
		s, version, err := eventstore.Fold(t.Context(), second, stock, id)
		require.NoError(t, err)
		require.Equal(t, 2, s.Reserved)
		require.EqualValues(t, 2, version, "one receipt and one reservation")
	})
}

// The same takeover, only that the old state makes the decision choose another stream than the first time.
// It fails without the index of event ids (migration 6): the order then has its piece twice.
func TestAStepRepeatedOnAnotherStreamIsDecidedAgain(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		first, second := eventstore.NewRepository(open(), eventstore.RepositoryOptions{}), eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		near, far := receive(t, first, "near", 1), receive(t, first, "far", 5)
		order := uuid.New()
		take := func(r *eventstore.Repository, at time.Time) error {
			streams := []eventstore.StreamID{{Type: stock.Type, ID: near}, {Type: stock.Type, ID: far}}
			return r.Decide(t.Context(), eventstore.Stamp{Source: "order/reserve", At: at}, streams, func(tx *eventstore.Tx) error {
				for _, id := range []uuid.UUID{near, far} {
					if _, reserved := eventstore.State(tx, stock, id).Reservations[order]; reserved {
						return nil
					}
				}
				for _, id := range []uuid.UUID{near, far} {
					if eventstore.State(tx, stock, id).Available() > 0 {
						eventstore.Record(tx, stock, id, inventory.StockReserved{OrderID: order, Quantity: 1, ReservedAt: at})
						return nil
					}
				}
				return errors.New("nothing is left")
			})
		}
		other := uuid.New()
		require.NoError(t, reserve(t.Context(), second, near, other, 1)) // and has it in memory that near is empty
		_, _, err := eventstore.Fold(t.Context(), second, stock, far)
		require.NoError(t, err)
		_, _, err = eventstore.Execute(t.Context(), first, stock, near, stamp("release"), func(s inventory.Stock) ([]domain.Event, error) {
			return inventory.Release(s, inventory.ReleaseStock{OrderID: other, At: testTime}), nil
		})
		require.NoError(t, err)
		require.NoError(t, take(first, testTime))
		require.NoError(t, take(second, testTime.Add(time.Minute)))
		for id, reserved := range map[uuid.UUID]int{near: 1, far: 0} {
			s, _, err := eventstore.Fold(t.Context(), second, stock, id)
			require.NoError(t, err)
			require.Equal(t, reserved, s.Reserved)
		}
	})
}

// Two different decisions under one source get the same event ids, which is an error of the program. Its own caller
// hears of it, and none of those who decide on the same stream at the same time.
func TestASourceUsedTwiceFailsOnlyItsCaller(t *testing.T) {
	t.Parallel()
	backends(t, func(t *testing.T, open func() eventstore.Backend) {
		r := eventstore.NewRepository(open(), eventstore.RepositoryOptions{})
		id := receive(t, r, "sku", 100)
		adjust := func(source string) error {
			return r.Decide(t.Context(), stamp(source), []eventstore.StreamID{{Type: stock.Type, ID: id}}, func(tx *eventstore.Tx) error {
				eventstore.Record(tx, stock, id, inventory.StockAdjusted{AdjustmentID: uuid.New(), Delta: 1})
				return nil
			})
		}
		require.NoError(t, adjust("used"))
		var wg sync.WaitGroup
		for i := range 40 {
			wg.Go(func() {
				if i%8 != 0 {
					if err := adjust(fmt.Sprint("source ", i)); err != nil {
						t.Errorf("a neighbour: %v", err)
					}
					return
				}
				var refused *eventstore.InvalidError
				if err := adjust("used"); !errors.As(err, &refused) || refused.Code != eventstore.CodeEventIDReused ||
					refused.Stream.ID != id || refused.Index != 0 {
					t.Errorf("a used source: %v", err)
				}
			})
		}
		wg.Wait()
		s, version, err := eventstore.Fold(t.Context(), r, stock, id)
		require.NoError(t, err)
		require.EqualValues(t, 2+35, version)
		require.Equal(t, 101+35, s.OnHand)
	})
}
