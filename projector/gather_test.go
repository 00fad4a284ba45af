package projector

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSmallBatchesGatherAndLargeOnesDoNotWait(t *testing.T) {
	t.Parallel()
	p := &Projector{opts: Options{BatchEvents: 2000}}
	require.Equal(t, 40*time.Millisecond, p.gather(10, 10*time.Millisecond))
	require.Equal(t, gatherMax-50*time.Millisecond, p.gather(10, 50*time.Millisecond))
	require.Zero(t, p.gather(2000, 10*time.Millisecond), "a projector that is behind goes on at once")
	require.Zero(t, p.gather(2000/gatherPart, 10*time.Millisecond))
}
