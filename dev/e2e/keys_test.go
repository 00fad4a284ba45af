package e2e_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/orderloom/orderloom/codec"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	sdk "go.temporal.io/sdk/client"
)

// TestAMissingPayloadKeyLosesNoSaga takes a key away from the platform and gives it back. A process that lacks a key
// that is in use does not start. A saga whose input it can't decrypt waits for the key.
//
// It fails when an execution fails whose input can't be decoded (codec/workflow.go), as the SDK has it.
func TestAMissingPayloadKeyLosesNoSaga(t *testing.T) {
	t.Parallel()
	s, err := stack.Start(t.Context(), stack.Options{Log: t.Logf})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	environment := s.Environment()
	maps.Copy(environment, map[string]string{
		"ORDERLOOM_PAYMENT_GATEWAY": sandbox.Name, "ORDERLOOM_SANDBOX_LEDGER": filepath.Join(t.TempDir(), "ledger"),
		"ORDERLOOM_LOCATIONS": "berlin:DE", "ORDERLOOM_MASTER_KEYS": "k:" + strings.Repeat("A", 43) + "=",
		"ORDERLOOM_HTTP_ADDRESS": "127.0.0.1:0", "ORDERLOOM_API_OPEN": "loopback", "ORDERLOOM_DRAIN_DELAY": "0s", "ORDERLOOM_ORPHANS_EVERY": "1s",
		"ORDERLOOM_LOG_LEVEL": "error", "ORDERLOOM_PAYLOAD_KEYS": payloadKey("k1", 1),
	})
	setUp(t, environment)
	first := startChild(t, environment, "")
	receive(t, first.shop(t), "A", 1)
	placed := place(t, first.shop(t), "one", "tok_approve")

	other, err := codec.NewConverters(codec.Options{Keys: []codec.Key{{ID: "k9", Secret: bytes.Repeat([]byte{9}, 32)}}})
	require.NoError(t, err)
	sagas, err := sdk.DialContext(t.Context(), sdk.Options{
		HostPort: environment["TEMPORAL_ADDRESS"], Namespace: "orderloom", DataConverter: other.Data, FailureConverter: other.Failure,
	})
	require.NoError(t, err)
	t.Cleanup(sagas.Close)
	unknown := uuid.New()
	run, err := sagas.ExecuteWorkflow(t.Context(), sdk.StartWorkflowOptions{ID: workflows.OrderSagaID(unknown), TaskQueue: workflows.TaskQueue},
		workflows.OrderSaga, workflows.OrderInput{OrderID: unknown, Resume: true})
	require.NoError(t, err)
	await(t, "a workflow task that fails", func() bool {
		history := sagas.GetWorkflowHistory(t.Context(), run.GetID(), run.GetRunID(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for history.HasNext() {
			e, err := history.Next()
			require.NoError(t, err)
			require.NotEqual(t, enums.EVENT_TYPE_WORKFLOW_EXECUTION_FAILED, e.GetEventType())
			if failed := e.GetWorkflowTaskFailedEventAttributes(); failed != nil {
				return true
			}
		}
		return false
	})
	await(t, "the metric to tell", func() bool {
		return keyMissing.told[0].condition().holds(t, scrapeAll(t.Context(), map[string]string{"all": first.url}), nil)
	})
	first.stop(t)

	require.Contains(t, refusedStart(t, with(environment, payloadKey("k2", 2))), `the payload key "k1" has been in use`)
	require.Contains(t, refusedStart(t, with(environment, payloadKey("k1", 3))), `the payload key "k1" is another`)

	again := startChild(t, with(environment, payloadKey("k1", 1)+","+payloadKey("k9", 9)), "")
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	var refused *temporal.ApplicationError
	require.ErrorAs(t, run.Get(ctx, nil), &refused, "the saga runs once its input can be read")
	require.Equal(t, string(domain.CodeNotFound), refused.Type())
	shop := again.shop(t)
	require.Eventually(t, func() bool {
		return advance(t, shop, show(t, shop, placed.OrderID)).Status == client.OrderStatus(order.StatusDelivered)
	}, patience, 50*time.Millisecond)
	again.stop(t)
}

func payloadKey(id string, seed byte) string {
	return id + ":" + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{seed}, 32))
}

// with returns a copy of an environment with other payload keys.
func with(environment map[string]string, keys string) map[string]string {
	out := maps.Clone(environment)
	out["ORDERLOOM_PAYLOAD_KEYS"] = keys
	return out
}

// refusedStart starts the platform, which ends by itself, and returns what it says.
func refusedStart(t *testing.T, environment map[string]string) string {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), patience)
	defer stop()
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), killVariable+"=")
	for name, value := range environment {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	said, err := cmd.CombinedOutput()
	require.Error(t, err)
	require.NoError(t, ctx.Err(), "it has to end by itself: %s", said)
	return string(said)
}
