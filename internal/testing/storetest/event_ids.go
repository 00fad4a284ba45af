package storetest

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func reusedEventID(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a := To(stream, 0, 3)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)

	other := a
	other.Events = append([]eventstore.NewEvent(nil), a.Events...)
	other.Events[1].Payload = json.RawMessage(`{"n":"other"}`)
	_, err = s.Append(t.Context(), other)
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)

	other.Events[1] = a.Events[1]
	other.Events[2].Type = "Renamed"
	_, err = s.Append(t.Context(), other)
	invalid(t, err, stream, 2, eventstore.CodeEventIDReused)

	more := a
	more.Events = append(append([]eventstore.NewEvent(nil), a.Events...), Events(1)...)
	_, err = s.Append(t.Context(), more)
	invalid(t, err, stream, 3, eventstore.CodeEventIDReused)

	twice := To(stream, 3, 2)
	twice.Events[1].ID = twice.Events[0].ID
	_, err = s.Append(t.Context(), twice)
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)

	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 3)
}

// with returns the append with the id of one event replaced.
func with(a eventstore.Append, index int, id uuid.UUID) eventstore.Append {
	a.Events = append([]eventstore.NewEvent(nil), a.Events...)
	a.Events[index].ID = id
	return a
}

func reusedElsewhere(t *testing.T, s Store) {
	stream, other := Stream(domain.AggregateOrder), Stream(domain.AggregatePayment)
	a := To(stream, 0, 3)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	used := a.Events[1].ID

	_, err = s.Append(t.Context(), with(To(stream, 3, 2), 1, used))
	invalid(t, err, stream, 1, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), with(To(other, 0, 3), 2, used))
	invalid(t, err, other, 2, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), with(To(other, eventstore.Any, 1), 0, used))
	invalid(t, err, other, 0, eventstore.CodeEventIDReused)
	_, err = s.Append(t.Context(), To(stream, 3, 1), with(To(other, 0, 2), 1, used))
	invalid(t, err, other, 1, eventstore.CodeEventIDReused)

	one, two := To(stream, 3, 1), To(other, 0, 2)
	_, err = s.Append(t.Context(), one, with(two, 1, one.Events[0].ID))
	invalid(t, err, other, 1, eventstore.CodeEventIDReused)

	appended, err := s.Append(t.Context(), one, two)
	require.NoError(t, err, "nothing of the refused calls is there")
	require.EqualValues(t, 4, appended[0].Version)
	require.EqualValues(t, 2, appended[1].Version)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.Len(t, All(t, s, eventstore.ReadOptions{}), 6)
}

// Calls that are made at once are sent together: those with a used id are refused, the others stored.
func reusedAmongNeighbours(t *testing.T, s Store) {
	a := To(Stream(domain.AggregateOrder), 0, 1)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	var wg sync.WaitGroup
	const calls = 60
	for i := range calls {
		wg.Go(func() {
			b := To(Stream(domain.AggregateOrder), 0, 2)
			if i%10 != 0 {
				if _, err := s.Append(t.Context(), b); err != nil {
					t.Errorf("a neighbour: %v", err)
				}
				return
			}
			_, err := s.Append(t.Context(), with(b, 1, a.Events[0].ID))
			var e *eventstore.InvalidError
			if !errors.As(err, &e) || e.Code != eventstore.CodeEventIDReused || e.Stream != b.Stream || e.Index != 1 {
				t.Errorf("a used id: %v", err)
			}
		})
	}
	wg.Wait()
	require.Len(t, All(t, s, eventstore.ReadOptions{}), 1+2*(calls-calls/10))
}

func retriedByMany(t *testing.T, s Store) {
	for _, expected := range []int64{eventstore.NoStream, eventstore.Any} {
		a, b := To(Stream(domain.AggregateOrder), expected, 2), To(Stream(domain.AggregatePayment), expected, 1)
		const callers = 12
		results := make([][]eventstore.Appended, callers)
		var wg sync.WaitGroup
		for i := range callers {
			wg.Go(func() {
				var err error
				if results[i], err = s.Append(t.Context(), a, b); err != nil {
					t.Errorf("a retry: %v", err)
				}
			})
		}
		wg.Wait()
		fresh := 0
		for _, r := range results {
			require.Len(t, r, 2)
			require.Equal(t, results[0][0].Positions, r[0].Positions)
			require.Equal(t, results[0][1].Positions, r[1].Positions)
			if !r[0].Duplicate {
				fresh++
			}
		}
		require.Equal(t, 1, fresh, "one has stored it, the others have found it")
	}
}
