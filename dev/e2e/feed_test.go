package e2e_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/dev/platform"
	"github.com/stretchr/testify/require"
)

// feedOfAnOrder reads a delivered order in the feed, by pages and as a stream that goes on in its middle.
func feedOfAnOrder(t *testing.T, p *platform.Platform, id uuid.UUID) {
	shop, err := client.New(p.APIURL)
	require.NoError(t, err)
	var events []client.Event
	for e, err := range shop.Events(t.Context(), client.EventQuery{OrderID: id, Personal: true}) {
		require.NoError(t, err)
		events = append(events, e)
	}
	types := map[string]int{}
	for _, e := range events {
		types[e.Type]++
		require.Equal(t, id, e.OrderID)
		one, err := shop.GetEvent(t.Context(), e.EventID, true)
		require.NoError(t, err)
		require.Equal(t, e, one)
	}
	require.Equal(t, "OrderPlaced", events[0].Type)
	require.Contains(t, string(events[0].Data), `"personal"`)
	for _, name := range []string{"OrderPlaced", "PaymentAuthorized", "OrderConfirmed", "PaymentCaptured", "OrderDelivered"} {
		require.Equal(t, 1, types[name], "%s: %v", name, types)
	}

	following, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	middle, i := len(events)/2, len(events)/2
	for e, err := range shop.StreamEvents(following, client.EventQuery{OrderID: id, Personal: true, Cursor: events[middle-1].Cursor}) {
		require.NoError(t, err)
		require.Equal(t, events[i], e)
		if i++; i == len(events) {
			break
		}
	}
	quiet, err := shop.ListEvents(t.Context(), client.EventQuery{Cursor: client.CursorNow, OrderID: id}, client.Wait(time.Second))
	require.NoError(t, err)
	require.Empty(t, quiet.Events)
}
