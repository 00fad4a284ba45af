package api

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
)

// streamCheckWait is how long the answer waits to learn that its Last-Event-ID is good for nothing.
const streamCheckWait = 300 * time.Millisecond

// streamOrders follows the changes of orders: GET /api/v1/orders/stream. The id of each event is its place among all
// changes. So a client that comes back goes on where it stopped, at any process.
func (a *API) streamOrders(ctx context.Context, x *httpx.Exchange) error {
	only := filter{caller: x.Caller, customerID: x.QueryText("customer_id"), orderID: x.UUID("order_id")}
	if err := a.streams.Take(x.Party()); err != nil {
		return err
	}
	defer a.streams.Give(x.Party())
	a.following.Inc()
	defer a.following.Dec()
	return a.follow(ctx, x, only, x.GetHeader("Last-Event-ID"))
}

// follow sends changes until the client goes or may not see them any more, the API drains, or they can't be followed.
func (a *API) follow(ctx context.Context, x *httpx.Exchange, only filter, after string) error {
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
	admitted := time.NewTicker(httpx.AdmittedEvery)
	defer admitted.Stop()
	s := x.EventStream()
	if after == "" {
		s.Open()
	}
	check := time.NewTimer(streamCheckWait)
	defer check.Stop()
	for !s.Gone() {
		select {
		case c := <-changes:
			data, err := json.Marshal(changeBody{OrderNumber: order.Number(c.OrderID), Change: c})
			if err != nil {
				return fmt.Errorf("encode a change: %w", err)
			}
			s.Send(c.Position, "order", "OrderChange", data)
		case <-keepAlive.C:
			s.Comment("here")
		case <-check.C:
			s.Open()
		case err := <-failed:
			if ctx.Err() != nil {
				return nil
			}
			return streamProblem(err) // a client whose stream has begun comes back, and is told then
		case <-admitted.C:
			if !x.Admitted(ctx) {
				return nil // a client that comes back is told why
			}
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
	case domain.CodeInvalid:
		return httpx.Invalid([]httpx.FieldError{{In: httpx.InHeader, Field: "Last-Event-ID", Message: "is no id of an event of this stream"}})
	case readmodel.CodeTooOld:
		return newProblem(readmodel.CodeTooOld, "")
	}
	return fmt.Errorf("follow the changes of orders: %w", err)
}

// filter says which changes a client follows.
type filter struct {
	caller     *access.Caller
	customerID string
	orderID    uuid.UUID
}

func (f filter) takes(c readmodel.Change) bool {
	// Without a status, the view has events of the payment only so far.
	return c.Status != "" && f.caller.Sees(c.Account, c.Channel, c.CustomerID) &&
		(f.orderID == uuid.Nil || f.orderID == c.OrderID) && (f.customerID == "" || f.customerID == c.CustomerID)
}

// changeBody is the data of an event.
type changeBody struct {
	OrderNumber string `json:"order_number"`
	readmodel.Change
}
