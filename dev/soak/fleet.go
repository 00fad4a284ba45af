package soak

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/orderloom/orderloom/payments/sandbox"
)

// Where goods lie: near the customers, and far away.
const (
	here      = "berlin"
	elsewhere = "reno"
)

// namespace is the platform's at the Temporal server.
const namespace = "orderloom"

// fleet is the platform's processes.
type fleet struct {
	options     Options
	key         string // of the API
	dir         string
	environment []string
	ledger      string
	members     []*member
	kills       atomic.Int64
	starts      int
}

// member is one place in the fleet: a role, and the process that has it at the moment.
type member struct {
	role string

	mu      sync.Mutex
	url     string // empty while nobody listens
	process *exec.Cmd
	log     string
	exited  chan struct{}
}

func newFleet(o Options, dir string, addresses map[string]string) *fleet {
	f := &fleet{options: o, key: rand.Text(), dir: dir, ledger: filepath.Join(dir, "ledger")}
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails
	settings := map[string]string{
		"ORDERLOOM_PAYMENT_GATEWAY": sandbox.Name, "ORDERLOOM_SANDBOX_LEDGER": f.ledger,
		"ORDERLOOM_LOCATIONS":   here + ":DE," + elsewhere + ":US",
		"ORDERLOOM_MASTER_KEYS": "soak:" + base64.StdEncoding.EncodeToString(key[:]), "ORDERLOOM_HTTP_ADDRESS": "127.0.0.1:0", "ORDERLOOM_API_OPEN": "no",
		"ORDERLOOM_API_KEYS":    fmt.Sprintf("soak:%x", sha256.Sum256([]byte(f.key))),
		"ORDERLOOM_DRAIN_DELAY": "0s", "ORDERLOOM_KAFKA_PARTITIONS": "3", "TEMPORAL_NAMESPACE": namespace,
	}
	f.environment = os.Environ()
	for _, all := range []map[string]string{addresses, settings} {
		for name, value := range all {
			f.environment = append(f.environment, name+"="+value)
		}
	}
	for _, role := range o.Roles {
		f.members = append(f.members, &member{role: role})
	}
	return f
}

// command runs one of the product's commands to its end.
func (f *fleet) command(ctx context.Context, arguments ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, f.options.Orderloom, arguments...) //nolint:gosec // the product
	c.Env = append(f.environment, "ORDERLOOM_LOG_LEVEL=error")
	var complaints bytes.Buffer
	c.Stderr = &complaints
	out, err := c.Output()
	if err != nil {
		err = fmt.Errorf("%w: %s", err, &complaints)
	}
	return out, err
}

// start starts all processes and waits until they serve.
func (f *fleet) start(ctx context.Context) error {
	for _, m := range f.members {
		if err := f.launch(m); err != nil {
			return err
		}
	}
	for _, m := range f.members {
		if err := m.awaitServing(ctx); err != nil {
			return err
		}
	}
	return nil
}

// launch starts a process. It ends with this one, however that ends.
func (f *fleet) launch(m *member) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	f.starts++
	m.log = filepath.Join(f.dir, fmt.Sprintf("%02d-%s.log", f.starts, m.role))
	file, err := os.Create(m.log)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	m.process = exec.Command(f.options.Orderloom, m.role) //nolint:gosec,noctx // the product; it is killed
	m.process.Env, m.process.Stdout, m.process.Stderr = f.environment, file, file
	m.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := m.process.Start(); err != nil {
		return fmt.Errorf("start %s: %w", m.role, err)
	}
	process, exited := m.process, make(chan struct{})
	m.exited = exited
	go func() {
		_ = process.Wait() // how it ended is in its log
		close(exited)
	}()
	return nil
}

const (
	servingMark = `"msg":"serving"`
	lookEvery   = 20 * time.Millisecond
)

// awaitServing waits until the process listens.
func (m *member) awaitServing(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		content, err := os.ReadFile(m.log)
		if err != nil {
			return err
		}
		if _, rest, found := bytes.Cut(content, []byte(servingMark)); found {
			if _, rest, found := bytes.Cut(rest, []byte(`"url":"`)); found {
				url, _, _ := bytes.Cut(rest, []byte(`"`))
				m.mu.Lock()
				defer m.mu.Unlock()
				m.url = string(url)
				return nil
			}
		}
		select {
		case <-m.exited:
			return fmt.Errorf("%s ended at once: %s", m.role, content)
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", m.role, ctx.Err())
		case <-time.After(lookEvery):
		}
	}
}

// kill ends the process as the kernel would when memory runs out.
func (f *fleet) kill(m *member) {
	m.mu.Lock()
	m.url = ""
	_ = m.process.Process.Kill()
	exited := m.exited
	m.mu.Unlock()
	<-exited
	f.kills.Add(1)
}

// Chances and limits of the kills.
const (
	allAtOnce   = 0.2 // that all are hit
	stillborn   = 0.2 // that the next process is hit while it starts
	downTimeMax = 2 * time.Second
	startingMax = 300 * time.Millisecond
)

// killUntil kills and restarts processes until the deadline, when all serve again.
func (f *fleet) killUntil(ctx context.Context, deadline time.Time) error {
	random := mathrand.New(mathrand.NewPCG(f.options.Seed, 0))
	for {
		wait := time.Duration(random.ExpFloat64() * float64(f.options.KillEvery))
		wait = min(max(wait, time.Second), 2*f.options.KillEvery) // so that a short soak has its kills as well
		if time.Now().Add(wait).After(deadline) {
			return nil
		}
		if !pause(ctx, wait) {
			return nil
		}
		victims := []*member{f.members[random.IntN(len(f.members))]}
		if random.Float64() < allAtOnce {
			victims = f.members
		}
		for _, m := range victims {
			f.kill(m)
		}
		if !pause(ctx, time.Duration(random.Int64N(int64(downTimeMax)))) {
			return nil
		}
		for _, m := range victims {
			if err := f.revive(ctx, m, random); err != nil {
				return err
			}
		}
	}
}

// revive starts a process again. Now and then it kills the new one at once, and starts another.
func (f *fleet) revive(ctx context.Context, m *member, random *mathrand.Rand) error {
	if err := f.launch(m); err != nil {
		return err
	}
	if random.Float64() < stillborn {
		if !pause(ctx, time.Duration(random.Int64N(int64(startingMax)))) {
			return nil
		}
		f.kill(m)
		if err := f.launch(m); err != nil {
			return err
		}
	}
	return m.awaitServing(ctx)
}

// url returns the address of one of those that take orders; empty when there is none.
func (f *fleet) url(random int) string {
	for i := range f.members {
		m := f.members[(random+i)%len(f.members)]
		if m.role != "all" && m.role != "api" {
			continue
		}
		m.mu.Lock()
		url := m.url
		m.mu.Unlock()
		if url != "" {
			return url
		}
	}
	return ""
}

// stopTimeout bounds how long a process may take to drain.
const stopTimeout = 40 * time.Second

// stop stops all processes as a deployment would.
func (f *fleet) stop(ctx context.Context) error {
	var err error
	for _, m := range f.members {
		if m.process != nil {
			_ = m.process.Process.Signal(syscall.SIGTERM)
		}
	}
	for _, m := range f.members {
		if m.process == nil {
			continue
		}
		select {
		case <-m.exited:
		case <-time.After(stopTimeout):
			err = errors.Join(err, fmt.Errorf("%s did not stop in time", m.role), m.process.Process.Kill())
		case <-ctx.Done():
			err = errors.Join(err, m.process.Process.Kill())
		}
	}
	return err
}

// pause waits, and reports false when ctx has ended instead.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
