package eventstore

import (
	"context"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

var item = Aggregate[inventory.Stock]{Type: domain.AggregateInventory, Evolve: inventory.Evolve}

// receiveAt records goods at a stock item, whatever is known of it.
func receiveAt(t *testing.T, r *Repository, id uuid.UUID, quantity int) {
	t.Helper()
	receipt := uuid.New()
	err := r.Decide(t.Context(), Stamp{Source: receipt.String()}, []StreamID{{Type: item.Type, ID: id}}, func(tx *Tx) error {
		Record(tx, item, id, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: receipt, Quantity: quantity})
		return nil
	})
	require.NoError(t, err)
}

// onBoth runs a test on both stores, with repositories of two processes.
func onBoth(t *testing.T, test func(t *testing.T, here, there *Repository)) {
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		pool := pgtest.Pool(t)
		test(t, NewRepository(process(t, pool), RepositoryOptions{}), NewRepository(process(t, pool), RepositoryOptions{}))
	})
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		memory := NewMemory()
		test(t, NewRepository(memory, RepositoryOptions{}), NewRepository(memory, RepositoryOptions{}))
	})
}

// A decision that records on one stream is never stored on an old state of another, which it only looked at.
func TestADecisionRestsOnWhatItOnlyLookedAt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, there *Repository) {
		for name, reads := range map[string]bool{"a stream named among others": false, "a stream named to look at": true} {
			t.Run(name, func(t *testing.T) {
				door, goods := uuid.New(), uuid.New()
				receiveAt(t, here, door, 1)
				receiveAt(t, there, door, 1) // here does not hear of it
				st, streams := Stamp{Source: uuid.NewString()}, []StreamID{{Type: item.Type, ID: goods}}
				if shut := (StreamID{Type: item.Type, ID: door}); reads {
					st.Reads = []StreamID{shut}
				} else {
					streams = append(streams, shut)
				}
				var peeked []int
				err := here.Decide(t.Context(), st, streams, func(tx *Tx) error {
					peeked = append(peeked, Peek(tx, item, door).OnHand)
					Record(tx, item, goods, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: uuid.New(), Quantity: State(tx, item, door).OnHand})
					return nil
				})
				require.NoError(t, err)
				require.Equal(t, []int{1, 2}, peeked, "decided on the old state, and once more on the present one")
				s, version, err := Fold(t.Context(), there, item, goods)
				require.NoError(t, err)
				require.Equal(t, 2, s.OnHand)
				require.EqualValues(t, 1, version)

				receiveAt(t, there, door, 1)
				err = here.Decide(t.Context(), Stamp{Source: uuid.NewString(), Reads: st.Reads}, streams, func(tx *Tx) error {
					Record(tx, item, goods, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: uuid.New(), Quantity: Peek(tx, item, door).OnHand})
					return nil
				})
				require.NoError(t, err)
				s, _, err = Fold(t.Context(), there, item, goods)
				require.NoError(t, err)
				require.Equal(t, 4, s.OnHand, "what was only peeked at need not be true any more")
			})
		}
	})
}

func TestADecisionThatRecordsNothingRestsOnWhatItLookedAt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, there *Repository) {
		door, goods := uuid.New(), uuid.New()
		receiveAt(t, here, door, 1)
		receiveAt(t, there, door, 1)
		var seen int
		err := here.Decide(t.Context(), Stamp{Source: "x", Reads: []StreamID{{Type: item.Type, ID: door}}}, []StreamID{{Type: item.Type, ID: goods}},
			func(tx *Tx) error { seen = State(tx, item, door).OnHand; return nil })
		require.NoError(t, err)
		require.Equal(t, 2, seen)
	})
}

func TestAStreamToLookAtIsNotRecordedOn(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, _ *Repository) {
		door, goods := uuid.New(), uuid.New()
		err := here.Decide(t.Context(), Stamp{Source: "x", Reads: []StreamID{{Type: item.Type, ID: door}}}, []StreamID{{Type: item.Type, ID: goods}},
			func(tx *Tx) error {
				Record(tx, item, door, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: uuid.New(), Quantity: 1})
				return nil
			})
		require.ErrorContains(t, err, "to look at, not to record on")
	})
}

