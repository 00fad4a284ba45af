package pgserver_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
)

// childVariable makes this test binary a process that starts a server and waits to be killed.
const childVariable = "ORDERLOOM_PGSERVER_CHILD"

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(childVariable); ok {
		server, err := pgserver.Start(context.Background(), pgserver.Options{Dir: dir})
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(server.URL("postgres"), server.Dir())
		select {}
	}
	os.Exit(m.Run())
}

func start(t *testing.T, opts pgserver.Options) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	return server
}

func ask(t *testing.T, url, query string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	var answer string
	require.NoError(t, conn.QueryRow(t.Context(), query).Scan(&answer))
	return answer
}

func TestThrowawayServesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	server := start(t, pgserver.Options{})
	require.Equal(t, "off", ask(t, server.URL("postgres"), "show fsync"))
	require.Equal(t, "UTF8", ask(t, server.URL("postgres"), "show server_encoding"))

	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, server.Stop(t.Context()), "a second stop is harmless")
	require.NoDirExists(t, server.Dir())
	_, err := pgx.Connect(t.Context(), server.URL("postgres"))
	require.Error(t, err)
}

func TestCallersSettingsWin(t *testing.T) {
	t.Parallel()
	server := start(t, pgserver.Options{Settings: map[string]string{"fsync": "on", "work_mem": "7MB"}})
	require.Equal(t, "on", ask(t, server.URL("postgres"), "show fsync"))
	require.Equal(t, "7MB", ask(t, server.URL("postgres"), "show work_mem"))
}

func TestAWrongPasswordIsRefused(t *testing.T) {
	t.Parallel()
	server := start(t, pgserver.Options{})
	_, err := pgx.Connect(t.Context(), strings.Replace(server.URL("postgres"), server.Password(), "guess", 1))
	require.ErrorContains(t, err, "password authentication failed")
}

func TestDataSurviveInADirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachable(t), "data")
	first := start(t, pgserver.Options{Dir: dir})
	require.Equal(t, "on", ask(t, first.URL("postgres"), "show fsync"))
	require.Equal(t, "1", ask(t, first.URL("postgres"), "with made as (select 1) select '1' from made"))
	conn, err := pgx.Connect(t.Context(), first.URL("postgres"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "create table kept as select 'still here' as word")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, first.Stop(t.Context()))

	second := start(t, pgserver.Options{Dir: dir})
	require.Equal(t, "still here", ask(t, second.URL("postgres"), "select word from kept"))
}

func TestADirectoryServesOneAtATime(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachable(t), "data")
	start(t, pgserver.Options{Dir: dir})
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	_, err := pgserver.Start(ctx, pgserver.Options{Dir: dir})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	_, err = pgserver.Start(t.Context(), pgserver.Options{Port: listener.Addr().(*net.TCPAddr).Port})
	require.ErrorIs(t, err, pgserver.ErrPortTaken)
}

func TestManyAtOnceDoNotCollide(t *testing.T) {
	t.Parallel()
	const servers = 4
	var all sync.WaitGroup
	errs := make([]error, servers)
	for i := range servers {
		all.Go(func() {
			server, err := pgserver.Start(t.Context(), pgserver.Options{})
			if err == nil {
				err = server.Stop(t.Context())
			}
			errs[i] = err
		})
	}
	all.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

func TestTheServerEndsWithAKilledProcess(t *testing.T) {
	t.Parallel()
	t.Run("and a throwaway's files with it", func(t *testing.T) {
		t.Parallel()
		_, dir := killedChild(t, "")
		require.Eventually(t, func() bool {
			_, err := os.Stat(dir)
			return os.IsNotExist(err)
		}, 20*time.Second, 20*time.Millisecond)
	})
	t.Run("and the data survive where they were asked to", func(t *testing.T) {
		t.Parallel()
		wanted := filepath.Join(reachable(t), "data")
		killedChild(t, wanted)
		server := start(t, pgserver.Options{Dir: wanted})
		require.Equal(t, "1", ask(t, server.URL("postgres"), "select '1'"))
	})
}

// killedChild starts a server in a process of its own, kills that process, and waits for the server's end.
func killedChild(t *testing.T, dir string) (url, realDir string) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0]) //nolint:gosec // ourselves
	child.Env = append(os.Environ(), childVariable+"="+dir)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	url, realDir, _ = strings.Cut(strings.TrimSpace(line), " ")
	require.Equal(t, "1", ask(t, url, "select '1'"))
	require.NoError(t, child.Process.Kill())
	_ = child.Wait()
	require.Eventually(t, func() bool {
		conn, err := pgx.Connect(t.Context(), url)
		if err == nil {
			_ = conn.Close(t.Context())
		}
		return err != nil
	}, 20*time.Second, 20*time.Millisecond)
	return url, realDir
}

// reachable is a temporary directory that a server started by root can get to: those of the testing
// package are closed to other users.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "orderloom-pgserver-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // that is the point
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}
