package api

import (
	"net/http"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

var someTimeline = []readmodel.TimelineEntry{{
	Sequence: 17, EventID: someShipment, AggregateType: "order", AggregateID: someOrder, Version: 1, EventType: "OrderPlaced",
	Summary: "1 line, 39.80 EUR", OccurredAt: acceptedAt, CausedBy: "order-x/place",
}}

func TestGetTimeline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.timeline = someTimeline
	a := b.get(t, orderPath("/events"))
	require.Equal(t, http.StatusOK, a.status)
	require.Len(t, a.object(t)["events"], 1)
}

// The notes of a shop, and who has written them, are its own business.
func TestTheTimelineOfACustomerHasNoNotes(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Authenticator = owners() })
	b.ownedOrder(t, "shop", "web", "cust-1")
	noted := someTimeline[0]
	noted.Version, noted.EventType, noted.Summary = 2, "OrderNoted", "Internal note by support/1 (ann)"
	b.timeline = []readmodel.TimelineEntry{someTimeline[0], noted}
	for who, n := range map[string]int{"office": 2, "customer": 1} {
		a := b.get(t, orderPath("/events"), "Authorization", "Bearer "+who)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Len(t, a.object(t)["events"], n, who)
		a = b.get(t, orderPath("?expand[]=timeline"), "Authorization", "Bearer "+who)
		require.Len(t, a.object(t)["timeline"], n, who)
	}
}

func TestGetTimelineOfAnOrderThatNothingHappenedTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusCreated, "")
	require.Equal(t, []any{}, b.get(t, orderPath("/events")).object(t)["events"])
	b.timelineErr = errAway
	b.get(t, orderPath("/events")).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
