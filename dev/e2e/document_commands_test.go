package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// runWhole are the documents whose blocks of the kind sh depend on each other: other tests run each from its top to its
// end. docs/blocks_test.go knows which.
var runWhole = []string{"integrate.md", "kubernetes.md", "production.md", "rollout.md", "rotate-keys.md", "scale.md", "tutorial.md"}

// commandBlock is a block of commands that can be run by itself: of orderloom, of curl, or of
// Temporal's tools.
var commandBlock = regexp.MustCompile("(?ms)^```sh(?: curl| temporal)?\n(.*?)^```$")

// documentPrelude carries out a block as its reader does. The platform is a test's, a rule may refuse what is asked of
// it, and what goes on until Ctrl-C is stopped.
const documentPrelude = `set -euo pipefail
orderloom() {
	local status=0
	case "$1 ${2-}" in
	"codec-server ") ORDERLOOM_PAYLOAD_KEYS=$CODEC_KEYS timeout --preserve-status --signal=INT 1 "$PROGRAM" "$@" || status=$? ;;
	"events tail"|"orders watch") timeout --preserve-status --signal=INT 1 "$PROGRAM" "$@" || status=$? ;;
	*) "$PROGRAM" "$@" || status=$? ;;
	esac
	case $status in 0|3|4) ;; *) echo "orderloom $*: exit status $status" >&2; exit 1 ;; esac
}
curl() {
	local each arguments=() status
	for each in "$@"; do
		each=${each/#https:\/\/orders.example.com/$API}
		each=${each/#http:\/\/localhost:8080/$API}
		arguments+=("${each/#localhost:8080/$API}")
	done
	status=$(command curl -sS -o answer -w '%{http_code}' "${arguments[@]}")
	case $status in 2??|404|409) ;; *) echo "curl $*: $status" >&2; cat answer >&2; exit 1 ;; esac
}
`

// placeholder is a word of a command that its reader replaces.
var placeholder = regexp.MustCompile(`(^|[\s-])(ATTENTION_ID|ORDER_ID|KEY_ID|AGGREGATE_ID|CUSTOMER_ID|ACCOUNT|SEQUENCE)\b`)

// runBlocks runs each block of commands of each document and runbook, besides those that other tests run whole.
func (s *shop) runBlocks(t *testing.T, c commands) {
	c = commands{c.program, c.documentEnvironment(s)}
	var made struct {
		KeyID  uuid.UUID `json:"key_id"`
		Secret string    `json:"secret"`
	}
	text := c.run(t, 0, "keys", "create", "--account", "documents", "--name", "n", "--role", "admin", "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(text), &made))
	revoked := c.run(t, 0, "keys", "create", "--account", "documents", "--name", "revoked", "--role", "storefront", "-o", "json")
	var other struct {
		KeyID uuid.UUID `json:"key_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(revoked), &other))
	order, bank := s.place(t, states["confirmed"]), s.place(t, states["waiting for the bank"])
	id := order.id.String()
	words := map[string]string{
		"ATTENTION_ID": uuid.NewString(), "ORDER_ID": id, "KEY_ID": other.KeyID.String(), "AGGREGATE_ID": id,
		"CUSTOMER_ID": order.shown().CustomerID, "ACCOUNT": "documents", "SEQUENCE": "0",
	}
	environment := append(slices.Clone(c.environment), "PROGRAM="+c.program, "KEY="+made.Secret, "API_KEY="+made.Secret,
		"ORDERLOOM_KEY="+made.Secret, "URL="+s.platform.APIURL, "ORDER="+id, "ORDER_ID="+id, "CODEC_KEYS=p1:"+strings.Repeat("A", 43)+"=", "SHIPMENT="+shipmentOfDocuments, "LINE="+lineOfDocuments, "PAYMENT_ACTION_URL="+bank.shown().PaymentActionURL)
	for block, document := range documentBlocks(t) {
		block = placeholder.ReplaceAllStringFunc(block, func(found string) string {
			name := strings.TrimLeft(found, "- \t\n")
			return strings.TrimSuffix(found, name) + words[name]
		})
		t.Run(document+"/"+firstLine(block), func(t *testing.T) {
			t.Parallel()
			for _, call := range callsOf(t, runBlock(t, block, environment, order.sku)) {
				s.askTemporal(t, call)
			}
		})
	}
}

// documentBlocks are the blocks of commands, each once, with the document that has it.
func documentBlocks(t *testing.T) map[string]string {
	t.Helper()
	blocks := map[string]string{}
	eachBlock(t, commandBlock, func(document, block string) {
		if !slices.Contains(runWhole, document) {
			blocks[block] = document
		}
	})
	require.Greater(t, len(blocks), 30)
	return blocks
}

// eachBlock calls f for each block of a kind in the documents and runbooks.
func eachBlock(t *testing.T, kind *regexp.Regexp, f func(document, block string)) {
	t.Helper()
	for _, pattern := range []string{"../../*.md", "../../docs/*.md", "../../docs/runbooks/*.md"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, m := range kind.FindAllStringSubmatch(string(text), -1) {
				f(filepath.Base(path), m[1])
			}
		}
	}
}

// runBlock runs a block in a folder with the files that commands name. It returns the calls of Temporal's tools.
func runBlock(t *testing.T, block string, environment []string, sku string) (calls string) {
	t.Helper()
	folder := t.TempDir()
	text, err := json.Marshal(keyedOrder(sku))
	require.NoError(t, err)
	history, err := os.ReadFile("../../workflows/testdata/amended.OrderSaga.json")
	require.NoError(t, err)
	for name, content := range map[string][]byte{
		"calls": nil, "history": history, "order.json": text, "orders.ndjson": append(append([]byte(`{"key":"row-1","order":`), text...), "}\n"...), "history.json": history,
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), content, 0o600))
	}
	shell := exec.CommandContext(t.Context(), "bash")
	shell.Stdin, shell.Dir = strings.NewReader(documentPrelude+temporalPrelude+block), folder
	shell.Env, shell.WaitDelay = append(slices.Clone(environment), "PATH="+os.Getenv("PATH"), "HISTORY="+filepath.Join(folder, "history")), time.Second
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", block, out)
	noted, err := os.ReadFile(filepath.Join(folder, "calls"))
	require.NoError(t, err)
	return string(noted)
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return strings.TrimSpace(line)
}
