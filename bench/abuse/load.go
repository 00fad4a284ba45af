package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/client"
)

// What the honest caller does.
const (
	readOrder = "read"
	pollFeed  = "poll"
	placement = "place"
)

const (
	sku = "SKU-honest"
	// stock is more than anybody orders.
	stock = 1_000_000
	// templates is how many orders are taken to their end, to be copied.
	templates = 5
	// known is how many orders the honest caller reads again and again.
	known       = 8
	connections = 64
	// patience is after how long a request of the honest caller has failed.
	patience = 10 * time.Second
)

// load is the honest caller.
type load struct {
	url    string
	http   *http.Client
	orders []uuid.UUID
	body   []byte
	cursor atomic.Pointer[string]

	mu      sync.Mutex
	samples []sample
}

// sample is one request.
type sample struct {
	does string
	due  time.Time
	took time.Duration
	err  error
}

// prepare fills the platform with orders, and returns an honest caller who has some of its own.
func prepare(ctx context.Context, r *rig.Rig, p plan) (*load, error) {
	watching, stop := context.WithCancel(ctx)
	watch, err := r.Watch(watching)
	defer stop()
	if err != nil {
		return nil, err
	}
	admin, err := client.New(r.URL, client.WithAPIKey(secret(office)))
	if err != nil {
		return nil, err
	}
	for _, s := range []string{sku, abusiveSKU} {
		if err := rig.Receive(ctx, admin, s, "berlin", stock); err != nil {
			return nil, err
		}
	}
	for i := range templates {
		if err := rig.Through(ctx, admin, watch, rig.NewOrder(fmt.Sprintf("customer-%d", i), sku, 1)); err != nil {
			return nil, err
		}
	}
	stop()
	if err := r.Fill(ctx, p.orders); err != nil {
		return nil, err
	}
	l := &load{url: r.URL, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: connections, DisableCompression: true}, Timeout: patience}}
	if l.body, err = json.Marshal(rig.NewOrder("customer-honest", sku, 1)); err != nil {
		return nil, err
	}
	if err := l.settle(ctx, r); err != nil {
		return nil, err
	}
	return l, nil
}

// settle places the orders that are read later, and finds the end of the feed.
func (l *load) settle(ctx context.Context, r *rig.Rig) error {
	shop, err := client.New(r.URL, client.WithAPIKey(secret(honest)))
	if err != nil {
		return err
	}
	for range known {
		placed, err := shop.PlaceOrder(ctx, rig.NewOrder("customer-honest", sku, 1), rig.Once)
		if err != nil {
			return err
		}
		l.orders = append(l.orders, placed.OrderID)
	}
	now := "now"
	l.cursor.Store(&now)
	return l.poll(ctx)
}

// start begins to call at a steady rate, until ctx ends. Done is closed when all requests have had their answer.
func (l *load) start(ctx context.Context, p plan) (done chan struct{}) {
	var all sync.WaitGroup
	var n atomic.Int64
	for does, per := range map[string]struct {
		rate int
		ask  func(context.Context) error
	}{
		readOrder: {p.readRate, func(ctx context.Context) error {
			return l.ask(ctx, http.MethodGet, "/api/v1/orders/"+l.orders[int(n.Add(1))%len(l.orders)].String(), nil, nil)
		}},
		pollFeed:  {p.pollRate, l.poll},
		placement: {p.orderRate, func(ctx context.Context) error { return l.ask(ctx, http.MethodPost, "/api/v1/orders", l.body, nil) }},
	} {
		all.Go(func() { l.steadily(ctx, does, per.rate, per.ask) })
	}
	done = make(chan struct{})
	go func() { all.Wait(); close(done) }()
	return done
}

// steadily sends requests when they are due, whether or not the ones before have had their answer.
func (l *load) steadily(ctx context.Context, does string, rate int, ask func(context.Context) error) {
	var all sync.WaitGroup
	defer all.Wait()
	for due := time.Now(); ; due = due.Add(time.Second / time.Duration(rate)) {
		select {
		case <-time.After(time.Until(due)):
		case <-ctx.Done():
			return
		}
		all.Go(func() {
			err := ask(context.WithoutCancel(ctx))
			took := time.Since(due)
			l.mu.Lock()
			defer l.mu.Unlock()
			l.samples = append(l.samples, sample{does, due, took, err})
		})
	}
}

func (l *load) poll(ctx context.Context) error {
	var page struct {
		NextCursor string `json:"next_cursor"`
	}
	if err := l.ask(ctx, http.MethodGet, "/api/v1/events?limit=20&cursor="+*l.cursor.Load(), nil, &page); err != nil {
		return err
	}
	l.cursor.Store(&page.NextCursor)
	return nil
}

// ask sends a request and receives the answer to its end.
func (l *load) ask(ctx context.Context, method, path string, body []byte, into any) error {
	r, err := http.NewRequestWithContext(ctx, method, l.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+secret(honest))
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	w, err := l.http.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = w.Body.Close() }()
	text, err := io.ReadAll(w.Body)
	switch {
	case err != nil:
		return err
	case w.StatusCode >= http.StatusBadRequest:
		return fmt.Errorf("%s %s: %s: %s", method, path, w.Status, text)
	case into != nil:
		return json.Unmarshal(text, into)
	}
	return nil
}

// window is a span of time.
type window struct{ from, to time.Time }

// within are the samples that were due in one of the windows. All of them have had their answer once it returns, or
// have failed.
func (l *load) within(ws ...window) (found []sample) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.samples {
		if slices.ContainsFunc(ws, func(w window) bool { return !s.due.Before(w.from) && s.due.Before(w.to) }) {
			found = append(found, s)
		}
	}
	return found
}
