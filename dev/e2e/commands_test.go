package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// commands are those of the product, beside a platform.
type commands struct {
	program     string
	environment []string
}

// commands returns those beside this platform.
func (s *shop) commands(t *testing.T) commands {
	t.Helper()
	c := s.platform.Config
	return commands{program: sharedProgram(t), environment: []string{
		"DATABASE_URL=" + string(c.Database.URL), "TEMPORAL_ADDRESS=" + c.Temporal.Address, "TEMPORAL_NAMESPACE=" + c.Temporal.Namespace,
		"KAFKA_BROKERS=" + strings.Join(c.Kafka.Brokers, ","), "ORDERLOOM_LOCATIONS=berlin:DE,reno:US", "ORDERLOOM_PAYMENT_GATEWAY=sandbox",
		"ORDERLOOM_MASTER_KEYS=k1:" + strings.Repeat("A", 43) + "=", "ORDERLOOM_URL=" + s.platform.APIURL,
	}}
}

// run carries out a command line, which has to end with this status, and returns what it prints.
func (c commands) run(t *testing.T, exit int, args ...string) (stdout string) {
	t.Helper()
	command := exec.CommandContext(t.Context(), c.program, args...) //nolint:gosec // our own program
	command.Env = c.environment
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	if err := command.Run(); err != nil {
		require.ErrorAs(t, err, new(*exec.ExitError), problems.String())
	}
	require.Equal(t, exit, command.ProcessState.ExitCode(), "%v: %s", args, problems.String())
	return out.String()
}

// bundle writes a support bundle. What the shop's customers are called, and the keys, are not in it.
func (c commands) bundle(t *testing.T) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	require.Contains(t, c.run(t, 0, "bundle", "--file", file), file)
	text, err := exec.CommandContext(t.Context(), "tar", "xzOf", file).Output()
	require.NoError(t, err)
	require.Contains(t, string(text), "postgresql")
	require.Contains(t, string(text), "has the search attributes")
	for _, hidden := range []string{"Lovelace", "@example.com", "Torstra", strings.Repeat("A", 43), c.environment[0]} {
		require.NotContains(t, string(text), hidden)
	}
}

// carryOrders places, shows, lists, cancels and watches orders with commands.
func (c commands) carryOrders(t *testing.T, s *shop) {
	t.Helper()
	o, err := s.stocked(t, states["confirmed"])
	require.NoError(t, err)
	text, err := json.Marshal(keyedOrder(o.sku))
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "order.json")
	require.NoError(t, os.WriteFile(file, text, 0o600))

	var placed, again client.Order
	key := uuid.NewString()
	require.NoError(t, json.Unmarshal([]byte(c.run(t, 0, "orders", "place", file, "--key", key, "-o", "json")), &placed))
	require.NoError(t, json.Unmarshal([]byte(c.run(t, 0, "orders", "place", file, "--key", key, "-o", "json")), &again))
	require.Equal(t, placed.OrderID, again.OrderID, "the same key places one order")
	require.Equal(t, client.OrderConfirmed, placed.Status)
	id := placed.OrderID.String()

	require.Contains(t, c.run(t, 0, "orders", "get", id), "status      confirmed")
	require.Contains(t, c.run(t, 0, "orders", "get", id, "-o", "yaml"), "status: confirmed")
	require.Contains(t, c.run(t, 0, "orders", "list", "--number", placed.OrderNumber), id)
	require.Contains(t, c.run(t, 0, "orders", "resume", id), "has an open saga")
	c.run(t, 4, "orders", "get", uuid.NewString())
	require.NoError(t, os.WriteFile(file, []byte(`{"customer":"7"}`), 0o600))
	c.run(t, 2, "orders", "place", file)

	stream := c.run(t, 0, "streams", "show", id)
	require.Contains(t, stream, "OrderPlaced")
	require.Contains(t, stream, "PaymentAuthorized")
	c.run(t, 4, "streams", "show", uuid.NewString())
	var events struct {
		Events []struct {
			EventID uuid.UUID `json:"event_id"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(c.run(t, 0, "streams", "show", id, "-o", "json")), &events))
	require.Contains(t, c.run(t, 0, "events", "show", events.Events[0].EventID.String()), "OrderPlaced")

	require.Contains(t, c.run(t, 0, "orders", "cancel", id, "--reason", "changed_mind"), "is cancelled")
	require.Contains(t, c.run(t, 0, "orders", "cancel", id, "--reason", "changed_mind"), "is cancelled", "it may be repeated")
}