// Decisions of one process are stored in their order. That holds also where one only looks at what another one records
// on in the same round.
func TestDecisionsOfOneRoundSeeEachOther(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, there *Repository) {
		door, goods := uuid.New(), uuid.New()
		receiveAt(t, here, door, 1)
		const rounds = 20
		errs := make(chan error)
		for i := range rounds {
			go func() {
				receipt := uuid.New()
				errs <- here.Decide(t.Context(), Stamp{Source: receipt.String()}, []StreamID{{Type: item.Type, ID: door}}, func(tx *Tx) error {
					Record(tx, item, door, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: receipt, Quantity: 1})
					return nil
				})
			}()
			go func() {
				r := []*Repository{here, there}[i%2]
				errs <- r.Decide(t.Context(), Stamp{Source: uuid.NewString(), Reads: []StreamID{{Type: item.Type, ID: door}}},
					[]StreamID{{Type: item.Type, ID: goods}}, func(tx *Tx) error {
						more := State(tx, item, door).OnHand - State(tx, item, goods).OnHand
						Record(tx, item, goods, inventory.StockAdjusted{SKU: "a", Location: "b", AdjustmentID: uuid.New(), Delta: more})
						return nil
					})
			}()
		}
		for range 2 * rounds {
			require.NoError(t, <-errs)
		}
		s, _, err := Fold(t.Context(), there, item, door)
		require.NoError(t, err)
		require.Equal(t, rounds+1, s.OnHand)
		s, _, err = Fold(t.Context(), there, item, goods)
		require.NoError(t, err)
		require.LessOrEqual(t, s.OnHand, rounds+1)
	})
}

// Each of two appends has looked at what the other one records on, and both are under way. One of them is exclusive, so
// it waits for the other one and is refused. Protected by the kind of the lock.
func TestAnExclusiveAppendSeesWhatWasUnderWay(t *testing.T) {
	t.Parallel()
	p := protection{"orderloom.append", "IF exclusive THEN", "IF false THEN"}
	bothWays(t, p, func(t *testing.T, pool *pgxpool.Pool, protected bool) {
		a, b := newStream(), newStream()
		first := &openAppend{engine: newPostgres(pool), group: newGroup([]Append{oneEvent(a, NoStream)})}
		first.group.reads = []read{{id: b.ID}}
		require.NoError(t, first.engine.ready(t.Context()))
		t.Cleanup(func() { first.engine.close(context.WithoutCancel(t.Context())) })
		require.NoError(t, first.engine.lock(t.Context(), nil, false))
		require.NoError(t, first.engine.append(t.Context(), []*group{first.group}))
		require.True(t, first.group.stored())

		second := newGroup([]Append{oneEvent(b, NoStream)})
		second.reads, second.exclusive = []read{{id: a.ID}}, true
		store := process(t, pool)
		done := make(chan error, 1)
		go func() { done <- store.engine.append(context.WithoutCancel(t.Context()), []*group{second}) }()
		if protected {
			awaitBlocked(t, pool)
		} else {
			require.NoError(t, <-done)
			done <- nil
		}
		first.end(t, true)
		require.NoError(t, <-done)
		require.Equal(t, !protected, second.stored(), "without the protection neither sees the other")
		require.Equal(t, protected, second.outdated())
	})
}

// Decisions of two processes, each of which may record only while nobody has: exclusive ones keep to it.
func TestExclusiveDecisionsOfManyProcesses(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, there *Repository) {
		ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
		var streams []StreamID
		for _, id := range ids {
			streams = append(streams, StreamID{Type: item.Type, ID: id})
		}
		const each = 8
		errs := make(chan error)
		for i := range each * len(ids) {
			go func() {
				own := ids[i%len(ids)]
				errs <- []*Repository{here, there}[i/len(ids)%2].Decide(t.Context(), Stamp{Source: uuid.NewString()}, streams, func(tx *Tx) error {
					sum := 0
					for _, id := range ids {
						sum += State(tx, item, id).OnHand
					}
					Exclusive(tx)
					if sum < each {
						Record(tx, item, own, inventory.StockReceived{SKU: "a", Location: "b", ReceiptID: uuid.New(), Quantity: 1})
					}
					return nil
				})
			}()
		}
		for range each * len(ids) {
			require.NoError(t, <-errs)
		}
		sum := 0
		for _, id := range ids {
			s, _, err := Fold(t.Context(), here, item, id)
			require.NoError(t, err)
			sum += s.OnHand
		}
		require.Equal(t, each, sum)
	})
}

// A process with old states repeats a step of another one, and would make the very same events at the same versions.
// What has happened since must not escape it.
func TestARepeatedStepIsDecidedOnThePresentState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, here, there *Repository) {
		goods, receipt := uuid.New(), uuid.New()
		step := func(r *Repository) (onHand int) {
			err := r.Decide(t.Context(), Stamp{Source: "step"}, []StreamID{{Type: item.Type, ID: goods}}, func(tx *Tx) error {
				events, err := inventory.Receive(State(tx, item, goods), inventory.ReceiveStock{SKU: "a", Location: "b", ReceiptID: receipt, Quantity: 1})
				Record(tx, item, goods, events...)
				onHand = State(tx, item, goods).OnHand
				return err
			})
			require.NoError(t, err)
			return onHand
		}
		_, _, err := Fold(t.Context(), there, item, goods)
		require.NoError(t, err)
		require.Equal(t, 1, step(here))
		receiveAt(t, here, goods, 1)
		require.Equal(t, 2, step(there), "decided on what has happened since")
	})
}
