package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

const (
	// changesMax is how many changes are read at once.
	changesMax = 100
	// streamWriteTimeout is how long a client may keep from taking what is sent before it is let go.
	streamWriteTimeout = 10 * time.Second
	lastEventIDMax     = 128
	// streamRetryMilliseconds is after how long a client comes back by itself.
	streamRetryMilliseconds = 2000
)

// streamOrders follows the changes of orders: GET /api/v1/orders/stream.
//
// The id of each event is a cursor, so that a client which comes back goes on where it stopped, at any
// process. Events are of the order as it stands, not of what happened to it: who reads slowly reads
// less, and ends at the same state.
func (a *API) streamOrders(ctx context.Context, x *exchange) error {
	p := x.query("customer_id", "order_id")
	only := filter{customerID: p.text("customer_id")}
	if id := p.text("order_id"); id != "" {
		var err error
		if only.orderID, err = uuid.Parse(id); err != nil {
			x.blame(inQuery, "order_id", "must be a UUID, got %q", clip(id))
		}
	}
	cursor := x.GetHeader("Last-Event-ID")
	if len(cursor) > lastEventIDMax {
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
	// The first look comes before the first byte, so that a wrong cursor is a problem like any other.
	changed, next, err := a.follower.after(ctx, cursor)
	switch {
	case domain.Code(err) == codeInvalid:
		return invalid([]fieldError{{In: inHeader, Field: "Last-Event-ID", Message: "is no id of an event of this stream"}})
	case domain.Code(err) == codeCursorExpired:
		return newProblem(codeCursorExpired, "")
	case err != nil:
		return unavailable(fmt.Errorf("read the changes of orders: %w", err))
	}
	s := stream{x: x, control: http.NewResponseController(x.Writer)}
	if err := s.open(next, cursor == ""); err != nil {
		return nil //nolint:nilerr // the client has gone
	}
	a.metrics.streams.Inc()
	defer a.metrics.streams.Dec()
	if err := a.follow(ctx, &s, only, changed, next); err != nil {
		x.cause = err // the answer has begun: the client comes back by itself
	}
	return nil
}

// follow sends changes until the client goes, the API drains, or they can't be read.
func (a *API) follow(ctx context.Context, s *stream, only filter, changed []uuid.UUID, next string) error {
	tick := time.NewTicker(a.limits.StreamPoll)
	defer tick.Stop()
	cursor, quietSince := next, a.now()
	for {
		sent, err := a.sendChanges(ctx, s, only, changed, next)
		if err != nil || s.gone {
			return err
		}
		switch {
		case sent:
			quietSince = a.now()
		case a.now().Sub(quietSince) >= a.limits.StreamKeepAlive:
			s.comment("here")
			quietSince = a.now()
		}
		cursor = next
		if len(changed) < changesMax {
			select {
			case <-tick.C:
			case <-a.drained:
				return nil
			case <-ctx.Done():
				return nil
			}
		}
		if changed, next, err = a.follower.after(ctx, cursor); err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return fmt.Errorf("read the changes of orders: %w", err)
		}
	}
}

// sendChanges sends an event for each order that has changed and passes the filter. Only the last has
// an id: until it arrives, the client comes back to where it was before.
func (a *API) sendChanges(ctx context.Context, s *stream, only filter, changed []uuid.UUID, next string) (sent bool, err error) {
	seen := make(map[uuid.UUID]bool, len(changed))
	for _, id := range changed {
		if seen[id] || !only.takesID(id) {
			continue
		}
		seen[id] = true
		v, err := a.orders.Order(ctx, id)
		switch {
		case domain.Code(err) == codeNotFound:
			continue // the payment was heard of before the order
		case err != nil && ctx.Err() != nil:
			return sent, nil
		case err != nil:
			return sent, fmt.Errorf("read order %s: %w", id, err)
		}
		if only.takes(v) {
			s.event(changeOf(v))
			sent = true
		}
	}
	if len(changed) > 0 {
		s.id(next)
	}
	s.flush()
	return sent, nil
}

