package api

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/stretchr/testify/require"
)

func TestGetOrderShowsTheAddress(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	a := b.get(t, orderPath(""))
	require.Equal(t, http.StatusOK, a.status)
	body := a.object(t)
	require.Equal(t, map[string]any{"line1": "Geheime Str. 7", "city": "Berlin", "zip": "10119", "country": "DE"}, body["shipping_address"])
	require.Equal(t, map[string]any{"name": "Geheime Person", "phone": "+49301234567", "email": "geheim@example.com"}, body["recipient"])
	require.NotContains(t, body, "erased")
	require.NotContains(t, body, "personal")
	require.NotContains(t, b.log.String(), "Geheime")
	require.Contains(t, b.log.String(), someOrder.String())
}

func TestGetOrderAfterErasure(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	before := b.get(t, orderPath("")).header.Get("ETag")
	b.erased["cust-1"] = true
	a := b.get(t, orderPath(""), "If-None-Match", before)
	require.Equal(t, http.StatusOK, a.status, "what a cache holds is not as before any more")
	body := a.object(t)
	require.Nil(t, body["shipping_address"])
	require.Contains(t, body, "shipping_address")
	require.Equal(t, true, body["erased"])
	require.Equal(t, "DE", body["ship_to_country"])
}

func TestGetOrderThatHasNotChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	v := b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	tag := b.get(t, orderPath("")).header.Get("ETag")
	require.Equal(t, `"o2.p1.2026-11-27"`, tag)
	for _, match := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
		t.Run(match, func(t *testing.T) {
			a := b.get(t, orderPath(""), "If-None-Match", match)
			require.Equal(t, http.StatusNotModified, a.status)
			require.Empty(t, a.body)
			require.Equal(t, tag, a.header.Get("ETag"))
		})
	}
	v.PaymentVersion++
	b.views[someOrder] = v
	require.Equal(t, http.StatusOK, b.get(t, orderPath(""), "If-None-Match", tag).status)
}

func TestGetOrderThatIsNotThere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.get(t, orderPath("")).problem(t, http.StatusNotFound, codeNotFound)
	b.get(t, orderPath("/events")).problem(t, http.StatusNotFound, codeNotFound)
}

func TestGetOrderWhileTheViewsCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.viewErr = errAway
	a := b.get(t, orderPath(""))
	a.problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.NotContains(t, a.body, "10.0.0.7")
	require.Contains(t, b.log.String(), "10.0.0.7")
	b.viewErr = nil
	b.memoErr = sagaclient.ErrUnavailable
	b.get(t, orderPath("")).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

func TestGetOrderAtAVersion(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	require.Equal(t, http.StatusOK, b.get(t, orderPath("?min_version=2")).status)
	a := b.get(t, orderPath("?min_version=3"))
	a.problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Contains(t, a.body, `"field":"min_version"`)
	require.Empty(t, a.header.Get("Retry-After"), "no later request finds it")
}

func TestAVersionOfAnOrderThatIsNotRecordedYetIsAskedForAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	placed := b.post(t, ordersPath, goodOrder)
	require.Equal(t, http.StatusCreated, placed.status)
	id, _ := placed.object(t)["order_id"].(string)
	a := b.get(t, ordersPath+"/"+id+"?min_version=1")
	a.problem(t, http.StatusServiceUnavailable, codeNotVisibleYet)
	require.Equal(t, "1", a.header.Get("Retry-After"))
}

func TestGetOrderExpands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	b.timeline = someTimeline
	a := b.get(t, orderPath("?expand[]=timeline&expand[]=customer"))
	require.Len(t, a.object(t)["timeline"], 1)
	require.NotContains(t, a.object(t), "customer", "not counted yet")
	require.Empty(t, a.header.Get("ETag"))
	b.customers["cust-1"] = readmodel.CustomerSummary{CustomerID: "cust-1", Orders: 1, FirstOrderAt: acceptedAt, LastOrderAt: acceptedAt}
	require.Contains(t, b.get(t, orderPath("?expand%5B%5D=customer")).object(t), "customer")
}

func TestGetOrderRefusesBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for target, fields := range map[string][]string{
		"/api/v1/orders/42": {"path:order_id"},
		"/api/v1/orders/3f0f2c5e5d0a5b8e9d536f2f9a0f7c11":              {"path:order_id"},
		"/api/v1/orders/%7B3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11%7D":    {"path:order_id"},
		"/api/v1/orders/x?min_version=0&expand[]=everything&color=red": {"path:order_id", "query:min_version", "query:expand[]", "query:color"},
		orderPath("?min_version=1&min_version=2"):                      {"query:min_version"},
		orderPath("?min_version="):                                     {"query:min_version"},
		orderPath("?min_version=99999999999999999999"):                 {"query:min_version"},
		orderPath("/events?x=1"):                                       {"query:x"},
		"/api/v1/orders/x/events":                                      {"path:order_id"},
	} {
		t.Run(target, func(t *testing.T) {
			require.ElementsMatch(t, fields, b.get(t, target).problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
		})
	}
}

func TestARecipientIsShownAsItWasSealed(t *testing.T) {
	t.Parallel()
	recipient := order.Recipient{
		ShippingAddress: order.Address{Line1: "Torstraße 1}", City: "Berlin", Country: "DE"}, Contact: order.Contact{Name: "Ada"}, CustomerNote: `"}`,
	}
	sealed, err := json.Marshal(recipient)
	require.NoError(t, err)
	const address = `{"shipping_address":{"line1":"Torstraße 1}","city":"Berlin","country":"DE"}}`
	for name, c := range map[string]struct{ text, shown string }{
		"as it is written":   {string(sealed), string(sealed)},
		"with an older name": {`{"shipping_address":{"street":"Torstraße 1}","city":"Berlin","state":"","zip":"","country":"DE"}}`, address},
		"with white space":   {`{ "shipping_address": {"line1":"Torstraße 1}","city":"Berlin","country":"DE"} }`, address},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := membersOf(json.RawMessage(c.text))
			require.NoError(t, err)
			require.JSONEq(t, c.shown, "{"+string(got)+"}")
		})
	}
	for _, text := range []string{"", "{", `{"shipping_address":{"line1":"secret"}`, `{"shipping_address":}`, `{"shipping_address":{"line1":7}}x`} {
		t.Run(text, func(t *testing.T) {
			t.Parallel()
			_, err := membersOf(json.RawMessage(text))
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret")
		})
	}
}
