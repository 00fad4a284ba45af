package api

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/inventory"
	"github.com/orderloom/orderloom/domain/location"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const goodExchange = `{"lines": [{"sku": "SKU-1", "quantity": 1, "reason": "does_not_fit"}], "reason": "too_small", "by": "office",
	"order": {"items": [{"product_id": "p", "sku": "SKU-9", "quantity": 1, "unit_price": "24.90"}], "payment_token": "tok_new"}}`

func TestAnExchangeIsAnOrderThatGoodsPayFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	answer := b.post(t, orderPath("/exchanges?preview=true"), goodExchange)
	require.Equal(t, http.StatusOK, answer.status, answer.body)
	for _, part := range []string{
		`"value":{"amount":"19.90"`, `"total":{"amount":"24.90"`, `"credit":{"amount":"19.90"`, `"due":{"amount":"5.00"`, `"refund":{"amount":"0.00"`,
	} {
		require.Contains(t, answer.body, part)
	}
	require.True(t, b.untouched())
	b.settles = settlesAs(order.StatusConfirmed)
	answer = b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	require.Len(t, b.started, 1)
	in := slices.Collect(maps.Values(b.started))[0]
	require.Equal(t, "24.90 EUR", in.Total().String())
	require.Equal(t, "cust-1", in.CustomerID)
	require.Equal(t, order.Exchange{OrderID: someOrder, ReturnID: domain.DerivedID(in.OrderID, "return"), OnReceipt: true}, in.Exchange.Exchange)
	require.Equal(t, []order.ReturnLine{{SKU: "SKU-1", Quantity: 1, Restock: true, Reason: "does_not_fit"}}, in.Exchange.Lines)
	require.Contains(t, answer.body, `"new_order_id":"`+in.OrderID.String()+`"`)
	b.settles = settlesAs(order.StatusCancelled)
	b.post(t, orderPath("/exchanges"), goodExchange).problem(t, http.StatusConflict, codeExchangeDeclined)
	declined := order.Order{Status: order.StatusCancelled, CancelledBy: order.BySystem, CancelReason: order.ReasonPaymentDeclined, RequestHash: in.RequestHash}
	b.folds[in.OrderID] = declined
	b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k").problem(t, http.StatusConflict, codeExchangeDeclined)
	declined.CancelledBy = order.ByCustomer
	b.folds[in.OrderID] = declined
	again := b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k")
	require.Equal(t, http.StatusCreated, again.status, "it was placed, whatever has become of it")
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	b.settleErr = context.DeadlineExceeded
	require.Equal(t, http.StatusAccepted, b.post(t, orderPath("/exchanges"), goodExchange).status)
}

func TestExchangesAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	o := b.givenPaidOrder(t)
	p := b.post(t, orderPath("/exchanges"), `{"lines": [], "reason": "", "order": {"items": [], "currency": "EUR"}}`).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"body:lines", "body:reason", "body:order.items", "body:order.currency"}, p.fields())
	const withoutToken = `{"lines": [{"sku": "SKU-1", "quantity": 1, "reason": "other"}], "reason": "r", "by": "office",
		"order": {"items": [{"product_id": "p", "sku": "SKU-9", "quantity": 1, "unit_price": "24.90"}]}}`
	b.post(t, orderPath("/exchanges"), withoutToken).problem(t, http.StatusConflict, payment.CodePaymentMethodNotKept)
	o.Status = order.StatusShipped
	b.folds[someOrder] = o
	b.post(t, orderPath("/exchanges"), goodExchange).problem(t, http.StatusConflict, order.CodeNotReturnable)
	require.True(t, b.untouched())
}

// A new order of an exchange is known by what any order is known by.
func TestAnExchangesOrderHasReferencesAndMayWait(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	b.settles = settlesAs(order.StatusConfirmed)
	with := func(reference, more string) string {
		return strings.Replace(goodExchange, `"payment_token"`, `"external_reference": " `+reference+` ", "tags": ["b", " a "], `+more+`"payment_token"`, 1)
	}
	answer := b.post(t, orderPath("/exchanges"), with("WEB-2", `"allow_backorder": true, `))
	require.Equal(t, http.StatusCreated, answer.status, answer.body)
	in := slices.Collect(maps.Values(b.started))[0]
	require.Equal(t, "WEB-2", in.ExternalReference)
	require.Equal(t, []string{"a", "b"}, in.Tags)
	require.True(t, in.AllowBackorder)
	require.Equal(t, in.OrderID, b.claims["/WEB-2"].OrderID)
	v := b.views[someOrder]
	v.OrderID, v.References = in.OrderID, in.References
	b.views[in.OrderID] = v
	p := b.post(t, orderPath("/exchanges"), with("WEB-2", "")).problem(t, http.StatusConflict, order.CodeExternalReferenceTaken)
	require.NotNil(t, p.Order)
	b.post(t, orderPath("/exchanges"), with(`a\u0007b`, "")).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Len(t, b.started, 1)
}

