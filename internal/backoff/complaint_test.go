package backoff_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/stretchr/testify/require"
)

func TestAFailureThatRepeatsIsToldOnceAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var c backoff.Complaint
		one, other := errors.New("one"), errors.New("other")
		require.True(t, c.Due(one))
		for range 59 {
			require.NoError(t, backoff.Pause(t.Context(), time.Second))
			require.False(t, c.Due(one))
		}
		require.NoError(t, backoff.Pause(t.Context(), time.Second))
		require.True(t, c.Due(one))
		require.True(t, c.Due(other), "it is another one")
		c.Over()
		require.True(t, c.Due(other), "there was a success between")
	})
}
