package client_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// net/http makes a GET of a POST that is redirected. Its answer would be taken for an order.
func TestARedirectionIsNoSuccess(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		var there atomic.Int32
		handler := func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has("there") {
				there.Add(1)
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, accepted)
				return
			}
			http.Redirect(w, r, r.URL.Path+"?there", status)
		}
		for name, c := range map[string]*client.Client{
			"ours": shop(t, handler), "given": shop(t, handler, client.WithHTTPClient(&http.Client{Timeout: time.Minute})),
		} {
			there.Store(0)
			_, err := c.PlaceOrder(ctx(), client.NewOrder{})
			var p *client.Problem
			require.ErrorAs(t, err, &p, name)
			require.Equal(t, status, p.Status)
			require.Zero(t, there.Load())
			o, err := c.GetOrder(ctx(), [16]byte{1})
			require.NoError(t, err, "a read is made where it is sent to")
			require.Equal(t, "ORD-7K3M-9Q2X-41TB", o.OrderNumber)
		}
	}
}

func TestAnotherProtocolIsNoSuccess(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_, _ = io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
			t.Cleanup(func() { _ = c.Close() })
		}
	})
	_, err := c.PlaceOrder(ctx(), client.NewOrder{})
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusSwitchingProtocols, p.Status)
}

// A page of a proxy is no export, whatever its status.
func TestAnExportIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>Please log in</html>") })
	var out bytes.Buffer
	require.ErrorContains(t, c.Export(ctx(), client.OrderQuery{}, client.Table, &out), "text/html")
	require.Empty(t, out.String())
	for _, err := range c.ExportOrders(ctx(), client.OrderQuery{}) {
		require.ErrorContains(t, err, "text/html")
	}
}

// A later API may have members in other forms. What programs compare is still there.
func TestAProblemOfALaterAPIKeepsItsCode(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusConflict, `{"type": "/problems/not_cancellable", "code": "not_cancellable", "status": 409, "detail": "it has left",
			"order": {"order_id": "no-uuid-any-more", "order_number": 7}, "refund": "none", "errors": {"a": 1}, "request_id": "r-1", "known_versions": 3,
			"never_seen": [1]}`)
	})
	_, err := c.CancelOrder(ctx(), [16]byte{1}, client.CancelOrder{Reason: "r"})
	require.Equal(t, client.CodeNotCancellable, client.CodeOf(err))
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, "it has left", p.Detail)
	require.Equal(t, "r-1", p.RequestID)
	require.Nil(t, p.Order)
	require.Empty(t, p.Errors)
}

