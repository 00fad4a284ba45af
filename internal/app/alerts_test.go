//go:build real

package app

import (
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Prometheus itself reads the alerts that are shipped, and fires each by a series that provokes it. It fires none for
// what is ordinary.
func TestPrometheusFiresTheAlerts(t *testing.T) {
	t.Parallel()
	for _, arguments := range [][]string{{"check", "rules", "alerts.yml"}, {"test", "rules", "alerts_test.yml", "alerts_rare_test.yml"}} {
		c := exec.CommandContext(t.Context(), "promtool", arguments...)
		c.Dir = "../../deploy/prometheus"
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
	}
}
