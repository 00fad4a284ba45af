package api

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
)

// Sandbox is what a platform for trying can be asked for besides. All calls may be repeated. Errors: as [Sagas].
type Sandbox interface {
	// AdvanceClock sets the clock of an order to when the next timer of its saga goes off. Errors: no_timer; not_found
	// when no saga of the order is running; context.DeadlineExceeded as with CancelOrder.
	AdvanceClock(ctx context.Context, orderID uuid.UUID, r workflows.AdvanceRequest) (workflows.OrderState, error)
	// AdvanceEnded does so for an order without a saga, whose returns may wait. Errors: no_timer.
	AdvanceEnded(ctx context.Context, in workflows.AdvanceInput) error
	// ConfirmAtBank plays the customer at the bank. Errors: gateway_refused.
	ConfirmAtBank(ctx context.Context, in workflows.BankConfirmation) error
}

// modeHeader tells in every answer of a platform for trying what it is.
const modeHeader = "Orderloom-Mode"

var testMode = []string{"test"}

// sandboxRoutes are those of a platform for trying.
func (a *API) sandboxRoutes() []httpx.Route {
	return []httpx.Route{
		{Method: "POST", Path: "/api/v1/test/orders/{order_id}/advance", Handle: httpx.Body(a.advanceClock)},
		{Method: "GET", Path: "/sandbox/bank/{reference}", Open: true, Handle: a.getBank},
		{Method: "POST", Path: "/sandbox/bank/{reference}/confirm", Open: true, Handle: a.atBank(true)},
		{Method: "POST", Path: "/sandbox/bank/{reference}/decline", Open: true, Handle: a.atBank(false)},
	}
}

// advancedClock is the answer of POST /api/v1/test/orders/{order_id}/advance.
type advancedClock struct {
	OrderID uuid.UUID `json:"order_id"`
	// Timer is what went off, by the order's clock at DueAt.
	Timer order.Timer `json:"timer"`
	DueAt time.Time   `json:"due_at"`
	// OrderTime is the order's time now.
	OrderTime time.Time `json:"order_time"`
	// Order is where it stands.
	Order *orderState `json:"order"`
}

// advanceClock sets the clock of an order to when its next timer goes off: POST /api/v1/test/orders/{order_id}/advance.
// It answers 200 once what is due then is done, and 202 where that takes longer. Under the same Idempotency-Key one
// timer goes off, however often the request comes.
func (a *API) advanceClock(ctx context.Context, x *httpx.Exchange, _ *nothingMore) error {
	id := x.UUID("order_id")
	x.About("order_id", id)
	r := workflows.AdvanceRequest{RequestID: x.KeyedID(domain.DerivedID(advanceNamespace, id.String()))}
	wait, cancel := context.WithTimeout(ctx, a.limits.CancelWait)
	defer cancel()
	state, err := a.sandbox.AdvanceClock(wait, id, r)
	if notRunning(err) {
		err = a.advanceEnded(wait, id, r)
	}
	late := state.UnderWay || errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
	if err != nil && !late {
		return a.withState(ctx, x, err)
	}
	o, err := a.history.Order(ctx, id)
	if err != nil {
		return err
	}
	done, recorded := o.Advances(r.RequestID)
	if !recorded {
		return noSaga() // it is under way, and nothing is to be told yet
	}
	status := http.StatusOK
	if late {
		status = http.StatusAccepted
		x.Writer.Header().Set("Retry-After", "1")
	}
	replay(x, state.Replayed)
	return x.JSON(status, advancedClock{
		OrderID: id, Timer: done.Timer, DueAt: done.DueAt, OrderTime: o.Now(a.now()).UTC().Truncate(time.Microsecond), Order: stateOf(o),
	})
}

// advanceEnded advances the clock of an order that has ended. Error: unavailable for one that has not.
func (a *API) advanceEnded(ctx context.Context, id uuid.UUID, r workflows.AdvanceRequest) error {
	o, err := a.order(ctx, id)
	switch {
	case err != nil:
		return err
	case !o.Status.Ended():
		return noSaga()
	}
	return a.sandbox.AdvanceEnded(ctx, workflows.AdvanceInput{OrderID: id, AdvanceRequest: r})
}
