package storetest

import (
	"sync"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func comesBack(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a := To(stream, eventstore.NoStream, 1)
	a.Events[0].Metadata.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	appended, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.Len(t, appended, 1)
	require.EqualValues(t, 1, appended[0].Version)
	require.False(t, appended[0].Duplicate)
	require.Len(t, appended[0].Positions, 1)

	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 1)
	e, n := events[0], a.Events[0]
	require.Equal(t, n.ID, e.EventID)
	require.Equal(t, stream.ID, e.AggregateID)
	require.Equal(t, stream.Type, e.AggregateType)
	require.Equal(t, n.Type, e.EventType)
	require.Equal(t, n.SchemaVersion, e.EventVersion)
	require.JSONEq(t, string(n.Payload), string(e.Payload))
	require.Equal(t, n.Metadata, e.Metadata)
	require.Equal(t, n.Timestamp, e.Timestamp)
	require.EqualValues(t, 1, e.Version)
	require.Equal(t, appended[0].Positions[0], e.Sequence)
}

func versionsHaveNoGaps(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	version := int64(0)
	for _, n := range []int{1, 3, 2} {
		appended, err := s.Append(t.Context(), To(stream, version, n))
		require.NoError(t, err)
		version += int64(n)
		require.Equal(t, version, appended[0].Version)
	}
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 6)
	for i, e := range events {
		require.EqualValues(t, i+1, e.Version)
	}
}

func wrongVersionConflicts(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 1, 1))
	require.Equal(t, eventstore.ConcurrencyConflict{Stream: stream, Expected: 1, Actual: 0}, *conflict(t, err))
	_, err = s.Append(t.Context(), To(stream, eventstore.NoStream, 2))
	require.NoError(t, err)
	for _, expected := range []int64{0, 1, 3, 1 << 40} {
		_, err = s.Append(t.Context(), To(stream, expected, 1))
		require.Equal(t, eventstore.ConcurrencyConflict{Stream: stream, Expected: expected, Actual: 2}, *conflict(t, err))
	}
}

func retryReturnsPositions(t *testing.T, s Store) {
	a := To(Stream(domain.AggregateOrder), eventstore.NoStream, 3)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	second, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, second[0].Duplicate)
	require.Equal(t, first[0].Positions, second[0].Positions)
	require.Equal(t, first[0].Version, second[0].Version)
}

func retryUnderLater(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	_, err := s.Append(t.Context(), To(stream, 0, 2))
	require.NoError(t, err)
	a := To(stream, 2, 2)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	_, err = s.Append(t.Context(), To(stream, 4, 5))
	require.NoError(t, err)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.EqualValues(t, 4, again[0].Version)
	events, err := s.Load(t.Context(), stream, 0)
	require.NoError(t, err)
	require.Len(t, events, 9)
}

func anyVersion(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	a, b := To(stream, eventstore.Any, 2), To(stream, eventstore.Any, 1)
	first, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.EqualValues(t, 2, first[0].Version)
	second, err := s.Append(t.Context(), b)
	require.NoError(t, err)
	require.EqualValues(t, 3, second[0].Version)
	again, err := s.Append(t.Context(), a)
	require.NoError(t, err)
	require.True(t, again[0].Duplicate)
	require.Equal(t, first[0].Positions, again[0].Positions)
	require.EqualValues(t, 2, again[0].Version)

	var wg sync.WaitGroup
	fresh := Stream(domain.AggregateOrder)
	for range 8 {
		wg.Go(func() {
			_, err := s.Append(t.Context(), To(fresh, eventstore.Any, 1))
			if err != nil {
				t.Errorf("append to any version: %v", err)
			}
		})
	}
	wg.Wait()
	events, err := s.Load(t.Context(), fresh, 0)
	require.NoError(t, err)
	require.Len(t, events, 8)
}

func conflictsLeaveNoTrace(t *testing.T, s Store) {
	stream := Stream(domain.AggregateOrder)
	first, err := s.Append(t.Context(), To(stream, 0, 1))
	require.NoError(t, err)
	for range 10 {
		_, err := s.Append(t.Context(), To(stream, 0, 3))
		require.EqualValues(t, 1, conflict(t, err).Actual)
	}
	second, err := s.Append(t.Context(), To(stream, 1, 1))
	require.NoError(t, err)
	require.Equal(t, first[0].Positions[0]+1, second[0].Positions[0], "a conflict burns no sequence numbers")
}

func numberedInOrder(t *testing.T, s Store) {
	group := make([]eventstore.Append, 20)
	for i := range group {
		group[i] = To(Stream(domain.AggregateOrder), 0, 1+i%3)
	}
	appended, err := s.Append(t.Context(), group...)
	require.NoError(t, err)
	last := int64(0)
	for _, a := range appended {
		for _, p := range a.Positions {
			require.Greater(t, p, last)
			last = p
		}
	}
}

func closedRefuses(t *testing.T, s Store) {
	require.NoError(t, s.Close(t.Context()))
	_, err := s.Append(t.Context(), To(Stream(domain.AggregateOrder), 0, 1))
	require.ErrorIs(t, err, eventstore.ErrClosed)
}