// What a new order may not have, that of an exchange may not have either.
func TestWhatIsWrongWithAnExchangesOrderIsNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	for part, field := range map[string]string{
		`"tags": ["\u200b"], `: "body:order.tags[0]",
		`"discounts": [{"target": "order", "amount": "99.00"}], `: "body:order.discounts[0].amount",
	} {
		p := b.post(t, orderPath("/exchanges"), strings.Replace(goodExchange, `"payment_token"`, part+`"payment_token"`, 1)).
			problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{field}, p.fields())
	}
	dollars := strings.Replace(goodExchange, `"unit_price"`, `"currency": "USD", "unit_price"`, 1)
	p := b.post(t, orderPath("/exchanges"), dollars).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"body:order.items[0].currency"}, p.fields())
	require.Empty(t, b.started)
}

// A key that is for some channels places no order in another one, in whatever way.
func TestAnExchangesOrderIsInAChannelOfTheKey(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = owners() })
	b.ownedOrder(t, "shop", "web", "cust-1")
	v := b.views[someOrder]
	o := b.givenPaidOrder(t)
	o.Channel = v.Channel
	b.folds[someOrder], b.views[someOrder] = o, v
	b.settles = settlesAs(order.StatusConfirmed)
	mine := strings.Replace(goodExchange, `"by": "office",`, "", 1)
	elsewhere := strings.Replace(mine, `"payment_token"`, `"channel": "branch", "payment_token"`, 1)
	p := b.post(t, orderPath("/exchanges"), elsewhere, "Authorization", "Bearer web").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"body:order.channel"}, p.fields())
	require.Equal(t, http.StatusCreated, b.post(t, orderPath("/exchanges"), mine, "Authorization", "Bearer web").status)
}

// A preview tells what would be refused: goods that are not there, unless the order may wait for them.
func TestAPreviewOfAnExchangeLooksAtTheStock(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	b.stock["SKU-9"] = nil
	b.post(t, orderPath("/exchanges?preview=true"), goodExchange).problem(t, http.StatusConflict, codeExchangeDeclined)
	waits := strings.Replace(goodExchange, `"payment_token"`, `"allow_backorder": true, "payment_token"`, 1)
	require.Equal(t, http.StatusOK, b.post(t, orderPath("/exchanges?preview=true"), waits).status)
}

// An exchange that can't be placed is refused at once, however often it is asked for. Its order does not exist.
func TestAnExchangeThatCanNotBePlacedIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenPaidOrder(t)
	b.settleErr = domain.Refuse(codeNotFound, "nothing was recorded")
	for refusal, want := range map[*domain.Error]struct {
		status int
		code   domain.ErrorCode
	}{
		domain.Refuse(inventory.CodeOutOfStock, "short by one"):   {http.StatusConflict, codeExchangeDeclined},
		domain.Refuse(order.CodeNotReturnable, "not delivered"):   {http.StatusConflict, order.CodeNotReturnable},
		domain.Invalid("lines[0]", "more than were delivered"):    {http.StatusUnprocessableEntity, codeInvalid},
		domain.Refuse(domain.CodeNotFound, "no order in dollars"): {http.StatusNotFound, codeNotFound},
	} {
		b.refusal = refusal
		for range 2 {
			b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k").problem(t, want.status, want.code)
		}
	}
	b.refusal = nil
	require.Equal(t, http.StatusAccepted, b.post(t, orderPath("/exchanges"), goodExchange, "Idempotency-Key", "k").status)
	placed := slices.Collect(maps.Keys(b.started))[0]
	require.Equal(t, http.StatusOK, b.get(t, ordersPath+"/"+placed.String()).status, "it is accepted")
	b.memoFailed = true
	b.get(t, ordersPath+"/"+placed.String()).problem(t, http.StatusNotFound, codeNotFound)
}

// givenPaidOrder is a delivered order whose shipment is captured, and that its payment covers.
func (b *testBundle) givenPaidOrder(t *testing.T) order.Order {
	t.Helper()
	o := b.givenMoney(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	o.ShipToCountry = "DE"
	b.folds[someOrder] = o
	b.net = location.Network{Locations: []location.Location{{ID: "berlin", Active: true}}}
	b.stock["SKU-9"] = []readmodel.StockLevel{{SKU: "SKU-9", Location: "berlin", OnHand: 5, Available: 5}}
	return o
}
