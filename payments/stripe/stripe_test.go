package stripe

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

const testKey = "sk_test_51NotARealKey"

// testBundle is a gateway, its Stripe, and one payment.
type testBundle struct {
	*testing.T
	fake      *stripefake.Server
	gateway   *Gateway
	paymentID uuid.UUID
	orderID   uuid.UUID
	askedAt   time.Time
	// generation counts the authorisations, as the payment stream does.
	generation string
}

func setup(t *testing.T, o stripefake.Options) *testBundle {
	t.Helper()
	o.Key, o.APIVersion = testKey, APIVersion
	fake := stripefake.Start(o)
	t.Cleanup(fake.Close)
	gateway, err := New(Options{Key: testKey, ReturnURL: "https://shop.example/orders/{order_id}", URL: fake.URL, Now: fake.Now})
	require.NoError(t, err)
	return &testBundle{T: t, fake: fake, gateway: gateway, paymentID: uuid.New(), orderID: uuid.New(), askedAt: fake.Now(), generation: "1"}
}

func eur(s string) money.Money { return money.Must(s, "EUR") }

func (b *testBundle) authorizeKey() string {
	return b.paymentID.String() + "/authorize/" + b.generation
}

// authorize asks for 100 EUR.
func (b *testBundle) authorize(token string) (payments.AuthorizeResult, error) {
	return b.authorizeAmount(token, eur("100.00"))
}

func (b *testBundle) authorizeAmount(token string, amount money.Money) (payments.AuthorizeResult, error) {
	return b.gateway.Authorize(b.Context(), payments.AuthorizeRequest{
		IdempotencyKey: b.authorizeKey(), AskedAt: b.askedAt, PaymentID: b.paymentID, OrderID: b.orderID, Amount: amount, Token: token,
	})
}

// mustAuthorize returns the reference of 100 EUR that are held.
func (b *testBundle) mustAuthorize(token string) string {
	b.Helper()
	r, err := b.authorize(token)
	require.NoError(b, err)
	require.EqualValues(b, "authorized", r.Status)
	return r.GatewayRef
}

func (b *testBundle) capture(ref, shipment, amount, left string) (string, error) {
	taken, err := b.gateway.Capture(b.Context(), payments.CaptureRequest{
		IdempotencyKey: b.paymentID.String() + "/capture/" + shipment, AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref,
		Amount: eur(amount), Capturable: eur(left),
	})
	return taken.Ref, err
}

func (b *testBundle) refund(ref, id, amount string) (string, error) {
	result, err := b.gateway.Refund(b.Context(), payments.RefundRequest{
		IdempotencyKey: b.paymentID.String() + "/refund/" + id, AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref,
		Amount: eur(amount), Reason: "Ms Sample has called",
	})
	return result.Ref, err
}

func (b *testBundle) void(ref string, captured money.Money) error {
	return b.gateway.Void(b.Context(), payments.VoidRequest{
		IdempotencyKey: b.paymentID.String() + "/void", AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Captured: captured,
	})
}

// voidUnanswered voids what was asked for and never answered.
func (b *testBundle) voidUnanswered() error {
	return b.gateway.Void(b.Context(), payments.VoidRequest{
		IdempotencyKey: b.paymentID.String() + "/void", AskedAt: b.askedAt, PaymentID: b.paymentID, AuthorizeKey: b.authorizeKey(),
	})
}

// holds asserts what was done to the payment, in cents.
func (b *testBundle) holds(held, captured, refunded int64) {
	b.Helper()
	a := b.fake.Account(b.paymentID.String())
	require.Equal(b, [3]int64{held, captured, refunded}, [3]int64{a.Held, a.Captured, a.Refunded}, "held, captured, refunded")
}

const (
	createPath  = "/v1/payment_intents"
	capturePath = "/v1/payment_intents/*/capture"
	cancelPath  = "/v1/payment_intents/*/cancel"
	refundPath  = "/v1/refunds"
)

func post(path string) stripefake.Fault { return stripefake.Fault{Method: "POST", Path: path} }

// faults are the ways in which a request can fail that are worth asking again.
func faults(path string) map[string]stripefake.Fault {
	return map[string]stripefake.Fault{
		"connection breaks before":            {Method: "POST", Path: path},
		"connection breaks after":             {Method: "POST", Path: path, Effect: true},
		"500 before, kept under the key":      {Method: "POST", Path: path, Status: 500, Kept: true},
		"500 after, kept under the key":       {Method: "POST", Path: path, Status: 500, Kept: true, Effect: true},
		"503":                                 {Method: "POST", Path: path, Status: 503},
		"rate limit":                          {Method: "POST", Path: path, Status: 429, Code: "rate_limit"},
		"lock":                                {Method: "POST", Path: path, Status: 429, Code: "lock_timeout"},
		"key in use":                          {Method: "POST", Path: path, Status: 409, Code: "idempotency_key_in_use"},
		"API key revoked":                     {Method: "POST", Path: path, Status: 401},
		"a parameter that Stripe has dropped": {Method: "POST", Path: path, Status: 400, Code: "parameter_unknown"},
	}
}

// untilAnswered asks as the sagas do, letting time pass, until there is an answer.
func untilAnswered[T any](b *testBundle, patience time.Duration, ask func() (T, error)) T {
	b.Helper()
	v, err := ask()
	for n := 0; err != nil; n++ {
		require.ErrorIs(b, err, payments.ErrNoAnswer)
		require.Less(b, n, 100, "no answer")
		b.fake.Advance(patience / 10)
		v, err = ask()
	}
	return v
}

func deadline(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
