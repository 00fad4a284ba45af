package telemetry_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/stretchr/testify/require"
)

func TestTemporalMetricsReachPrometheus(t *testing.T) {
	tel, err := telemetry.Setup(context.Background(), quiet, "worker")
	require.NoError(t, err)
	root := tel.TemporalMetrics().WithTags(map[string]string{"namespace": "orderloom", "task_queue": "none"})
	h := root.WithTags(map[string]string{"operation": "PollWorkflowTaskQueue", "task_queue": "orderloom"})
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				h.Counter("temporal_request").Inc(1)
			}
		})
	}
	wait.Wait()
	h.WithTags(map[string]string{"status_code": "UNAVAILABLE"}).Counter("temporal_request").Inc(2)
	h.Counter("temporal_local_activity_total").Inc(1)
	h.Counter("temporal_request").Inc(-5)
	h.Gauge("temporal_num_pollers").Update(4)
	h.Timer("temporal_request_latency").Record(20 * time.Millisecond)
	h.WithTags(map[string]string{"odd-name": "a\xffb"}).Gauge("odd.name").Update(1)

	body := scrape(t, tel)
	for _, line := range []string{
		`temporal_request_total{namespace="orderloom",operation="PollWorkflowTaskQueue",task_queue="orderloom"} 800`,
		`temporal_request_total{namespace="orderloom",operation="PollWorkflowTaskQueue",status_code="UNAVAILABLE",task_queue="orderloom"} 2`,
		`temporal_local_activity_total{namespace="orderloom",operation="PollWorkflowTaskQueue",task_queue="orderloom"} 1`,
		`temporal_num_pollers{namespace="orderloom",operation="PollWorkflowTaskQueue",task_queue="orderloom"} 4`,
		`temporal_request_latency_seconds_bucket{namespace="orderloom",operation="PollWorkflowTaskQueue",task_queue="orderloom",le="0.025"} 1`,
		`odd_name{namespace="orderloom",odd_name="a�b",operation="PollWorkflowTaskQueue",task_queue="orderloom"} 1`,
		`go_goroutines`, `process_resident_memory_bytes`, `orderloom_build_info{`,
	} {
		require.Contains(t, body, line)
	}
}

func TestTemporalMetricsAreBounded(t *testing.T) {
	tel, err := telemetry.Setup(context.Background(), quiet, "worker")
	require.NoError(t, err)
	for i := range 6_000 {
		tel.TemporalMetrics().WithTags(map[string]string{"workflow_type": fmt.Sprint(i)}).Counter("temporal_workflow_completed").Inc(1)
	}
	body := scrape(t, tel)
	require.Equal(t, 5_000, strings.Count(body, "\ntemporal_workflow_completed_total{"))
	require.Contains(t, body, "orderloom_temporal_series_dropped_total 1000")
}

func scrape(t *testing.T, tel *telemetry.Telemetry) string {
	t.Helper()
	w := httptest.NewRecorder()
	tel.MetricsHandler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	require.Equal(t, 200, w.Code)
	return w.Body.String()
}

// BenchmarkTemporalMetrics measures what the SDK does for one workflow of one task, and each call of it
// (docs/adr/0018).
func BenchmarkTemporalMetrics(b *testing.B) {
	tel, err := telemetry.Setup(context.Background(), quiet, "worker")
	require.NoError(b, err)
	root := tel.TemporalMetrics().WithTags(map[string]string{"namespace": "orderloom", "client_name": "temporal_go"})
	tags := map[string]string{"workflow_type": "OrderSaga", "activity_type": "none", "task_queue": "orderloom"}
	tagged := root.WithTags(tags)
	for _, c := range []struct {
		name string
		call func()
	}{
		{"tags", func() { root.WithTags(tags) }},
		{"counter", func() { tagged.Counter("temporal_request").Inc(1) }},
		{"timer", func() { tagged.Timer("temporal_request_latency").Record(time.Millisecond) }},
		{"gauge", func() { tagged.Gauge("temporal_num_pollers").Update(1) }},
		{"workflow", func() {
			for range 16 {
				root.WithTags(tags)
			}
			for range 10 {
				tagged.Counter("temporal_request").Inc(1)
			}
			for range 13 {
				tagged.Timer("temporal_request_latency").Record(time.Millisecond)
			}
			tagged.Gauge("temporal_num_pollers").Update(1)
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				c.call()
			}
		})
	}
}
