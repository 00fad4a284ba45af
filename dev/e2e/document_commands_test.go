package e2e_test

import (
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
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

// processBlock is a block that starts a process of the platform.
var processBlock = regexp.MustCompile("(?ms)^```sh process\n(.*?)^```$")

// documentPrelude carries out a block as its reader does. The platform is a test's, a rule may refuse what is asked of
// it, and what goes on until Ctrl-C is stopped.
const documentPrelude = `set -euo pipefail
orderloom() {
	local status=0 until_interrupted=(timeout --preserve-status --signal=INT 1 "$PROGRAM" "$@")
	case "$1 ${2-}" in
	"codec-server ") ORDERLOOM_PAYLOAD_KEYS=$CODEC_KEYS "${until_interrupted[@]}" || status=$? ;;
	"events tail"|"orders watch") "${until_interrupted[@]}" || status=$? ;;
	*) "$PROGRAM" "$@" || status=$? ;;
	esac
	# On a slow machine Ctrl-C comes before the command has begun what it would end well.
	if [ $status = 130 ]; then return; fi
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

// runBlocks runs each block of commands of each document and runbook, besides those that other tests run whole. Last
// come the processes that runbooks start.
func (s *shop) runBlocks(t *testing.T, c commands, key madeKey) {
	c = commands{c.program, c.documentEnvironment(s)}
	other := c.makeKey(t, "storefront")
	order, bank := s.place(t, states["confirmed"]), s.place(t, states["waiting for the bank"])
	id := order.id.String()
	words := map[string]string{
		"ATTENTION_ID": uuid.NewString(), "ORDER_ID": id, "KEY_ID": other.KeyID.String(), "AGGREGATE_ID": id,
		"CUSTOMER_ID": order.shown().CustomerID, "ACCOUNT": "documents", "SEQUENCE": "0",
	}
	environment := append(slices.Clone(c.environment), "PROGRAM="+c.program, "KEY="+key.Secret, "API_KEY="+key.Secret,
		"ORDERLOOM_KEY="+key.Secret, "URL="+s.platform.APIURL, "ORDER="+id, "ORDER_ID="+id, "CODEC_KEYS=p1:"+strings.Repeat("A", 43)+"=", "SHIPMENT="+shipmentOfDocuments, "LINE="+lineOfDocuments, "PAYMENT_ACTION_URL="+bank.shown().PaymentActionURL)
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
	s.runProcesses(t, c)
}

// runProcesses starts each process that a runbook has its reader start, beside the platform. It has to serve, and to
// end by SIGTERM with nothing left undone.
func (s *shop) runProcesses(t *testing.T, c commands) {
	environment := append(slices.Clone(c.environment), "ORDERLOOM_HTTP_ADDRESS=127.0.0.1:0", "ORDERLOOM_LOG_LEVEL=info")
	found := 0
	eachBlock(t, processBlock, func(document, block string) {
		found++
		t.Run(document+"/"+firstLine(block), func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(block)
			require.Len(t, words, 2, block)
			require.Equal(t, "orderloom", words[0])
			role := words[1]
			p := launch(t, c.program, role, role, environment)
			answer, err := http.Get(p.url + "/health")
			require.NoError(t, err)
			require.NoError(t, answer.Body.Close())
			require.Equal(t, http.StatusOK, answer.StatusCode, p.tail(t))
			require.NoError(t, p.cmd.Process.Signal(syscall.SIGTERM))
			<-p.exited
			require.Zero(t, p.cmd.ProcessState.ExitCode(), p.tail(t))
		})
	})
	require.NotZero(t, found)
}

// madeKey is what "orderloom keys create -o json" prints.
type madeKey struct {
	KeyID  uuid.UUID `json:"key_id"`
	Secret string    `json:"secret"`
}

func (c commands) makeKey(t *testing.T, role string) (k madeKey) {
	t.Helper()
	text := c.run(t, 0, "keys", "create", "--account", "documents", "--name", "n", "--role", role, "-o", "json")
	require.NoError(t, json.Unmarshal([]byte(text), &k))
	return k
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
