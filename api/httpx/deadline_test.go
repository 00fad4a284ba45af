package httpx

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestALazyTimeoutEndsAsAnyOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, waits := range []bool{false, true} {
			make2 := func(d time.Duration) (parent context.CancelFunc, c context.Context, cancel context.CancelFunc) {
				up, end := context.WithCancel(t.Context())
				c, cancel = withTimeout(up, d)
				if waits {
					_ = c.Done()
				}
				return end, c, cancel
			}
			end, c, cancel := make2(time.Minute)
			require.NoError(t, c.Err())
			at, ok := c.Deadline()
			require.True(t, ok)
			require.Equal(t, time.Now().Add(time.Minute), at)
			<-time.After(time.Minute)
			synctest.Wait()
			require.ErrorIs(t, c.Err(), context.DeadlineExceeded)
			<-c.Done()
			cancel()
			end()

			end, c, cancel = make2(time.Minute)
			cancel()
			require.ErrorIs(t, c.Err(), context.Canceled)
			<-c.Done()
			end()

			end, c, cancel = make2(time.Minute)
			below, stop := context.WithCancel(c)
			end()
			<-below.Done()
			require.ErrorIs(t, c.Err(), context.Canceled)
			<-c.Done()
			stop()
			cancel()

			end, c, cancel = make2(time.Minute)
			below, stop = context.WithTimeout(c, time.Hour)
			<-time.After(time.Minute)
			<-below.Done()
			require.ErrorIs(t, below.Err(), context.DeadlineExceeded)
			stop()
			cancel()
			end()
		}
	})
}
