package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func groupStandsOrFalls(t *testing.T, s Store) {
	a, b, c := Stream(domain.AggregateOrder), Stream(domain.AggregateInventory), Stream(domain.AggregatePayment)
	_, err := s.Append(t.Context(), To(b, 0, 1))
	require.NoError(t, err)
	_, err = s.Append(t.Context(), To(a, 0, 1), To(b, 0, 1), To(c, 0, 2))
	require.Equal(t, b, conflict(t, err).Stream)
	for _, stream := range []eventstore.StreamID{a, c} {
		events, err := s.Load(t.Context(), stream, 0)
		require.NoError(t, err)
		require.Empty(t, events)
	}
	appended, err := s.Append(t.Context(), To(a, 0, 1), To(b, 1, 1), To(c, 0, 2))
	require.NoError(t, err)
	require.Len(t, appended, 3)
	require.EqualValues(t, 2, appended[1].Version)
	_, err = s.Append(t.Context(), To(a, 1, 1), To(b, 1, 1))
	require.Equal(t, eventstore.ConcurrencyConflict{Stream: b, Expected: 1, Actual: 2}, *conflict(t, err))
	appended, err = s.Append(t.Context(), To(a, 1, 1), To(b, 2, 1))
	require.NoError(t, err, "the stream that had to give way is where it was")
	require.EqualValues(t, 2, appended[0].Version)
}

func groupRetried(t *testing.T, s Store) {
	a, b := To(Stream(domain.AggregateOrder), 0, 2), To(Stream(domain.AggregateInventory), 0, 1)
	first, err := s.Append(t.Context(), a, b)
	require.NoError(t, err)
	again, err := s.Append(t.Context(), a, b)
	require.NoError(t, err)
	for i := range again {
		require.True(t, again[i].Duplicate)
		require.Equal(t, first[i].Positions, again[i].Positions)
	}
}

func groupInPart(t *testing.T, s Store) {
	a, b := To(Stream(domain.AggregateOrder), 0, 1), To(Stream(domain.AggregateInventory), 0, 1)
	_, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), a, b)
	require.Equal(t, a.Stream, conflict(t, err).Stream)
	events, err := s.Load(t.Context(), b.Stream, 0)
	require.NoError(t, err)
	require.Empty(t, events)
}

func neighbours(t *testing.T, s Store) {
	taken := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(taken, 0, 1))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			a := To(Stream(domain.AggregateOrder), 0, 2)
			switch i % 4 {
			case 0:
				a.Stream, a.Expected = taken, int64(7+i)
			case 1:
				a.Events[1].Payload = []byte(`{"a":"\u0000"}`)
			case 2:
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				if _, err := s.Append(ctx, a); !errors.Is(err, context.Canceled) {
					t.Errorf("want cancelled, got %v", err)
				}
				return
			}
			_, err := s.Append(t.Context(), a)
			if (err == nil) != (i%4 == 3) {
				t.Errorf("call %d: %v", i, err)
			}
		})
	}
	wg.Wait()
}

func rivals(t *testing.T, s Store) {
	stream := Stream(domain.AggregateInventory)
	const writers, rounds = 16, 10
	var wg sync.WaitGroup
	won := make([]int, writers)
	for w := range writers {
		wg.Go(func() {
			for version := range int64(rounds) {
				_, err := s.Append(t.Context(), To(stream, version, 1))
				var c *eventstore.ConcurrencyConflict
				switch {
				case err == nil:
					won[w]++
				case !errors.As(err, &c):
					t.Errorf("append: %v", err)
				case c.Actual <= version && c.Actual != version:
					t.Errorf("a conflict at version %d, though %d was expected", c.Actual, version)
				}
			}
		})
	}
	wg.Wait()
	total := 0
	for _, n := range won {
		total += n
	}
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, total, "what was confirmed is there, and nothing else")
	require.Positive(t, total)
}
