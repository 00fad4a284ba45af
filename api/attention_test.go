package api

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
)

func TestWhatWaitsForAPersonIsRetriedOrResolved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	five := money.Must("5", "EUR")
	refund := payment.RefundSummary{RefundID: uuid.New(), Amount: five, Reason: "late", Status: payment.RefundStatusFailed, Attempts: 2, CreatedAt: acceptedAt}
	both := []attention.Action{attention.ActionRetry, attention.ActionResolve}
	hold := attention.Item{AttentionID: uuid.New(), Cause: attention.CauseVoidFailed, Since: acceptedAt, Amount: &five, Attempts: 3, Actions: both}
	failed := attention.Item{
		AttentionID: uuid.New(), Cause: attention.CauseRefundFailed, Since: acceptedAt, Amount: &five, Attempts: 2, RefundID: refund.RefundID, Actions: both,
	}
	dispute := attention.Item{AttentionID: uuid.New(), Cause: attention.CauseDisputeOpen, Since: acceptedAt, Actions: []attention.Action{}}
	view := b.views[someOrder]
	view.Refunds, view.Attention = []payment.RefundSummary{refund}, []attention.Item{hold, failed, dispute}
	b.views[someOrder] = view
	send := func(id uuid.UUID, what, body string) answer {
		return b.post(t, orderPath("/attention/"+id.String()+"/"+what), body)
	}
	settled := `{"amount": "5.00", "currency": "EUR", "reference": "SEPA-1", "by": "ann"}`

	send(uuid.New(), "retry", `{}`).problem(t, http.StatusNotFound, codeNotFound)
	send(dispute.AttentionID, "retry", `{}`).problem(t, http.StatusConflict, attention.CodeNotPossible)
	send(dispute.AttentionID, "resolve", settled).problem(t, http.StatusConflict, attention.CodeNotPossible)
	p := send(failed.AttentionID, "resolve", `{"amount": "5.00", "currency": "USD", "reference": "SEPA-1", "by": "ann"}`)
	require.Equal(t, []string{"body:currency"}, p.problem(t, http.StatusUnprocessableEntity, codeInvalid).fields())
	require.Empty(t, b.requests)

	require.Equal(t, http.StatusCreated, send(hold.AttentionID, "retry", `{}`).status)
	require.Equal(t, workflows.AttentionInput{OrderID: someOrder, AttentionID: hold.AttentionID, Attempts: 3}, b.requests[0])
	require.Equal(t, http.StatusCreated, send(failed.AttentionID, "retry", `{}`).status)
	require.Equal(t, 2, b.requests[1].(workflows.RefundInput).After)
	require.Equal(t, http.StatusCreated, send(failed.AttentionID, "resolve", settled).status)
	require.Equal(t, refund.RefundID, b.requests[2].(workflows.AttentionInput).Resolution.RefundID)
	require.Equal(t, http.StatusCreated, send(hold.AttentionID, "resolve", `{"amount": "0", "currency": "EUR", "reference": "gone", "by": "ann"}`).status)

	b.attentionCause = "there is no such payment"
	require.Contains(t, send(hold.AttentionID, "retry", `{}`).problem(t, http.StatusConflict, codeGatewayRefused).Detail, b.attentionCause)
	b.refundStatus = payment.RefundStatusFailed
	send(failed.AttentionID, "retry", `{}`).problem(t, http.StatusConflict, codeGatewayRefused)
}

// A shipment whose money was refused is reported once more, as it was reported before.
func TestARefusedCaptureIsRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusConfirmed, order.ShipmentStatusPlanned)
	view := b.views[someOrder]
	shipment := view.Shipments[0].ShipmentID
	view.Attention = []attention.Item{{
		AttentionID: attention.Capture(someOrder, shipment), Cause: attention.CauseCaptureFailed, Since: acceptedAt, Attempts: 2, ShipmentID: shipment,
		Actions: []attention.Action{attention.ActionRetry},
	}}
	b.views[someOrder] = view
	b.pay = payment.Payment{CaptureFailures: []payment.CaptureFailure{{CaptureID: shipment, Attempt: 2, Carrier: "DHL", TrackingNumber: "T7"}}}
	path := orderPath("/attention/" + attention.Capture(someOrder, shipment).String() + "/retry")
	require.Equal(t, http.StatusCreated, b.post(t, path, `{}`).status)
	require.Equal(t, workflows.ShipmentUpdate{Name: workflows.ShipmentDispatched, Report: workflows.Dispatch{
		ShipmentID: shipment, Carrier: "DHL", TrackingNumber: "T7", After: 2,
	}}, b.reported[len(b.reported)-1])

	b.givenOrder(t, order.StatusShipped, order.ShipmentStatusDispatched)
	a := b.post(t, path, `{}`)
	require.Equal(t, http.StatusCreated, a.status)
	require.Equal(t, "true", a.header.Get("Idempotent-Replayed"), "it has left")
}

// What does not wait any more is answered by what was done. The same again is a replay, and another resolution a
// conflict.
func TestWhatWaitedForAPersonIsAskedForOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusDelivered, order.ShipmentStatusDelivered)
	five := money.Must("5", "EUR")
	refund := payment.RefundSummary{RefundID: uuid.New(), Amount: five, Reason: "late", Status: payment.RefundStatusFailed, Attempts: 2, CreatedAt: acceptedAt}
	failed := attention.Item{
		AttentionID: attention.Refund(someOrder, refund.RefundID), Cause: attention.CauseRefundFailed, Since: acceptedAt, Amount: &five, Attempts: 2,
		RefundID: refund.RefundID, Actions: []attention.Action{attention.ActionRetry, attention.ActionResolve},
	}
	view := b.views[someOrder]
	view.Refunds, view.Attention = []payment.RefundSummary{refund}, []attention.Item{failed}
	b.views[someOrder] = view
	send := func(id uuid.UUID, what, body string) answer {
		return b.post(t, orderPath("/attention/"+id.String()+"/"+what), body)
	}
	settled := `{"amount": "5.00", "currency": "EUR", "reference": "SEPA-1", "by": "ann"}`
	first := send(failed.AttentionID, "resolve", settled)
	require.Equal(t, http.StatusCreated, first.status, first.body)
	require.Empty(t, first.header.Get("Idempotent-Replayed"))

	refund.Status = payment.RefundStatusPaid
	view.Refunds, view.Attention = []payment.RefundSummary{refund}, nil
	b.views[someOrder] = view
	for what, body := range map[string]string{"resolve": settled, "retry": `{}`} {
		again := send(failed.AttentionID, what, body)
		require.Equal(t, http.StatusCreated, again.status, again.body)
		require.Equal(t, "true", again.header.Get("Idempotent-Replayed"), what)
		require.Equal(t, first.body, again.body)
	}
	other := `{"amount": "5.00", "currency": "EUR", "reference": "SEPA-2", "by": "ann"}`
	p := send(failed.AttentionID, "resolve", other).problem(t, http.StatusConflict, attention.CodeNotPossible)
	require.Contains(t, p.Detail, "SEPA-1")
	require.Equal(t, someOrder, p.Order.OrderID)

	require.Equal(t, "true", send(attention.Void(someOrder), "retry", `{}`).header.Get("Idempotent-Replayed"), "nothing is held")
	send(attention.Void(someOrder), "resolve", settled).problem(t, http.StatusNotFound, codeNotFound)
	send(uuid.New(), "retry", `{}`).problem(t, http.StatusNotFound, codeNotFound)
}
