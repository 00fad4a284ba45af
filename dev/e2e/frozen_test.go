package e2e_test

import (
	"fmt"
	"net"
	"os/exec"
	"path/filepath"
	"sync"
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
		return behindProxy(t, miniredis.RunT(t).Addr())
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

// behindProxy puts a proxy before a server, which can be frozen.
func behindProxy(t *testing.T, server string) freezable {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	gate := &sync.RWMutex{} // is locked while it is frozen
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				_ = from.Close()
				continue
			}
			go pass(gate, from, to)
			go pass(gate, to, from)
		}
	}()
	return freezable{l.Addr().String(), gate.Lock, gate.Unlock}
}

// pass hands on what comes until one side has ended.
func pass(gate *sync.RWMutex, to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		gate.RLock()
		_, failed := to.Write(buffer[:n])
		gate.RUnlock()
		if failed != nil || err != nil {
			return
		}
	}
}
