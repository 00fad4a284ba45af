package e2e_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// TestATimerOfAnOrderGoesOffWhenItIsAskedTo goes through what waits for days or a person, at a platform for trying. It
// asks for keys, as the guide for integrators has it.
func TestATimerOfAnOrderGoesOffWhenItIsAskedTo(t *testing.T) {
	t.Parallel()
	s, as := keyed(t, "admin")
	s.Client = as("admin")
	t.Run("every command of the guide does what it says", func(t *testing.T) {
		t.Parallel()
		s.runGuide(t)
	})
	t.Run("the customer confirms on the page of the bank", func(t *testing.T) {
		t.Parallel()
		o := s.atBankPage(t)
		require.Contains(t, page(t, http.MethodGet, o.shown().PaymentActionURL), "Confirm this payment?")
		require.Contains(t, page(t, http.MethodPost, o.shown().PaymentActionURL+"/confirm"), "Payment confirmed")
		o.awaitStatus(client.OrderConfirmed)
	})
	t.Run("the customer declines on the page of the bank", func(t *testing.T) {
		t.Parallel()
		o := s.atBankPage(t)
		require.Contains(t, page(t, http.MethodPost, o.shown().PaymentActionURL+"/decline"), "Payment not confirmed")
		o.awaitStatus(client.OrderCancelled)
	})
	t.Run("the bank is waited for too long", func(t *testing.T) {
		t.Parallel()
		o := s.atBankPage(t)
		require.Equal(t, "payment_deadline", o.advance(client.OrderCancelled))
		o.awaitStatus(client.OrderCancelled)
		require.Equal(t, "payment_deadline", o.shown().CancelReason)
	})
	t.Run("from the dispatch deadline to the end of the return window", func(t *testing.T) {
		t.Parallel()
		o := s.place(t, state{stock: 5, price: "10.00", quantity: 1, reach: func(o *drilled) { o.awaitStatus(client.OrderConfirmed) }})
		key := client.IdempotencyKey("advance-" + o.sku)
		first, err := o.AdvanceClock(t.Context(), o.id, key)
		require.NoError(t, err)
		require.Equal(t, "dispatch_deadline", first.Timer)
		again, err := o.AdvanceClock(t.Context(), o.id, key)
		require.NoError(t, err)
		require.True(t, again.Replayed)
		require.Equal(t, first.DueAt, again.DueAt, "the same request again does nothing")
		require.Greater(t, time.Until(first.OrderTime), 24*time.Hour)
		o.await("the view of the overdue order", func() bool { return o.shown().Overdue })
		o.ship("berlin")
		require.Equal(t, "return_window", o.advance(client.OrderDelivered))
		_, err = o.ReturnGoods(t.Context(), o.id, client.ReturnGoods{Lines: []client.ReturnLine{{SKU: o.sku, Quantity: 1}}, Reason: "late"})
		require.Equal(t, client.CodeReturnWindowClosed, client.CodeOf(err))
		_, err = o.AdvanceClock(t.Context(), o.id)
		require.Equal(t, client.CodeNoTimer, client.CodeOf(err))
		_, err = o.AdvanceClock(t.Context(), uuid.New())
		require.Equal(t, client.CodeNotFound, client.CodeOf(err))
	})
}

func (s *shop) atBankPage(t *testing.T) *drilled {
	t.Helper()
	return s.place(t, state{stock: 5, price: "10.00", quantity: 1, bank: true, reach: func(o *drilled) {
		o.await("the link to the bank", func() bool { return o.shown().PaymentActionURL != "" })
		require.True(t, strings.HasPrefix(o.shown().PaymentActionURL, s.platform.APIURL), o.shown().PaymentActionURL)
	}})
}

// advance has the next timer go off, and requires where the order stands then.
func (o *drilled) advance(status client.OrderStatus) (timer string) {
	o.t.Helper()
	advanced, err := o.AdvanceClock(o.t.Context(), o.id)
	require.NoError(o.t, err)
	require.Equal(o.t, status, advanced.Order.Status)
	return advanced.Timer
}

func page(t *testing.T, method, url string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, http.NoBody)
	require.NoError(t, err)
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	text, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode, string(text))
	require.Equal(t, "test", response.Header.Get("Orderloom-Mode"))
	return string(text)
}
