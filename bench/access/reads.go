package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/bench/rig"
	"github.com/orderloom/orderloom/client"
)

const (
	// templates is how many orders are taken to their end, to be copied. HotOrders are read again and again.
	templates = 20
	hotOrders = 100
	key       = "bench-key"
)

// What is compared.
const (
	cached    = "cached"
	notCached = "not_cached"
)

// keys are the settings of a platform that asks for one.
func keys() []string {
	sum := sha256.Sum256([]byte(key))
	return []string{"ORDERLOOM_API_OPEN=no", "ORDERLOOM_API_KEYS=bench:" + hex.EncodeToString(sum[:]) + ":support"}
}

// fill takes some orders to their end, and copies them.
func fill(ctx context.Context, r *rig.Rig, p plan) error {
	watching, stop := context.WithCancel(ctx)
	defer stop()
	watch, err := r.Watch(watching)
	if err != nil {
		return err
	}
	shop, err := r.Shop()
	if err != nil {
		return err
	}
	const stock = 1_000_000
	for i := range templates {
		sku := fmt.Sprintf("SKU-%03d", i)
		if err := rig.Receive(ctx, shop, sku, "berlin", stock); err != nil {
			return err
		}
		if err := rig.Through(ctx, shop, watch, rig.NewOrder(fmt.Sprintf("customer-%d", i), sku, 1)); err != nil {
			return err
		}
	}
	stop()
	return r.Fill(ctx, p.orders)
}

// pair is both sides of a comparison.
type pair struct {
	ours, bare func(n int) []byte // the text of the nth request
	rates      [2][]float64
	ratios     []float64
}

// measureReads lets the platform and the bare handler take turns.
func measureReads(ctx context.Context, r *rig.Rig, p plan, keyed *rig.Role, bare string) (map[string]*pair, error) {
	rows, err := r.Pool.Query(ctx, "SELECT order_id FROM orderloom.order_views WHERE version > 0 ORDER BY order_id")
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil || len(ids) <= hotOrders {
		return nil, errors.Join(err, errors.New("there are no orders to read"))
	}
	get := func(host, path, credential string) []byte {
		return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n\r\n", path, host, credential)
	}
	order := func(id uuid.UUID) []byte { return get(keyed.Host, "/api/v1/orders/"+id.String(), key) }
	if err := give(ctx, keyed, bare, ids[0]); err != nil {
		return nil, err
	}
	cold := ids[hotOrders:]
	pairs := map[string]*pair{
		cached: {
			ours: func(n int) []byte { return order(ids[n%hotOrders]) },
			bare: func(int) []byte { return get(bare, bytesPath, key) },
		},
		notCached: {
			ours: func(n int) []byte { return order(cold[n%len(cold)]) },
			bare: func(n int) []byte { return get(bare, queryPath+cold[n%len(cold)].String(), key) },
		},
	}
	fmt.Printf("\nrequests a second over %d connections, with a key and of a bare handler of gin\n\n", p.connections)
	var n atomic.Int64
	for round := range p.rounds + 1 {
		for _, name := range []string{cached, notCached} {
			q := pairs[name]
			var rates [2]float64
			for i := range rates {
				side := (i + round) % 2 // who is first alternates
				host, request := keyed.Host, q.ours
				if side == 1 {
					host, request = bare, q.bare
				}
				if rates[side], err = saturate(ctx, host, p, &n, request); err != nil {
					return nil, err
				}
			}
			if round == 0 { // connections, plans and caches are warm from here on
				continue
			}
			for i := range rates {
				q.rates[i] = append(q.rates[i], rates[i])
			}
			q.ratios = append(q.ratios, rates[0]/rates[1])
			fmt.Printf("%-10s %8.0f %8.0f %6.2f\n", name, rates[0], rates[1], rates[0]/rates[1])
		}
	}
	return pairs, nil
}

