package api

import (
	"net/http"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/attention"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const attentionPath = "/api/v1/attention"

func TestListAttention(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, []any{}, b.get(t, attentionPath).object(t)["attention"])
	require.Equal(t, readmodel.AttentionQuery{}, b.attentionQuery)

	five := money.Must("5", "EUR")
	item := func(c attention.Cause, actions ...attention.Action) attention.Item {
		return attention.Item{AttentionID: uuid.New(), Cause: c, Since: acceptedAt, Attempts: 2, Detail: "refused", Actions: actions}
	}
	hold := item(attention.CauseVoidFailed, attention.ActionRetry, attention.ActionResolve)
	hold.Amount = &five
	b.waiting = readmodel.AttentionPage{NextCursor: "next", Items: []readmodel.Waiting{
		{Item: hold, OrderID: someOrder, OrderNumber: "ORD-1", OrderStatus: order.StatusCancelled, PaymentID: payment.ID(someOrder)},
		{Item: item(attention.CauseOrphanedSaga, attention.ActionResume), OrderID: someOrder, OrderNumber: "ORD-1", WorkflowID: "order-1"},
		{Item: item(attention.CauseFailingSaga, attention.ActionInspect), WorkflowID: "reconciliation", RunID: "run"},
		{Item: item(attention.CauseParked, attention.ActionRetryParked), Parked: &readmodel.ParkedStream{
			Projection: "orders", AggregateType: domain.AggregateOrder, AggregateID: someOrder, Version: 3, EventType: "OrderConfirmed",
		}},
	}}
	a := b.get(t, attentionPath+"?cause=parked&cursor=abc&limit=7")
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.Equal(t, readmodel.AttentionQuery{Cause: attention.CauseParked, Cursor: "abc", Limit: 7}, b.attentionQuery)
	require.Equal(t, "next", a.object(t)["next_cursor"])
	require.Len(t, a.object(t)["attention"], 4)
}

func TestListAttentionRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for query, field := range map[string]string{"cause=void": "cause", "limit=0": "limit", "limit=101": "limit", "limit=-1": "limit", "since=1": "since"} {
		p := b.get(t, attentionPath+"?"+query).problem(t, http.StatusUnprocessableEntity, codeInvalid)
		require.Equal(t, []string{"query:" + field}, p.fields(), query)
	}
	b.viewErr = domain.Invalid("cursor", "belongs to a list of another cause")
	p := b.get(t, attentionPath+"?cursor=abc").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"query:cursor"}, p.fields())
	b.viewErr = errAway
	b.get(t, attentionPath).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}

// The document names every cause and every action that the domain has.
func TestTheDocumentNamesEveryCause(t *testing.T) {
	t.Parallel()
	for _, cause := range attention.AllCauses() {
		require.Equal(t, http.StatusOK, setup(t).get(t, attentionPath+"?cause="+string(cause)).status, cause)
	}
	for _, cause := range attention.Causes() {
		require.Equal(t, http.StatusOK, setup(t).get(t, ordersPath+"?attention="+string(cause)).status, cause)
	}
}
