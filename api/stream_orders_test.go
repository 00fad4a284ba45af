package api

import (
	"bufio"
	"cmp"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

const (
	streamPath      = "/api/v1/orders/stream"
	streamedTimeout = 50 * time.Millisecond
)

// sseClient reads a stream as the HTML standard has browsers do it.
type sseClient struct {
	response *http.Response
	lines    *bufio.Scanner
	lastID   string
	schema   string // of the data; empty for OrderChange
}

func (b *testBundle) follow(t *testing.T, query, lastID string) *sseClient {
	t.Helper()
	server := httptest.NewUnstartedServer(b.api)
	server.Config.ReadTimeout, server.Config.WriteTimeout = streamedTimeout, streamedTimeout
	server.Start()
	t.Cleanup(server.Close)
	t.Cleanup(b.api.Drain)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+streamPath+query, nil)
	require.NoError(t, err)
	if lastID != "" {
		r.Header.Set("Last-Event-ID", lastID)
	}
	response, err := server.Client().Do(r)
	require.NoError(t, err)
	t.Cleanup(func() { _ = response.Body.Close() })
	require.Equal(t, http.StatusOK, response.StatusCode)
	require.Equal(t, "text/event-stream", response.Header.Get("Content-Type"))
	return &sseClient{response: response, lines: bufio.NewScanner(response.Body), lastID: lastID}
}

// next returns the data of the next event, and "" at the end of the stream.
func (c *sseClient) next(t *testing.T) string {
	t.Helper()
	for c.lines.Scan() {
		name, value, _ := strings.Cut(c.lines.Text(), ": ")
		switch name {
		case "id":
			c.lastID = value
		case "data":
			checkBody(t, value, "components", "schemas", cmp.Or(c.schema, "OrderChange"))
			return value
		}
	}
	return ""
}

func changeOf(customer string) readmodel.Change {
	return readmodel.Change{
		OrderID: uuid.New(), CustomerID: customer, Status: "shipped", PaymentStatus: "captured", FulfillmentStatus: "shipped",
		Version: 4, PaymentVersion: 2, ChangedAt: acceptedAt,
	}
}

func TestStreamOrders(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.change(changeOf("before"))
	c := b.follow(t, "", "")
	<-b.following
	b.change(readmodel.Change{OrderID: someOrder}, changeOf("cust-1"), changeOf("cust-2"))
	require.Contains(t, c.next(t), "cust-1", "neither what was before, nor an order of which only the payment is known")
	require.Equal(t, "3", c.lastID)
	require.Contains(t, c.next(t), "cust-2")

	again := b.follow(t, "", "3")
	require.Contains(t, again.next(t), "cust-2", "what was missed")
	require.Equal(t, "4", again.lastID)
}

func TestStreamOrdersFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	one, other := changeOf("cust-1"), changeOf("cust-2")
	b.change(one, other)
	require.Contains(t, b.follow(t, "?customer_id=cust-2", "0").next(t), "cust-2")
	require.Contains(t, b.follow(t, "?order_id="+other.OrderID.String(), "0").next(t), "cust-2")
}

func TestStreamOrdersEndsWhenDraining(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := b.follow(t, "", "")
	b.api.Drain()
	require.Empty(t, c.next(t))
	require.NoError(t, c.lines.Err())
}

func TestStreamOrdersKeepsAlive(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.StreamKeepAlive = time.Millisecond })
	c := b.follow(t, "", "0")
	// It outlives the server's limits for the reading of a request and the writing of an answer.
	for start, comments := time.Now(), 0; comments == 0 || time.Since(start) < 3*streamedTimeout; {
		require.True(t, c.lines.Scan(), "%v after %s", c.lines.Err(), time.Since(start))
		if strings.HasPrefix(c.lines.Text(), ":") {
			comments++
		}
	}
}

func TestStreamOrdersRefuses(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *Options) { o.Limits.StreamsMax = 1 })
	p := b.get(t, streamPath+"?order_id=1&x=2", "Last-Event-ID", strings.Repeat("x", 129)).problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.ElementsMatch(t, []string{"query:order_id", "query:x", "header:Last-Event-ID"}, p.fields())
	p = b.get(t, streamPath, "Last-Event-ID", "yesterday").problem(t, http.StatusUnprocessableEntity, codeInvalid)
	require.Equal(t, []string{"header:Last-Event-ID"}, p.fields())
	b.changesErr = domain.Refuse(codeTooOld, "too old")
	b.get(t, streamPath, "Last-Event-ID", "1").problem(t, http.StatusGone, codeTooOld)
	b.changesErr = errAway
	b.get(t, streamPath, "Last-Event-ID", "1").problem(t, http.StatusServiceUnavailable, codeUnavailable)
	b.changesErr = nil
	b.follow(t, "", "")
	b.get(t, streamPath).problem(t, http.StatusServiceUnavailable, codeOverloaded)
}
