package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

var diskFull = fault{
	name: "disk-full",
	what: "PostgreSQL's disk is full",
	meanwhile: "Reads go on, and so does what finds room. Steps of sagas wait. Requests that change something are answered once they are done, " +
		"or with 202 or 503. `GET /ready` says which part of the work goes on: `reads` and `orders`, and not `reports`.",
	told: []alarm{{alert: "OrderloomPostgresFailing"}},
	named: []naming{
		{command: "doctor", status: 3, says: `FAIL  takes writes: its disk is full`},
		{command: "GET /ready?capability=reports", status: 503, says: `{"name":"postgres","status":"failing"}`},
	},
	mended: "By itself once there is room.",
	drill:  drillDiskFull,
	asRoot: true,
}

// drillDiskFull puts the database on a small disk, and fills that. The write-ahead log has another one: without room
// for it, PostgreSQL ends, and the platform waits for it to be back.
func drillDiskFull(t *testing.T, d *drill) {
	server := startPostgres(t, pgserver.Options{})
	disk := smallDisk(t)
	do := atServer(t, server.URL("postgres"))
	do("CREATE TABLESPACE small LOCATION '"+filepath.Join(disk, "postgres")+"'", "CREATE DATABASE orderloom TABLESPACE small")
	d.open(t, "DATABASE_URL", server.URL("orderloom"))
	d.start(t, "all")
	d.place(t)
	d.awaitQuiet(t)

	late, err := d.stocked(t, confirmedSoon())
	require.NoError(t, err)
	// A first session after a change of the schema writes a file, and none begins without room for it.
	atServer(t, server.URL("orderloom"))("SELECT 1")
	begun := time.Now()
	fill(t, filepath.Join(disk, "filler"))
	d.requireTold(t)
	d.requireNamed(t)
	seen := d.confirmed(t)
	require.Equal(t, seen.id, seen.shown().OrderID, "reads go on")
	answered := make(chan error, 1)
	go func() { answered <- late.order(confirmedSoon()) }() // the client tries again for a while
	await(t, "the fault to last", func() bool { return time.Since(begun) > lasts(0, time.Minute) })

	require.NoError(t, os.Remove(filepath.Join(disk, "filler")))
	if err := <-answered; err != nil {
		t.Logf("an order was refused meanwhile: %v", err)
	} else {
		d.accepted(late)
	}
	await(t, "the process to be ready", func() bool { _, status := d.ask(t, "GET /ready?capability=reports"); return status == 200 })
	d.place(t)
	d.requireEnds(t)
}

// smallDisk mounts a disk of a hundred megabytes, with a directory that PostgreSQL may use.
func smallDisk(t *testing.T) string {
	t.Helper()
	releaseDisks(t)
	dir, err := os.MkdirTemp("/var/tmp", fmt.Sprintf("orderloom-disk-%d-", os.Getpid()))
	require.NoError(t, err)
	require.NoError(t, syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=100m,mode=0755"))
	t.Cleanup(func() {
		require.NoError(t, syscall.Unmount(dir, syscall.MNT_DETACH))
		require.NoError(t, os.Remove(dir))
	})
	require.NoError(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
	out, err := exec.CommandContext(t.Context(), "chown", "postgres", filepath.Join(dir, "postgres")).CombinedOutput()
	require.NoError(t, err, string(out))
	return dir
}

// releaseDisks unmounts what processes have left behind that were killed.
func releaseDisks(t *testing.T) {
	t.Helper()
	left, err := filepath.Glob("/var/tmp/orderloom-disk-*")
	require.NoError(t, err)
	for _, dir := range left {
		var pid int
		if _, err := fmt.Sscanf(filepath.Base(dir), "orderloom-disk-%d-", &pid); err != nil || syscall.Kill(pid, 0) == nil {
			continue
		}
		_ = syscall.Unmount(dir, syscall.MNT_DETACH) // it may be no mount any more
		require.NoError(t, os.RemoveAll(dir))
	}
}

// fill writes a file until there is no room.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path) //nolint:gosec // a path of ours
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			require.ErrorIs(t, err, syscall.ENOSPC)
			block = block[:len(block)/2]
		}
	}
}
