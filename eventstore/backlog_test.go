package eventstore_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/stretchr/testify/require"
)

func TestBacklogCountsWhatLiesBehindAPosition(t *testing.T) {
	t.Parallel()
	store := open(t)
	last, err := store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Zero(t, last)
	backlog, err := store.Backlog(t.Context(), 0)
	require.NoError(t, err)
	require.Empty(t, backlog)

	at := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	var positions []int64
	for i, aggregate := range []string{domain.AggregateOrder, domain.AggregatePayment, domain.AggregateOrder} {
		appended, err := store.Append(t.Context(), eventstore.Append{
			Stream: eventstore.StreamID{Type: aggregate, ID: uuid.New()}, Expected: eventstore.NoStream,
			Events: []eventstore.NewEvent{{
				ID: uuid.New(), Type: "Noted", SchemaVersion: 1, Payload: []byte("{}"), Timestamp: at.Add(time.Duration(i) * time.Hour),
			}},
		})
		require.NoError(t, err)
		positions = append(positions, appended[0].Positions[0])
	}
	for _, c := range []struct {
		name  string
		after int64
		want  []eventstore.Backlog
	}{
		{"from the beginning", 0, []eventstore.Backlog{
			{AggregateType: domain.AggregateOrder, Events: 2, Oldest: at}, {AggregateType: domain.AggregatePayment, Events: 1, Oldest: at.Add(time.Hour)},
		}},
		{"behind the first", positions[0], []eventstore.Backlog{
			{AggregateType: domain.AggregateOrder, Events: 1, Oldest: at.Add(2 * time.Hour)},
			{AggregateType: domain.AggregatePayment, Events: 1, Oldest: at.Add(time.Hour)},
		}},
		{"behind the last", positions[2], []eventstore.Backlog{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			backlog, err := store.Backlog(t.Context(), c.after)
			require.NoError(t, err)
			for i := range backlog {
				backlog[i].Oldest = backlog[i].Oldest.UTC()
			}
			require.Equal(t, c.want, backlog)
		})
	}
	last, err = store.LastSequence(t.Context())
	require.NoError(t, err)
	require.Equal(t, positions[2], last)
}
