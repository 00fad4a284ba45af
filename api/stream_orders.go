package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

const (
	// streamWriteTimeout is how long a client may keep from taking what is sent before it is let go.
	streamWriteTimeout = 10 * time.Second
	// streamCheckWait is how long the answer waits to learn that its Last-Event-ID is good for nothing.
	streamCheckWait = 300 * time.Millisecond
	lastEventIDMax  = 128
	// streamRetryMilliseconds is after how long a client comes back by itself.
	streamRetryMilliseconds = 2000
)

// streamOrders follows the changes of orders: GET /api/v1/orders/stream. The id of each event is its
// place among all changes, so that a client which comes back goes on where it stopped, at any process.
func (a *API) streamOrders(ctx context.Context, x *exchange) error {
	p := x.query("customer_id", "order_id")
	only := filter{customerID: p.text("customer_id")}
	if id := p.text("order_id"); id != "" {
		var err error
		if only.orderID, err = uuid.Parse(id); err != nil {
			x.blame(inQuery, "order_id", "must be a UUID, got %q", clip(id))
		}
	}
	after := x.GetHeader("Last-Event-ID")
	if len(after) > lastEventIDMax {
		x.blame(inHeader, "Last-Event-ID", "has at most %d characters", lastEventIDMax)
	}
	if err := x.invalid(); err != nil {
		return err
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		return newProblem(codeOverloaded, "too many clients follow the orders")
	}
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	return a.follow(ctx, x, only, after)
}

// follow sends changes until the client goes, the API drains, or they can't be followed.
func (a *API) follow(ctx context.Context, x *exchange, only filter, after string) error {
	ctx, cancel := context.WithCancel(ctx)
	changes, failed := make(chan readmodel.Change), make(chan error, 1)
	go func() {
		failed <- a.changes.Follow(ctx, after, func(c readmodel.Change) error {
			if !only.takes(c) {
				return nil
			}
			select {
			case changes <- c:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		close(failed)
	}()
	defer func() {
		cancel()
		for range failed { // until the follower has let go of everything
		}
	}()
	keepAlive := time.NewTicker(a.limits.StreamKeepAlive)
	defer keepAlive.Stop()
	s := stream{x: x, control: http.NewResponseController(x.Writer)}
	if after == "" {
		s.open()
	}
	check := time.NewTimer(streamCheckWait)
	defer check.Stop()
	for !s.gone {
		select {
		case c := <-changes:
			s.open()
			s.event(c)
		case <-keepAlive.C:
			s.open()
			s.comment("here")
		case <-check.C:
			s.open()
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return streamProblem(err) // a client whose stream has begun comes back, and is told then
		case <-a.drained:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func streamProblem(err error) error {
	switch domain.Code(err) {
	case codeInvalid:
		return invalid([]fieldError{{In: inHeader, Field: "Last-Event-ID", Message: "is no id of an event of this stream"}})
	case codeTooOld:
		return newProblem(codeTooOld, "")
	}
	return unavailable(fmt.Errorf("follow the changes of orders: %w", err))
}

// filter says which changes a client follows.
type filter struct {
	customerID string
	orderID    uuid.UUID
}

func (f filter) takes(c readmodel.Change) bool {
	// Without a status only the payment was heard of so far.
	return c.Status != "" && (f.orderID == uuid.Nil || f.orderID == c.OrderID) && (f.customerID == "" || f.customerID == c.CustomerID)
}

// changeBody is the data of an event.
type changeBody struct {
	OrderNumber string `json:"order_number"`
	readmodel.Change
}

// stream writes server-sent events (HTML standard, section 9.2.5). gone is true once the client does
// not take them any more.
type stream struct {
	x       *exchange
	control *http.ResponseController
	opened  bool
	gone    bool
}

// open sends the header, once.
func (s *stream) open() {
	if s.opened {
		return
	}
	s.opened = true
	h := s.x.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx keeps the events to itself
	s.x.Writer.WriteHeader(http.StatusOK)
	// The limit for the reading of a request would end the stream: the server reads on, to notice when
	// the client goes.
	_ = s.control.SetReadDeadline(time.Time{})
	s.write(fmt.Sprintf("retry: %d\n\n", streamRetryMilliseconds))
}

func (s *stream) event(c readmodel.Change) {
	data, err := json.Marshal(changeBody{OrderNumber: order.Number(c.OrderID), Change: c})
	if err != nil {
		s.x.cause, s.gone = err, true
		return
	}
	s.write("id: " + c.Position + "\nevent: order\ndata: " + string(data) + "\n\n")
}

func (s *stream) comment(text string) { s.write(": " + text + "\n\n") }

func (s *stream) write(text string) {
	if s.gone {
		return
	}
	// Not every writer knows deadlines; those of real connections do.
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
	_, err := s.x.Writer.WriteString(text)
	s.gone = err != nil || s.control.Flush() != nil
}