// What a later API calls things is handed on.
func TestAnAnswerOfALaterAPIIsRead(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"order_id": "3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11", "status": "teleported", "payment_status": "bartered",
			"total": {"amount": "99999999999999999999.999999", "currency": "XXL"}, "version": 9223372036854775807, "new": {"a": []},
			"refunds": [{"status": "dreamt", "amount": {"amount": "1", "currency": "EUR"}}]}`)
	})
	o, err := c.GetOrder(ctx(), [16]byte{1})
	require.NoError(t, err)
	require.Equal(t, client.OrderStatus("teleported"), o.Status)
	require.Equal(t, "99999999999999999999.999999", o.Total.Amount)
	require.EqualValues(t, 9223372036854775807, o.Version)
	require.Equal(t, client.RefundStatus("dreamt"), o.Refunds[0].Status)
}

// Pages end, whatever a server says.
func TestPagesThatGoInACircleEnd(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"orders": [{}], "events": [{}], "next_cursor": "same", "more": true}`, `{"orders": [], "events": [], "next_cursor": "same", "more": true}`,
	} {
		c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, body)
		})
		var last error
		for _, err := range c.Orders(ctx(), client.OrderQuery{}) {
			last = err
		}
		require.ErrorContains(t, last, "cursor")
		last = nil
		for _, err := range c.Events(ctx(), client.EventQuery{}) {
			last = err
		}
		require.ErrorContains(t, last, "cursor")
	}
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"events": [], "more": true}`)
	})
	for _, err := range c.Events(ctx(), client.EventQuery{Cursor: "a"}) {
		require.ErrorContains(t, err, "cursor")
	}
}

// An event that is too long would be too long the next time as well.
func TestAStreamOfLinesWithoutEndEnds(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = fmt.Fprintf(w, "data: %s\n\n", strings.Repeat("x", 5<<20))
	})
	n := 0
	for _, err := range c.StreamEvents(ctx(), client.EventQuery{}) {
		n++
		require.ErrorContains(t, err, "too long")
	}
	require.Equal(t, 1, n)
	require.EqualValues(t, 1, calls.Load())
}

// A caller without a deadline is not held for as long as somebody on the way says.
func TestAnAbsurdRetryAfterIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]time.Duration{
		"61": 61 * time.Second, "86400": 24 * time.Hour, "4294967296": (1<<31 - 1) * time.Second, "99999999999999999999": (1<<31 - 1) * time.Second,
	} {
		var calls atomic.Int32
		c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
			calls.Add(1)
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		_, err := c.PlaceOrder(ctx(), client.NewOrder{})
		var p *client.Problem
		require.ErrorAs(t, err, &p)
		require.Equal(t, want, p.RetryAfter)
		require.EqualValues(t, 1, calls.Load())
	}
}

func TestAWebhookOfSomebodyElseIsRefused(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	verifier, err := client.NewWebhookVerifier(secret)
	require.NoError(t, err)
	now := fmt.Sprint(time.Now().Unix())
	signature := "v1," + base64.StdEncoding.EncodeToString(make([]byte, 32))
	for name, c := range map[string]struct {
		id, stamp, signatures string
		want                  error
	}{
		"no id":                    {"", now, signature, client.ErrWebhookHeaders},
		"no time":                  {"a", "", signature, client.ErrWebhookHeaders},
		"a time in words":          {"a", "now", signature, client.ErrWebhookHeaders},
		"a time with a fraction":   {"a", now + ".5", signature, client.ErrWebhookHeaders},
		"a time beyond all":        {"a", "99999999999999999999", signature, client.ErrWebhookHeaders},
		"the greatest time":        {"a", "9223372036854775807", signature, client.ErrWebhookTime},
		"the least time":           {"a", "-9223372036854775808", signature, client.ErrWebhookTime},
		"a time in milliseconds":   {"a", now + "000", signature, client.ErrWebhookTime},
		"no signature":             {"a", now, "", client.ErrWebhookHeaders},
		"white space":              {"a", now, " ", client.ErrWebhookSignature},
		"zeroes":                   {"a", now, signature, client.ErrWebhookSignature},
		"no scheme":                {"a", now, strings.TrimPrefix(signature, "v1,"), client.ErrWebhookSignature},
		"an empty one":             {"a", now, "v1,", client.ErrWebhookSignature},
		"another scheme":           {"a", now, "v2," + signature, client.ErrWebhookSignature},
		"the scheme of other keys": {"a", now, "v1a,AAAA", client.ErrWebhookSignature},
		"a hundred thousand":       {"a", now, strings.Repeat(signature+" ", 100_000), client.ErrWebhookSignature},
	} {
		h := http.Header{}
		h.Set(client.WebhookIDHeader, c.id)
		h.Set(client.WebhookTimestampHeader, c.stamp)
		h.Set(client.WebhookSignatureHeader, c.signatures)
		begun := time.Now()
		_, err := verifier.Read(h, make([]byte, 1<<20))
		require.ErrorIs(t, err, c.want, name)
		require.Less(t, time.Since(begun), 5*time.Second, name)
	}
	for _, key := range []string{"", "whsec_", "whpk_", "whsec_é", "whpk_AAAA", "whsk_" + strings.Repeat("A", 44), "not base64!"} {
		_, err := client.NewWebhookVerifier(key)
		require.Error(t, err, key)
	}
}
