package sagaclient_test

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/grpc"
)

// frontend is a Temporal server that takes starts alone.
type frontend struct {
	workflowservice.UnimplementedWorkflowServiceServer
	starts atomic.Int32
}

func (f *frontend) GetSystemInfo(context.Context, *workflowservice.GetSystemInfoRequest) (*workflowservice.GetSystemInfoResponse, error) {
	return &workflowservice.GetSystemInfoResponse{Capabilities: &workflowservice.GetSystemInfoResponse_Capabilities{}}, nil
}

func (f *frontend) StartWorkflowExecution(
	_ context.Context, r *workflowservice.StartWorkflowExecutionRequest,
) (*workflowservice.StartWorkflowExecutionResponse, error) {
	f.starts.Add(1)
	return &workflowservice.StartWorkflowExecutionResponse{RunId: r.GetRequestId()}, nil
}

// listen serves at an address until the returned function is called.
func (f *frontend) listen(t *testing.T, address string) (stop func()) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	require.NoError(t, err)
	s := grpc.NewServer()
	workflowservice.RegisterWorkflowServiceServer(s, f)
	go func() { _ = s.Serve(l) }()
	t.Cleanup(s.Stop)
	return s.Stop
}

// refusing returns an address that nobody listens at.
func refusing(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	return l.Addr().String()
}

func TestAnOrderIsTurnedAwayAtOnceWhileTemporalRefusesConnections(t *testing.T) {
	t.Parallel()
	address := refusing(t)
	b := breaker.New(sagaclient.BreakerSettings())
	temporal, err := client.NewLazyClient(client.Options{
		HostPort: address, ConnectionOptions: client.ConnectionOptions{DialOptions: []grpc.DialOption{sagaclient.FailsAtOnce(b)}},
	})
	require.NoError(t, err)
	t.Cleanup(temporal.Close)
	c := sagaclient.New(temporal, nil, workflows.Deadlines{}, "")
	turnedAway := func() {
		t.Helper()
		for range 10 {
			begun := time.Now()
			require.ErrorIs(t, place(t, c), sagaclient.ErrUnavailable)
			_, err := c.CancelOrder(t.Context(), uuid.New(), workflows.CancelRequest{})
			require.ErrorIs(t, err, sagaclient.ErrUnavailable)
			require.ErrorIs(t, c.SignalShipmentReport(t.Context(), uuid.New(), workflows.ShipmentUpdate{}), sagaclient.ErrUnavailable)
			require.Less(t, time.Since(begun), time.Second)
		}
		require.Error(t, b.Err())
	}
	turnedAway()

	var f frontend
	stop := f.listen(t, address)
	back := time.Now()
	require.Eventually(t, func() bool { return place(t, c) == nil }, 10*time.Second, 20*time.Millisecond)
	t.Logf("an order was taken %s after the server was back", time.Since(back))
	require.NoError(t, b.Err())
	require.EqualValues(t, 1, f.starts.Load())

	stop()
	require.ErrorIs(t, place(t, c), sagaclient.ErrUnavailable) // the first one learns that the connection is gone
	turnedAway()
}
