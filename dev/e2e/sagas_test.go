package e2e_test

import (
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/sagaclient"
	"github.com/orderloom/orderloom/workflows"
	"github.com/stretchr/testify/require"
	temporal "go.temporal.io/sdk/client"
)

// requireFailingSagaIsShown starts an execution that no worker can run. The server tells after some failures in a row.
func (s *shop) requireFailingSagaIsShown(t *testing.T) {
	t.Helper()
	id := "no-such-saga-" + uuid.NewString()
	_, err := s.sagas.ExecuteWorkflow(t.Context(), temporal.StartWorkflowOptions{ID: id, TaskQueue: workflows.TaskQueue}, "NoSuchSaga")
	require.NoError(t, err)
	c := sagaclient.New(s.sagas, nil, workflows.Deadlines{}, "")
	var shown sagaclient.FailingSaga
	await(t, "the failing saga", func() bool {
		failing, count, supported, err := c.FailingSagas(t.Context(), 100)
		require.NoError(t, err)
		require.True(t, supported)
		for _, f := range failing {
			if f.WorkflowID == id {
				shown = f
			}
		}
		return shown.WorkflowID != "" && count > 0
	})
	require.Contains(t, shown.Cause, "WorkflowTaskFailedCause")
	require.NoError(t, s.sagas.TerminateWorkflow(t.Context(), id, "", "it was shown"))
}

// requireMarkIsKept claims the namespace for another store, in vain.
func (s *shop) requireMarkIsKept(t *testing.T) {
	t.Helper()
	var store string
	require.NoError(t, s.pool.QueryRow(t.Context(), "SELECT id FROM orderloom.identify()").Scan(&store))
	c := sagaclient.New(s.sagas, nil, workflows.Deadlines{}, "")
	namespace := s.platform.Config.Temporal.Namespace
	await(t, "the mark of the platform's store", func() bool {
		_, err := c.ReadMark(t.Context(), namespace)
		return err == nil
	})
	other, err := json.Marshal(map[string]string{"store_id": uuid.NewString()})
	require.NoError(t, err)
	kept, err := c.ClaimNamespace(t.Context(), namespace, other)
	require.NoError(t, err)
	require.JSONEq(t, `{"store_id": "`+store+`"}`, string(kept))
}
