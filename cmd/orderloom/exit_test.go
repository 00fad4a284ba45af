package main

import (
	"bytes"
	"context"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/app"
	"github.com/stretchr/testify/require"
)

const someID = "2f7f2bd1-9d2c-4a0c-8a39-9bd7d3b5a2f1"

// local are the commands that ask nobody, and so are done at once.
var local = map[string]bool{"settings": true, "completion": true, "man": true, "version": true, "keys subject": true}

// rightLines are a right command line of each command that asks somebody. FOLDER is one of the test, with an order in
// a file.
var rightLines = map[string]string{
	"all": "", "api": "", "worker": "", "projector": "", "codec-server": "", "setup": "", "migrate": "", "doctor": "", "verify": "",
	"parked list": "", "parked show": "orders " + someID, "parked retry": "orders " + someID, "parked discard": "orders " + someID + " --reason r",
	"attention list": "", "attention show": someID, "attention retry": someID, "attention resolve": someID + " --amount 1 --reference r",
	"orphans list": "", "orphans resume": "", "reconcile": "", "recover": "", "rebuild": "timeline", "relay status": "", "relay rewind": "--to 0",
	"replay": "order-1", "orders place": "FOLDER/order.json", "orders get": someID, "orders list": "", "orders cancel": someID + " --reason r",
	"orders watch": "", "orders resume": someID, "events tail": "", "events show": someID, "streams show": someID,
	"import": "orders FOLDER/order.json --key k", "export": "orders --file FOLDER/orders", "webhooks list": "", "webhooks disable": someID,
	"webhooks resend": someID + " --undelivered", "webhooks listen": "--forward-to http://localhost:1/", "keys create": "--account a --name n --role admin",
	"keys list": "", "keys rotate": someID, "keys revoke": someID, "keys version": someID + " 2026-11-27", "erase-customer": "c", "rewrap-keys": "",
	"encryption-keys list": "", "encryption-keys retire": "master k1", "partitions list": "", "partitions maintain": "", "partitions archive": "",
	"partitions unarchive": "", "bundle": "--file FOLDER/bundle.tar.gz", "health": "",
}

// rightLine are the words of a command with all that it needs.
func rightLine(t *testing.T, name string) []string {
	t.Helper()
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "order.json"), []byte(`{"customer_id":"c","items":[]}`), 0o600))
	return strings.Fields(name + " " + strings.ReplaceAll(rightLines[name], "FOLDER", folder))
}

// allAt are settings whose servers are all at one address.
func allAt(address string) map[string]string {
	return map[string]string{
		"DATABASE_URL": "postgres://u:hunter2@" + address + "/d?sslmode=disable", "KAFKA_BROKERS": address, "TEMPORAL_ADDRESS": address,
		"ORDERLOOM_URL": "http://" + address, "ORDERLOOM_HTTP_ADDRESS": address, "ORDERLOOM_LOG_LEVEL": "error",
		"ORDERLOOM_MASTER_KEYS": "k1:" + keyOf(1), "ORDERLOOM_INDEX_KEYS": "i1:" + keyOf(2), "ORDERLOOM_PAYLOAD_KEYS": "p1:" + keyOf(3),
		"ORDERLOOM_PAYMENT_GATEWAY": "sandbox", "ORDERLOOM_LOCATIONS": "berlin:DE", "ORDERLOOM_DATABASE_CONNECT_TIMEOUT": "1s",
		"ORDERLOOM_CODEC_TOKEN": strings.Repeat("t", 40), "ORDERLOOM_CODEC_ADDRESS": "127.0.0.1:0",
	}
}

// eachLine calls f for every command that asks somebody. Each command has its line.
func eachLine(t *testing.T, f func(t *testing.T, name string, line []string)) {
	t.Helper()
	names := everyName()
	for name := range rightLines {
		require.Contains(t, names, name)
	}
	for _, name := range names {
		if local[name] {
			continue
		}
		require.Contains(t, rightLines, name, "a line with which to test it")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f(t, name, rightLine(t, name))
		})
	}
}

// watched is an output that is read while it is written.
type watched struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (w *watched) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(b)
}

func (w *watched) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}

// promptly is how soon a command has ended after Ctrl-C, on a busy machine.
const promptly = 10 * time.Second

