package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/orderloom/orderloom/client"
)

const (
	requestTimeout = 15 * time.Second
	retryEvery     = 100 * time.Millisecond
)

// shop is the API of whichever process is there. A request is repeated until one answers it.
type shop struct {
	*client.Client
	transport *fleetTransport
}

func newShop(f *fleet) (*shop, error) {
	transport := &fleetTransport{fleet: f, next: &http.Transport{}}
	c, err := client.New("http://fleet", client.WithAPIKey(f.key), client.WithHTTPClient(&http.Client{Transport: transport, Timeout: requestTimeout}),
		client.WithRetry(client.Retry{AttemptsMax: -1, Wait: retryEvery, WaitMax: retryEvery, On: passing}))
	return &shop{c, transport}, err
}

// passing reports whether a status may be due to a process that was killed.
func passing(status int) bool {
	return status >= http.StatusInternalServerError || status == http.StatusTooManyRequests
}

// fleetTransport sends each attempt to a process of the fleet, and counts those that came to nothing.
type fleetTransport struct {
	fleet   *fleet
	next    http.RoundTripper
	retries atomic.Int64
}

var errNobody = errors.New("no process listens")

func (t *fleetTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.send(r)
	if err != nil || passing(response.StatusCode) {
		t.retries.Add(1)
	}
	return response, err
}

func (t *fleetTransport) send(r *http.Request) (*http.Response, error) {
	address, err := url.Parse(t.fleet.url(rand.IntN(len(t.fleet.members))))
	if err != nil || address.Host == "" {
		if r.Body != nil {
			_ = r.Body.Close()
		}
		return nil, errors.Join(errNobody, err)
	}
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = address.Scheme, address.Host, address.Host
	return t.next.RoundTrip(r)
}

// patiently makes a call that may take as long as [patience].
func patiently[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return call(ctx)
}

// unlessConflicting returns err unless it says that the request does not fit the order's state: a request whose answer
// was lost may have done it.
func unlessConflicting(err error) error {
	var refused *client.Problem
	if errors.As(err, &refused) && refused.Status == http.StatusConflict {
		return nil
	}
	return err
}

// receive puts goods into stock, once however often it has to ask.
func (s *shop) receive(ctx context.Context, b *books, sku, location string, quantity int, key string) error {
	_, err := patiently(ctx, func(ctx context.Context) (client.ReceivedStock, error) {
		receipt := client.Receipt{SKU: sku, Location: location, Quantity: quantity}
		return s.ReceiveStock(ctx, receipt, client.IdempotencyKey(key))
	})
	if err != nil {
		return fmt.Errorf("receive %d of %s: %w", quantity, sku, err)
	}
	b.moved(sku, location, quantity)
	return nil
}
