package worker

import (
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	sdkworker "go.temporal.io/sdk/worker"
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

// registry notes how sagas are registered.
type registry struct {
	sdkworker.Registry
	options map[string]workflow.RegisterOptions
}

func (r registry) RegisterWorkflowWithOptions(_ any, o workflow.RegisterOptions) {
	r.options[o.Name] = o
}

// A saga of a version whose workers are gone would wait for ever. dev/e2e has the drill of it (TestDrillUpgrade).
func TestEverySagaMovesToTheCurrentVersion(t *testing.T) {
	t.Parallel()
	registered := registry{options: map[string]workflow.RegisterOptions{}}
	Register(registered, nil)
	require.Len(t, registered.options, len(Sagas()))
	for name, options := range registered.options {
		require.Equal(t, workflow.VersioningBehaviorAutoUpgrade, options.VersioningBehavior, name)
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