// Fails where a command works in silence while its servers don't answer, or goes on after Ctrl-C.
func TestEveryCommandTellsHowFarItIsAndEndsAtCtrlC(t *testing.T) {
	t.Parallel()
	address := silent(t)
	eachLine(t, func(t *testing.T, name string, line []string) {
		environment := allAt(address)
		if untilStopped[name] {
			environment["ORDERLOOM_HTTP_ADDRESS"] = "127.0.0.1:0"
		}
		var stdout, stderr watched
		p := &program{
			stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, replayer: app.Replayer, interval: 10 * time.Millisecond,
			grace:  100 * time.Millisecond,
			lookup: func(name string) (string, bool) { value, ok := environment[name]; return value, ok },
		}
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		ended := make(chan int, 1)
		go func() { ended <- p.run(ctx, line) }()
		if !untilStopped[name] {
			require.Eventually(t, func() bool { return strings.Contains(stderr.String(), " … 0 s\n") }, promptly, time.Millisecond)
		}
		interrupt()
		select {
		case status := <-ended:
			if untilStopped[name] {
				require.Equal(t, exitDone, status, stderr.String())
				return
			}
			require.Equal(t, exitInterrupted, status, stderr.String())
			require.NotEmpty(t, left[name])
			require.True(t, strings.HasSuffix(stderr.String(), "orderloom: interrupted. "+left[name]+"\n"), stderr.String())
			require.NotContains(t, stdout.String(), "…", "progress is none of the output")
		case <-time.After(promptly):
			t.Errorf("it goes on after Ctrl-C: %s", stderr.String())
		}
	})
}

// silent is the address of a server that takes connections and never answers.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var mu sync.Mutex
	var all []net.Conn
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			all = append(all, conn)
			mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, conn := range all {
			_ = conn.Close()
		}
	})
	return l.Addr().String()
}

// otherThanUnreachable are the commands that end otherwise without their servers.
var otherThanUnreachable = map[string]int{
	"doctor": exitFound, // which names each
	"bundle": exitDone,  // which says what it lacks
}

// waits are the commands that wait for servers.
var waits = map[string]bool{
	"setup": true, "all": true, "api": true, "worker": true, "projector": true, "codec-server": true,
	"events tail": true, "orders watch": true, "webhooks listen": true,
}

// Fails where a command takes a server that is down for anything else.
func TestEveryCommandSaysThatAServerIsOutOfReach(t *testing.T) {
	t.Parallel()
	environment := allAt("127.0.0.1:1")
	eachLine(t, func(t *testing.T, name string, line []string) {
		if waits[name] {
			return
		}
		want, ok := otherThanUnreachable[name]
		if !ok {
			want = exitUnreachable
		}
		got := orderloom(t, environment, line...)
		require.Equal(t, want, got.code, got.stderr)
		require.NotContains(t, got.stdout+got.stderr, "hunter2")
		if want != exitDone {
			require.Contains(t, got.stdout+got.stderr, "127.0.0.1:1")
		}
	})
}

// Each command that asks the API ends as the answer is.
func TestTheAnswersOfThePlatformAreExitStatuses(t *testing.T) {
	t.Parallel()
	for _, answer := range []struct {
		http         int
		code, detail string
		status       int
	}{
		{http.StatusNotFound, "not_found", "there is no such thing", exitRefused},
		{http.StatusConflict, "not_cancellable", "it has left", exitRefused},
		{http.StatusForbidden, "forbidden", "the key lacks orders:read", exitRefused},
		{http.StatusUnauthorized, "unauthenticated", "the key is none", exitUsage},
		{http.StatusUnprocessableEntity, "invalid", "limit is too large", exitUsage},
		{http.StatusInternalServerError, "internal", "it is not told", exitFailure},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(answer.http)
			_, _ = w.Write([]byte(`{"code":"` + answer.code + `","status":` + strconv.Itoa(answer.http) + `,"detail":"` + answer.detail + `"}`))
		}))
		t.Cleanup(server.Close)
		for _, name := range []string{"orders place", "orders get", "orders list", "orders cancel", "orders watch", "events tail", "events show", "import", "export"} {
			t.Run(name+" "+answer.code, func(t *testing.T) {
				t.Parallel()
				got := orderloom(t, map[string]string{"ORDERLOOM_URL": server.URL}, rightLine(t, name)...)
				require.Equal(t, answer.status, got.code, got.stderr)
				require.Contains(t, got.stderr, answer.detail)
			})
		}
	}
}

// Fails where a refusal of the platform's rules is told as a failure.
func TestEveryCommandAboutSomethingUnknownIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t, 3, 1)
	b.asWorker()
	for _, name := range []string{
		"parked show", "parked retry", "parked discard", "attention show", "attention retry", "attention resolve", "streams show", "webhooks disable",
		"webhooks resend", "keys rotate", "keys revoke", "keys version", "erase-customer", "encryption-keys retire", "relay rewind", "partitions archive",
		"partitions unarchive",
	} {
		got := b.orderloom(exitRefused, rightLine(t, name)...)
		require.Empty(t, got.stdout, name)
		require.Equal(t, 1, strings.Count(got.stderr, "\n"), "%s: %s", name, got.stderr)
	}
}

// Fails where another page explains the statuses, of which it told what once was.
func TestTheStatusesAreExplainedOnce(t *testing.T) {
	t.Parallel()
	var explain []string
	require.NoError(t, filepath.WalkDir("../../docs", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "\n| 0 | It is done.") {
			explain = append(explain, filepath.Base(path))
		}
		return err
	}))
	require.Equal(t, []string{"commands.md"}, explain)
}
