package e2e_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/program"
	"github.com/stretchr/testify/require"
)

// freezable is a server that can be frozen: it then takes connections and bytes, and answers nothing.
type freezable struct {
	address      string
	freeze, thaw func()
}

// startRedis starts a Redis: a real one in full size, and otherwise one within the test.
func startRedis(t *testing.T) freezable {
	t.Helper()
	if !*full {
		p := startProxy(t, miniredis.RunT(t).Addr())
		return freezable{p.address, func() { p.freeze(true) }, func() { p.freeze(false) }}
	}
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	dir, address := t.TempDir(), freeport.Address(ports[0])
	server := exec.Command("redis-server", "--port", fmt.Sprint(ports[0]), "--bind", "127.0.0.1", "--dir", dir, "--save", "", "--appendonly", "no")
	stop, err := program.Start(t.Context(), server, filepath.Join(dir, "output"), address)
	require.NoError(t, err)
	thaw := func() { _ = server.Process.Signal(syscall.SIGCONT) }
	t.Cleanup(func() { thaw(); stop() })
	return freezable{address, func() { require.NoError(t, server.Process.Signal(syscall.SIGSTOP)) }, thaw}
}
