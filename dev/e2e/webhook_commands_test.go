package e2e_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/client"
	"github.com/stretchr/testify/require"
)

// hook is a delivery that has come.
type hook struct {
	header http.Header
	body   []byte
}

// hooks receives deliveries.
func hooks(t *testing.T) (url string, got chan hook) {
	t.Helper()
	got = make(chan hook, 1000)
	r := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- hook{r.Header.Clone(), body}
		w.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(r.Close)
	return r.URL, got
}

// awaitHook waits for a delivery of a type about an order, and verifies it.
func awaitHook(t *testing.T, got chan hook, verifier *client.WebhookVerifier, kind string, order uuid.UUID) client.Webhook {
	t.Helper()
	end := time.After(patience)
	for {
		select {
		case h := <-got:
			w, err := verifier.Read(h.header, h.body)
			require.NoError(t, err)
			if w.Type == kind && w.Event.OrderID == order {
				return w
			}
		case <-end:
			require.Fail(t, "no delivery", "%s of order %s", kind, order)
		}
	}
}

// carryWebhooks lists, sends again and disables an endpoint, listens for events on this machine, and exports them.
func (c commands) carryWebhooks(t *testing.T, s *shop) {
	t.Helper()
	url, got := hooks(t)
	e, err := s.CreateWebhookEndpoint(t.Context(), client.NewWebhookEndpoint{WebhookSettings: client.WebhookSettings{Name: "a partner", URL: url}})
	require.NoError(t, err)
	require.Equal(t, client.APIVersion, e.PayloadVersion)
	verifier, err := client.NewWebhookVerifier(e.Secret)
	require.NoError(t, err)
	o, err := s.stocked(t, states["confirmed"])
	require.NoError(t, err)
	require.NoError(t, o.order(states["confirmed"]))
	first := awaitHook(t, got, verifier, "OrderPlaced", o.id)
	id := e.EndpointID.String()
	listed := func() string {
		for line := range strings.Lines(c.run(t, 0, "webhooks", "list")) {
			if strings.HasPrefix(line, id) {
				return line
			}
		}
		return ""
	}
	require.Contains(t, listed(), "a partner")
	require.Contains(t, listed(), "well")

	require.Contains(t, c.run(t, 0, "webhooks", "resend", id, "--event", first.Event.EventID.String()), "is about to get them")
	again := awaitHook(t, got, verifier, "OrderPlaced", o.id)
	require.Equal(t, first.Event.EventID, again.Event.EventID)
	require.Equal(t, first.Cursor, again.Cursor)
	c.run(t, 2, "webhooks", "resend", id)
	c.run(t, 4, "webhooks", "resend", uuid.NewString(), "--undelivered")
	c.run(t, 2, "webhooks", "resend", id, "--event", uuid.NewString())

	for range 2 {
		require.Contains(t, c.run(t, 0, "webhooks", "disable", id), "is disabled since")
	}
	require.Contains(t, listed(), "disabled for request")
	c.run(t, 4, "webhooks", "disable", uuid.NewString())
	c.run(t, 4, "webhooks", "resend", id, "--undelivered")

	c.listen(t, s)
	file := filepath.Join(t.TempDir(), "orders.csv")
	c.run(t, 0, "export", "orders", "--format", "csv", "--file", file, "--fields", "order_id,status")
	require.Contains(t, c.run(t, 0, "export", "events", "--where", "order_id="+o.id.String()), "OrderConfirmed")
	require.FileExists(t, file)
}

// listen forwards events to this machine until it is interrupted.
func (c commands) listen(t *testing.T, s *shop) {
	t.Helper()
	url, got := hooks(t)
	command := exec.CommandContext(t.Context(), c.program, "webhooks", "listen", "--forward-to", url, "--type", "OrderPlaced,OrderConfirmed") //nolint:gosec // our own program
	command.Env = c.environment
	out, err := command.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, command.Start())
	lines := bufio.NewScanner(out)
	require.True(t, lines.Scan())
	secret, ok := strings.CutPrefix(lines.Text(), "Signing with ")
	require.True(t, ok, lines.Text())
	verifier, err := client.NewWebhookVerifier(secret)
	require.NoError(t, err)
	require.True(t, lines.Scan())
	require.Contains(t, lines.Text(), "Waiting for events")

	var w client.Webhook
	o, err := s.stocked(t, states["confirmed"])
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.following(t) > 0 }, patience, 20*time.Millisecond, "it follows the feed")
	require.NoError(t, o.order(states["confirmed"]))
	placed := awaitHook(t, got, verifier, "OrderPlaced", o.id)
	w = awaitHook(t, got, verifier, "OrderConfirmed", o.id)
	require.Equal(t, placed.Event.EventID, w.PreviousEventID)
	require.Equal(t, client.APIVersion, w.PayloadVersion)
	for lines.Scan() {
		if strings.Contains(lines.Text(), w.Event.EventID.String()) {
			break
		}
	}
	require.Contains(t, lines.Text(), "204 No Content")
	require.NoError(t, command.Process.Signal(syscall.SIGINT))
	for lines.Scan() {
	}
	require.NoError(t, command.Wait(), "Ctrl-C is no failure")
}

// following counts the clients that follow the feed or the changes of orders.
func (s *shop) following(t *testing.T) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.platform.APIURL+"/metrics", http.NoBody)
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close() //nolint:errcheck // of a test
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	for line := range strings.Lines(string(text)) {
		if n, ok := strings.CutPrefix(line, "orderloom_http_streams "); ok && strings.TrimSpace(n) != "0" {
			return 1
		}
	}
	return 0
}
