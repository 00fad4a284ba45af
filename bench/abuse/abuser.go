package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"time"
)

// childOptions are for the process of the abusive caller.
type childOptions struct{ kind, url, order string }

// elsewhere is where the abusive caller calls from.
const elsewhere = "127.0.0.2"

// abuser is the abusive caller, in its own process.
type abuser struct {
	host, order string

	mu       sync.Mutex
	answered map[string]int
}

// What becomes of a request besides its status.
const (
	closed = "closed"
	kept   = "kept" // until the end of the abuse
)

// beAbusive abuses the platform until standard input ends, and prints what it was answered.
func beAbusive(ctx context.Context, o childOptions) error {
	u, err := url.Parse(o.url)
	if err != nil {
		return err
	}
	at := slices.IndexFunc(kinds, func(k kind) bool { return k.name == o.kind })
	if at < 0 {
		return fmt.Errorf("there is no abuse called %q", o.kind)
	}
	a := &abuser{host: u.Host, order: o.order, answered: map[string]int{}}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	kinds[at].do(ctx, a)
	a.mu.Lock()
	defer a.mu.Unlock()
	return json.NewEncoder(os.Stdout).Encode(a.answered)
}

func (a *abuser) count(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.answered[what]++
}

func (a *abuser) dial(ctx context.Context) (*net.TCPConn, error) {
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(elsewhere)}}
	conn, err := d.DialContext(ctx, "tcp", a.host)
	if err != nil {
		return nil, err
	}
	return conn.(*net.TCPConn), nil
}

// pause is how long a connection that was closed is left so.
const pause = 100 * time.Millisecond

// flood sends so many requests a second over some connections, as far as they are answered.
func (a *abuser) flood(ctx context.Context, connections, perSecond int, request func() []byte) {
	every := time.Duration(connections) * time.Second / time.Duration(perSecond)
	var mu sync.Mutex
	next := func() []byte {
		mu.Lock()
		defer mu.Unlock()
		return request()
	}
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			sleep(ctx, every*time.Duration(i)/time.Duration(connections))
			due := time.NewTicker(every)
			defer due.Stop()
			for ctx.Err() == nil {
				if conn, err := a.dial(ctx); err == nil {
					a.send(ctx, conn, due.C, next)
				}
				sleep(ctx, pause)
			}
		})
	}
	all.Wait()
}

// send sends requests until the connection is closed.
func (a *abuser) send(ctx context.Context, conn net.Conn, due <-chan time.Time, next func() []byte) {
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	reader := bufio.NewReaderSize(conn, 16<<10)
	for {
		select {
		case <-due:
		case <-ctx.Done():
			return
		}
		_, _ = conn.Write(next()) // whether it could is told by the answer
		w, err := http.ReadResponse(reader, nil)
		switch {
		case ctx.Err() != nil:
			a.count(kept)
			return
		case err != nil:
			a.count(closed)
			return
		}
		_, err = io.Copy(io.Discard, w.Body)
		_ = w.Body.Close()
		a.count(strconv.Itoa(w.StatusCode))
		if err != nil || w.Close {
			return
		}
	}
}

// hold keeps so many connections, over each of which it sends a text, and then more, once a second. It reads nothing.
// A connection that is closed is made anew.
func (a *abuser) hold(ctx context.Context, connections int, first, more []byte) {
	var all sync.WaitGroup
	for i := range connections {
		all.Go(func() {
			sleep(ctx, time.Second*time.Duration(i)/time.Duration(connections))
			for ctx.Err() == nil {
				if conn, err := a.dial(ctx); err == nil {
					_ = conn.SetReadBuffer(4 << 10)
					a.keep(ctx, conn, first, more)
				}
				sleep(ctx, dribble)
			}
		})
	}
	all.Wait()
}

// keep keeps a connection until it is closed. Its first answer is read at the end, so that it can be counted.
func (a *abuser) keep(ctx context.Context, conn net.Conn, first, more []byte) {
	defer func() { _ = conn.Close() }()
	_, err := conn.Write(first)
	for err == nil && ctx.Err() == nil {
		sleep(ctx, dribble)
		if more != nil {
			_ = conn.SetWriteDeadline(time.Now().Add(dribble / 10)) // it may be full
			if _, err = conn.Write(more); os.IsTimeout(err) {
				err = nil
			}
			continue
		}
		if first == nil {
			_ = conn.SetReadDeadline(time.Now().Add(time.Millisecond))
			if _, err = conn.Read(make([]byte, 1)); os.IsTimeout(err) {
				err = nil
			}
		}
	}
	const beginning = len("HTTP/1.1 200")
	text := make([]byte, beginning)
	_ = conn.SetReadDeadline(time.Now().Add(dribble / 10))
	_, failed := io.ReadFull(conn, text)
	switch {
	case failed == nil:
		a.count(string(text[beginning-3:]))
	case err == nil && os.IsTimeout(failed):
		a.count(kept)
	default:
		a.count(closed)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// abuse is an abusive caller that was started.
type abuse struct {
	command *exec.Cmd
	stdin   io.Closer
	out     io.Reader
}

// startAbuse starts an abusive caller.
func startAbuse(ctx context.Context, k kind, l *load) (*abuse, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	c := exec.CommandContext(ctx, "nice", "-n", "19", self, "-as", k.name, "-url", l.url, "-order", l.orders[0].String())
	c.Stderr = os.Stderr
	stdin, err := c.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &abuse{c, stdin, out}, c.Start()
}

// stop ends the abuse, and returns how often it got each answer.
func (a *abuse) stop() (answered map[string]int, err error) {
	_ = a.stdin.Close()
	if err := json.NewDecoder(a.out).Decode(&answered); err != nil {
		return nil, fmt.Errorf("hear of the abusive caller: %w", err)
	}
	return answered, a.command.Wait()
}

// add adds answers to others.
func add(to, more map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(more)) {
		to[k] += more[k]
	}
}
