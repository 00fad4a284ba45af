package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// Who develops against what is forwarded sees what an endpoint would get. That is the same signature, the same chain of
// events, and no success where there would be none.
func TestWhatIsForwardedIsWhatAnEndpointGets(t *testing.T) {
	t.Parallel()
	var printed bytes.Buffer
	f := newForwarder("", &printed)
	verifier, err := client.NewWebhookVerifier(f.key.Text())
	require.NoError(t, err)
	var got []client.Webhook
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		hook, err := verifier.Read(r.Header, body)
		if err != nil {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		got = append(got, hook)
		http.Redirect(w, r, "/login", http.StatusFound)
	}))
	t.Cleanup(receiver.Close)
	f.to = receiver.URL
	order := uuid.New()
	event := func(aggregate, kind string) client.Event {
		return client.Event{EventID: uuid.New(), Type: kind, OrderID: order, Aggregate: client.Aggregate{Type: aggregate, ID: uuid.New()}, Version: 1}
	}
	placed, reserved, authorized := event(domain.AggregateOrder, "OrderPlaced"), event(domain.AggregateInventory, "StockReserved"),
		event(domain.AggregatePayment, "PaymentAuthorized")
	for _, e := range []client.Event{placed, reserved, authorized} {
		require.NoError(t, f.forward(t.Context(), e))
	}
	require.Len(t, got, 3, printed.String())
	require.Equal(t, []uuid.UUID{uuid.Nil, uuid.Nil, placed.EventID}, []uuid.UUID{got[0].PreviousEventID, got[1].PreviousEventID, got[2].PreviousEventID})
	require.Equal(t, 3, bytes.Count(printed.Bytes(), []byte("302 Found")), "a redirection is no success")
}
