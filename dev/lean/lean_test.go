package lean_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packagesMax is some 3 % more than there are. Each one costs everybody's first build half a second of a processor.
const packagesMax = 1400

// leftOut has the beginnings of the packages that the development build must not have.
var leftOut = []string{
	"cloud.google.com/go/auth", "cloud.google.com/go/monitoring", "cloud.google.com/go/run",
	"github.com/GoogleCloudPlatform/", "github.com/cncf/", "github.com/envoyproxy/", "github.com/google/s2a-go",
	"google.golang.org/grpc/xds",
	"github.com/aws/aws-sdk-go-v2/feature/", "github.com/aws/aws-sdk-go-v2/internal/", "github.com/aws/aws-sdk-go-v2/service/ecs",
	"github.com/aws/aws-sdk-go-v2/service/lambda", "github.com/aws/aws-sdk-go-v2/service/sts",
	"k8s.io/", "sigs.k8s.io/", "modernc.org/libc",
}

func TestTheDevelopmentBuildHasWhatItUses(t *testing.T) {
	t.Parallel()
	listing := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/orderloom-dev")
	listing.Dir = ".."
	listed, err := listing.Output()
	require.NoError(t, err)
	packages := strings.Fields(string(listed))
	require.Contains(t, packages, "go.temporal.io/server/temporal")
	require.LessOrEqual(t, len(packages), packagesMax)
	for _, name := range packages {
		for _, prefix := range leftOut {
			require.False(t, strings.HasPrefix(name, prefix), "%s is compiled again; dev/lean/doc.go says what to do", name)
		}
	}
}
