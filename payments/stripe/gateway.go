package stripe

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
)

// APIVersion is the version of Stripe's API that every request asks for. It goes with the library's
// version: a test fails when an upgrade changes it, so that somebody reads Stripe's changelog.
const APIVersion = "2026-05-27.dahlia"

const (
	// requestTimeout is how long one request may take. Stripe's slowest answers come from banks.
	requestTimeout = 30 * time.Second
	// retriesMax is how often the library repeats a request: never, because it sleeps without heeding the
	// context. The saga's step repeats, and backs off.
	retriesMax = 0
	// connectionsMax bounds the connections of one process to Stripe.
	connectionsMax = 64
	// keyLife is for how long Stripe keeps idempotency keys (https://docs.stripe.com/api/idempotent_requests).
	keyLife = 24 * time.Hour
	// lookupAfter is the age from which a request is looked up before it is made again. It is half of the time for
	// which Stripe keeps keys, so that clocks and queues don't matter.
	lookupAfter = keyLife / 2
)

// Options of a [Gateway].
type Options struct {
	// Key is Stripe's secret key; better a restricted one, that may write PaymentIntents, Refunds and Customers, and
	// read Charges, Disputes, Events, Payouts and the Balance.
	Key string
	// ReturnURL is where the bank's page sends the customer back to, with {order_id} in it replaced.
	ReturnURL string
	// URL is where Stripe is; empty for the real one.
	URL string
	// Transport carries the requests; nil for one with limits.
	Transport http.RoundTripper
	// Now tells the time; nil for time.Now.
	Now func() time.Time
}

// Gateway implements [payments.Gateway] and [payments.LedgerReader]. It is safe for concurrent use
// and keeps nothing: what it knows, Stripe knows.
type Gateway struct {
	client    *api.Client
	returnURL string
	now       func() time.Time
}

var (
	_ payments.Gateway      = (*Gateway)(nil)
	_ payments.LedgerReader = (*Gateway)(nil)
	_ payments.PayoutReader = (*Gateway)(nil)
)

// New returns a gateway. It asks Stripe nothing yet.
func New(o Options) (*Gateway, error) {
	if o.Key == "" {
		return nil, errors.New("stripe needs a secret key")
	}
	if u, err := url.Parse(o.ReturnURL); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("stripe needs the URL that the customer's bank sends the customer back to")
	}
	transport := o.Transport
	if transport == nil {
		t := http.DefaultTransport.(*http.Transport).Clone()
		t.MaxConnsPerHost, t.MaxIdleConnsPerHost = connectionsMax, connectionsMax
		transport = t
	}
	backend := &api.BackendConfig{
		HTTPClient:        &http.Client{Timeout: requestTimeout, Transport: transport},
		MaxNetworkRetries: api.Int64(retriesMax),
		EnableTelemetry:   api.Bool(false),
		// The library would log Stripe's answers, client secrets among them.
		LeveledLogger: &api.LeveledLogger{Level: api.LevelNull},
	}
	if o.URL != "" {
		backend.URL = api.String(o.URL)
	}
	g := &Gateway{
		client:    api.NewClient(o.Key, api.WithBackends(api.NewBackendsWithConfig(backend))),
		returnURL: o.ReturnURL,
		now:       o.Now,
	}
	if g.now == nil {
		g.now = time.Now
	}
	return g, nil
}

// old reports whether a request that was first asked for at this time may have outlived its key.
func (g *Gateway) old(askedAt time.Time) bool { return g.now().Sub(askedAt) >= lookupAfter }

// expandCharge asks for the charge of an intent within the answer. The charge tells until when the money
// is reserved, whether several captures are possible, and what was refunded.
const expandCharge = "latest_charge"
