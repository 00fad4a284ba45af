package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments/stripe"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"
)

const ordersPath = "/api/v1/orders"

func TestPlaceOrderStartsASaga(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, ordersPath, goodOrder)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	require.Empty(t, a.header.Get("Idempotent-Replayed"))
	body := a.object(t)
	id := uuid.MustParse(body["order_id"].(string))
	require.Equal(t, "/api/v1/orders/"+id.String(), a.header.Get("Location"))
	require.Equal(t, order.Number(id), body["order_number"])
	require.Equal(t, "created", body["status"])
	require.Equal(t, map[string]any{"amount": "39.80", "currency": "EUR"}, body["total"])

	in := b.started[id]
	require.Equal(t, workflows.OrderInput{
		OrderID: id, CustomerID: "cust-1", ShipToCountry: "DE", Payment: in.Payment,
		Items:    []order.Item{{ProductID: "p-1", SKU: "SKU-1", Quantity: 2, UnitPrice: money.Must("19.90", "EUR")}},
		Personal: in.Personal, RequestHash: in.RequestHash,
	}, in)
	require.Len(t, in.RequestHash, 64)

	var token string
	require.NoError(t, b.Open(t.Context(), in.Payment, &token))
	require.Equal(t, "tok_approve", token)
	var r order.Recipient
	require.NoError(t, b.Open(t.Context(), in.Personal, &r))
	require.Equal(t, order.Recipient{
		Contact:         order.Contact{Name: "Geheime Person"},
		ShippingAddress: order.Address{Line1: "Geheime Str. 7", City: "Berlin", Zip: "10119", Country: "DE"},
	}, r)
}

// An order is refused when the gateway could charge it in no way.
func TestPlaceOrderRefusesWhatTheGatewayCannotCharge(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Capabilities = stripe.Provider.Capabilities })
	order := func(currency string, prices ...string) string {
		var items []string
		for i, price := range prices {
			items = append(items, fmt.Sprintf(`{"product_id":"p-%d","sku":"SKU-%d","quantity":1,"unit_price":%q}`, i, i, price))
		}
		whole := map[string]json.RawMessage{}
		require.NoError(t, json.Unmarshal([]byte(goodOrder), &whole))
		whole["currency"] = json.RawMessage(fmt.Sprintf("%q", currency))
		whole["items"] = json.RawMessage("[" + strings.Join(items, ",") + "]")
		body, err := json.Marshal(whole)
		require.NoError(t, err)
		return string(body)
	}
	charged := b.post(t, ordersPath, order("KWD", "17.605", "17.595"))
	require.Equal(t, http.StatusCreated, charged.status, charged.body)
	for name, c := range map[string]struct{ body, field string }{
		"a total between steps": {order("KWD", "1.000", "17.605"), "items[1].unit_price"},
		"too little":            {order("EUR", "0.49"), "items"},
		"another currency":      {order("LYD", "10.000"), "currency"},
	} {
		t.Run(name, func(t *testing.T) {
			p := b.post(t, ordersPath, c.body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.Equal(t, c.field, p.Errors[0].Field)
		})
	}
}

func TestPlaceOrderKeepsTheCustomersConsent(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for text, keeps := range map[string]bool{`"keep_payment_method": true,`: true, `"keep_payment_method": false,`: false, ``: false} {
		a := b.post(t, ordersPath, strings.Replace(goodOrder, "{", "{"+text, 1))
		require.Equal(t, http.StatusCreated, a.status, a.body)
		require.Equal(t, keeps, b.started[uuid.MustParse(a.object(t)["order_id"].(string))].KeepPaymentMethod)
	}
}

func TestPlaceOrderShowsTheOrderAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.post(t, ordersPath, goodOrder)
	shown := b.get(t, a.header.Get("Location"))
	require.Equal(t, http.StatusOK, shown.status)
	require.Equal(t, true, shown.object(t)["provisional"])
	require.Equal(t, a.object(t)["total"], shown.object(t)["total"])
	require.Empty(t, shown.header.Get("ETag"))
}