// give gives the bare handler the answer that the platform has for an order.
func give(ctx context.Context, keyed *rig.Role, bare string, id uuid.UUID) error {
	ask := func(method, url string, body io.Reader) ([]byte, error) {
		r, err := http.NewRequestWithContext(ctx, method, url, body)
		if err != nil {
			return nil, err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		w, err := http.DefaultClient.Do(r)
		if err != nil {
			return nil, err
		}
		defer func() { _ = w.Body.Close() }()
		if w.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s %s: %s", method, url, w.Status)
		}
		return io.ReadAll(w.Body)
	}
	text, err := ask(http.MethodGet, "http://"+keyed.Host+"/api/v1/orders/"+id.String(), http.NoBody)
	if err != nil {
		return err
	}
	_, err = ask(http.MethodPost, "http://"+bare+bytesPath, bytes.NewReader(text))
	return err
}

// saturate sends one request after the other over each connection, and returns how many a second were answered.
func saturate(ctx context.Context, host string, p plan, n *atomic.Int64, request func(n int) []byte) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, p.window)
	defer cancel()
	failed := make(chan error, p.connections)
	var answered atomic.Int64
	var all sync.WaitGroup
	begun := time.Now()
	for range p.connections {
		all.Go(func() {
			if err := keepAsking(ctx, host, func() []byte { return request(int(n.Add(1))) }, &answered); err != nil {
				failed <- err
			}
		})
	}
	all.Wait()
	took := time.Since(begun)
	select {
	case err := <-failed:
		return 0, err
	default:
		return float64(answered.Load()) / took.Seconds(), nil
	}
}

// keepAsking sends requests over one connection until ctx ends. It writes and reads itself: the client of net/http
// would cost more than the handler.
func keepAsking(ctx context.Context, host string, next func() []byte, answered *atomic.Int64) error {
	conn, err := new(net.Dialer).DialContext(context.WithoutCancel(ctx), "tcp", host)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	const readBuffer = 16 << 10
	reader := bufio.NewReaderSize(conn, readBuffer)
	for ctx.Err() == nil {
		if _, err := conn.Write(next()); err != nil {
			return err
		}
		w, err := http.ReadResponse(reader, nil)
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, w.Body)
		if err = errors.Join(err, w.Body.Close()); err != nil {
			return err
		}
		if w.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s", host, w.Status)
		}
		answered.Add(1)
	}
	return nil
}

// measurePlacing places orders at both platforms in turn, and returns the processor time of one with a key to that of
// one without.
func measurePlacing(ctx context.Context, p plan, keyed, open *rig.Role) (float64, error) {
	sides := [2]*rig.Role{keyed, open}
	var shops [2]*client.Client
	for i, side := range sides {
		var err error
		if shops[i], err = client.New("http://"+side.Host, client.WithAPIKey(key), client.WithRetry(client.Retry{AttemptsMax: 1})); err != nil {
			return 0, err
		}
	}
	var spent [2]time.Duration
	for round := range p.rounds + 1 {
		for i := range sides {
			side := (i + round) % 2
			before := sides[side].CPU()
			if err := placeMany(ctx, shops[side], p); err != nil {
				return 0, err
			}
			if round > 0 {
				spent[side] += sides[side].CPU() - before
			}
		}
	}
	each := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(p.rounds*p.placed) }
	ratio := float64(spent[0]) / float64(spent[1])
	fmt.Printf("\nplacing an order, microseconds of processor time of the API: %.0f with a key, %.0f open, %.3f times\n", each(spent[0]), each(spent[1]), ratio)
	return ratio, nil
}

func placeMany(ctx context.Context, shop *client.Client, p plan) error {
	failed := make(chan error, p.connections)
	var n atomic.Int64
	var all sync.WaitGroup
	for range p.connections {
		all.Go(func() {
			for i := n.Add(1); i <= int64(p.placed); i = n.Add(1) {
				sku := fmt.Sprintf("SKU-%03d", i%templates)
				if _, err := shop.PlaceOrder(ctx, rig.NewOrder("customer-7", sku, 1), rig.Once); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}
