package api

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodAmend = `{"shipping_address": {"street": "Neue Str. 1", "city": "Berlin", "zip": "10115", "country": "DE"}}`

func TestAmendOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed}
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/amend"), goodAmend).status)
	r := b.requests[0].(workflows.AmendRequest)
	require.Equal(t, "DE", r.Country)
	require.Equal(t, "customer", r.By)
	var recipient order.Recipient
	require.NoError(t, b.Open(t.Context(), r.Personal, &recipient))
	require.Equal(t, "Neue Str. 1", recipient.ShippingAddress.Line1)
	require.NotContains(t, b.log.String(), "Neue Str")
}

// The answer got lost, and the order has moved on: the request is known, and done.
func TestAnAmendmentThatComesAgainIsAnsweredAsDone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed}
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/amend"), goodAmend, "Idempotency-Key", "k").status)
	first := b.requests[0].(workflows.AmendRequest)
	b.folds[someOrder] = order.Evolve(order.Order{ID: someOrder, Number: v.OrderNumber, Status: order.StatusShipped},
		order.ShippingAddressAmended{RequestID: first.RequestID, RequestHash: first.RequestHash, Personal: first.Personal})
	for name, err := range map[string]error{"it has left": domain.Refuse(codeNotAmendable, "it has left"), "no saga": domain.Refuse(codeNotFound, "no open saga")} {
		t.Run(name, func(t *testing.T) {
			b.cancelErr = err
			again := b.post(t, orderPath("/amend"), goodAmend, "Idempotency-Key", "k")
			require.Equal(t, http.StatusOK, again.status, again.body)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Contains(t, again.body, `"status":"shipped"`)
			other := strings.Replace(goodAmend, "10115", "10117", 1)
			b.post(t, orderPath("/amend"), other, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
			b.post(t, orderPath("/amend"), goodAmend, "Idempotency-Key", "another").problem(t, http.StatusConflict, codeNotAmendable)
			b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusConflict, codeNotAmendable)
		})
	}
}

func TestAmendOrderRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	p := b.post(t, orderPath("/amend"), `{"shipping_address": {"street": "", "city": 1, "country": "X"}, "by": "me"}`).
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{
		"body:shipping_address.line1", "body:shipping_address.city", "body:shipping_address.country", "body:by",
	}, p.fields())
	require.True(t, b.untouched())
	for _, code := range []domain.ErrorCode{codeNotAmendable, codeCountryFixed} {
		t.Run(string(code), func(t *testing.T) {
			b.cancelErr = domain.Refuse(code, "because")
			p := b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusConflict, code)
			require.Equal(t, order.StatusShipped, p.Order.Status)
		})
	}
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusConflict, codeNotAmendable)
	b.cancelErr = fmt.Errorf("%w: %w", sagaclient.ErrUnavailable, context.DeadlineExceeded)
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.vaultErr = errAway
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
