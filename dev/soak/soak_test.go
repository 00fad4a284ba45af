package soak_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/orderloom/orderloom/dev/soak"
	"github.com/orderloom/orderloom/dev/stack"
	"github.com/orderloom/orderloom/internal/testing/kafkatest"
	"github.com/stretchr/testify/require"
)

// Orders of every kind, on processes that are killed: a short one of "make soak". On a real Kafka where the
// environment names one, which has to be empty.
func TestKillsAtRandomMomentsLeaveEverythingInOrder(t *testing.T) {
	t.Parallel()
	orderloom := filepath.Join(t.TempDir(), "orderloom")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", orderloom, "./cmd/orderloom")
	build.Dir = "../.."
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	report, err := soak.Run(t.Context(), soak.Options{
		Orderloom: orderloom, Duration: 30 * time.Second, KillEvery: 6 * time.Second, Buyers: 8, Log: t.Logf,
		Given: stack.Addresses{KafkaBrokers: os.Getenv(kafkatest.BrokersVariable)},
	})
	text, _ := json.MarshalIndent(report, "", " ")
	require.NoError(t, err, "%s", text)
	t.Logf("%s", text)
	require.NotZero(t, report.Kills)
	require.NotZero(t, report.Orders)
	require.NotZero(t, report.Verified.Kafka.Events)
}
