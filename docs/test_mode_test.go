package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/payments/sandbox"
	"github.com/stretchr/testify/require"
)

var firstColumn = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\|")

// Whoever tries the platform finds every token of the sandbox and every timer of an order, and none that there is not.
func TestTheTokensAndTimersOfTestModeAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs", "test-mode.md"))
	require.NoError(t, err)
	var want, have []string
	want = append(want, sandbox.Tokens...)
	for _, timer := range order.Timers {
		want = append(want, string(timer))
	}
	for _, m := range firstColumn.FindAllStringSubmatch(string(text), -1) {
		have = append(have, m[1])
	}
	require.Equal(t, want, have)
}