// settlesAs is an order as its events tell it.
func settlesAs(status order.Status) func(in workflows.OrderInput) readmodel.OrderView {
	return func(in workflows.OrderInput) readmodel.OrderView {
		v := readmodel.NewOrderView(in.OrderID)
		v.OrderNumber, v.CustomerID, v.Items, v.Total = order.Number(in.OrderID), in.CustomerID, slices.Clone(in.Items), in.Total()
		for i := range v.Items {
			v.Items[i].LineID = order.LineID(in.OrderID, i+1)
		}
		v.ShipToCountry, v.Personal, v.Version, v.Status = in.ShipToCountry, in.Personal, 2, status
		return v
	}
}

func TestPlaceOrderWaitsAsLongAsItIsAskedTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.settles = settlesAs(order.StatusConfirmed)
	first := b.post(t, ordersPath, goodOrder, "Prefer", "respond-async, Wait=5; x=y", "Idempotency-Key", "k-1")
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Equal(t, "wait=5", first.header.Get("Preference-Applied"))
	body := first.object(t)
	require.Equal(t, "confirmed", body["status"])
	require.Equal(t, "Geheime Str. 7", body["shipping_address"].(map[string]any)["line1"])
	require.Equal(t, "/api/v1/orders/"+body["order_id"].(string), first.header.Get("Location"))

	again := b.post(t, ordersPath, goodOrder, "Prefer", "wait=99", "Idempotency-Key", "k-1")
	require.Equal(t, first.body, again.body)
	require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
	require.Equal(t, "wait=10", again.header.Get("Preference-Applied"), "the platform's limit")
	require.Equal(t, []bool{true, false}, b.waited)
}

func TestPlaceOrderThatDoesNotSettleInTimeIsShownAsItIs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		registry := prometheus.NewPedanticRegistry()
		b := setup(t, func(o *Options) { o.Registerer = registry })
		b.settles = settlesAs(order.StatusCreated)
		begun := time.Now()
		a := b.post(t, ordersPath, goodOrder, "Prefer", `wait="3"`)
		require.Equal(t, http.StatusCreated, a.status, a.body)
		require.Equal(t, "created", a.object(t)["status"])
		require.Equal(t, "wait=3", a.header.Get("Preference-Applied"))
		require.Equal(t, 3*time.Second, time.Since(begun))

		families, err := registry.Gather()
		require.NoError(t, err)
		i := slices.IndexFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == "orderloom_http_request_duration_seconds" })
		require.Zero(t, families[i].Metric[0].Histogram.GetSampleSum(), "a wait that was asked for is no slowness")
	})
}

func TestPlaceOrderDoesNotWaitUnasked(t *testing.T) {
	t.Parallel()
	for _, prefer := range []string{"", "wait", "wait=", "wait=0", "wait=-1", "wait=1.5", "wait=soon", "wait=99999999999999", "waiting=3", "return=minimal"} {
		t.Run(prefer, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			a := b.post(t, ordersPath, goodOrder, "Prefer", prefer)
			require.Equal(t, http.StatusCreated, a.status, a.body)
			require.Equal(t, "created", a.object(t)["status"])
			require.Empty(t, a.header.Get("Preference-Applied"))
			require.Empty(t, b.waited)
		})
	}
}

func TestPlaceOrderThatCannotBeWaitedForIsAcceptedAllTheSame(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*testBundle){
		"events":  func(b *testBundle) { b.settleErr = errAway },
		"waiters": func(b *testBundle) { b.api.waits = httpx.NewShare(0, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.settles = settlesAs(order.StatusConfirmed)
			change(b)
			a := b.post(t, ordersPath, goodOrder, "Prefer", "wait=5")
			require.Equal(t, http.StatusCreated, a.status, a.body)
			require.Equal(t, "created", a.object(t)["status"])
			require.Empty(t, a.header.Get("Preference-Applied"))
			require.NotContains(t, a.body, "10.0.0.7")
			require.Len(t, b.started, 1)
		})
	}
}

func TestPlaceOrderUnderTheSameKeyIsTheSameOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1")
	// Written in another way, it still says the same.
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(goodOrder), &v))
	again, err := json.Marshal(v)
	require.NoError(t, err)
	for name, body := range map[string]string{
		"as it was": goodOrder, "in another order": string(again), "with another price": strings.Replace(goodOrder, `"19.90"`, "19.9", 1),
		"with another quantity": strings.Replace(goodOrder, `"quantity": 2`, `"quantity": 2.0`, 1),
	} {
		t.Run(name, func(t *testing.T) {
			replay := b.post(t, ordersPath, body, "Idempotency-Key", "k-1")
			require.Equal(t, http.StatusCreated, replay.status)
			require.Equal(t, "true", replay.header.Get("Idempotent-Replayed"))
			require.Equal(t, first.body, replay.body)
		})
	}
	require.Len(t, b.started, 1)

	other := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-2")
	require.NotEqual(t, first.object(t)["order_id"], other.object(t)["order_id"])
	keyless := b.post(t, ordersPath, goodOrder)
	require.NotEqual(t, keyless.body, b.post(t, ordersPath, goodOrder).body, "without a key each is an order of its own")
}

