package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// question is an operation that changes something, asked for twice and then otherwise.
type question struct {
	// given brings the order to where it can be asked.
	given func(*asked)
	// path and body are asked; otherPath and other can't take effect after them, and are path and body when empty.
	path, body, otherPath, other string
	// status answers the first request, and each that says the same.
	status int
	// once is true when the same is recognised without an Idempotency-Key.
	once bool
	// code refuses what says otherwise: under the same key, and without a key where once is true. Shows is the member
	// of the refusal that tells what stands.
	code  client.Code
	shows string
	// settled is true when there is nothing to do from the first request on, and nothing else to ask.
	settled bool
	// later is what becomes of the order afterwards: the same request is still the same.
	later func(*asked)
}

// questions are by operation: each that changes something has to be here. One that can be asked for in another way has
// a question for that too, named after the operation.
var questions = map[string]question{
	"placeOrder": {
		path: "/api/v1/orders", body: orderBody("2"), other: orderBody("3"), status: http.StatusCreated,
		code: client.CodeIdempotencyKeyReused, shows: "order", given: func(o *asked) { o.receive("berlin", o.sku, 5) },
	},
	"cancelOrder": {
		path: "/cancel", body: `{"reason": "changed_mind"}`, other: `{"reason": "fraud"}`, status: http.StatusOK, once: true,
		code: client.CodeAlreadyCancelled, shows: "order", given: func(o *asked) { o.confirmed() },
	},
	"cancelLines": {
		path: "/lines/cancel", body: `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "too_many"}`,
		other:  `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "too_dear"}`,
		status: http.StatusOK, code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed() }, later: func(o *asked) { o.ship("berlin") },
	},
	"editOrder": {
		path: "/edit", body: `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "too_many"}`,
		other:  `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "too_dear"}`,
		status: http.StatusOK, code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed() }, later: func(o *asked) { o.ship("berlin") },
	},
	"amendOrder": {
		path: "/amend", body: amendBody("1"), other: amendBody("2"), status: http.StatusOK,
		code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed() }, later: func(o *asked) { o.ship("berlin") },
	},
	"changeDetails": {
		path: "/details", body: `{"add_tags": ["a"], "by": "ann"}`, other: `{"add_tags": ["b"], "by": "ann"}`, status: http.StatusOK,
		code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed() }, later: func(o *asked) { o.ship("berlin") },
	},
	"addNote": {
		path: "/notes", body: `{"text": "has called", "author": "ann"}`, other: `{"text": "has not called", "author": "ann"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed() }, later: func(o *asked) { o.ship("berlin") },
	},
	"providePayment": {
		path: "/payment", body: `{"payment_token": "tok_approve"}`, other: `{"payment_token": "tok_decline"}`, status: http.StatusOK,
		code: client.CodeIdempotencyKeyReused, shows: "order", given: func(o *asked) { o.atBank() }, later: func(o *asked) {
			o.awaitStatus(client.OrderConfirmed)
			o.ship("berlin")
		},
	},
	"approveOrder": {
		path: "/approve", body: `{"by": "ann"}`, other: `{"by": "bob"}`, status: http.StatusOK, once: true,
		code: client.CodeAlreadyReviewed, shows: "order", given: func(o *asked) { o.held() }, later: func(o *asked) { o.ship("berlin") },
	},
	"rejectOrder": {
		path: "/reject", body: `{"by": "ann"}`, otherPath: "/approve", status: http.StatusOK, once: true,
		code: client.CodeAlreadyReviewed, shows: "order", given: func(o *asked) { o.held() },
	},
	"dispatchShipment": {
		path: "/shipments/$SHIPMENT/dispatch", body: `{"carrier": "DHL", "tracking_number": "1"}`,
		other:  `{"carrier": "DHL", "tracking_number": "2"}`,
		status: http.StatusOK, once: true, code: client.CodeAlreadyDispatched, shows: "order",
		given: func(o *asked) { o.confirmed() },
		later: func(o *asked) {
			_, err := o.CorrectTracking(o.t.Context(), o.id, o.shipment, client.Tracking{Carrier: "DHL", TrackingNumber: "3"})
			require.NoError(o.t, err)
			o.await("the view of the departure", func() bool { return o.shown().Status == client.OrderShipped })
			o.ship("berlin")
		},
	},
	"correctTracking": {
		path: "/shipments/$SHIPMENT/tracking", body: `{"carrier": "DHL", "tracking_number": "1"}`,
		other:  `{"carrier": "UPS", "tracking_number": "1"}`,
		status: http.StatusOK, code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.dispatched() }, later: func(o *asked) { o.ship("berlin") },
	},
	"deliverShipment": {
		path: "/shipments/$SHIPMENT/deliver", otherPath: "/shipments/$SHIPMENT/lost", body: `{}`, status: http.StatusOK, once: true,
		code: client.CodeAlreadyEnded, shows: "order", given: func(o *asked) { o.dispatched() },
	},
	"loseShipment": {
		path: "/shipments/$SHIPMENT/lost", otherPath: "/shipments/$SHIPMENT/refused", body: `{}`, status: http.StatusOK, once: true,
		code: client.CodeAlreadyEnded, shows: "order", given: func(o *asked) { o.dispatched() },
	},
	"refuseShipment": {
		path: "/shipments/$SHIPMENT/refused", otherPath: "/shipments/$SHIPMENT/deliver", body: `{}`, status: http.StatusOK, once: true,
		code: client.CodeAlreadyEnded, shows: "order", given: func(o *asked) { o.dispatched() },
	},
	"returnGoods": {
		path: "/returns", body: `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "broken"}`,
		other:  `{"lines": [{"sku": "$SKU", "quantity": 2}], "reason": "broken"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "return",
		given: func(o *asked) { o.confirmed(); o.ship("berlin") },
	},
	"returnGoods that are to come": {
		path: "/returns", body: `{"status": "requested", "lines": [{"sku": "$SKU", "quantity": 1, "reason": "damaged"}], "reason": "broken"}`,
		other:  `{"status": "requested", "lines": [{"sku": "$SKU", "quantity": 1, "reason": "other"}], "reason": "broken"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "return",
		given: func(o *asked) { o.confirmed(); o.ship("berlin") },
	},
	"exchangeGoods": {
		path: "/exchanges", body: exchangeBody("12.00"), other: exchangeBody("13.00"),
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "order",
		given: func(o *asked) { o.confirmed(); o.ship("berlin") },
	},
	"approveReturn": {
		path: "/returns/$RETURN/approve", body: `{"by": "ann", "carrier": "DHL", "tracking_number": "R1"}`, other: `{"by": "bob"}`,
		status: http.StatusOK, once: true, code: client.CodeReturnDecided, shows: "order",
		given: func(o *asked) { o.returnRequested() },
		later: func(o *asked) { o.cancelReturn() },
	},
	"refuseReturn": {
		path: "/returns/$RETURN/refuse", body: `{"by": "ann", "reason": "worn"}`, other: `{"by": "ann", "reason": "too old"}`,
		status: http.StatusOK, once: true, code: client.CodeReturnDecided, shows: "order", given: func(o *asked) { o.returnRequested() },
	},
	"cancelReturn": {
		path: "/returns/$RETURN/cancel", body: `{}`, other: `{"by": "operator"}`,
		status: http.StatusOK, once: true, code: client.CodeReturnDecided, shows: "order", given: func(o *asked) { o.returnApproved() },
	},
	"receiveReturn": {
		path: "/returns/$RETURN/receive", body: `{"lines": [{"sku": "$SKU", "quantity": 1}]}`, other: `{"lines": [{"sku": "$SKU", "quantity": 2}]}`,
		status: http.StatusCreated, once: true, code: client.CodeReturnDecided, shows: "order", given: func(o *asked) { o.returnApproved() },
	},
	"refundPayment": {
		path: "/refunds", body: `{"amount": "1.00", "currency": "EUR", "reason": "late"}`,
		other:  `{"amount": "2.00", "currency": "EUR", "reason": "late"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "refund",
		given: func(o *asked) { o.confirmed(); o.ship("berlin") },
	},
	"refundPayment by lines": {
		path: "/refunds", body: `{"lines": [{"sku": "$SKU", "quantity": 1}], "reason": "damaged"}`,
		other:  `{"lines": [{"sku": "$SKU", "quantity": 2}], "reason": "damaged"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "refund",
		given: func(o *asked) { o.confirmed(); o.ship("berlin") },
	},
	"retryRefund": {
		path: "/refunds/$REFUND/retry", body: `{}`, status: http.StatusCreated, settled: true,
		given: func(o *asked) {
			o.confirmed()
			o.ship("berlin")
			refunded, err := o.RefundPayment(o.t.Context(), o.id, client.RefundPayment{Amount: "1.00", Currency: "EUR", Reason: "late"})
			require.NoError(o.t, err)
			o.refund = refunded.Refund.RefundID
			o.await("the view of the refund", func() bool { return len(o.shown().Refunds) == 1 && o.shown().Refunds[0].Status == client.RefundPaid })
		},
	},
	"receiveStock": {
		path: "/api/v1/stock/receipts", body: `{"sku": "$SKU", "location": "berlin", "quantity": 5}`,
		other:  `{"sku": "$SKU", "location": "berlin", "quantity": 6}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "receipt",
	},
	"adjustStock": {
		path: "/api/v1/stock/adjustments", body: `{"sku": "$SKU", "location": "berlin", "delta": -1, "reason": "counted"}`,
		other:  `{"sku": "$SKU", "location": "berlin", "delta": -1, "reason": "broken"}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "adjustment",
		given: func(o *asked) { o.receive("berlin", o.sku, 5) },
	},
	"addLocation": {
		path: "/api/v1/locations", body: `{"id": "$PLACE", "name": "Store", "country": "NO", "active": false}`,
		other:  `{"id": "$PLACE", "name": "Other store", "country": "NO", "active": false}`,
		status: http.StatusCreated, code: client.CodeIdempotencyKeyReused, shows: "location",
	},
	"changeLocation": {
		path: "/api/v1/locations/$PLACE", body: `{"name": "Harbour"}`, other: `{"name": "Airport"}`,
		status: http.StatusOK, code: client.CodeIdempotencyKeyReused, shows: "location",
		given: func(o *asked) {
			_, err := o.AddLocation(o.t.Context(), client.NewLocation{ID: o.sku[:8], Name: "Store", Country: "NO", Active: new(bool)})
			require.NoError(o.t, err)
		},
	},
}

// askedElsewhere are operations that the whole platform can't be asked for, because its gateway refuses nothing. Some
// of them change nothing, or no order. Each names the test that asks for it.
var askedElsewhere = map[string]string{
	"advanceClock":     "TestATimerOfAnOrderGoesOffWhenItIsAskedTo",
	"previewOrder":     "TestAPreviewIsTheOrderThatIsPlaced",
	"createKey":        "TestAKeyIsMadeRotatedAndRevoked",
	"rotateKey":        "TestAKeyIsMadeRotatedAndRevoked",
	"revokeKey":        "TestAKeyIsMadeRotatedAndRevoked",
	"importOrders":     "TestEachLineOfAnImportIsAnOrderOfItsOwn",
	"importStock":      "TestStockIsImported",
	"pinKey":           "TestAKeyHasTheVersionOfItsDay",
	"searchOrders":     "TestSearchOrdersByContact",
	"retryAttention":   "TestWhatWaitedForAPersonIsAskedForOnce",
	"resolveAttention": "TestWhatWaitedForAPersonIsAskedForOnce",

	"createWebhookEndpoint":  "TestAnEndpointIsMadeChangedAndDeleted",
	"changeWebhookEndpoint":  "TestAnEndpointIsMadeChangedAndDeleted",
	"rotateWebhookSecret":    "TestAnEndpointIsMadeChangedAndDeleted",
	"enableWebhookEndpoint":  "TestAnEndpointIsMadeChangedAndDeleted",
	"disableWebhookEndpoint": "TestAnEndpointIsMadeChangedAndDeleted",
	"deleteWebhookEndpoint":  "TestAnEndpointIsMadeChangedAndDeleted",
	"testWebhookEndpoint":    "TestWhatIsDueIsShownAndSentAgain",
	"resendWebhooks":         "TestWhatIsDueIsShownAndSentAgain",
}

func orderBody(quantity string) string {
	return `{"customer_id": "c", "currency": "EUR", "payment_token": "tok_approve",
		"items": [{"product_id": "p", "sku": "$SKU", "quantity": ` + quantity + `, "unit_price": "1.00"}],
		"recipient": {"name": "Ada Lovelace"},
		"shipping_address": {"street": "Torstraße 1", "city": "Berlin", "zip": "10119", "country": "DE"}}`
}

func amendBody(number string) string {
	return `{"shipping_address": {"street": "Neue Straße ` + number + `", "city": "Berlin", "zip": "10119", "country": "DE"}}`
}

// TestAnAnswerIsTheTruth asks for everything twice. The same request again is answered like the first, as a replay. One
// that can't take effect is refused, and the refusal shows what stands.
//
// It fails when an operation says "done" for something that was not done, or is not in the table above.
func TestAnAnswerIsTheTruth(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	t.Run("operations", func(t *testing.T) {
		for _, operation := range changingOperations(t, s.platform.APIURL) {
			t.Run(operation, func(t *testing.T) {
				t.Parallel()
				if askedElsewhere[operation] != "" {
					return
				}
				q, known := questions[operation]
				require.True(t, known, "what does %s answer when it is asked for twice?", operation)
				q.ask(newAsked(t, s))
			})
		}
		for name, q := range questions {
			if !strings.Contains(name, " ") {
				continue
			}
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				q.ask(newAsked(t, s))
			})
		}
	})
	t.Run("held and backordered at once", func(t *testing.T) {
		t.Parallel()
		o := s.place(t, state{stock: 1, price: "900.00", quantity: 2, reach: func(o *drilled) {
			o.await("a backorder", func() bool { return o.stock(o.sku).Backordered > 0 })
			awaitHeld(o)
		}})
		_, err := o.ApproveOrder(t.Context(), o.id, client.Review{By: "ann"})
		require.NoError(t, err, "nobody has to wait for the goods to review the order")
		o.await("the view of the review", func() bool { return o.shown().ApprovedBy == "ann" && o.shown().Held == "" })
		o.receive("berlin", o.sku, 5)
		o.ship("berlin")
		o.awaitStatus(client.OrderDelivered)
	})
	t.Run("what a saga refuses is blamed on the request", func(t *testing.T) {
		t.Parallel()
		o := newAsked(t, s)
		o.confirmed()
		status, _, body := o.post("/lines/cancel", `{"lines": [{"sku": "$SKU", "quantity": 1}, {"sku": "$SKU", "quantity": 9}], "reason": "r"}`, "")
		require.Equal(t, http.StatusUnprocessableEntity, status, body)
		var problem client.Problem
		require.NoError(t, json.Unmarshal([]byte(body), &problem))
		require.Len(t, problem.Errors, 1)
		require.Equal(t, "lines[1]", problem.Errors[0].Field)
		require.Equal(t, "#/lines/1", problem.Errors[0].Pointer)
	})
}

// ask asks, again, and otherwise.
func (q question) ask(o *asked) {
	if q.given != nil {
		q.given(o)
	}
	key := uuid.NewString()
	same := func(key, when string) {
		o.t.Helper()
		status, header, body := o.post(q.path, q.body, key)
		require.Equal(o.t, q.status, status, "%s: %s", when, body)
		require.Equal(o.t, "true", header.Get("Idempotent-Replayed"), "%s: %s", when, body)
	}
	if q.settled {
		same("", "nothing is to be done")
		return
	}
	status, header, body := o.post(q.path, q.body, key)
	require.Equal(o.t, q.status, status, body)
	require.Empty(o.t, header.Get("Idempotent-Replayed"), "it is the first: %s", body)
	same(key, "once more")
	keys := []string{key}
	if q.once {
		same("", "without a key")
		same(uuid.NewString(), "under another key")
		keys = append(keys, "", uuid.NewString())
	}
	otherwise := func() {
		o.t.Helper()
		for _, key := range keys {
			_, _, body := o.post(orElse(q.otherPath, q.path), orElse(q.other, q.body), key)
			var refusal map[string]any
			require.NoError(o.t, json.Unmarshal([]byte(body), &refusal), body)
			require.Equal(o.t, string(q.code), refusal["code"], body)
			require.NotEmpty(o.t, refusal[q.shows], "it shows what stands: %s", body)
		}
	}
	otherwise()
	if q.later != nil {
		q.later(o)
		same(key, "after the order has moved on")
		otherwise()
	}
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// asked is an order of one line that is asked for changes.
type asked struct {
	*drilled
	shipment uuid.UUID
	refund   uuid.UUID
	returned uuid.UUID
}

func newAsked(t *testing.T, s *shop) *asked {
	return &asked{drilled: &drilled{shop: s, t: t, sku: uuid.NewString()}}
}

func (o *asked) confirmed() {
	o.drilled = o.place(o.t, state{stock: 5, price: "10.00", quantity: 3, reach: func(o *drilled) { o.awaitStatus(client.OrderConfirmed) }})
	o.shipment = o.shipmentFrom("berlin").ShipmentID
}

func (o *asked) dispatched() {
	o.confirmed()
	o.dispatch(o.shipment)
	o.awaitStatus(client.OrderShipped)
}

func (o *asked) held() {
	o.drilled = o.place(o.t, state{stock: 5, price: "900.00", quantity: 1, reach: awaitHeld})
}

// atBank is an order that waits for its customer's bank.
func (o *asked) atBank() {
	o.drilled = o.place(o.t, state{stock: 5, price: "10.00", quantity: 3, bank: true, reach: func(o *drilled) {
		o.await("the bank", func() bool { return o.shown().PaymentStatus == client.PaymentActionRequired })
	}})
}

func awaitHeld(o *drilled) {
	o.await("a hold", func() bool { return o.shown().Held != "" })
}

// post sends a body to a path, which is below the order's unless it is a whole one.
func (o *asked) post(path, body, key string) (status int, header http.Header, answer string) {
	o.t.Helper()
	if !strings.HasPrefix(path, "/api/") {
		path = "/api/v1/orders/" + o.id.String() + path
	}
	filled := strings.NewReplacer("$SKU", o.sku, "$PLACE", o.sku[:8], "$SHIPMENT", o.shipment.String(), "$REFUND", o.refund.String(), "$RETURN", o.returned.String())
	r, err := http.NewRequestWithContext(o.t.Context(), http.MethodPost, o.platform.APIURL+filled.Replace(path), strings.NewReader(filled.Replace(body)))
	require.NoError(o.t, err)
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(r)
	require.NoError(o.t, err)
	defer func() { require.NoError(o.t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(o.t, err)
	return response.StatusCode, response.Header, string(text)
}

var (
	pathLine      = regexp.MustCompile(`^  (/\S*):$`)
	methodLine    = regexp.MustCompile(`^    (post|put|patch|delete|get|head|options):$`)
	operationLine = regexp.MustCompile(`^      operationId: (\S+)$`)
)

// changingOperations are the operations of the API's document that programs call to change something.
func changingOperations(t *testing.T, url string) (operations []string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/openapi.yaml", http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	var path, method string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if m := pathLine.FindStringSubmatch(line); m != nil {
			path = m[1]
		}
		if m := methodLine.FindStringSubmatch(line); m != nil {
			method = m[1]
		}
		if m := operationLine.FindStringSubmatch(line); m != nil && method != "get" && strings.HasPrefix(path, "/api/") {
			operations = append(operations, m[1])
		}
	}
	require.GreaterOrEqual(t, len(operations), len(askedElsewhere))
	for name := range questions {
		operation, _, _ := strings.Cut(name, " ")
		require.Contains(t, operations, operation)
	}
	return operations
}
