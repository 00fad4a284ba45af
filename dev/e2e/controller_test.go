//go:build kubernetes

package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/orderloom/orderloom/internal/testing/freeport"
	"github.com/orderloom/orderloom/internal/testing/kubetest"
	"github.com/orderloom/orderloom/internal/testing/program"
	"github.com/stretchr/testify/require"
)

// startController starts Temporal's Worker Controller. It makes a Deployment of each version of the worker, and tells
// Temporal which one is current.
func (c *cluster) startController(t *testing.T) {
	t.Helper()
	c.byController = true
	require.NoError(t, c.server.DefineResources(t.Context()))
	// It serves webhooks, which nobody calls here, with a certificate from this folder.
	certificates := filepath.Join(c.dir, "k8s-webhook-server", "serving-certs")
	require.NoError(t, os.MkdirAll(certificates, 0o750))
	for from, to := range map[string]string{"apiserver.crt": "tls.crt", "apiserver.key": "tls.key"} {
		require.NoError(t, os.Symlink(filepath.Join(c.dir, "certificates", from), filepath.Join(certificates, to)))
	}
	ports, err := freeport.Find(t.Context(), 1)
	require.NoError(t, err)
	controller := exec.Command(os.Getenv("WORKER_CONTROLLER"), //nolint:gosec // a tool of ours
		"--metrics-bind-address=0", "--health-probe-bind-address="+freeport.Address(ports[0]))
	controller.Env = append(os.Environ(), "KUBECONFIG="+c.server.Kubeconfig, "TMPDIR="+c.dir, "POD_NAMESPACE=default", "CONTROLLER_IDENTITY=test")
	log := filepath.Join(c.dir, "controller.log")
	stop, err := program.Start(t.Context(), controller, log, freeport.Address(ports[0]))
	require.NoError(t, err)
	t.Cleanup(func() {
		stop()
		if says, _ := os.ReadFile(log); t.Failed() {
			t.Logf("the controller: %s", says[max(0, len(says)-tailBytes):])
		}
	})
}

// awaitCurrent waits until workers of an image are the current version at Temporal. Those of the former one stay until
// Temporal says that it is drained.
func (c *cluster) awaitCurrent(t *testing.T, image string) {
	t.Helper()
	await(t, "the version of "+image, func() bool {
		o, err := c.server.Get(t.Context(), "/apis/temporal.io/v1alpha1/namespaces/shop/workerdeployments/orderloom-worker")
		if err != nil {
			return false
		}
		wanted := kubetest.List(o, "spec", "template", "spec", "containers")[0]["image"]
		target, current := kubetest.At(o, "status", "targetVersion", "buildID"), kubetest.At(o, "status", "currentVersion", "buildID")
		ready := 0
		for _, p := range c.node.Pods("worker") {
			if p.Ready() && p.Image == image {
				ready++
			}
		}
		return wanted == image && target != nil && target == current && ready == 2
	})
}