func TestPlaceOrderUnderAKeyOfAnotherRequest(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][2]string{
		"quantity": {`"quantity": 2`, `"quantity": 3`}, "price": {"19.90", "19.91"}, "street": {"Str. 7", "Str. 8"},
		"customer": {"cust-1", "cust-2"}, "token": {"tok_approve", "tok_decline"}, "currency": {"EUR", "USD"}, "backorder": {`"items"`, `"allow_backorder": true, "items"`}, "sku": {"SKU-1", "SKU-2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1")
			another := strings.Replace(goodOrder, change[0], change[1], 1)
			b.post(t, ordersPath, another, "Idempotency-Key", "k-1").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
			require.Len(t, b.started, 1)
		})
	}
}

func TestPlaceOrderThatTemporalHasForgotten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1")
	id := uuid.MustParse(first.object(t)["order_id"].(string))
	b.folds[id] = order.Order{ID: id, Number: order.Number(id), Status: order.StatusDelivered, RequestHash: b.started[id].RequestHash}
	clear(b.started)

	replay := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1")
	require.Equal(t, first.body, replay.body)
	require.Equal(t, "true", replay.header.Get("Idempotent-Replayed"))
	b.post(t, ordersPath, strings.Replace(goodOrder, "cust-1", "cust-2", 1), "Idempotency-Key", "k-1").
		problem(t, http.StatusUnprocessableEntity, codeKeyReused)
	require.Empty(t, b.started)
}

func TestPlaceOrderWhileTheEventsCannotBeAsked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.historyErr = errAway
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1").status)
	require.Contains(t, b.log.String(), "connection refused")
}

func TestPlaceOrderWhileTemporalCannotBeReached(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.placeErr = fmt.Errorf("start: %w: dial tcp 10.0.0.8:7233", sagaclient.ErrUnavailable)
	a := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1")
	a.problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.NotEmpty(t, a.header.Get("Retry-After"))
	require.NotContains(t, a.body, "10.0.0.8")
	b.placeErr = nil
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k-1").status)
}

func TestPlaceOrderKeysBelongToTheirCaller(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = staticKeys("shop", "s3cret", "market", "0ther") })
	one := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k", "Authorization", "Bearer s3cret")
	two := b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k", "Authorization", "Bearer 0ther")
	require.NotEqual(t, one.object(t)["order_id"], two.object(t)["order_id"])
	require.Equal(t, "shop", b.started[uuid.MustParse(one.object(t)["order_id"].(string))].UserID)
}

