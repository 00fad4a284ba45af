package pgserver

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/internal/progress"
	"github.com/orderloom/orderloom/internal/testing/freeport"
)

// Options says what server to start. The zero value is a throwaway for tests.
type Options struct {
	// Dir keeps the data. Empty: a temporary directory, removed when the server stops.
	Dir string
	// Port to listen on at 127.0.0.1. 0: a free one, and another if a rival takes it first.
	Port int
	// Settings are PostgreSQL's own (postgresql.conf), over the defaults here.
	Settings map[string]string
	// Log hears of what takes long or is out of the ordinary. Nil: nobody does.
	Log progress.Log
}

// Server is a running PostgreSQL.
type Server struct {
	dir       string
	port      int
	password  string
	throwaway bool

	supervisor *exec.Cmd
	lifeline   io.Closer     // closing it shuts the server down
	exited     chan struct{} // closed when supervisor and server are gone

	stop sync.Once
}

// superuser is the one role a fresh server has.
const superuser = "postgres"

// Limits on waiting for a server.
const (
	startTimeout = 2 * time.Minute
	stopTimeout  = 30 * time.Second
	startTries   = 5
)

// ErrPortTaken tells that something else listens on the port asked for.
var ErrPortTaken = errors.New("port is taken")

// Start starts a server and returns when it answers. It stops when [Server.Stop] is called or this
// process ends, however it ends; not when ctx does, which bounds the start only.
// Errors: [ErrPortTaken].
func Start(ctx context.Context, opts Options) (*Server, error) {
	log := opts.Log
	if log == nil {
		log = progress.Silent
	}
	owner, err := serverAccount()
	if err != nil {
		return nil, err
	}
	bin, err := binaries(ctx, owner, log)
	if err != nil {
		return nil, err
	}
	dir, err := dataDir(opts.Dir, owner, log)
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, throwaway: opts.Dir == ""}
	if err := s.initialise(ctx, bin, owner, log); err != nil {
		s.discard()
		return nil, err
	}
	if err := s.awaitPredecessor(ctx, log); err != nil {
		return nil, err
	}
	if err := s.launch(ctx, bin, owner, opts, log); err != nil {
		s.discard()
		return nil, err
	}
	return s, nil
}

// URL is the address of one of the server's databases, for a superuser.
func (s *Server) URL(database string) string {
	u := url.URL{
		Scheme:   "postgres",
		User:     url.UserPassword(superuser, s.password),
		Host:     net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path:     "/" + database,
		RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Port is where the server listens.
func (s *Server) Port() int { return s.port }

// Password is the superuser's.
func (s *Server) Password() string { return s.password }

// Dir is where the data lie.
func (s *Server) Dir() string { return s.dir }

// Stop shuts the server down, open connections or not, and waits for its end. It may be repeated.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() { err = s.lifeline.Close() })
	if err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, stopTimeout)
	defer cancel()
	select {
	case <-s.exited:
		s.discard()
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for PostgreSQL's end: %w", ctx.Err())
	}
}

