package stripe

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
	api "github.com/stripe/stripe-go/v85"
)

func TestTheAPIVersionIsPinned(t *testing.T) {
	t.Parallel()
	require.Equal(t, APIVersion, api.APIVersion, "the library asks for another version: read Stripe's changelog, then change both")
}

func TestAGatewayNeedsAKeyAndAWayBack(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{
		{}, {Key: "sk"}, {ReturnURL: "https://shop.example"}, {Key: "sk", ReturnURL: "shop.example"}, {Key: "sk", ReturnURL: "javascript:alert(1)"},
	} {
		_, err := New(o)
		require.Error(t, err)
	}
}

// answering answers every request with the same.
type answering struct {
	status int
	body   string
}

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.status == 0 {
		return nil, errors.New("no route to host")
	}
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.body)), Header: http.Header{}, Request: r}, nil
}

func TestErrorsHoldNeitherSecretsNorProse(t *testing.T) {
	t.Parallel()
	secrets := []string{testKey, "pm_secret", "secret_1", "4242", "Sample", "http://", "https://"}
	for _, a := range []answering{
		{400, `{"error":{"type":"invalid_request_error","code":"resource_missing","message":"No such thing: 'pm_secret' of Ms Sample"}}`},
		{402, `{"error":{"type":"card_error","code":"card_declined","message":"Your card ending in 4242","payment_intent":{"id":"pi_1","client_secret":"secret_1"}}}`},
		{401, `{"error":{"type":"invalid_request_error","message":"Invalid API Key provided: ` + testKey + `"}}`},
		{500, `{"error":{"type":"api_error","message":"pm_secret"}}`},
		{502, `<html>pm_secret</html>`},
		{200, `<html>pm_secret</html>`},
		{0, ""},
	} {
		g, err := New(Options{Key: testKey, ReturnURL: "https://shop.example/", Transport: a})
		require.NoError(t, err)
		_, authorizeErr := g.Authorize(t.Context(), payments.AuthorizeRequest{AskedAt: time.Now(), Amount: eur("1.00"), Token: "pm_secret"})
		_, captureErr := g.Capture(t.Context(), payments.CaptureRequest{AskedAt: time.Now(), GatewayRef: "pi_1", Amount: eur("1.00"), Capturable: eur("1.00")})
		_, refundErr := g.Refund(t.Context(), payments.RefundRequest{AskedAt: time.Now(), GatewayRef: "pi_1", Amount: eur("1.00")})
		voidErr := g.Void(t.Context(), payments.VoidRequest{GatewayRef: "pi_1"})
		for _, err := range []error{authorizeErr, captureErr, refundErr, voidErr} {
			for _, secret := range secrets {
				require.NotContains(t, errorText(err), secret)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error() + errorText(errors.Unwrap(err))
}

func TestNothingIsLogged(t *testing.T) { // not parallel: it listens to the process's standard streams
	read, write, err := os.Pipe()
	require.NoError(t, err)
	stdout, stderr := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = write, write
	defer func() { os.Stdout, os.Stderr = stdout, stderr }()

	b := setup(t, stripefake.Options{})
	fault := post(createPath)
	fault.Status = 500
	b.fake.Inject(fault)
	_, err = b.authorize(stripefake.CardVisa)
	require.Error(t, err)
	_, err = b.authorize(stripefake.CardDeclined)
	require.NoError(t, err)

	require.NoError(t, write.Close())
	var logged bytes.Buffer
	_, err = io.Copy(&logged, read)
	require.NoError(t, err)
	require.Empty(t, logged.String())
}
