package worker

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/workflow"
)

// A workflow type is a name in histories for ever, so it is that of its function.
func TestSagasAreCalledByTheNamesOfTheirFunctions(t *testing.T) {
	t.Parallel()
	for name, saga := range Sagas() {
		full := runtime.FuncForPC(reflect.ValueOf(saga).Pointer()).Name()
		require.True(t, strings.HasSuffix(full, "."+name), "%s is registered as %s", full, name)
	}
}

func TestSagasThatWaitForDaysMoveToTheCurrentVersion(t *testing.T) {
	t.Parallel()
	for name := range Sagas() {
		want := workflow.VersioningBehaviorPinned
		if name == "OrderSaga" || name == "PaymentSaga" || name == "InventorySaga" {
			want = workflow.VersioningBehaviorAutoUpgrade
		}
		require.Equal(t, want, behavior(name), name)
	}
}

func TestVersioningNeedsADeploymentAndABuild(t *testing.T) {
	t.Parallel()
	require.False(t, Settings(Options{}).DeploymentOptions.UseVersioning)
	require.False(t, Settings(Options{Deployment: "orderloom"}).DeploymentOptions.UseVersioning)
	d := Settings(Options{Deployment: "orderloom", BuildID: "1"}).DeploymentOptions
	require.True(t, d.UseVersioning)
	require.Equal(t, "orderloom", d.Version.DeploymentName)
	require.Equal(t, "1", d.Version.BuildID)
}
