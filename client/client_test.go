package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func ctx() context.Context { return context.Background() }

// hasty waits for nothing between attempts.
var hasty = client.WithRetry(client.Retry{Wait: time.Nanosecond, WaitMax: time.Nanosecond})

// shop returns a client of a server.
func shop(t *testing.T, handler http.HandlerFunc, options ...client.Option) *client.Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	c, err := client.New(server.URL, append([]client.Option{hasty}, options...)...)
	require.NoError(t, err)
	return c
}

func problem(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

const accepted = `{"order_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11","order_number":"ORD-7K3M-9Q2X-41TB","status":"created",
	"customer_id":"cust-1001","total":{"amount":"39.80","currency":"EUR"}}`

func TestBaseURLs(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://orders.example.com": true, "http://127.0.0.1:8080/": true, "https://example.com/orders/": true,
		"orders.example.com": false, "ftp://example.com": false, "https://example.com?x=1": false, "": false, "http://": false, "http://[": false,
	} {
		t.Run(address, func(t *testing.T) {
			t.Parallel()
			_, err := client.New(address)
			require.Equal(t, ok, err == nil, "%v", err)
		})
	}
	_, err := client.New("https://example.com", client.WithAPIKey("a\nb"))
	require.Error(t, err)
}

func TestPassingFailuresAreRepeatedUnderTheSameKey(t *testing.T) {
	t.Parallel()
	var keys []string
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if len(body) == 0 {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		switch len(keys) {
		case 1:
			problem(w, http.StatusServiceUnavailable, `{"code":"unavailable","status":503}`)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		case 3:
			w.WriteHeader(http.StatusBadGateway)
		default:
			w.Header().Set("Idempotent-Replayed", "true")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, accepted)
		}
	})
	placed, err := c.PlaceOrder(ctx(), newOrder)
	require.NoError(t, err)
	require.Equal(t, orderID, placed.OrderID)
	require.Equal(t, "39.80 EUR", placed.Total.String())
	require.True(t, placed.Replayed)
	require.Nil(t, placed.Order)
	require.Len(t, keys, 4)
	require.Len(t, slices.Compact(keys), 1)
	require.NotEmpty(t, keys[0])
}

func TestWhatIsNotRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		status  int
		options []client.CallOption
		retry   client.Retry
	}{
		"a refusal":     {status: http.StatusUnprocessableEntity},
		"our fault":     {status: http.StatusInternalServerError},
		"without a key": {status: http.StatusServiceUnavailable, options: []client.CallOption{client.WithoutIdempotencyKey()}},
		"switched off":  {status: http.StatusServiceUnavailable, retry: client.Retry{AttemptsMax: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int32
			shop := shop(t, func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				problem(w, c.status, `{"code":"some"}`)
			}, client.WithRetry(c.retry))
			_, err := shop.PlaceOrder(ctx(), newOrder, c.options...)
			require.Equal(t, client.Code("some"), client.CodeOf(err))
			require.EqualValues(t, 1, calls.Load())
		})
	}
}

// Who gives up between two attempts is told so, and of the last failure.
func TestAContextThatEndsBetweenAttemptsIsTold(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, *client.Client) error{
		"a read": func(ctx context.Context, c *client.Client) error { _, err := c.GetHealth(ctx); return err },
		"an export": func(ctx context.Context, c *client.Client) error {
			return c.Export(ctx, client.OrderQuery{}, client.Lines, io.Discard)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ending, cancel := context.WithCancel(ctx())
			defer cancel()
			err := call(ending, shop(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Retry-After", "30")
				problem(w, http.StatusServiceUnavailable, `{"code":"overloaded"}`)
				time.AfterFunc(50*time.Millisecond, cancel)
			}))
			require.ErrorIs(t, err, context.Canceled)
			require.Equal(t, client.CodeOverloaded, client.CodeOf(err))
		})
	}
}