// Every line of what an order must not be, each with all that it blames.
func TestPlaceOrderRefusesBadInput(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) string {
		require.Contains(t, goodOrder, old)
		return strings.Replace(goodOrder, old, replacement, 1)
	}
	item := `{"product_id": "p-1", "sku": "SKU-1", "quantity": 2, "unit_price": "19.90"}`
	for name, tc := range map[string]struct {
		body   string
		fields []string
	}{
		"unknown field":         {with(`"customer_id"`, `"note": 1, "customer_id"`), []string{"body:note"}},
		"unknown field of item": {with(`"sku"`, `"colour": {"deep": [1, {}]}, "sku"`), []string{"body:items[0].colour"}},
		"field twice":           {with(`"customer_id"`, `"customer_id": "cust-1", "customer_id"`), []string{"body:customer_id"}},
		"not an object":         {`[]`, []string{"body:"}},
		"null":                  {`null`, []string{"body:"}},
		"empty object": {`{}`, []string{
			"body:customer_id", "body:currency", "body:items", "body:recipient.name", "body:shipping_address", "body:payment_token",
		}},
		"no items":                {with(item, ""), []string{"body:items"}},
		"items missing":           {with(`"items": [`+item+`],`, ""), []string{"body:items"}},
		"items no list":           {with(`[`+item+`]`, `{}`), []string{"body:items"}},
		"item no object":          {with(item, `7`), []string{"body:items[0]"}},
		"too many items":          {with(item, strings.Repeat(item+",", 100)+item), []string{"body:items"}},
		"zero quantity":           {with(`"quantity": 2`, `"quantity": 0`), []string{"body:items[0].quantity"}},
		"negative quantity":       {with(`"quantity": 2`, `"quantity": -1`), []string{"body:items[0].quantity"}},
		"fractional quantity":     {with(`"quantity": 2`, `"quantity": 1.5`), []string{"body:items[0].quantity"}},
		"tiny quantity":           {with(`"quantity": 2`, `"quantity": 1e-999999999`), []string{"body:items[0].quantity"}},
		"huge quantity":           {with(`"quantity": 2`, `"quantity": 1e999999999`), []string{"body:items[0].quantity"}},
		"large quantity":          {with(`"quantity": 2`, `"quantity": 100001`), []string{"body:items[0].quantity"}},
		"quantity as text":        {with(`"quantity": 2`, `"quantity": "2"`), []string{"body:items[0].quantity"}},
		"quantity null":           {with(`"quantity": 2`, `"quantity": null`), []string{"body:items[0].quantity"}},
		"quantity missing":        {with(`"quantity": 2,`, ``), []string{"body:items[0].quantity"}},
		"negative price":          {with(`"19.90"`, `"-19.90"`), []string{"body:items[0].unit_price"}},
		"negative number":         {with(`"19.90"`, `-0.01`), []string{"body:items[0].unit_price"}},
		"over-precise price":      {with(`"19.90"`, `"19.901"`), []string{"body:items[0].unit_price"}},
		"over-precise number":     {with(`"19.90"`, `19.901`), []string{"body:items[0].unit_price"}},
		"price in words":          {with(`"19.90"`, `"a lot"`), []string{"body:items[0].unit_price"}},
		"price with an exponent":  {with(`"19.90"`, `"1e2"`), []string{"body:items[0].unit_price"}},
		"price with a blank":      {with(`"19.90"`, `" 19.90"`), []string{"body:items[0].unit_price"}},
		"price with a comma":      {with(`"19.90"`, `"19,90"`), []string{"body:items[0].unit_price"}},
		"price as a list":         {with(`"19.90"`, `[19.90]`), []string{"body:items[0].unit_price"}},
		"price not finite":        {with(`"19.90"`, `"NaN"`), []string{"body:items[0].unit_price"}},
		"price beyond everything": {with(`"19.90"`, `1e999999999`), []string{"body:items[0].unit_price"}},
		"price too long":          {with(`"19.90"`, `"`+strings.Repeat("9", 4000)+`"`), []string{"body:items[0].unit_price"}},
		"price too large":         {with(`"19.90"`, `"999999999999999"`), []string{"body:items[0].unit_price"}},
		"total too large":         {with(`"quantity": 2, "unit_price": "19.90"`, `"quantity": 100000, "unit_price": "9999999999999"`), []string{"body:items"}},
		"digits of the yen":       {with(`"EUR"`, `"JPY"`), []string{"body:items[0].unit_price"}},
		"unknown currency":        {with(`"EUR"`, `"XXQ"`), []string{"body:currency"}},
		"currency in lower case":  {with(`"EUR"`, `"eur"`), []string{"body:currency"}},
		"currency missing":        {with(`"currency": "EUR",`, ``), []string{"body:currency"}},
		"mixed currencies":        {with(`"sku"`, `"currency": "USD", "sku"`), []string{"body:items[0].currency"}},
		"unknown country":         {with(`"DE"`, `"XX"`), []string{"body:shipping_address.country"}},
		"country by name":         {with(`"DE"`, `"Germany"`), []string{"body:shipping_address.country"}},
		"address missing":         {with(`"shipping_address"`, `"address"`), []string{"body:address", "body:shipping_address"}},
		"address in one line":     {goodOrderWithAddress(`"Geheime Str. 7"`), []string{"body:shipping_address"}},
		"address empty": {goodOrderWithAddress(`{}`), []string{
			"body:shipping_address.line1", "body:shipping_address.country",
		}},
		"address of a country": {goodOrderWithAddress(`{"country": "US"}`), []string{
			"body:shipping_address.line1", "body:shipping_address.city", "body:shipping_address.state", "body:shipping_address.zip",
		}},
		"first line twice":      {with(`"street"`, `"line1": "Str. 7", "street"`), []string{"body:shipping_address.street"}},
		"zip of another form":   {with(`"10119"`, `"1011"`), []string{"body:shipping_address.zip"}},
		"recipient missing":     {with(`"recipient": {"name": "Geheime Person"},`, ``), []string{"body:recipient.name"}},
		"name missing":          {with(`"name": "Geheime Person"`, ``), []string{"body:recipient.name"}},
		"name that is not seen": {with(`Geheime Person`, `\u200b\u3164\u0007`), []string{"body:recipient.name"}},
		"name of zero width":    {with(`Geheime Person`, `\u200b\ufeff`), []string{"body:recipient.name"}},
		"phone of two digits":   {with(`"name"`, `"phone": "12", "name"`), []string{"body:recipient.phone"}},
		"email without an @":    {with(`"name"`, `"email": "ada", "name"`), []string{"body:recipient.email"}},
		"bill to nowhere": {with(`"recipient"`, `"billing_address": {"name": "x", "country": "DE"}, "recipient"`), []string{
			"body:billing_address.line1", "body:billing_address.city", "body:billing_address.zip",
		}},
		"note too long":               {with(`"recipient"`, `"customer_note": "`+strings.Repeat("x", 2001)+`", "recipient"`), []string{"body:customer_note"}},
		"control character in a note": {with(`"recipient"`, `"customer_note": "a\u0000b", "recipient"`), []string{"body:customer_note"}},
		"customer that is not seen":   {with(`"cust-1"`, `"\u3164"`), []string{"body:customer_id"}},
		"street blank":                {with(`"Geheime Str. 7"`, `"  "`), []string{"body:shipping_address.street"}},
		"city too long":               {with(`"Berlin"`, `"`+strings.Repeat("x", 201)+`"`), []string{"body:shipping_address.city"}},
		"control character":           {with(`"Berlin"`, `"Ber\u0000lin"`), []string{"body:shipping_address.city"}},
		"no customer":                 {with(`"cust-1"`, `""`), []string{"body:customer_id"}},
		"customer a number":           {with(`"cust-1"`, `1`), []string{"body:customer_id"}},
		"customer too long":           {with(`"cust-1"`, `"`+strings.Repeat("c", 65)+`"`), []string{"body:customer_id"}},
		"no token":                    {with(`"tok_approve"`, `""`), []string{"body:payment_token"}},
		"backorder as text":           {with(`"payment_token"`, `"allow_backorder": "yes", "payment_token"`), []string{"body:allow_backorder"}},
		"token too long":              {with(`"tok_approve"`, `"`+strings.Repeat("c", 256)+`"`), []string{"body:payment_token"}},
		"everything at once": {`{"customer_id": 7, "currency": "EURO", "note": "x", "items": [
				{"product_id": "", "sku": " s", "quantity": 0.5, "unit_price": -1},
				{"product_id": "p", "sku": "s", "quantity": 1, "unit_price": "1.00001", "quantity": 2}],
			"shipping_address": {"street": "", "city": 1, "zip": "1", "country": "Mars"}}`, []string{
			"body:customer_id", "body:currency", "body:note", "body:items[0].product_id", "body:items[0].sku", "body:items[0].quantity",
			"body:items[0].unit_price", "body:items[1].unit_price", "body:items[1].quantity", "body:shipping_address.line1", "body:recipient.name",
			"body:shipping_address.city", "body:shipping_address.country", "body:payment_token",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.post(t, ordersPath, tc.body, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.ElementsMatch(t, tc.fields, p.fields(), "%+v", p.Errors)
			for _, e := range p.Errors {
				require.NotEmpty(t, e.Message)
				require.True(t, strings.HasPrefix(e.Pointer, "#"), e.Pointer)
			}
			require.True(t, b.untouched())
		})
	}
}