// filter says which orders a client follows.
type filter struct {
	customerID string
	orderID    uuid.UUID
}

func (f filter) takesID(id uuid.UUID) bool { return f.orderID == uuid.Nil || f.orderID == id }

func (f filter) takes(v readmodel.OrderView) bool {
	return f.customerID == "" || f.customerID == v.CustomerID
}

// orderChange is the data of an event: where an order stands, without what is personal.
type orderChange struct {
	OrderID           uuid.UUID    `json:"order_id"`
	OrderNumber       string       `json:"order_number"`
	CustomerID        string       `json:"customer_id"`
	Status            order.Status `json:"status"`
	PaymentStatus     string       `json:"payment_status"`
	FulfillmentStatus string       `json:"fulfillment_status"`
	Total             money.Money  `json:"total"`
	UpdatedAt         time.Time    `json:"updated_at"`
	Version           int64        `json:"version"`
	PaymentVersion    int64        `json:"payment_version"`
}

func changeOf(v readmodel.OrderView) orderChange {
	return orderChange{
		OrderID: v.OrderID, OrderNumber: v.OrderNumber, CustomerID: v.CustomerID, Status: v.Status, PaymentStatus: v.PaymentStatus,
		FulfillmentStatus: v.FulfillmentStatus, Total: v.Total, UpdatedAt: v.UpdatedAt, Version: v.Version, PaymentVersion: v.PaymentVersion,
	}
}

// stream writes server-sent events (HTML standard, section 9.2.5). gone is true once the client does
// not take them any more.
type stream struct {
	x       *exchange
	control *http.ResponseController
	gone    bool
}

// open sends the header. A stream that begins now has its cursor at once, so that a client that is
// cut off before the first event misses nothing.
func (s *stream) open(cursor string, begins bool) error {
	h := s.x.Writer.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx keeps the events to itself
	s.x.Writer.WriteHeader(http.StatusOK)
	s.write(fmt.Sprintf("retry: %d\n", streamRetryMilliseconds))
	if begins {
		s.id(cursor)
	} else {
		s.write("\n")
	}
	s.flush()
	if s.gone {
		return http.ErrAbortHandler
	}
	return nil
}

func (s *stream) event(v any) {
	data, err := json.Marshal(v)
	if err != nil {
		s.x.cause = err
		return
	}
	s.write("event: order\ndata: " + string(data) + "\n\n")
}

// id moves the cursor of the client. An event without data is not shown to it, but its id counts.
func (s *stream) id(cursor string) { s.write("id: " + cursor + "\n\n") }

func (s *stream) comment(text string) {
	s.write(": " + text + "\n\n")
	s.flush()
}

func (s *stream) write(text string) {
	if s.gone {
		return
	}
	// Not every writer knows deadlines; those of real connections do.
	_ = s.control.SetWriteDeadline(time.Now().Add(streamWriteTimeout))
	_, err := s.x.Writer.WriteString(text)
	s.gone = err != nil
}

func (s *stream) flush() {
	if !s.gone {
		s.gone = s.control.Flush() != nil
	}
}

// follower reads the changes for all streams of the process. Those that are up to date have the same
// cursor and share one look.
type follower struct {
	source Changes
	maxAge time.Duration

	mu      sync.Mutex
	at      time.Time
	cursor  string
	changed []uuid.UUID
	next    string
}

// after returns what changed after a cursor, seen within the last moment.
func (f *follower) after(ctx context.Context, cursor string) ([]uuid.UUID, string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if cursor != "" && cursor == f.cursor && time.Since(f.at) < f.maxAge/2 {
		return f.changed, f.next, nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	changed, next, err := f.source.Changes(ctx, cursor, changesMax)
	if err != nil {
		return nil, "", err
	}
	f.cursor, f.changed, f.next, f.at = cursor, changed, next, time.Now()
	return changed, next, nil
}
