//go:build tools

package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// toolsVariable names the folders with the programs temporal and tctl, as PATH does. "make test-temporal-cli" builds
// them.
const toolsVariable = "TEMPORAL_TOOLS"

var temporalBlock = regexp.MustCompile("(?ms)^```sh temporal\n(.*?)^```$")

// TestTemporalsToolsCarryOutTheDocuments runs each command for temporal and tctl that a document shows, by these
// programs. Each has an order of its own, in the state that the command is for. It fails when a command does not
// succeed, and when a request has not the effect that its name says.
func TestTemporalsToolsCarryOutTheDocuments(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	tools := temporalTools{shop: s, commands: s.commands(t), folders: os.Getenv(toolsVariable)}
	require.NotEmpty(t, tools.folders, "run make test-temporal-cli")
	var ofAll []string // what is about more than one order
	t.Run("orders", func(t *testing.T) {
		for document, blocks := range temporalBlocks(t) {
			for _, block := range blocks {
				var lines []string
				for line := range strings.Lines(block) {
					switch line = strings.TrimSpace(line); {
					case line == "" || strings.HasPrefix(line, "export ") || strings.HasPrefix(line, "ORDER="):
					case strings.Contains(line, " signal --query ") || strings.Contains(line, " schedule "):
						ofAll = append(ofAll, line)
					default:
						lines = append(lines, line)
					}
				}
				t.Run(document+"/"+firstLine(block), func(t *testing.T) {
					t.Parallel()
					home := t.TempDir()
					for _, line := range lines {
						tools.carryOut(t, home, line)
					}
				})
			}
		}
	})
	require.NotEmpty(t, ofAll)
	for _, line := range ofAll {
		tools.carryOut(t, t.TempDir(), line)
	}
}

// temporalBlocks are the blocks of commands for temporal and tctl, by the document that has them.
func temporalBlocks(t *testing.T) map[string][]string {
	t.Helper()
	blocks, found := map[string][]string{}, 0
	eachBlock(t, temporalBlock, func(document, block string) {
		blocks[document] = append(blocks[document], block)
		found++
	})
	require.Greater(t, found, 20)
	return blocks
}

type temporalTools struct {
	*shop
	commands commands
	folders  string
}

// effects are what an order becomes by a request.
var effects = map[string]client.OrderStatus{
	"--name cancel_order": client.OrderCancelled, "--name approve_order": client.OrderConfirmed, "--name reject_order": client.OrderCancelled,
	"--name shipment_dispatched": client.OrderShipped, "--name shipment_delivered": client.OrderDelivered, "workflow cancel": client.OrderCancelled,
}

// carryOut runs a line as its reader would, with an order of its own.
func (s temporalTools) carryOut(t *testing.T, home, line string) {
	t.Helper()
	o := s.orderFor(t, line)
	shown := o.shown()
	environment := append(slices.Clone(s.commands.environment), "HOME="+home, "ORDER="+o.id.String(),
		"PATH="+s.folders+":"+filepath.Dir(s.commands.program)+":"+os.Getenv("PATH"),
		"TEMPORAL_CLI_ADDRESS="+s.platform.Config.Temporal.Address, "TEMPORAL_CLI_NAMESPACE="+s.platform.Config.Temporal.Namespace)
	if len(shown.Shipments) > 0 {
		environment = append(environment, "SHIPMENT="+shown.Shipments[0].ShipmentID.String(), "LINE="+shown.Items[0].LineID.String())
	}
	command := strings.NewReplacer("127.0.0.1:7233", s.platform.Config.Temporal.Address,
		"--namespace orderloom", "--namespace "+s.platform.Config.Temporal.Namespace).Replace(line)
	if strings.Contains(line, "order-$ORDER") {
		command = strings.ReplaceAll(command, "CUPS", o.sku)
	}
	if name, _, assigns := strings.Cut(line, "=$("); assigns {
		command += fmt.Sprintf(`; test -n "$%s" && test "$%[1]s" != null`, name)
	}
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", command)
	shell.Dir, shell.Env, shell.WaitDelay = home, environment, time.Second
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", command, out)
	for request, status := range effects {
		if strings.Contains(line, request) && strings.Contains(line, "order-$ORDER") {
			o.awaitStatus(status)
		}
	}
}

// orderFor places an order, and takes it to where the command is for it.
func (s temporalTools) orderFor(t *testing.T, line string) *drilled {
	t.Helper()
	has := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(line, w) })
	}
	switch {
	case has("payment-$ORDER"):
		return s.place(t, states["waiting for the bank"])
	case has("inventory-$ORDER"):
		return s.place(t, states["backordered"])
	case has("approve_order", "reject_order"):
		return s.place(t, states["held"])
	}
	o := s.place(t, states["confirmed"])
	switch {
	case has("shipment_delivered", "shipment_lost", "shipment_refused"):
		o.dispatch(o.shipmentFrom("berlin").ShipmentID)
		o.awaitStatus(client.OrderShipped)
	case has("workflow result"):
		o.ship("berlin")
		o.awaitStatus(client.OrderDelivered)
	}
	return o
}