func TestAttemptsHaveALimitAndFollowRetryAfter(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	handler := func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.Header().Set("Retry-After", "3600")
		problem(w, http.StatusServiceUnavailable, `{"code":"overloaded"}`)
	}
	patient := shop(t, handler)
	short, cancel := context.WithTimeout(ctx(), time.Second)
	defer cancel()
	begun := time.Now()
	_, err := patient.GetHealth(short)
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, time.Hour, p.RetryAfter)
	require.EqualValues(t, 1, calls.Load())
	require.Less(t, time.Since(begun), time.Second, "it does not wait for what comes after the deadline")

	calls.Store(0)
	often := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusTeapot)
	}, client.WithRetry(client.Retry{AttemptsMax: 7, Wait: 1, WaitMax: 1, On: func(status int) bool { return status == http.StatusTeapot }}))
	_, err = often.GetHealth(ctx())
	require.Error(t, err)
	require.EqualValues(t, 7, calls.Load())
}

func TestALostAnswerIsAnErrorWithoutACode(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := client.New(server.URL, hasty)
	require.NoError(t, err)
	_, err = c.GetHealth(ctx())
	require.Error(t, err)
	require.Empty(t, client.CodeOf(err))
	stopped, cancel := context.WithCancel(ctx())
	cancel()
	_, err = c.GetHealth(stopped)
	require.ErrorIs(t, err, context.Canceled)
}

func TestProblemsAreTyped(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		problem(w, http.StatusUnprocessableEntity, `{"type":"/problems/invalid","title":"The request holds something wrong","status":422,
			"detail":"2 things are wrong","code":"invalid","request_id":"r-1","errors":[
			{"in":"body","field":"items[0].quantity","pointer":"#/items/0/quantity","message":"must be from 1 to 100000, got 0"},
			{"in":"body","field":"currency","pointer":"#/currency","message":"is missing"}]}`)
	})
	_, err := c.PlaceOrder(ctx(), newOrder)
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, client.CodeInvalid, p.Code)
	require.Equal(t, http.StatusUnprocessableEntity, p.Status)
	require.Equal(t, "r-1", p.RequestID)
	require.Equal(t, "#/items/0/quantity", p.Errors[0].Pointer)
	require.EqualError(t, err, "POST /api/v1/orders: 422 invalid 2 things are wrong: items[0].quantity must be from 1 to 100000, got 0; currency is missing")
}

func TestAProxysPageIsAProblemWithoutACode(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, "<h1>Forbidden</h1>")
	})
	_, err := c.GetHealth(ctx())
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusForbidden, p.Status)
	require.Equal(t, "Forbidden", p.Title)
	require.Equal(t, "<h1>Forbidden</h1>", p.Detail)
	require.Empty(t, p.Code)
}

func TestWaitingForAnOrder(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Prefer") != "wait=5" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		w.Header().Set("Preference-Applied", "wait=5")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"order_id":"3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11","order_number":"ORD-1","customer_id":"cust-1001",
			"status":"confirmed","total":{"amount":"39.80","currency":"EUR"},"shipments":[{"shipment_id":"6c0b4a2f-0f1e-5d4c-8b3a-2f1e0d9c8b7a",
			"status":"planned"}],"shipping_address":null}`)
	})
	placed, err := c.PlaceOrder(ctx(), newOrder, client.Wait(5*time.Second))
	require.NoError(t, err)
	require.Equal(t, client.OrderConfirmed, placed.Status)
	require.Equal(t, orderID, placed.OrderID)
	require.Equal(t, "39.80", placed.Total.Amount)
	require.Equal(t, shipmentID, placed.Order.Shipments[0].ShipmentID)
	require.Nil(t, placed.Order.ShippingAddress)
}

func TestAnOrderThatDidNotChange(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"o4.p2"`)
		if r.Header.Get("If-None-Match") == `"o4.p2"` {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		_, _ = io.WriteString(w, `{"status":"shipped"}`)
	})
	o, err := c.GetOrder(ctx(), orderID)
	require.NoError(t, err)
	require.Equal(t, client.OrderShipped, o.Status)
	_, err = c.GetOrder(ctx(), orderID, client.IfNoneMatch(o.ETag))
	require.ErrorIs(t, err, client.ErrNotModified)
}

