package kubetest

import (
	"context"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

// Pod is one that a [Node] runs. It is safe for concurrent use.
type Pod struct {
	// Name is its name at the server. Component is its label app.kubernetes.io/component, and Image what it runs.
	Name, Component, Image string
	// Address is its own one, on loopback.
	Address string
	// Log is the file that its container writes to.
	Log string

	node   *Node
	object Object
	owner  string // the kind and name of what made it
	hash   string // of the template
	dir    string
	ready  atomic.Bool
	// leaving is closed when the pod is told to stop, and gone when it has.
	leaving, gone chan struct{}
	told          atomic.Bool
	killed        atomic.Bool
	restarts      atomic.Int32
}

// Ready reports whether the pod is sent requests: its probe succeeds, and it has not been told to stop.
func (p *Pod) Ready() bool { return p.ready.Load() && !p.told.Load() }

// Killed reports whether it had to be killed, since it took longer to stop than its grace.
func (p *Pod) Killed() bool { return p.killed.Load() }

// Restarts returns how often its container has ended by itself.
func (p *Pod) Restarts() int { return int(p.restarts.Load()) }

// Exec runs a command of the product in the pod, with its variables, and returns what it says.
func (p *Pod) Exec(ctx context.Context, arguments ...string) (string, error) {
	c, err := p.command(ctx, p.container(), arguments)
	if err != nil {
		return "", err
	}
	out, err := c.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("orderloom %v in %s: %w: %s", arguments, p.Name, err, out)
	}
	return string(out), nil
}

// runOnce runs the container to its end. It reports whether that ended well.
func (p *Pod) runOnce(ctx context.Context) bool {
	defer close(p.gone)
	return p.initialise(ctx) && p.process(ctx) == nil
}

// serve runs the pod until it is told to stop. A container that ends by itself is started again.
func (p *Pod) serve(ctx context.Context) {
	defer close(p.gone)
	for !p.initialise(ctx) {
		if p.rest(ctx) {
			return
		}
	}
	for {
		err := p.process(ctx)
		if p.told.Load() || ctx.Err() != nil {
			return
		}
		p.restarts.Add(1)
		p.node.logf("%s has ended by itself: %v", p.Name, err)
		if p.rest(ctx) {
			return
		}
	}
}

// rest waits before a container is started again. It reports whether the pod has to stop instead.
func (p *Pod) rest(ctx context.Context) bool {
	select {
	case <-ctx.Done():
	case <-p.leaving:
	case <-time.After(time.Second):
		return false
	}
	return true
}

// initialise runs the init containers, one after another.
func (p *Pod) initialise(ctx context.Context) bool {
	for _, container := range List(p.object, "spec", "initContainers") {
		c, err := p.command(ctx, container, arguments(container))
		if err == nil {
			var out []byte
			if out, err = c.CombinedOutput(); err == nil {
				continue
			}
			err = fmt.Errorf("%w: %s", err, out)
		}
		p.node.logf("%s: %s: %v", p.Name, container["name"], err)
		return false
	}
	return true
}

// process runs the container until it ends, or stops it as a kubelet does: a pause, SIGTERM, SIGKILL after the grace.
func (p *Pod) process(ctx context.Context) error {
	container := p.container()
	c, err := p.command(context.WithoutCancel(ctx), container, arguments(container))
	if err != nil {
		return err
	}
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return err
	}
	exited := make(chan error, 1)
	go func() { exited <- c.Wait() }()
	probing, stop := context.WithCancel(ctx)
	defer stop()
	go p.probe(probing, container)
	defer p.ready.Store(false)
	select {
	case err := <-exited:
		return err
	case <-ctx.Done():
		_ = c.Process.Kill()
		return <-exited
	case <-p.leaving:
	}
	return p.end(c, container, exited)
}

func (p *Pod) end(c *exec.Cmd, container Object, exited <-chan error) error {
	grace := time.After(seconds(At(p.object, "spec", "terminationGracePeriodSeconds"), 30))
	pause := time.After(seconds(At(container, "lifecycle", "preStop", "sleep", "seconds"), 0))
	select {
	case err := <-exited:
		return err
	case <-pause:
	}
	_ = c.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-exited:
		return err
	case <-grace:
		p.killed.Store(true)
		_ = c.Process.Kill()
		return <-exited
	}
}