func goodOrderWithAddress(address string) string {
	before, rest, _ := strings.Cut(goodOrder, `"shipping_address": `)
	_, after, _ := strings.Cut(rest, "}")
	return before + `"shipping_address": ` + address + after
}

func TestPlaceOrderRefusesWhatIsNotJSON(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		body         string
		line, column int
	}{
		"nothing there":        {" ", 1, 2},
		"cut off":              {"{\n \"customer_id\": \"cust", 2, 22},
		"trailing comma":       {`{"customer_id": "c",}`, 1, 21},
		"trailing garbage":     {goodOrder + "x", 8, 2},
		"two values":           {`{} {}`, 1, 4},
		"single quotes":        {`{'customer_id': 1}`, 1, 2},
		"comment":              {"{} // yes", 1, 4},
		"leading zero":         {`{"items": [007]}`, 1, 13},
		"no digit":             {`{"items": [-]}`, 1, 13},
		"point without digits": {`{"items": [1.]}`, 1, 14},
		"NaN":                  {`{"items": [NaN]}`, 1, 12},
		"control character":    {"{\"customer_id\": \"a\tb\"}", 1, 19},
		"bad escape":           {`{"customer_id": "a\x"}`, 1, 19},
		"half a surrogate":     {`{"customer_id": "\ud83d"}`, 1, 18},
		"not UTF-8":            {"{\"customer_id\": \"\xff\"}", 1, 18},
		"byte order mark":      {"\ufeff{}", 1, 1},
		"too deep":             {`{"x":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, 1, 37},
		"bare word":            {`{"x": nul}`, 1, 7},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			p := b.post(t, ordersPath, tc.body).problem(t, http.StatusBadRequest, codeMalformedJSON)
			require.Equal(t, tc.line, p.Position.Line, p.Detail)
			require.Equal(t, tc.column, p.Position.Column, p.Detail)
			require.True(t, b.untouched())
		})
	}
}

func TestPlaceOrderRefusesWrongHeaders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, ordersPath, goodOrder, "Content-Type", "").problem(t, http.StatusUnsupportedMediaType, codeMediaType)
	b.post(t, ordersPath, "a=b", "Content-Type", "", "Content-Type", "application/x-www-form-urlencoded").
		problem(t, http.StatusUnsupportedMediaType, codeMediaType)
	b.post(t, ordersPath, goodOrder, "Content-Encoding", "gzip").problem(t, http.StatusUnsupportedMediaType, codeMediaType)
	for _, key := range []string{strings.Repeat("k", 256), "with blank", "ümlaut"} {
		t.Run(domain.Clip(key), func(t *testing.T) {
			p := b.post(t, ordersPath, goodOrder, "Idempotency-Key", key).problem(t, http.StatusUnprocessableEntity, codeInvalid)
			require.Equal(t, []string{"header:Idempotency-Key"}, p.fields())
		})
	}
	p := b.post(t, ordersPath, "{}", "Idempotency-Key", "a", "Idempotency-Key", "b").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Len(t, p.Errors, 7, "headers and body in one answer")
	require.True(t, b.untouched())

	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder, "Content-Type", "", "Content-Type", "application/json; charset=UTF-8").status)
}

func TestPlaceOrderRefusesALargeBody(t *testing.T) {
	t.Parallel()
	b := setup(t)
	large := goodOrder[:len(goodOrder)-1] + strings.Repeat(" ", 256<<10) + "}"
	b.post(t, ordersPath, large).problem(t, http.StatusRequestEntityTooLarge, codeBodyTooLarge)
	require.True(t, b.untouched())
	fits := goodOrder[:len(goodOrder)-1] + strings.Repeat(" ", 256<<10-len(goodOrder)) + "}"
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, fits).status)
}

func TestPlaceOrderKeepsPersonalDataToItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.post(t, ordersPath, goodOrder)
	b.post(t, ordersPath, strings.Replace(goodOrder, `"quantity": 2`, `"quantity": 0`, 1))
	b.vaultErr = errAway
	b.post(t, ordersPath, goodOrder).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	for _, secret := range []string{"Geheime", "10119", "tok_approve"} {
		require.NotContains(t, b.log.String(), secret)
	}
	for _, in := range b.started {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		require.NotContains(t, string(text), "Geheime")
	}
}

func TestPlaceOrderRefusalOfTheSaga(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.placeErr = domain.Refuse(codeKeyReused, "order ORD-… was placed by another request")
	b.post(t, ordersPath, goodOrder, "Idempotency-Key", "k").problem(t, http.StatusUnprocessableEntity, codeKeyReused)
}
