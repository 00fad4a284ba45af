package drain_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/internal/drain"
	"github.com/stretchr/testify/require"
)

type key struct{}

func TestWorkOutlivesItsCallerForAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(context.WithValue(t.Context(), key{}, "kept"))
		work, done := drain.Outlive(ctx, time.Second)
		defer done()
		time.Sleep(time.Hour) //nolint:forbidigo // a fake clock
		require.NoError(t, work.Err(), "nothing ends while the caller waits")
		leave()
		time.Sleep(time.Second - 1) //nolint:forbidigo // a fake clock
		require.NoError(t, work.Err())
		time.Sleep(2 * time.Nanosecond) //nolint:forbidigo // a fake clock
		require.ErrorIs(t, work.Err(), context.Canceled)
		require.Equal(t, "kept", work.Value(key{}))
	})
}

func TestWorkThatIsDoneLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		work, done := drain.Outlive(ctx, time.Second)
		done()
		require.ErrorIs(t, work.Err(), context.Canceled)
		leave() // and no timer is started
	})
}

func TestATimeoutBeginsAlsoAfterTheEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, leave := context.WithCancel(t.Context())
		leave()
		work, done := drain.Timeout(ctx, time.Second)
		defer done()
		require.NoError(t, work.Err())
		<-work.Done()
		require.ErrorIs(t, work.Err(), context.DeadlineExceeded)
	})
}
