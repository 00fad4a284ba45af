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

func TestGetTimelineOfAnOrderThatNothingHappenedTo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.givenOrder(t, order.StatusCreated, "")
	require.Equal(t, []any{}, b.get(t, orderPath("/events")).object(t)["events"])
	b.timelineErr = errAway
	b.get(t, orderPath("/events")).problem(t, http.StatusServiceUnavailable, codeUnavailable)
}
