package api

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

const (
	goodRequest  = `{"status": "requested", "lines": [{"sku": "SKU-1", "quantity": 1, "reason": "damaged", "note": "torn"}], "reason": "broken"}`
	goodApproval = `{"by": "office", "carrier": "DHL", "tracking_number": "R1"}`
	goodRefusal  = `{"by": "office", "reason": "worn"}`
	goodArrival  = `{"lines": [{"sku": "SKU-1", "quantity": 1, "location": "reno"}, {"sku": "SKU-1", "quantity": 1, "restock": false}]}`
)

var someReturn = uuid.MustParse("0b7e1c52-3a64-5f0e-9c1d-7a5b2e4f6d80")

func returnPath(step string) string { return orderPath("/returns/" + someReturn.String() + "/" + step) }

func TestTheStepsOfAReturn(t *testing.T) {
	t.Parallel()
	deadlines := ReturnDeadlines{Decide: 3 * time.Hour, Expire: 24 * time.Hour}
	for name, c := range map[string]struct {
		path, body string
		status     int
		want       workflows.ReturnInput
	}{
		"requested": {orderPath("/returns"), goodRequest, http.StatusCreated, workflows.ReturnInput{
			Action: workflows.ReturnRequest, Reason: "broken", By: order.ByCustomer, DecideWithin: deadlines.Decide,
			Lines: []order.ReturnLine{{SKU: "SKU-1", Quantity: 1, Restock: true, Reason: "damaged", Note: "torn"}},
		}},
		"approved": {returnPath("approve"), goodApproval, http.StatusOK, workflows.ReturnInput{
			Action: order.ReturnApprove, By: "office", Carrier: "DHL", TrackingNumber: "R1", ExpiresAfter: deadlines.Expire,
		}},
		"refused":                   {returnPath("refuse"), goodRefusal, http.StatusOK, workflows.ReturnInput{Action: order.ReturnRefuse, By: "office", Reason: "worn"}},
		"cancelled":                 {returnPath("cancel"), `{}`, http.StatusOK, workflows.ReturnInput{Action: order.ReturnCancel, By: order.ByCustomer}},
		"cancelled by the operator": {returnPath("cancel"), `{"by": "operator", "reason": "kept"}`, http.StatusOK, workflows.ReturnInput{Action: order.ReturnCancel, By: order.ByOperator, Reason: "kept"}},
		"received": {returnPath("receive"), goodArrival, http.StatusCreated, workflows.ReturnInput{
			Action: workflows.ReturnReceive, Lines: []order.ReturnLine{{SKU: "SKU-1", Quantity: 1, Restock: true, Location: "reno"}, {SKU: "SKU-1", Quantity: 1}},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *Options) { o.Returns = deadlines })
			answer := b.post(t, c.path, c.body, "Idempotency-Key", "k")
			require.Equal(t, c.status, answer.status, answer.body)
			got := b.requests[0].(workflows.ReturnInput)
			c.want.OrderID, c.want.ReturnID = someOrder, someReturn
			if c.want.Action == workflows.ReturnRequest {
				c.want.ReturnID = got.ReturnID
			}
			require.Equal(t, c.want, got)
			b.replayed = true
			again := b.post(t, c.path, c.body, "Idempotency-Key", "k")
			require.Equal(t, c.status, again.status)
			require.Equal(t, "true", again.header.Get("Idempotent-Replayed"))
			require.Equal(t, answer.body, again.body)
		})
	}
}

func TestTheStepsOfAReturnAreChecked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for path, c := range map[string]struct {
		body   string
		fields []string
	}{
		orderPath("/returns"): {
			`{"status": "requested", "lines": [{"sku": "A", "quantity": 1}, {"sku": "B", "quantity": 1, "reason": "other", "restock": true}], "reason": "x"}`,
			[]string{"body:lines[0].reason", "body:lines[1]"},
		},
		orderPath("/returns?preview=true"): {`{"by": "customer", "lines": [{"sku": "A", "quantity": 1}], "reason": "x"}`, []string{"body:by"}},
		returnPath("approve"):              {`{"by": ""}`, []string{"body:by"}},
		returnPath("refuse"):               {`{"by": "office"}`, []string{"body:reason"}},
		returnPath("cancel"):               {`{"by": "somebody"}`, []string{"body:by"}},
		returnPath("receive"):              {`{"lines": []}`, []string{"body:lines"}},
	} {
		p := b.post(t, path, c.body).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.ElementsMatch(t, c.fields, p.fields(), path)
	}
	require.True(t, b.untouched())
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	for code, status := range map[domain.ErrorCode]int{
		order.CodeReturnNotApproved: http.StatusConflict, order.CodeReturnDecided: http.StatusConflict, order.CodeTooManyReturns: http.StatusConflict,
	} {
		b.cancelErr = domain.Refuse(code, "because")
		p := b.post(t, returnPath("receive"), goodArrival).problem(t, status, code)
		require.Equal(t, order.StatusDelivered, p.Order.Status)
	}
}

func TestTheReturnsOfAnOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	require.Contains(t, b.get(t, orderPath("/returns")).body, `"returns":[]`, "nothing is recorded yet")
	o := b.givenMoney(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	o.Returns = []order.ReturnRecord{{ReturnID: someReturn, Reason: "torn", Status: order.ReturnStatusRequested}}
	b.folds[someOrder] = o // the view lags behind
	require.Contains(t, b.get(t, orderPath("/returns")).body, `"returns":[{"return_id":"`+someReturn.String()+`","reason":"torn","status":"requested"}]`)
	b.historyErr = errAway
	b.get(t, orderPath("/returns")).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

// Goods that came are the shop's to report, although a storefront may ask to send some back.
func TestGoodsThatCameNeedAnotherScopeThanARequest(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = byRole() })
	b.ownedOrder(t, "shop", "", "cust-1")
	require.Equal(t, http.StatusCreated, b.post(t, orderPath("/returns"), goodReturn, "Authorization", "Bearer warehouse").status)
	for _, path := range []string{"/returns", "/returns?preview=true"} {
		p := b.post(t, orderPath(path), goodReturn, "Authorization", "Bearer storefront").problem(t, http.StatusForbidden, access.CodeForbidden)
		require.Equal(t, []access.Scope{access.ReturnsWrite}, p.MissingScopes)
	}
}
