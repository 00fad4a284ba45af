package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"strings"
	"time"

	"github.com/orderloom/orderloom/bench/rig"
)

// abusiveSKU is what the abusive caller orders, so that it waits for nobody else's stock.
const abusiveSKU = "SKU-abusive"

// kind is one way to abuse the platform.
type kind struct {
	name string
	do   func(ctx context.Context, a *abuser)
}

// How much of each there is. It is more than the limits let through, and little enough that the abusive caller's own
// work is small.
const (
	floodRate   = 2000 // requests a second
	floodSlots  = 32   // connections that they come over
	slowBodies  = 600
	slowHeaders = 1500
	unread      = 2500
	stopped     = 300
	waiting     = 600
	listSlots   = 128
	silent      = 4000
	headerBytes = 30 << 10
	largeBody   = 240 << 10
)

// kinds are all of them.
var kinds = []kind{
	{"wrong keys", func(ctx context.Context, a *abuser) {
		a.flood(ctx, floodSlots, floodRate, func() []byte { return a.get("/api/v1/orders/"+a.order, wrongKey()) })
	}},
	{"slow bodies", func(ctx context.Context, a *abuser) {
		a.hold(ctx, slowBodies, a.begin("/api/v1/orders", largeBody), []byte(" "))
	}},
	{"unread answers", func(ctx context.Context, a *abuser) {
		page := a.get("/api/v1/orders?limit=100", secret(abusive))
		a.hold(ctx, unread, page, page)
	}},
	{"stopped streams", func(ctx context.Context, a *abuser) {
		a.hold(ctx, stopped, a.get("/api/v1/events", secret(abusive), "Accept: text/event-stream"), nil)
	}},
	{"waiting requests", func(ctx context.Context, a *abuser) {
		a.flood(ctx, waiting, floodRate, func() []byte { return a.get("/api/v1/events?cursor=now", secret(abusive), "Prefer: wait=10") })
	}},
	{"flood of orders", func(ctx context.Context, a *abuser) {
		body := orderOf(1)
		a.flood(ctx, floodSlots, floodRate, func() []byte { return a.post("/api/v1/orders", body) })
	}},
	{"large orders", func(ctx context.Context, a *abuser) {
		body := orderOf(2000) // more lines than an order may have
		a.flood(ctx, floodSlots, floodRate, func() []byte { return a.post("/api/v1/orders", body) })
	}},
	{"lists", func(ctx context.Context, a *abuser) {
		a.flood(ctx, listSlots, floodRate, func() []byte {
			return a.get("/api/v1/orders?limit=100&sort=total&currency=EUR&expand%5B%5D=shipping_address", secret(abusive), "Accept-Encoding: gzip")
		})
	}},
	{"exports", func(ctx context.Context, a *abuser) {
		a.flood(ctx, listSlots, floodRate, func() []byte { return a.get("/api/v1/orders", secret(abusive), "Accept: text/csv") })
	}},
	{"metrics", func(ctx context.Context, a *abuser) {
		a.flood(ctx, floodSlots, floodRate, func() []byte { return a.get("/metrics", secret(watcher)) })
	}},
	{"open routes", func(ctx context.Context, a *abuser) {
		paths := []string{"/ready", "/health", "/openapi.yaml", "/docs", "/problems/invalid"}
		n := 0
		a.flood(ctx, floodSlots, floodRate, func() []byte { n++; return a.get(paths[n%len(paths)], "") })
	}},
	{"silent connections", func(ctx context.Context, a *abuser) { a.hold(ctx, silent, nil, nil) }},
	{"slow headers", func(ctx context.Context, a *abuser) {
		a.hold(ctx, slowHeaders, []byte("GET /api/v1/orders HTTP/1.1\r\nHost: "+a.host+"\r\n"), []byte("X-More: 1\r\n"))
	}},
	{"large headers", func(ctx context.Context, a *abuser) {
		headers := "X-Large: " + strings.Repeat("x", headerBytes)
		a.flood(ctx, floodSlots, floodRate, func() []byte { return a.get("/api/v1/orders/"+a.order, secret(abusive), headers) })
	}},
}

// orderOf is an order of so many lines.
func orderOf(lines int) []byte {
	o := rig.NewOrder("customer-abusive", abusiveSKU, 1)
	for range lines - 1 {
		o.Items = append(o.Items, o.Items[0])
	}
	body, err := json.Marshal(o)
	if err != nil {
		panic(err) // an order always has a form
	}
	return body
}

// wrongKey has the form of a key, so that nothing but a look tells that it is none.
func wrongKey() string {
	key := "ol_live_" + (rand.Text() + strings.Repeat("0", 32))[:32]
	const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := crc32.ChecksumIEEE([]byte(key))
	end := make([]byte, 6)
	for i := len(end) - 1; i >= 0; i-- {
		end[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return key + string(end)
}

// get is the text of a request.
func (a *abuser) get(path, key string, headers ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, a.host)
	if key != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", key)
	}
	for _, h := range headers {
		b.WriteString(h + "\r\n")
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// begin is the text of a request whose body is to follow.
func (a *abuser) begin(path string, length int) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		path, a.host, secret(abusive), length)
}

func (a *abuser) post(path string, body []byte) []byte {
	return append(a.begin(path, len(body)), body...)
}

// dribble is how often a connection that is held sends something more.
const dribble = time.Second
