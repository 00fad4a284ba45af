package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// answerBytesMax bounds what is read of an answer. A full page of the largest orders is a tenth of it.
const answerBytesMax = 64 << 20

// CallOption changes one request.
type CallOption func(*request)

// IdempotencyKey sends key instead of a random one. The same key with the same request takes effect once, for ever.
// It is for the operations that change something.
func IdempotencyKey(key string) CallOption { return func(r *request) { r.key = key } }

// WithoutIdempotencyKey sends no key. The request is then never repeated by the client: a repeated one could take
// effect twice.
func WithoutIdempotencyKey() CallOption { return func(r *request) { r.keyless = true } }

// Fields has only these members shown, such as "status" or "items.sku"; all others are zero. In a list it is those of
// each thing. It is for [Client.GetOrder] and the lists but that of events.
func Fields(names ...string) CallOption {
	return func(r *request) { r.set("fields", strings.Join(names, ",")) }
}

// IfMatch lets the request change the order only as it was seen: tag is an [Order.ETag]. With an order that has changed
// since, it is refused with precondition_failed. It is for operations on one order that change it.
func IfMatch(tag string) CallOption { return func(r *request) { r.ifMatch = tag } }

// RequestID names the request in the API's log. Without it the API makes a name.
func RequestID(id string) CallOption { return func(r *request) { r.requestID = id } }

// request is one operation with its parameters.
type request struct {
	method string
	path   string // below the base URL
	query  url.Values
	body   any // nil for none
	// lines is a body of lines instead, which is sent as it is read.
	lines io.Reader

	key         string // of a POST
	keyless     bool
	requestID   string
	prefer      string
	ifNoneMatch string
	ifMatch     string
	lastEventID string
	accept      string

	// accepts reports whether a status besides 2xx carries the operation's own answer; nil is for none.
	accepts func(status int) bool
}

// answer is what an answer's head says.
type answer struct {
	status int
	header http.Header
}

func (a answer) pending() bool  { return a.status == http.StatusAccepted }
func (a answer) replayed() bool { return a.header.Get("Idempotent-Replayed") == "true" }

func newRequest(method, path string, body any, options []CallOption) *request {
	r := &request{method: method, path: path, body: body}
	for _, o := range options {
		o(r)
	}
	if method == http.MethodPost && r.key == "" && !r.keyless {
		r.key = randomKey()
	}
	return r
}

func randomKey() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

func (r *request) set(name, value string) {
	if value == "" {
		return
	}
	if r.query == nil {
		r.query = url.Values{}
	}
	r.query.Add(name, value)
}

// repeatable reports whether the request takes effect once however often it is sent.
func (r *request) repeatable() bool { return r.method == http.MethodGet || r.key != "" }

// sendRequest sends the request until it is answered, or refused for good. A success is decoded by decode; nil skips
// the body.
func (c *Client) sendRequest(ctx context.Context, r *request, decode func(a answer, content []byte) error) (answer, error) {
	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return answer{}, fmt.Errorf("%s %s: write the request: %w", r.method, r.path, err)
		}
	}
	for attempt := 1; ; attempt++ {
		a, content, err := c.attempt(ctx, r, body)
		if err == nil {
			if decode == nil {
				return a, nil
			}
			if err = decode(a, content); err != nil {
				return a, fmt.Errorf("%s %s: read the answer: %w", r.method, r.path, err)
			}
			return a, nil
		}
		wait, again := c.retry.next(attempt, err)
		if !again || !r.repeatable() || !pause(ctx, wait) {
			return answer{}, fmt.Errorf("%s %s: %w", r.method, r.path, withEnd(ctx, err))
		}
	}
}

// withEnd is the last failure, together with the error of a context that has ended meanwhile.
func withEnd(ctx context.Context, err error) error {
	if end := ctx.Err(); end != nil && !errors.Is(err, end) {
		return fmt.Errorf("%w (%w)", err, end)
	}
	return err
}

// into decodes the body as JSON.
func into(target any) func(answer, []byte) error {
	return func(_ answer, content []byte) error { return json.Unmarshal(content, target) }
}

// attempt sends the request once. Errors: [*Problem], [*lostError].
func (c *Client) attempt(ctx context.Context, r *request, body []byte) (answer, []byte, error) {
	response, err := c.send(ctx, c.http, r, body)
	if err != nil {
		return answer{}, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.status == http.StatusSwitchingProtocols { // what follows may have no end
		return a, nil, problemOf(response, nil)
	}
	content, err := readBody(response)
	switch {
	case err != nil:
		return a, nil, lost(ctx, fmt.Errorf("receive the answer: %w", err))
	case a.status >= http.StatusOK && a.status < http.StatusMultipleChoices, r.accepts != nil && r.accepts(a.status):
		return a, content, nil
	}
	return a, nil, problemOf(response, content)
}

func (c *Client) send(ctx context.Context, h *http.Client, r *request, body []byte) (*http.Response, error) {
	address := c.baseURL + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}
	var reader io.Reader = http.NoBody
	switch {
	case r.lines != nil:
		reader = r.lines
	case body != nil:
		reader = bytes.NewReader(body)
	}
	q, err := http.NewRequestWithContext(ctx, r.method, address, reader)
	if err != nil {
		return nil, err
	}
	setHeader := func(name, value string) { // names are canonical, and empty values are left out
		if value != "" {
			q.Header[name] = []string{value}
		}
	}
	setHeader("User-Agent", c.userAgent)
	setHeader("Orderloom-Version", c.version)
	setHeader("Idempotency-Key", r.key)
	setHeader("X-Request-Id", r.requestID)
	setHeader("Prefer", r.prefer)
	setHeader("If-None-Match", r.ifNoneMatch)
	setHeader("If-Match", r.ifMatch)
	setHeader("Last-Event-Id", r.lastEventID)
	setHeader("Accept", r.accept)
	switch {
	case r.lines != nil:
		setHeader("Content-Type", linesMedia)
	case body != nil:
		setHeader("Content-Type", "application/json")
	}
	if c.apiKey != "" {
		setHeader("Authorization", "Bearer "+c.apiKey)
	}
	response, err := h.Do(q)
	if err != nil {
		return nil, lost(ctx, err)
	}
	return response, nil
}

func readBody(response *http.Response) ([]byte, error) {
	if n := response.ContentLength; n >= 0 && n <= answerBytesMax {
		content := make([]byte, n)
		_, err := io.ReadFull(response.Body, content)
		return content, err
	}
	content, err := io.ReadAll(io.LimitReader(response.Body, answerBytesMax+1))
	if len(content) > answerBytesMax {
		return nil, errors.New("the answer is too long")
	}
	return content, err
}

// lostError says that no answer arrived: nobody listens, or the connection broke.
type lostError struct{ cause error }

func (e *lostError) Error() string { return e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

// lost marks err as a lost answer, unless the caller has given up.
func lost(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return &lostError{err}
}

// pause waits, and reports false when ctx ends before that.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
