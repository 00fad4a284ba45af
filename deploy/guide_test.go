//go:build helm

package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// helmBlock is a block of commands of a document that need Helm.
var helmBlock = regexp.MustCompile("(?ms)^```sh helm\n(.*?)^```$")

// Each command with Helm that docs/scale.md shows does what it says: the chart is rendered.
func TestTheCommandsForScalingRender(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/scale.md")
	require.NoError(t, err)
	blocks := helmBlock.FindAllStringSubmatch(string(text), -1)
	require.Len(t, blocks, 2)
	folder := t.TempDir()
	helm, err := exec.LookPath(helmProgram())
	require.NoError(t, err)
	// A Helm that was built by go install takes itself for one of Kubernetes 1.20.
	script := "#!/bin/sh\nexec " + helm + " \"$@\" --kube-version 1.34.2\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "helm"), []byte(script), 0o700)) //nolint:gosec // a program
	for i, want := range []string{"replicas: 4", "kind: ScaledObject"} {
		c := exec.CommandContext(t.Context(), "bash", "-euc", blocks[i][1]) //nolint:gosec // our own document's
		c.Dir = ".."
		c.Env = append(os.Environ(), "PATH="+folder+":"+os.Getenv("PATH"))
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		require.Contains(t, string(out), want)
	}
}
