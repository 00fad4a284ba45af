//go:build real

package stripe

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

// startMock builds Stripe's own mock server and starts it. It keeps nothing and knows the shape of every
// request of the API, so that what it takes, Stripe takes.
func startMock(t *testing.T) (address string) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "stripe-mock")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", binary, "github.com/stripe/stripe-mock")
	build.Dir = filepath.Join("..", "..", "internal", "tools")
	build.Stderr = os.Stderr
	require.NoError(t, build.Run())

	// It serves HTTPS as well, at one port for all unless told otherwise.
	mock := exec.CommandContext(t.Context(), binary, "-http-addr", "127.0.0.1:0", "-https-addr", "127.0.0.1:0")
	out, err := mock.StdoutPipe()
	require.NoError(t, err)
	mock.Stderr = os.Stderr
	require.NoError(t, mock.Start())
	t.Cleanup(func() { _ = mock.Wait() }) // the test's context has ended it
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if _, address, ok := strings.Cut(lines.Text(), "Listening for HTTP at address: "); ok {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			return "http://" + address
		}
	}
	t.Fatal("stripe-mock did not start")
	return ""
}

// twice sends every request to the mock too, before it is carried out, and keeps what was asked and
// what the mock thought of it.
type twice struct {
	mock string

	mu      sync.Mutex
	routes  map[string]int
	refused []string
}

func (w *twice) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	status, answer, err := w.ask(r, body)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routes[route(r)]++
	if status != http.StatusOK {
		w.refused = append(w.refused, route(r)+" "+r.URL.RawQuery+" "+string(body)+": "+answer)
	}
	return http.DefaultTransport.RoundTrip(r)
}

func (w *twice) ask(r *http.Request, body []byte) (status int, answer string, err error) {
	copied, err := http.NewRequestWithContext(r.Context(), r.Method, w.mock+r.URL.RequestURI(), bytes.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	copied.Header = r.Header.Clone()
	response, err := http.DefaultClient.Do(copied)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// route is a request's method and path, without ids.
func route(r *http.Request) string {
	parts := strings.Split(r.URL.Path, "/")
	for i, p := range parts {
		if strings.Contains(p, "_fake") {
			parts[i] = "{id}"
		}
	}
	return r.Method + " " + strings.Join(parts, "/")
}

// TestStripeTakesOurRequests sends every kind of request that the gateway makes to Stripe's mock server.
func TestStripeTakesOurRequests(t *testing.T) {
	t.Parallel()
	transport := &twice{mock: startMock(t), routes: map[string]int{}}
	fresh := func(o stripefake.Options) *testBundle {
		b := setup(t, o)
		var err error
		b.gateway, err = New(Options{Key: testKey, ReturnURL: "https://shop.example/{order_id}", URL: b.fake.URL, Now: b.fake.Now, Transport: transport})
		require.NoError(t, err)
		return b
	}
	for _, token := range []string{
		stripefake.CardVisa, stripefake.CardDeclined, stripefake.Card3DS, stripefake.CardAppOnly, stripefake.CardConfirmationOnce,
	} {
		_, err := fresh(stripefake.Options{}).authorize(token)
		require.NoError(t, err)
	}
	for _, amount := range []money.Money{money.Must("5000", "JPY"), money.Must("12.340", "KWD"), money.Must("5000", "ISK")} {
		_, err := fresh(stripefake.Options{}).authorizeAmount(stripefake.CardVisa, amount)
		require.NoError(t, err)
	}

	b := fresh(stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(13 * time.Hour) // then everything is looked up
	require.Equal(t, ref, b.mustAuthorize(stripefake.CardVisa))
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	_, err = b.refund(ref, "1", "10.00")
	require.NoError(t, err)
	require.NoError(t, b.void(ref, eur("40.00")))
	require.Len(t, ledger(t, b.gateway, b.askedAt, b.fake.Now().Add(time.Second)), 1)

	b = fresh(stripefake.Options{NoMulticapture: true})
	ref = b.mustAuthorize(stripefake.CardVisa)
	_, err = b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	require.NoError(t, b.void(ref, eur("40.00")))

	require.NoError(t, fresh(stripefake.Options{}).voidUnanswered())
	b = fresh(stripefake.Options{}) // twice with the customer's consent, and disputed
	kept := b.first(b.fake.PaymentMethod(stripefake.CardVisa), true)
	again := b.again("", kept.GatewayRef)
	b.generation, b.askedAt = "2", b.fake.Now()
	_, err = b.capture(again.GatewayRef, "1", "100.00", "100.00")
	require.NoError(t, err)
	b.fake.OpenDispute(again.GatewayRef, 1_000, true)
	require.Contains(t, told(b.find().Events), "dispute_opened 10.00")

	b = fresh(stripefake.Options{})
	_, err = b.gateway.search(t.Context(), []uuid.UUID{uuid.New(), uuid.New()})
	require.NoError(t, err)

	b = fresh(stripefake.Options{}) // disputed and paid out
	ref = b.mustAuthorize(stripefake.CardVisa)
	_, err = b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	b.fake.OpenDispute(ref, 1_000, false)
	b.fake.PayOut("eur")
	require.Len(t, payouts(t, b.gateway, b.askedAt, b.fake.Now().Add(time.Minute))[0].Entries, 2)

	require.Empty(t, transport.refused)
	for _, r := range []string{
		"POST /v1/payment_intents", "GET /v1/payment_intents/{id}", "GET /v1/payment_intents", "GET /v1/payment_intents/search",
		"POST /v1/payment_intents/{id}/capture", "POST /v1/payment_intents/{id}/cancel", "POST /v1/refunds", "GET /v1/refunds", "GET /v1/events",
		"POST /v1/customers", "GET /v1/disputes", "GET /v1/payouts", "GET /v1/balance_transactions",
	} {
		require.Positive(t, transport.routes[r], r)
	}
	require.Len(t, transport.routes, 13)
	t.Logf("Stripe's mock server took %v", transport.routes)
}

// TestTheMockRefusesWhatIsWrong keeps the test above honest.
func TestTheMockRefusesWhatIsWrong(t *testing.T) {
	t.Parallel()
	mock := startMock(t)
	for _, body := range []url.Values{
		{"amount": {"100"}, "currency": {"eur"}, "no_such_parameter": {"1"}},
		{"amount": {"much"}, "currency": {"eur"}},
		{"currency": {"eur"}},
		{"amount": {"100"}, "currency": {"eur"}, "capture_method": {"by hand"}},
		{"amount": {"100"}, "currency": {"eur"}, "payment_method_options[card][request_multicapture]": {"please"}},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, mock+"/v1/payment_intents", strings.NewReader(body.Encode()))
		require.NoError(t, err)
		r.Header.Set("Authorization", "Bearer "+testKey)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err, body)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusBadRequest, response.StatusCode, body)
	}
	g, err := New(Options{Key: testKey, ReturnURL: "https://shop.example/", URL: mock})
	require.NoError(t, err)
	_, err = g.Authorize(t.Context(), payments.AuthorizeRequest{
		IdempotencyKey: uuid.NewString(), AskedAt: time.Now(), PaymentID: uuid.New(), OrderID: uuid.New(), Amount: eur("10.00"), Token: "pm_card_visa",
	})
	if err != nil {
		require.ErrorIs(t, err, payments.ErrNoAnswer) // its answers mean nothing, but they can be read
	}
}
