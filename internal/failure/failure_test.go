package failure_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
)

// temporal answers each request with the next of its errors.
type temporal struct {
	workflowservice.UnimplementedWorkflowServiceServer
	err error
}

func (s *temporal) DescribeWorkflowExecution(
	context.Context, *workflowservice.DescribeWorkflowExecutionRequest,
) (*workflowservice.DescribeWorkflowExecutionResponse, error) {
	return nil, serviceerror.ToStatus(s.err).Err()
}

// asked returns an error as a client of Temporal gets it: over the wire, and made a service error again as the SDK does
// it.
func (s *temporal) asked(t *testing.T, conn *grpc.ClientConn, err error) error {
	t.Helper()
	s.err = err
	_, got := workflowservice.NewWorkflowServiceClient(conn).DescribeWorkflowExecution(t.Context(), &workflowservice.DescribeWorkflowExecutionRequest{})
	return serviceerror.FromStatus(status.Convert(got))
}

// Each class of errors that a Temporal server answers with means what the table says.
func TestEveryClassOfTemporalMeansWhatTheTableSays(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server, answers := grpc.NewServer(), &temporal{}
	workflowservice.RegisterWorkflowServiceServer(server, answers)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(l.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	errs := map[string][]error{
		"Unavailable, NamespaceUnavailable": {serviceerror.NewUnavailable("away"), serviceerror.NewNamespaceUnavailable("orderloom")},
		"ResourceExhausted":                 {serviceerror.NewResourceExhausted(enums.RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW, "busy")},
		"DeadlineExceeded":                  {serviceerror.NewDeadlineExceeded("late")},
		"Canceled":                          {serviceerror.NewCanceled("gone")},
		"Aborted, MultiOperationAborted":    {serviceerror.NewAborted("moved"), serviceerror.NewMultiOperationAborted("moved")},
		"Internal":                          {serviceerror.NewInternal("broken")},
		"WorkflowNotReady":                  {serviceerror.NewWorkflowNotReady("a workflow task failed")},
		"NamespaceNotFound":                 {serviceerror.NewNamespaceNotFound("orderloom")},
		"NamespaceNotActive":                {serviceerror.NewNamespaceNotActive("orderloom", "a", "b")},
		"NotFound":                          {serviceerror.NewNotFound("workflow execution already completed")},
		"WorkflowExecutionAlreadyStarted":   {serviceerror.NewWorkflowExecutionAlreadyStarted("started", "request", "run")},
		"AlreadyExists":                     {serviceerror.NewAlreadyExist("schedule")},
		"InvalidArgument, QueryFailed":      {serviceerror.NewInvalidArgument("empty id"), serviceerror.NewQueryFailed("unknown query")},
		"PermissionDenied, Unauthenticated": {serviceerror.NewPermissionDenied("no", ""), status.Error(codes.Unauthenticated, "no token")},
		"DataLoss":                          {serviceerror.NewDataLoss("corrupt")},
		"FailedPrecondition, NamespaceInvalidState": {
			serviceerror.NewFailedPrecondition("no"),
			serviceerror.NewNamespaceInvalidState("orderloom", enums.NAMESPACE_STATE_DELETED, []enums.NamespaceState{enums.NAMESPACE_STATE_REGISTERED}),
		},
		"Unimplemented, ClientVersionNotSupported, ServerVersionNotSupported": {
			serviceerror.NewUnimplemented("unknown method"), serviceerror.NewClientVersionNotSupported("1", "go", "2"), serviceerror.NewServerVersionNotSupported("1", "2"),
		},
	}
	for _, row := range failure.Table {
		if row.Server != "Temporal" {
			continue
		}
		require.NotEmpty(t, errs[row.Class], "nothing provokes %s", row.Class)
		for _, err := range errs[row.Class] {
			requireRow(t, row.Class, fmt.Errorf("describe: %w", answers.asked(t, conn, err)))
		}
	}
	require.Equal(t, failure.Lasts, failure.Of(answers.asked(t, conn, errors.New("a server that says nothing known"))))
}

func TestEveryClassOfKafkaMeansWhatTheTableSays(t *testing.T) {
	t.Parallel()
	client := &kafka.Client{Addr: kafka.TCP(kafkatest.Start(t).Brokers...)}
	known, err := client.Metadata(t.Context(), &kafka.MetadataRequest{Topics: []string{"unknown"}})
	require.NoError(t, err)
	requireRow(t, "errors that Kafka calls retriable", known.Topics[0].Error)
	made, err := client.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{Topics: []kafka.TopicConfig{{Topic: "new", NumPartitions: 1, ReplicationFactor: 9}}})
	require.NoError(t, err)
	require.Error(t, made.Errors["new"], "there are not so many brokers")
	require.Equal(t, failure.Lasts, failure.Of(made.Errors["new"]))
	require.Equal(t, "Kafka", failure.RowOf(made.Errors["new"]).Server)
}

func TestWhatHasNoAnswerOfAServer(t *testing.T) {
	t.Parallel()
	b := breaker.New(breaker.Settings{Of: "thing", Failures: 1, Rest: 1 << 40, Probes: 1})
	for range 2 {
		_ = b.Do(t.Context(), func() error { return errors.New("broken") })
	}
	requireRow(t, "an error that says so itself", b.Do(t.Context(), func() error { return nil }))
	cause := errors.New("closed")
	requireRow(t, "an error that says so itself", fmt.Errorf("append: %w", failure.Passing(cause)))
	require.ErrorIs(t, failure.Passing(cause), cause)

	secret := httptest.NewUnstartedServer(http.NotFoundHandler())
	secret.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	secret.StartTLS()
	t.Cleanup(secret.Close)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, secret.URL, http.NoBody)
	require.NoError(t, err)
	_, err = http.DefaultClient.Do(request)
	requireRow(t, "TLS is refused", err)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	requireRow(t, "the request's time is over", ended.Err())
	requireRow(t, "the request's time is over", fmt.Errorf("read: %w", context.DeadlineExceeded))
	requireRow(t, "no connection", fmt.Errorf("receive: %w", io.ErrUnexpectedEOF))
}

// Nobody is told to repeat what nobody understands.
func TestWhatIsInNoRowLasts(t *testing.T) {
	t.Parallel()
	for _, err := range []error{nil, errors.New("what is that"), json.Unmarshal([]byte(`{"a":`), new(any)), os.ErrNotExist, &os.PathError{Op: "open", Err: os.ErrPermission}} {
		require.Nil(t, failure.RowOf(err), "%v", err)
		require.Equal(t, failure.Lasts, failure.Of(err))
	}
}

var update = flag.Bool("update", false, "write the table into docs/errors.md")

// The table in docs/errors.md is this one. "go test ./internal/failure -update" writes it.
func TestTheDocumentHasTheTable(t *testing.T) {
	t.Parallel()
	const file, begin, end = "../../docs/errors.md", "<!-- table -->\n", "<!-- end of table -->\n"
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	head, rest, found := strings.Cut(string(text), begin)
	require.True(t, found)
	said, tail, found := strings.Cut(rest, end)
	require.True(t, found)
	var b strings.Builder
	b.WriteString("\n| Server | Class | What has happened | Answer |\n|---|---|---|---|\n")
	for _, row := range failure.Table {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", row.Server, row.Class, row.About, row.Kind)
	}
	b.WriteString("\n")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(head+begin+b.String()+end+tail), 0o600))
		return
	}
	require.Equal(t, b.String(), said)
}