func TestAChangeThatIsUnderWay(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "2")
		w.WriteHeader(http.StatusAccepted)
		if r.URL.Path == "/api/v1/orders/"+orderID.String()+"/cancel" {
			_, _ = io.WriteString(w, `{"status":"confirmed"}`)
			return
		}
		_, _ = io.WriteString(w, `{"status":"planned"}`)
	})
	cancelled, err := c.CancelOrder(ctx(), orderID, client.CancelOrder{Reason: "why"})
	require.NoError(t, err)
	require.True(t, cancelled.Pending)
	require.Equal(t, 2*time.Second, cancelled.RetryAfter)
	dispatched, err := c.DispatchShipment(ctx(), orderID, shipmentID, client.Dispatch{})
	require.NoError(t, err)
	require.True(t, dispatched.Pending)
	require.Equal(t, client.ShipmentPlanned, dispatched.Status)
}

func TestNotReadyIsAnAnswer(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	c := shop(t, func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = io.WriteString(w, `{"status":"not_ready","checks":[{"name":"postgresql","status":"failing"}]}`)
	})
	ready, err := c.GetReady(ctx(), "")
	require.NoError(t, err)
	require.False(t, ready.Ready())
	require.Equal(t, "failing", ready.Checks[0].Status)
	require.EqualValues(t, 1, calls.Load())
}

func TestOrdersGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	pages := map[string]string{
		"":  `{"orders":[{"order_number":"ORD-1"},{"order_number":"ORD-2"}],"next_cursor":"a"}`,
		"a": `{"orders":[{"order_number":"ORD-3"}],"next_cursor":"b"}`,
		"b": `{"orders":[]}`,
	}
	var asked atomic.Int32
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.URL.Query().Get("status") != "shipped" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		_, _ = io.WriteString(w, pages[r.URL.Query().Get("cursor")])
	})
	var numbers []string
	for o, err := range c.Orders(ctx(), client.OrderQuery{Status: client.OrderShipped}) {
		require.NoError(t, err)
		numbers = append(numbers, o.OrderNumber)
	}
	require.Equal(t, []string{"ORD-1", "ORD-2", "ORD-3"}, numbers)
	require.EqualValues(t, 3, asked.Load())
	for _, err := range c.Orders(ctx(), client.OrderQuery{Status: client.OrderShipped}) {
		require.NoError(t, err)
		break
	}
	require.EqualValues(t, 4, asked.Load())
	for _, err := range c.Orders(ctx(), client.OrderQuery{}) {
		require.Error(t, err)
	}
}

func TestAStreamGoesOnAfterItBroke(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var after []string
	event := func(id, number string) string {
		return fmt.Sprintf("id: %s\nevent: order\ndata: {\"order_number\":%q,\ndata: \"status\":\"shipped\"}\n\n", id, number)
	}
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		after = append(after, r.Header.Get("Last-Event-ID"))
		attempt := len(after)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/event-stream")
		switch attempt {
		case 1:
			_, _ = io.WriteString(w, "retry: 1\n\n: here\n\n"+event("1-1", "ORD-1")+"id: 1-2\nevent: order\ndata: {\"cut o")
		case 2:
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusServiceUnavailable)
		case 3:
			_, _ = io.WriteString(w, event("1-2", "ORD-2")+"event: other\ndata: {}\n\n")
		default:
			problem(w, http.StatusGone, `{"code":"too_old"}`)
		}
	}, client.WithHTTPClient(&http.Client{Timeout: 5 * time.Second}))
	var numbers, ids []string
	var last error
	for change, err := range c.StreamOrders(ctx(), client.StreamQuery{}) {
		if last = err; err == nil {
			numbers, ids = append(numbers, change.OrderNumber), append(ids, change.EventID)
			require.Equal(t, client.OrderShipped, change.Status)
		}
	}
	require.Equal(t, client.CodeTooOld, client.CodeOf(last))
	require.Equal(t, []string{"ORD-1", "ORD-2"}, numbers)
	require.Equal(t, []string{"1-1", "1-2"}, ids)
	require.Equal(t, []string{"", "1-1", "1-1", "1-2"}, after)
}

