package e2e_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/testing/pgserver"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"
)

// ground is what the drills share: the product's program, and a Temporal server with its PostgreSQL. Each drill has a
// database, a namespace and a Kafka of its own.
type ground struct {
	*stack.Stack
	program string
}

func openGround(t *testing.T) *ground {
	t.Helper()
	g := &ground{program: buildProgram(t)}
	var err error
	// Kafka is each drill's own.
	g.Stack, err = stack.Start(t.Context(), stack.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, g.Stop(context.Background())) })
	return g
}

// buildProgram builds the product. Builds with different flags are different builds.
func buildProgram(t *testing.T, flags ...string) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "orderloom")
	build := exec.CommandContext(t.Context(), "go", append(append([]string{"build", "-buildvcs=false"}, flags...), "-o", program, "./cmd/orderloom")...)
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	return program
}

// shared is the product, built once for all tests that only run its commands.
var shared struct {
	once    sync.Once
	dir     string
	program string
	err     error
}

// sharedProgram returns the product, which it builds for the first test that asks.
func sharedProgram(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "orderloom-e2e-"); shared.err != nil {
			return
		}
		shared.program = filepath.Join(shared.dir, "orderloom")
		build := exec.Command("go", "build", "-buildvcs=false", "-o", shared.program, "./cmd/orderloom") //nolint:gosec // the product
		build.Dir = "../.."
		if out, err := build.CombinedOutput(); err != nil {
			shared.err = fmt.Errorf("build the product: %w: %s", err, out)
		}
	})
	require.NoError(t, shared.err)
	return shared.program
}

// database makes a database on the server of the ground, and returns its URL.
func (g *ground) database(t *testing.T, name string) string {
	t.Helper()
	db, err := pgx.Connect(t.Context(), g.DatabaseURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close(t.Context())) }()
	_, err = db.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize())
	require.NoError(t, err)
	at := db.Config()
	return fmt.Sprintf("postgres://%s:%s@%s/%s?sslmode=disable", at.User, at.Password, net.JoinHostPort(at.Host, strconv.Itoa(int(at.Port))), name)
}

// startPostgres starts a server of a drill's own.
func startPostgres(t *testing.T, o pgserver.Options) *pgserver.Server {
	t.Helper()
	server, err := pgserver.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Stop(context.Background())) })
	return server
}

// atServer returns a function that carries out statements at a server, each by itself.
func atServer(t *testing.T, url string) func(sql ...string) {
	t.Helper()
	db, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close(context.Background()) })
	return func(sql ...string) {
		t.Helper()
		for _, statement := range sql {
			_, err := db.Exec(t.Context(), statement)
			require.NoError(t, err, statement)
		}
	}
}

// kafkaServer is a broker that can be away, and come back at the same address with what it held or without.
type kafkaServer struct {
	address string
	dir     string
	running *kfake.Cluster // nil while it is away
}

func startKafka(t *testing.T) *kafkaServer {
	t.Helper()
	k := &kafkaServer{dir: t.TempDir()}
	k.start(t)
	k.address = strings.Join(k.running.ListenAddrs(), ",")
	t.Cleanup(k.stop)
	return k
}

func (k *kafkaServer) start(t *testing.T) {
	t.Helper()
	options := []kfake.Opt{kfake.NumBrokers(1), kfake.DataDir(k.dir)}
	if k.address != "" {
		_, port, err := net.SplitHostPort(k.address)
		require.NoError(t, err)
		number, err := strconv.Atoi(port)
		require.NoError(t, err)
		options = append(options, kfake.Ports(number))
	}
	await(t, "Kafka to start", func() bool {
		var err error
		k.running, err = kfake.NewCluster(options...)
		return err == nil
	})
}

// stop takes Kafka away, with what it holds kept on disk.
func (k *kafkaServer) stop() {
	if k.running != nil {
		k.running.Close()
		k.running = nil
	}
}

// wipe takes everything from Kafka, the topics too.
func (k *kafkaServer) wipe(t *testing.T) {
	t.Helper()
	k.stop()
	k.dir = t.TempDir()
	k.start(t)
}

// process is one of the product's.
type process struct {
	role, name string
	cmd        *exec.Cmd
	url, log   string
	exited     chan struct{}
}

// launch starts a process and waits until it serves.
func launch(t *testing.T, program, role, name string, environment []string) *process {
	t.Helper()
	p := &process{role: role, name: name, log: filepath.Join(t.TempDir(), name+".log"), exited: make(chan struct{})}
	file, err := os.Create(p.log)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	p.cmd = exec.Command(program, role) //nolint:gosec // the product
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = environment, file, file
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	require.NoError(t, p.cmd.Start())
	go func() {
		_ = p.cmd.Wait() // how it ended is in its log
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%s:\n%s", p.name, p.tail(t))
		}
	})
	await(t, "the start of "+name, func() bool {
		select {
		case <-p.exited:
			require.Fail(t, "it has ended", p.tail(t))
		default:
		}
		p.url = servingURL(t, p.log)
		return p.url != ""
	})
	return p
}

// servingURL finds in a log where the process listens.
func servingURL(t *testing.T, log string) string {
	t.Helper()
	content, err := os.ReadFile(log)
	require.NoError(t, err)
	_, rest, _ := bytes.Cut(content, []byte(`"msg":"serving"`))
	_, rest, found := bytes.Cut(rest, []byte(`"url":"`))
	if !found {
		return ""
	}
	url, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(url)
}

// tailBytes is how much of a log is shown.
const tailBytes = 8 << 10

func (p *process) tail(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(p.log)
	require.NoError(t, err)
	return string(content[max(0, len(content)-tailBytes):])
}

// freeze stops the process where it is, until it is thawed.
func (p *process) freeze(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGSTOP))
}

func (p *process) thaw(t *testing.T) {
	t.Helper()
	require.NoError(t, p.cmd.Process.Signal(syscall.SIGCONT))
}

// command runs one of the product's commands to its end, and returns its words and its exit status.
func command(t *testing.T, program string, environment []string, arguments ...string) (says string, status int) {
	t.Helper()
	c := exec.CommandContext(t.Context(), program, arguments...)
	c.Env = append(environment, "ORDERLOOM_LOG_LEVEL=error")
	out, err := c.CombinedOutput()
	if ended := (*exec.ExitError)(nil); err != nil && !errors.As(err, &ended) {
		require.NoError(t, err, string(out))
	}
	return string(out), c.ProcessState.ExitCode()
}
