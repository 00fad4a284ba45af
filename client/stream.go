package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// OrderChange is a change of an order, and where the order stood then.
type OrderChange struct {
	OrderID           uuid.UUID         `json:"order_id"`
	OrderNumber       string            `json:"order_number"`
	CustomerID        string            `json:"customer_id"`
	Status            OrderStatus       `json:"status"`
	PaymentStatus     PaymentStatus     `json:"payment_status"`
	FulfillmentStatus FulfillmentStatus `json:"fulfillment_status"`
	ChangedAt         time.Time         `json:"changed_at"`
	Version           int64             `json:"version"`
	PaymentVersion    int64             `json:"payment_version"`

	// EventID is the place of the change among all; see [StreamQuery.After].
	EventID string `json:"-"`
}

// StreamQuery chooses changes of orders. The zero value chooses all, from now on.
type StreamQuery struct {
	CustomerID string
	// OrderID chooses the changes of one order; the zero id does not choose.
	OrderID uuid.UUID
	// After is the [OrderChange.EventID] after which to go on; empty begins with what changes from now on.
	After string
}

const (
	// streamSilenceMax is how long a stream may be silent before its connection counts as broken. The API writes a
	// comment every 15 s by default.
	streamSilenceMax = time.Minute
	// streamLineBytesMax bounds a line of the stream. An event has a megabyte at most.
	streamLineBytesMax = 4 << 20
	eventStreamMedia   = "text/event-stream"
)

// StreamOrders follows the changes of orders until ctx ends. A connection that breaks is made again, after the last
// change that arrived. So a change may come twice, and none is left out after the first one.
//
// The stream ends with an error, which is one of these:
//
//   - the error of ctx;
//   - a [*Problem], such as too_old when the changes after [StreamQuery.After] are not kept any more;
//   - the last failure, after [Retry.AttemptsMax] of them in a row.
func (c *Client) StreamOrders(ctx context.Context, q StreamQuery, options ...CallOption) iter.Seq2[OrderChange, error] {
	return func(yield func(OrderChange, error) bool) {
		s := &stream{client: c, what: "the changes of orders", after: q.After}
		s.request = func() *request {
			r := newRequest(http.MethodGet, ordersPath+"/stream", nil, options)
			r.set("customer_id", q.CustomerID)
			if q.OrderID != uuid.Nil {
				r.set("order_id", q.OrderID.String())
			}
			return r
		}
		s.handle = func(name, id string, data []byte) (more bool, err error) {
			if name != "order" {
				return true, nil
			}
			change := OrderChange{EventID: id}
			if err := json.Unmarshal(data, &change); err != nil {
				return false, fmt.Errorf("read the change %s: %w", id, err)
			}
			return yield(change, nil), nil
		}
		if err := s.run(ctx); err != nil {
			yield(OrderChange{}, err)
		}
	}
}

// stream is one caller's stream over several connections.
type stream struct {
	client *Client
	what   string // is followed, for errors
	// request makes the request of a connection.
	request func() *request
	// handle takes an event, and says whether the caller wants more.
	handle func(name, id string, data []byte) (more bool, err error)
	after  string        // the id of the last event
	retry  time.Duration // what the API asks to wait before the next connection
	left   bool          // the caller has seen enough
}

// run reads one connection after the other. It returns nil once the caller has seen enough.
func (s *stream) run(ctx context.Context) error {
	failures := 0
	for {
		opened, err := s.follow(ctx)
		if s.left {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if failures++; opened {
			failures = 1
		}
		wait, again := s.client.retry.next(failures, err)
		if !again {
			return fmt.Errorf("follow %s: %w", s.what, err)
		}
		if !pause(ctx, max(wait, s.retry)) {
			<-ctx.Done() // its deadline comes before the next attempt
			return ctx.Err()
		}
	}
}

// follow reads one connection to its end. opened is true when the stream had begun.
func (s *stream) follow(ctx context.Context) (opened bool, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilenceMax, cancel)
	defer silence.Stop()
	r := s.request()
	r.accept, r.lastEventID = eventStreamMedia, s.after
	endless := *s.client.http
	endless.Timeout = 0
	response, err := s.client.send(ctx, &endless, r, nil)
	if err != nil {
		return false, &lostError{err} // also when it was silent for too long
	}
	defer func() { _ = response.Body.Close() }()
	media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		content, err := readBody(response)
		if err != nil {
			return false, &lostError{err}
		}
		return false, problemOf(response, content)
	case media != eventStreamMedia:
		return false, fmt.Errorf("the answer is %q instead of a stream of events", media)
	}
	return true, s.read(response.Body, silence)
}

// read hands on one event after the other (HTML standard, section 9.2.6).
func (s *stream) read(body io.Reader, silence *time.Timer) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, streamLineBytesMax)
	var name, id string
	var data []string
	for lines.Scan() {
		silence.Reset(streamSilenceMax)
		if lines.Text() != "" {
			field, value, _ := strings.Cut(lines.Text(), ":")
			value = strings.TrimPrefix(value, " ")
			switch field { // an empty one is a comment
			case "event":
				name = value
			case "id":
				id = value
			case "data":
				data = append(data, value)
			case "retry":
				if ms, err := strconv.ParseUint(value, 10, 31); err == nil {
					s.retry = time.Duration(ms) * time.Millisecond
				}
			}
			continue
		}
		if len(data) > 0 {
			more, err := s.handle(name, id, []byte(strings.Join(data, "\n")))
			if err != nil {
				return err
			}
			if s.left = !more; s.left {
				return nil
			}
		}
		if id != "" {
			s.after = id
		}
		name, data = "", nil
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) { // it would be as long the next time
		return fmt.Errorf("read the event after %q: %w", s.after, err)
	}
	return &lostError{errors.Join(errors.New("the stream broke off"), lines.Err())}
}
