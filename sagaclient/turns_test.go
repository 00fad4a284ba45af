package sagaclient

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestRequestsToOneOrderTakeTurns(t *testing.T) {
	t.Parallel()
	var all turns
	order, other := uuid.New(), uuid.New()
	ends := make([]func(), updatesAtOnce)
	for i := range ends {
		var err error
		ends[i], err = all.take(t.Context(), order)
		require.NoError(t, err)
	}
	require.Zero(t, all.waiting(), "each has its turn")
	patient, giveUp := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := all.take(patient, order)
		left <- err
	}()
	require.Eventually(t, func() bool { return all.waiting() == 1 }, time.Minute, time.Millisecond)
	giveUp()
	require.ErrorIs(t, <-left, ErrUnavailable)
	require.Zero(t, all.waiting())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := all.take(gone, order)
	require.ErrorIs(t, err, ErrUnavailable, "it has to wait, and its caller has gone")
	require.NotErrorIs(t, err, context.Canceled)

	end, err := all.take(t.Context(), other)
	require.NoError(t, err, "another order has turns of its own")
	end()
	ends[0]()
	ends[0], err = all.take(t.Context(), order)
	require.NoError(t, err, "one has ended")
	for _, end := range ends {
		end()
	}
	require.Empty(t, all.orders, "nothing is kept of orders that nobody asks")
}
