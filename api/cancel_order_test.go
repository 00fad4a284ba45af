package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodCancel = `{"reason": "customer_request"}`

func TestCancelOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: order.Number(someOrder), Status: order.StatusCancelled, Reason: "customer_request"}
	a := b.post(t, orderPath("/cancel"), goodCancel)
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, "cancelled", a.object(t)["status"])
	require.Equal(t, []workflows.CancelRequest{{Reason: "customer_request", By: "customer"}}, b.cancelled)
	b.post(t, orderPath("/cancel"), `{"reason": "fraud", "by": "operator"}`)
	require.Equal(t, "operator", b.cancelled[1].By)
}

func TestCancelOrderThatWasCancelledBefore(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusCancelled, "")
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	a := b.post(t, orderPath("/cancel"), goodCancel)
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "cancelled", a.object(t)["status"])
	require.Equal(t, "true", a.header.Get("Idempotent-Replayed"))
	for name, body := range map[string]string{
		"for another reason": `{"reason": "fraud"}`, "by another": `{"reason": "customer_request", "by": "operator"}`,
	} {
		t.Run(name, func(t *testing.T) {
			p := b.post(t, orderPath("/cancel"), body).problem(t, http.StatusConflict, order.CodeAlreadyCancelled)
			require.Equal(t, "customer_request", p.Order.Reason)
			require.Equal(t, order.ByCustomer, p.Order.CancelledBy)
		})
	}
}

func TestCancelOrderThatHasLeft(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status order.Status
		err    error
	}{
		"shipped":   {order.StatusShipped, domain.Refuse(codeNotCancellable, "it has left")},
		"delivered": {order.StatusDelivered, domain.Refuse(codeNotFound, "no open saga")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			v := b.givenOrder(t, tc.status, order.ShipmentStatusDispatched)
			v.Status = order.StatusConfirmed // the view lags behind
			b.views[someOrder] = v
			b.cancelErr = tc.err
			p := b.post(t, orderPath("/cancel"), goodCancel).problem(t, http.StatusConflict, codeNotCancellable)
			require.Equal(t, tc.status, p.Order.Status)
			require.Equal(t, someOrder, p.Order.OrderID)
		})
	}
}

func TestCancelOrderThatTakesLong(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.CancelWait = time.Millisecond })
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelWaits = true
	a := b.post(t, orderPath("/cancel"), goodCancel)
	require.Equal(t, http.StatusAccepted, a.status)
	require.Equal(t, "confirmed", a.object(t)["status"])
}

// A saga that has just been reset takes a request in before it knows where its order stands.
func TestWhatTakesLongIsAnsweredByWhatTheEventsTell(t *testing.T) {
	t.Parallel()
	t.Run("a shipment has left", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
		b.cancelState = workflows.OrderState{OrderID: someOrder, Status: order.StatusCreated, UnderWay: true}
		p := b.post(t, orderPath("/cancel"), goodCancel).problem(t, http.StatusConflict, codeNotCancellable)
		require.Equal(t, order.StatusShipped, p.Order.Status)
	})
	t.Run("it is cancelled, and not all is undone", func(t *testing.T) {
		t.Parallel()
		b := setup(t)
		b.givenOrder(t, order.StatusCancelled, "")
		b.cancelState = workflows.OrderState{OrderID: someOrder, Status: order.StatusCancelled, UnderWay: true}
		a := b.post(t, orderPath("/cancel"), goodCancel)
		require.Equal(t, http.StatusAccepted, a.status)
		require.Empty(t, a.header.Get("Idempotent-Replayed"))
	})
}

// The domain would let it happen, but nobody is there to do it.
func TestAChangeThatIsPossibleWhileNoSagaRuns(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	for path, body := range map[string]string{"/cancel": goodCancel, "/lines/cancel": goodCancelLines, "/amend": goodAmend} {
		t.Run(path, func(t *testing.T) {
			a := b.post(t, orderPath(path), body)
			a.problem(t, http.StatusServiceUnavailable, codeUnavailable)
			require.NotEmpty(t, a.header.Get("Retry-After"))
		})
	}
}

func TestCancelOrderThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/cancel"), goodCancel).problem(t, http.StatusNotFound, codeNotFound)
}

func TestCancelOrderWhileTemporalCannotBeReached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.cancelErr = sagaclient.ErrUnavailable
	b.post(t, orderPath("/cancel"), goodCancel).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

func TestCancelOrderRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for body, fields := range map[string][]string{
		`{}`:                                {"body:reason"},
		`{"reason": ""}`:                    {"body:reason"},
		`{"reason": " "}`:                   {"body:reason"},
		`{"reason": 7, "by": "me", "x": 1}`: {"body:reason", "body:by", "body:x"},
		`{"reason": "` + strings.Repeat("x", 201) + `"}`: {"body:reason"},
		`{"reason": "a\u0007b"}`:                         {"body:reason"},
	} {
		t.Run(domain.Clip(body), func(t *testing.T) {
			require.ElementsMatch(t, fields, b.post(t, orderPath("/cancel"), body).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
	p := b.post(t, "/api/v1/orders/42/cancel", `{}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"path:order_id", "body:reason"}, p.fields())
	b.post(t, orderPath("/cancel"), `{`).problem(t, http.StatusBadRequest, codeMalformedJSON)
	b.post(t, orderPath("/cancel"), "").problem(t, http.StatusUnsupportedMediaType, codeMediaType)
	b.post(t, orderPath("/cancel"), "", "Content-Type", "application/json").problem(t, http.StatusBadRequest, codeMalformedJSON)
	require.True(t, b.untouched())
}
