package stack_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/segmentio/kafka-go"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"google.golang.org/protobuf/types/known/durationpb"
)

// said collects what people are told.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) log(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf(format, args...))
}

func (s *said) all() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

func start(t *testing.T, opts stack.Options) *stack.Stack {
	t.Helper()
	s, err := stack.Start(t.Context(), opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

// reachable is a temporary directory that PostgreSQL's user can get to when we are root.
func reachable(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "orderloom-stack-test-")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755)) //nolint:gosec // that is the point
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func namespaces(t *testing.T, address string) client.NamespaceClient {
	t.Helper()
	c, err := client.NewNamespaceClient(client.Options{HostPort: address})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

func writer(brokers string) *kafka.Writer {
	return &kafka.Writer{
		Addr: kafka.TCP(brokers), Topic: "kept", RequiredAcks: kafka.RequireAll,
		Compression: kafka.Snappy, BatchTimeout: time.Millisecond,
	}
}

func TestWhatItHoldsSurvivesARestart(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachable(t), "data")
	var words said
	first := start(t, stack.Options{Dir: dir, Log: words.log})

	ui, err := http.Get(first.UIURL + "/")
	require.NoError(t, err)
	require.NoError(t, ui.Body.Close())
	require.Equal(t, http.StatusOK, ui.StatusCode)

	conn, err := pgx.Connect(t.Context(), first.DatabaseURL)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE TABLE kept AS SELECT 'still here' AS word")
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))

	require.NoError(t, namespaces(t, first.TemporalAddress).Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: "kept", WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}))

	kafkaClient := &kafka.Client{Addr: kafka.TCP(first.KafkaBrokers)}
	made, err := kafkaClient.CreateTopics(t.Context(), &kafka.CreateTopicsRequest{
		Topics: []kafka.TopicConfig{{Topic: "kept", NumPartitions: 3, ReplicationFactor: 1}},
	})
	require.NoError(t, err)
	require.NoError(t, made.Errors["kept"])
	w := writer(first.KafkaBrokers)
	require.NoError(t, w.WriteMessages(t.Context(), kafka.Message{Key: []byte("key"), Value: []byte("still here")}))
	require.NoError(t, w.Close())

	require.NoError(t, first.Stop(t.Context()))
	second := start(t, stack.Options{Dir: dir, Log: words.log})

	conn, err = pgx.Connect(t.Context(), second.DatabaseURL)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	var word string
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT word FROM kept").Scan(&word))
	require.Equal(t, "still here", word)

	described, err := namespaces(t, second.TemporalAddress).Describe(t.Context(), "kept")
	require.NoError(t, err)
	require.Equal(t, "kept", described.GetNamespaceInfo().GetName())

	reader := kafka.NewReader(kafka.ReaderConfig{
		Brokers: strings.Split(second.KafkaBrokers, ","), GroupID: "readers", Topic: "kept", StartOffset: kafka.FirstOffset,
		MaxWait: 100 * time.Millisecond,
	})
	defer func() { require.NoError(t, reader.Close()) }()
	message, err := reader.ReadMessage(t.Context())
	require.NoError(t, err)
	require.Equal(t, "still here", string(message.Value))
}

func TestADataDirectoryHasOneUserAtATime(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(reachable(t), "data")
	there := start(t, stack.Options{})
	given := stack.Addresses{DatabaseURL: there.DatabaseURL, TemporalAddress: there.TemporalAddress}
	first := start(t, stack.Options{Dir: dir, Given: given})
	_, err := stack.Start(t.Context(), stack.Options{Dir: dir, Given: given})
	require.ErrorContains(t, err, "already running")
	require.NoError(t, first.Stop(t.Context()))
	start(t, stack.Options{Dir: dir, Given: given})
}

func TestATakenPortIsReplacedAndSaid(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, taken.Close()) }()
	port := taken.Addr().(*net.TCPAddr).Port
	var words said
	there := start(t, stack.Options{})
	s := start(t, stack.Options{
		Ports: stack.Ports{Kafka: port}, Log: words.log,
		Given: stack.Addresses{DatabaseURL: there.DatabaseURL, TemporalAddress: there.TemporalAddress},
	})
	require.NotContains(t, s.KafkaBrokers, strconv.Itoa(port))
	require.Contains(t, words.all(), fmt.Sprintf("port %d is taken: the Kafka broker listens on", port))
}

func TestWhatIsGivenIsUsed(t *testing.T) {
	t.Parallel()
	given := start(t, stack.Options{}).Environment()
	given["ORDERLOOM_TEMPORAL_UI_URL"] = "https://ui.example"
	s := start(t, stack.Options{Given: stack.Given(func(name string) (string, bool) { value, ok := given[name]; return value, ok })})
	require.Equal(t, given, s.Environment())
	require.Nil(t, s.Lost())
}
