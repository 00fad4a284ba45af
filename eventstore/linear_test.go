package eventstore_test

import (
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/internal/testing/storetest"
	"github.com/stretchr/testify/require"
)

// streamCall is an append with an expected version, or a load when it appends nothing.
type streamCall struct {
	stream   int
	expected int64
	events   int64
}

// streamAnswer is what came back.
type streamAnswer struct {
	ok      bool
	version int64 // reached, loaded, or the actual one of a conflict
}

// streamModel is a stream as a register: its state is its version.
var streamModel = porcupine.Model{
	Partition: func(history []porcupine.Operation) [][]porcupine.Operation {
		parts := map[int][]porcupine.Operation{}
		for _, o := range history {
			parts[o.Input.(streamCall).stream] = append(parts[o.Input.(streamCall).stream], o)
		}
		var all [][]porcupine.Operation
		for _, p := range parts {
			all = append(all, p)
		}
		return all
	},
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		version, call, answer := state.(int64), input.(streamCall), output.(streamAnswer)
		switch {
		case call.events == 0:
			return answer.version == version, version
		case answer.ok:
			return (call.expected == version || call.expected == eventstore.Any) && answer.version == version+call.events, version + call.events
		default:
			return call.expected != version && answer.version == version, version
		}
	},
}

// Several processes may do anything to a few streams at once. What they are told is what one process would have been
// told that did it all, in some order that respects who waited for whom.
func TestStreamsAreLinearizable(t *testing.T) {
	t.Parallel()
	const processes, clients, calls, streams = 3, 12, 60, 3
	pool := pgtest.Pool(t)
	var stores []*eventstore.Store
	for range processes {
		store, err := eventstore.Open(t.Context(), pool, eventstore.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = store.Close(t.Context()) })
		stores = append(stores, store)
	}
	var ids []eventstore.StreamID
	var known [streams]atomic.Int64 // versions that somebody has heard of
	for range streams {
		ids = append(ids, storetest.Stream(domain.AggregateInventory))
	}
	start := time.Now()
	var mu sync.Mutex
	var history []porcupine.Operation
	var wg sync.WaitGroup
	for client := range clients {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(client), 1))
			for range calls {
				call := streamCall{stream: random.IntN(streams), events: int64(random.IntN(3))}
				switch random.IntN(10) {
				case 0:
					call.expected = eventstore.Any
				case 1:
					call.expected = random.Int64N(5)
				default:
					call.expected = known[call.stream].Load()
				}
				began := time.Since(start).Nanoseconds()
				answer, err := perform(t, stores[client%processes], ids[call.stream], call)
				if err != nil {
					t.Errorf("call: %v", err)
					return
				}
				known[call.stream].Store(answer.version)
				mu.Lock()
				history = append(history, porcupine.Operation{
					ClientId: client, Input: call, Call: began, Output: answer, Return: time.Since(start).Nanoseconds(),
				})
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, history, clients*calls)
	require.Equal(t, porcupine.Ok, porcupine.CheckOperationsTimeout(streamModel, history, time.Minute))

	// The checker is able to say no: a version that nobody ever had.
	wrong := append([]porcupine.Operation(nil), history...)
	wrong[len(wrong)/2].Output = streamAnswer{ok: true, version: 1 << 40}
	require.NotEqual(t, porcupine.Ok, porcupine.CheckOperationsTimeout(streamModel, wrong, time.Minute))
}

func perform(t *testing.T, s *eventstore.Store, id eventstore.StreamID, call streamCall) (streamAnswer, error) {
	if call.events == 0 {
		events, err := s.Load(t.Context(), id, 0)
		return streamAnswer{ok: true, version: int64(len(events))}, err
	}
	appended, err := s.Append(t.Context(), storetest.To(id, call.expected, int(call.events)))
	var conflict *eventstore.ConcurrencyConflict
	switch {
	case errors.As(err, &conflict):
		return streamAnswer{version: conflict.Actual}, nil
	case err != nil:
		return streamAnswer{}, err
	}
	return streamAnswer{ok: true, version: appended[0].Version}, nil
}