func TestAStreamEndsWithItsContext(t *testing.T) {
	t.Parallel()
	served := make(chan struct{})
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "id: 1\nevent: order\ndata: {\"status\":\"created\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
		close(served)
	})
	following, cancel := context.WithCancel(ctx())
	defer cancel()
	var last error
	for _, err := range c.StreamOrders(following, client.StreamQuery{OrderID: uuid.New()}) {
		last = err
		cancel()
	}
	require.ErrorIs(t, last, context.Canceled)
	<-served
}

func TestAStreamThatNobodyServes(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, err := client.New(server.URL, hasty)
	require.NoError(t, err)
	var errs []error
	for _, err := range c.StreamOrders(ctx(), client.StreamQuery{}) {
		errs = append(errs, err)
	}
	require.Len(t, errs, 1)
	require.Error(t, errors.Join(errs...))
}

func TestEventsGoesThroughAllPages(t *testing.T) {
	t.Parallel()
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Equal(t, []string{"OrderPlaced"}, r.URL.Query()["type"])
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, map[string]string{
			"":  `{"events": [{"type": "OrderPlaced", "cursor": "1", "data": {"a": 1}}], "next_cursor": "1", "more": true}`,
			"1": `{"events": [], "next_cursor": "2", "more": true}`,
			"2": `{"events": [{"type": "OrderPlaced", "cursor": "3"}], "next_cursor": "3", "more": false}`,
		}[r.URL.Query().Get("cursor")])
	})
	var cursors []string
	for e, err := range c.Events(ctx(), client.EventQuery{Types: []string{"OrderPlaced"}}) {
		require.NoError(t, err)
		cursors = append(cursors, e.Cursor)
	}
	require.Equal(t, []string{"1", "3"}, cursors, "a page without events is not the last one")
}

func TestAStreamOfEventsGoesOnAfterItBroke(t *testing.T) {
	t.Parallel()
	var after []string
	c := shop(t, func(w http.ResponseWriter, r *http.Request) {
		after = append(after, r.Header.Get("Last-Event-ID"))
		assert.Equal(t, "text/event-stream", r.Header.Get("Accept"))
		assert.Empty(t, r.URL.Query().Get("cursor"))
		w.Header().Set("Content-Type", "text/event-stream")
		switch len(after) {
		case 1:
			_, _ = io.WriteString(w, "retry: 1\n\nid: 8\nevent: OrderPlaced\ndata: {\"type\":\"OrderPlaced\"}\n\nid: 9\n\n")
		case 2:
			_, _ = io.WriteString(w, "id: 12\nevent: OrderShipped\ndata: {\"type\":\"OrderShipped\"}\n\n")
		default:
			problem(w, http.StatusGone, `{"code":"cursor_lost"}`)
		}
	})
	var types []string
	var last error
	for e, err := range c.StreamEvents(ctx(), client.EventQuery{Cursor: "7"}) {
		if last = err; err == nil {
			types = append(types, e.Type)
		}
	}
	require.Equal(t, client.CodeCursorLost, client.CodeOf(last))
	require.Equal(t, []string{"OrderPlaced", "OrderShipped"}, types)
	require.Equal(t, []string{"7", "9", "12"}, after, "after what came last, be it only a place")
}