// Exited is closed when the server is gone, asked to or not.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// dataDir makes the directory for the cluster, the log and the password.
func dataDir(dir string, owner *account, log progress.Log) (string, error) {
	if dir == "" {
		return temporaryDir(owner)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	if dir, err = owner.home(dir, log); err != nil {
		return "", fmt.Errorf("make the data directory: %w", err)
	}
	return dir, owner.give(dir)
}

func temporaryDir(owner *account) (string, error) {
	var tried []error
	for _, base := range []string{os.TempDir(), "/tmp", "/var/tmp"} {
		if !owner.canEnter(base) {
			tried = append(tried, fmt.Errorf("%s can't be entered by the user %s", base, owner.name))
			continue
		}
		dir, err := os.MkdirTemp(base, "orderloom-postgres-")
		if err == nil {
			return dir, owner.give(dir)
		}
		tried = append(tried, err)
	}
	return "", fmt.Errorf("make a temporary data directory: %w", errors.Join(tried...))
}

func (s *Server) cluster() string      { return filepath.Join(s.dir, "cluster") }
func (s *Server) logFile() string      { return filepath.Join(s.dir, "postgres.log") }
func (s *Server) passwordFile() string { return filepath.Join(s.dir, "password") }

// discard removes what a throwaway has on disk.
func (s *Server) discard() {
	if s.throwaway {
		_ = os.RemoveAll(s.dir)
	}
}

// initialise makes the cluster, once. An initdb that was interrupted is begun anew: its directory only
// gets its final name when it is complete.
func (s *Server) initialise(ctx context.Context, bin string, owner *account, log progress.Log) error {
	if _, err := os.Stat(s.cluster()); err == nil {
		password, err := os.ReadFile(s.passwordFile())
		if err != nil {
			return fmt.Errorf("read the superuser's password: %w", err)
		}
		s.password = strings.TrimSpace(string(password))
		return nil
	}
	defer progress.Tick(log, "initialising PostgreSQL's data directory")()
	s.password = rand.Text()
	if err := os.WriteFile(s.passwordFile(), []byte(s.password+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the superuser's password: %w", err)
	}
	if err := owner.give(s.passwordFile()); err != nil {
		return err
	}
	unfinished := s.cluster() + ".unfinished"
	if err := os.RemoveAll(unfinished); err != nil {
		return err
	}
	arguments := []string{
		"--pgdata", unfinished, "--username", superuser, "--pwfile", s.passwordFile(),
		"--auth", "password", "--encoding", "UTF8", "--locale", "C", "--no-instructions",
	}
	if s.throwaway {
		arguments = append(arguments, "--no-sync")
	}
	initdb := exec.CommandContext(ctx, filepath.Join(bin, "initdb"), arguments...)
	initdb.Dir, initdb.Env, initdb.SysProcAttr = s.dir, environment(), owner.attributes()
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initialise PostgreSQL's data directory %s: %w\n%s", s.dir, err, out)
	}
	return os.Rename(unfinished, s.cluster())
}

// awaitPredecessor waits for a server that still shuts down on the same data, as after a kill -9.
func (s *Server) awaitPredecessor(ctx context.Context, log progress.Log) error {
	defer progress.Tick(log, "waiting for the last PostgreSQL on these data to end")()
	deadline := time.Now().Add(stopTimeout)
	for {
		pid := s.lockHolder()
		if pid == 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("PostgreSQL already runs on %s (process %d): is another one of us still running?", s.dir, pid)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// lockHolder is the process that postmaster.pid names; 0 if none.
func (s *Server) lockHolder() int {
	content, err := os.ReadFile(filepath.Join(s.cluster(), "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(content), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(first))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// launch starts the server on the port asked for, or on free ones until it gets one.
func (s *Server) launch(ctx context.Context, bin string, owner *account, opts Options, log progress.Log) error {
	defer progress.Tick(log, "starting PostgreSQL")()
	for try := 1; ; try++ {
		s.port = opts.Port
		if opts.Port == 0 {
			ports, err := freeport.Find(ctx, 1)
			if err != nil {
				return fmt.Errorf("find a free port for PostgreSQL: %w", err)
			}
			s.port = ports[0]
		}
		err := s.launchOnce(ctx, bin, owner, opts.Settings)
		if err == nil || opts.Port != 0 || !errors.Is(err, ErrPortTaken) || try == startTries {
			return err
		}
	}
}

// supervise runs the server ("$@") until it ends. When nobody holds the other end of standard input any more, it asks
// for a fast shutdown and waits. Of a server that ended as asked it removes $remove; one that failed leaves its files
// to be looked at.
const supervise = `exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ cat <&3 >/dev/null; kill -INT "$server"; } 2>/dev/null &
exec 3<&-
wait "$server"
status=$?
if [ "$status" = 0 ] && [ -n "$remove" ]; then rm -rf "$remove"; fi
exit "$status"
`

func (s *Server) launchOnce(ctx context.Context, bin string, owner *account, settings map[string]string) error {
	logFile, err := os.OpenFile(s.logFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("open PostgreSQL's log: %w", err)
	}
	defer func() { _ = logFile.Close() }()

	arguments := []string{"-c", supervise, "sh", filepath.Join(bin, "postgres"), "-D", s.cluster()}
	arguments = append(arguments, s.arguments(settings)...)
	supervisor := exec.Command("/bin/sh", arguments...) //nolint:noctx // it outlives the context of the start
	supervisor.Dir, supervisor.SysProcAttr = s.dir, owner.attributes()
	supervisor.Env = append(environment(), "remove=")
	if s.throwaway {
		supervisor.Env = append(environment(), "remove="+s.dir)
	}
	supervisor.Stdout, supervisor.Stderr = logFile, logFile
	lifeline, err := supervisor.StdinPipe()
	if err != nil {
		return err
	}
	if err := supervisor.Start(); err != nil {
		if owner != nil {
			return fmt.Errorf("start PostgreSQL as the user %s (it refuses to run as root): %w", owner.name, err)
		}
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	exited := make(chan struct{})
	go func() {
		_ = supervisor.Wait() // the log says why
		close(exited)
	}()
	s.supervisor, s.lifeline, s.exited = supervisor, lifeline, exited
	if err := s.awaitReady(ctx); err != nil {
		_ = lifeline.Close()
		<-exited
		return err
	}
	return nil
}

// arguments gives the settings: what any server here needs, what a throwaway can do without, and over
// them the caller's.
func (s *Server) arguments(callers map[string]string) []string {
	settings := map[string]string{
		"port":                    strconv.Itoa(s.port),
		"listen_addresses":        "127.0.0.1",
		"unix_socket_directories": "",
		"max_connections":         "300",
		"shared_buffers":          "128MB",
		"log_min_messages":        "warning",
		"timezone":                "UTC",
	}
	if s.throwaway {
		settings["shared_buffers"] = "32MB"
		settings["fsync"] = "off"
		settings["full_page_writes"] = "off"
		settings["max_wal_size"] = "2GB"
		settings["checkpoint_timeout"] = "1h"
		settings["autovacuum_naptime"] = "5min"
	}
	for name, value := range callers {
		settings[name] = value
	}
	arguments := make([]string, 0, 2*len(settings))
	for name, value := range settings {
		arguments = append(arguments, "--"+name+"="+value)
	}
	sort.Strings(arguments)
	return arguments
}

// awaitReady waits until the server answers, or says why it never will.
func (s *Server) awaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	go func() { // whoever else listens there may never answer
		select {
		case <-s.exited:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		conn, err := pgx.Connect(ctx, s.URL("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.exited:
			return s.failure()
		case <-time.After(10 * time.Millisecond):
		}
		if ctx.Err() != nil {
			return fmt.Errorf("wait for PostgreSQL: %w (last: %w)", ctx.Err(), err)
		}
	}
}

// failure says why the server ended, from its log.
func (s *Server) failure() error {
	content, err := os.ReadFile(s.logFile())
	if err != nil {
		return fmt.Errorf("PostgreSQL ended at once, and its log can't be read: %w", err)
	}
	text := string(content)
	if strings.Contains(text, "could not bind") {
		return fmt.Errorf("start PostgreSQL on port %d: %w", s.port, ErrPortTaken)
	}
	const shown = 2000
	if len(text) > shown {
		text = text[len(text)-shown:]
	}
	return fmt.Errorf("PostgreSQL ended at once; its log says:\n%s", strings.TrimSpace(text))
}

// environment is a plain one, without the PG… variables that would change what the programs do.
func environment() []string {
	var kept []string
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR"} {
		if value, ok := os.LookupEnv(name); ok {
			kept = append(kept, name+"="+value)
		}
	}
	return append(kept, "LC_ALL=C", "TZ=UTC")
}

// CreateDatabase makes a database if it is not there yet.
func (s *Server) CreateDatabase(ctx context.Context, name string) error {
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var exists bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists); err != nil {
		return fmt.Errorf("look for database %s: %w", name, err)
	}
	if exists {
		return nil
	}
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		return fmt.Errorf("create database %s: %w", name, err)
	}
	return nil
}
