package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const goodAmend = `{"shipping_address": {"street": "Neue Str. 1", "city": "Berlin", "zip": "10115", "country": "DE"}}`

func TestAmendOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentPlanned)
	b.cancelState = workflows.OrderState{OrderID: someOrder, OrderNumber: v.OrderNumber, Status: order.StatusConfirmed}
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/amend"), goodAmend).status)
	r := b.requests[0].(workflows.AmendRequest)
	require.Equal(t, "DE", r.Country)
	require.Equal(t, "customer", r.By)
	var recipient order.Recipient
	require.NoError(t, b.Open(t.Context(), r.Personal, &recipient))
	require.Equal(t, "Neue Str. 1", recipient.ShippingAddress.Street)
	require.NotContains(t, b.log.String(), "Neue Str")
}

func TestAmendOrderRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusNotFound, codeNotFound)
	b.givenOrder(t, order.StatusShipped, order.ShipmentInTransit)
	p := b.post(t, orderPath("/amend"), `{"shipping_address": {"street": "", "city": 1, "country": "X"}, "by": "me"}`).
		problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{
		"body:shipping_address.street", "body:shipping_address.city", "body:shipping_address.zip", "body:shipping_address.country", "body:by",
	}, p.fields())
	require.True(t, b.untouched())
	for _, code := range []string{codeNotAmendable, codeCountryFixed} {
		b.cancelErr = domain.Refuse(code, "because")
		p := b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusConflict, code)
		require.Equal(t, order.StatusShipped, p.Order.Status)
	}
	b.cancelErr = domain.Refuse(codeNotFound, "no open saga")
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusConflict, codeNotAmendable)
	b.cancelErr = fmt.Errorf("%w: %w", workflows.ErrUnavailable, context.DeadlineExceeded)
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.vaultErr = errors.New("no key")
	b.post(t, orderPath("/amend"), goodAmend).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