// probe asks whether the container is ready, as often as its probe says.
func (p *Pod) probe(ctx context.Context, container Object) {
	probe := At(container, "readinessProbe")
	if probe == nil {
		p.ready.Store(true)
		return
	}
	at := net.JoinHostPort(p.Address, strconv.Itoa(port(container, At(probe, "httpGet", "port"))))
	url := fmt.Sprintf("http://%s%s", at, At(probe, "httpGet", "path"))
	failures, most := 0, int(number(At(probe, "failureThreshold"), 3))
	for ctx.Err() == nil {
		if answers(ctx, url, seconds(At(probe, "timeoutSeconds"), 1)) {
			failures = 0
			p.ready.Store(true)
		} else if failures++; failures >= most {
			p.ready.Store(false)
		}
		wait := seconds(At(probe, "periodSeconds"), 10)
		if !p.ready.Load() {
			wait = looksEvery // a test need not wait for a probe's period
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func answers(ctx context.Context, url string, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	return err == nil && response.Body.Close() == nil && response.StatusCode == http.StatusOK
}

// container is the one that the pod is for.
func (p *Pod) container() Object { return List(p.object, "spec", "containers")[0] }

func arguments(container Object) (all []string) {
	given, _ := container["args"].([]any)
	for _, argument := range given {
		all = append(all, fmt.Sprint(argument))
	}
	return all
}

// command makes the process of a container: nothing in its environment but what the pod says, and the pod's user.
func (p *Pod) command(ctx context.Context, container Object, arguments []string) (*exec.Cmd, error) {
	program := p.node.Programs[fmt.Sprint(container["image"])]
	if program == "" {
		return nil, fmt.Errorf("the image %s can't be pulled", container["image"])
	}
	c := exec.CommandContext(ctx, program, arguments...)
	c.Dir = p.dir
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if os.Geteuid() == 0 {
		user, group := number(At(p.object, "spec", "securityContext", "runAsUser"), 0), number(At(p.object, "spec", "securityContext", "runAsGroup"), 0)
		c.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(user), Gid: uint32(group)} //nolint:gosec // as the server has checked
		if err := os.Chown(p.dir, int(user), int(group)); err != nil {
			return nil, err
		}
	}
	c.Env = []string{}
	for _, variable := range List(container, "env") {
		value, err := p.value(ctx, variable)
		if err != nil {
			return nil, err
		}
		c.Env = append(c.Env, fmt.Sprintf("%s=%s", variable["name"], value))
	}
	return c, nil
}

// listens is a variable with an address that the product listens on, and address is one that in a pod is the pod's own.
var (
	listens = regexp.MustCompile(`^ORDERLOOM_\w+_ADDRESS$`)
	address = regexp.MustCompile(`^(127\.0\.0\.1)?:(\d+)$`)
)

// value returns what a variable has, of a Secret too.
func (p *Pod) value(ctx context.Context, variable Object) (string, error) {
	ref := At(variable, "valueFrom", "secretKeyRef")
	if ref == nil {
		text, _ := variable["value"].(string)
		if found := address.FindStringSubmatch(text); found != nil && listens.MatchString(fmt.Sprint(variable["name"])) {
			text = p.Address + ":" + found[2]
		}
		return text, nil
	}
	name, key := fmt.Sprint(At(ref, "name")), fmt.Sprint(At(ref, "key"))
	secret, err := p.node.Server.Get(ctx, p.node.path("/api/v1", "secrets", name))
	if err != nil {
		return "", fmt.Errorf("secret %s: %w", name, err)
	}
	encoded, found := At(secret, "data", key).(string)
	if !found {
		return "", fmt.Errorf("secret %s has no %s", name, key)
	}
	text, err := base64.StdEncoding.DecodeString(encoded)
	return string(text), err
}

func port(container Object, named any) int {
	for _, p := range List(container, "ports") {
		if p["name"] == named {
			return int(number(p["containerPort"], 0))
		}
	}
	return int(number(named, 0))
}

func number(value any, otherwise float64) float64 {
	if n, ok := value.(float64); ok {
		return n
	}
	return otherwise
}

func seconds(value any, otherwise float64) time.Duration {
	return time.Duration(number(value, otherwise) * float64(time.Second))
}
