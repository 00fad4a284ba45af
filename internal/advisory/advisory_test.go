package advisory_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/advisory"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

func TestALockIsHeldByOneSession(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	one, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer one.Release()
	two, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer two.Release()
	try := func(class advisory.Class, name string, want bool) {
		locked, err := advisory.TryLock(t.Context(), two, class, name)
		require.NoError(t, err)
		require.Equal(t, want, locked, "%d %s", class, name)
	}
	locked, err := advisory.TryLock(t.Context(), one, advisory.Rebuild, "orders")
	require.NoError(t, err)
	require.True(t, locked)
	try(advisory.Rebuild, "orders", false)
	try(advisory.Rebuild, "payments", true)
	try(advisory.RelayLeader, "orders", true)
	advisory.Unlock(t.Context(), one, advisory.Rebuild, "orders")
	try(advisory.Rebuild, "orders", true)
}

// takes finds a call that takes an advisory lock, and what it gives as key.
var takes = regexp.MustCompile(`pg_(?:try_)?advisory_(?:xact_)?lock(?:_shared)?\(([^()]*(?:\([^()]*\))?[^()]*)\)`)

// Each key in SQL is one of the list; in Go sources the list is used.
func TestEveryKeyIsInTheList(t *testing.T) {
	t.Parallel()
	const root = "../.."
	known := map[string]bool{
		strconv.FormatInt(advisory.Partitions, 10): true, strconv.FormatInt(advisory.StoreEpoch, 10): true,
		strconv.FormatInt(advisory.Audit, 10): true, strconv.FormatInt(advisory.Webhooks, 10): true,
		strconv.Itoa(int(advisory.Appends)) + ", " + strconv.Itoa(int(advisory.AppendsKey)): true,
		strconv.Itoa(int(advisory.Appends)) + ", " + strconv.Itoa(int(advisory.RestKey)):    true,
	}
	found := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return fs.SkipDir
		}
		test := strings.HasSuffix(path, "_test.go") || strings.Contains(path, "internal/testing/")
		if d.IsDir() || test || filepath.Ext(path) != ".go" && filepath.Ext(path) != ".sql" {
			return nil
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, call := range takes.FindAllStringSubmatch(string(b), -1) {
			found++
			if strings.HasPrefix(call[1], "$1") { // an argument, which comes from the list
				require.Contains(t, string(b), "advisory", path)
				continue
			}
			require.True(t, known[call[1]], "%s: key %s is not in the list", path, call[1])
		}
		return nil
	}))
	require.Greater(t, found, 5)
}

// A holder that says nothing loses the lock; one that says something keeps it.
func TestASilentHolderLosesTheLock(t *testing.T) {
	t.Parallel()
	const silence = 300 * time.Millisecond
	pool := pgtest.Pool(t)
	ended, err := advisory.EndSilent(t.Context(), pool, advisory.RelayLeader, "one", 0)
	require.NoError(t, err)
	require.False(t, ended, "nobody holds it")
	held, _, err := advisory.Holder(t.Context(), pool, advisory.RelayLeader, "one")
	require.NoError(t, err)
	require.False(t, held)
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	locked, err := advisory.TryLock(t.Context(), conn, advisory.RelayLeader, "one")
	require.NoError(t, err)
	require.True(t, locked)
	for begun := time.Now(); time.Since(begun) < 2*silence; {
		_, err := conn.Exec(t.Context(), "SELECT 1")
		require.NoError(t, err)
		ended, err = advisory.EndSilent(t.Context(), pool, advisory.RelayLeader, "one", silence)
		require.NoError(t, err)
		require.False(t, ended, "it has just said something")
	}
	require.Eventually(t, func() bool {
		held, silent, err := advisory.Holder(t.Context(), pool, advisory.RelayLeader, "one")
		require.NoError(t, err)
		return held && silent > silence
	}, time.Minute, 10*time.Millisecond)
	ended, err = advisory.EndSilent(t.Context(), pool, advisory.Rebuild, "one", silence)
	require.NoError(t, err)
	require.False(t, ended, "that is another lock")
	ended, err = advisory.EndSilent(t.Context(), pool, advisory.RelayLeader, "one", silence)
	require.NoError(t, err)
	require.True(t, ended)
	_, err = conn.Exec(t.Context(), "SELECT 1")
	require.Error(t, err)
}
