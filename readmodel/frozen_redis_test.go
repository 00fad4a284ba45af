//go:build real

package readmodel_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/program"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// TestReadsStayFastWhileRedisIsFrozen stops a real Redis that goes on to take connections, and lets it run again.
func TestReadsStayFastWhileRedisIsFrozen(t *testing.T) {
	t.Parallel()
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	address := freeport.Address(ports[0])
	server := exec.Command("redis-server", "--port", fmt.Sprint(ports[0]), "--bind", "127.0.0.1", "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	stop, err := program.Start(t.Context(), server, filepath.Join(t.TempDir(), "output"), address)
	require.NoError(t, err)
	t.Cleanup(stop)
	c, err := readmodel.NewRedisCache(readmodel.RedisOptions{URL: "redis://" + address, TTL: 5 * time.Minute, Logger: logger(t)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	v := shownAt(uuid.New(), 1, 0)
	c.Put(t.Context(), v)
	_, found := c.Get(t.Context(), v.OrderID)
	require.True(t, found)

	require.NoError(t, server.Process.Signal(syscall.SIGSTOP))
	t.Cleanup(func() { _ = server.Process.Signal(syscall.SIGCONT) })
	// A read every 10 ms for five seconds: only those that try whether Redis is back wait for it.
	var took []time.Duration
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 500 {
		<-tick.C
		begun := time.Now()
		_, found := c.Get(t.Context(), v.OrderID)
		took = append(took, time.Since(begun))
		require.False(t, found)
	}
	slices.Sort(took)
	slow := len(took) - 20
	t.Logf("median %s, all but 20 within %s, slowest %s", took[len(took)/2], took[slow-1], took[len(took)-1])
	require.Less(t, took[slow-1], 10*time.Millisecond)
	require.Less(t, took[len(took)-1], time.Second)

	c.Invalidate(t.Context(), []readmodel.OrderVersion{{OrderID: v.OrderID, Version: 2}})
	require.NoError(t, server.Process.Signal(syscall.SIGCONT))
	newer := shownAt(v.OrderID, 2, 0)
	require.Eventually(t, func() bool {
		c.Put(t.Context(), newer)
		s, found := c.Get(t.Context(), v.OrderID)
		require.False(t, found && s.Version < 2, "a state that changed while Redis was frozen")
		return found
	}, 20*time.Second, 50*time.Millisecond)
}
