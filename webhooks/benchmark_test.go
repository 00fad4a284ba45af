package webhooks_test

import (
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
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/eventstore"
	"github.com/orderloom/orderloom/webhooks"
	"github.com/stretchr/testify/require"
)

// BenchmarkDeliveries sends 20 events a second to 50 endpoints, 1,000 deliveries a second. One more endpoint hangs, and
// one more answers 500. It tells how long after the commit of an event its requests come.
//
//	go test ./webhooks -run '^$' -bench Deliveries -benchtime 1x
func BenchmarkDeliveries(b *testing.B) {
	const endpoints, perSecond, seconds = 50, 20, 20
	t := setup(b)
	var mu sync.Mutex
	committed := map[string]time.Time{}
	var lags []time.Duration
	var got atomic.Int64
	good := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := time.Now()
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		if at, ok := committed[r.Header.Get("webhook-id")]; ok {
			lags = append(lags, now.Sub(at))
		}
		mu.Unlock()
		got.Add(1)
		w.WriteHeader(http.StatusNoContent)
	}))
	b.Cleanup(good.Close)
	hang := make(chan struct{})
	hangs := newReceiver(b, func(*delivery, http.ResponseWriter) int { <-hang; return http.StatusOK })
	fails := newReceiver(b, func(*delivery, http.ResponseWriter) int { return http.StatusInternalServerError })
	for i := range endpoints {
		t.endpoint(b, fmt.Sprintf("%s/%d", good.URL, i), account(fmt.Sprint("shop", i%25)))
	}
	t.endpoint(b, hangs.URL)
	t.endpoint(b, fails.URL)
	t.deliver(b)
	order := uuid.New()
	t.note(b, "shop", "web", order, 1, 1)
	require.Eventually(b, func() bool { return got.Load() == endpoints }, patience, 5*time.Millisecond)
	for b.Loop() {
		ticker := time.NewTicker(time.Second / perSecond)
		for range perSecond * seconds {
			<-ticker.C
			id, event := uuid.New(), uuid.New()
			mu.Lock()
			committed[event.String()] = time.Now() // before the commit, which so counts as well
			mu.Unlock()
			t.addAs(b, event, eventstore.StreamID{Type: domain.AggregateOrder, ID: id}, 1, placed("shop", "web", id))
		}
		ticker.Stop()
		want := int64(endpoints * (perSecond*seconds + 1))
		require.Eventually(b, func() bool { return got.Load() >= want }, patience, 5*time.Millisecond)
	}
	close(hang)
	slices.Sort(lags)
	b.ReportMetric(float64(lags[len(lags)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(lags[len(lags)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(len(lags)), "deliveries")
}

func account(name string) func(*webhooks.NewEndpoint) {
	return func(n *webhooks.NewEndpoint) { n.Caller.Account = name }
}
