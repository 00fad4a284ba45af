package stripe

import (
	"errors"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// life is a payment as its stream tells it, and the Stripe that it is made at.
type life struct {
	*rapid.T
	fake    *stripefake.Server
	gateway *Gateway
	once    bool // Stripe captures once only

	paymentID, orderID uuid.UUID
	generation         int
	askedAt            time.Time // when the present generation was asked for first
	status             payment.Status
	ref                string
	expiresAt          time.Time
	total              int64 // of the order, in cents
	captured, refunded int64 // in all
	// left is what of the present generation is not captured.
	left   int64
	serial int
}

// ask asks until there is an answer, as a saga does, while things go wrong and time passes.
func (l *life) ask(path string, call func(askedAt time.Time) error) error {
	askedAt := l.fake.Now()
	for n := rapid.IntRange(0, 3).Draw(l.T, "faults"); n > 0; n-- {
		f := rapid.SampledFrom([]stripefake.Fault{
			{}, {Effect: true}, {Effect: true}, {Status: 503}, {Status: 429}, {Status: 500, Kept: true}, {Status: 500, Effect: true, Kept: true},
		}).Draw(l.T, "fault")
		f.Method, f.Path = "POST", path
		l.fake.Inject(f)
	}
	for range 200 {
		err := call(askedAt)
		if !errors.Is(err, payments.ErrNoAnswer) {
			return err
		}
		pause := rapid.SampledFrom([]time.Duration{time.Minute, 3 * time.Hour, 7 * time.Hour, 13 * time.Hour}).Draw(l.T, "pause")
		l.fake.Advance(pause)
	}
	l.Fatalf("%s: no answer", path)
	return nil
}

func (l *life) key(step string) string { return l.paymentID.String() + "/" + step }

func (l *life) authorize() {
	if l.total == 0 {
		l.total = rapid.Int64Range(1000, 5000).Draw(l.T, "amount")
	}
	amount := money.FromMinorUnits(l.total-l.captured, "EUR")
	card := stripefake.CardVisa
	if l.once {
		card = stripefake.CardOnceOnly
	}
	var r payments.AuthorizeResult
	gone := false
	err := l.ask(createPath, func(askedAt time.Time) (err error) {
		l.askedAt = askedAt
		r, err = l.gateway.Authorize(l.Context(), payments.AuthorizeRequest{
			IdempotencyKey: l.key("authorize/" + strconv.Itoa(l.generation+1)), AskedAt: askedAt,
			PaymentID: l.paymentID, OrderID: l.orderID, Amount: amount,
			Captured: money.FromMinorUnits(l.captured, "EUR"), Token: card,
		})
		// A request may be given up and voided without an answer.
		if errors.Is(err, payments.ErrNoAnswer) && rapid.IntRange(0, 5).Draw(l.T, "gives up") == 0 {
			gone = true
			return nil
		}
		return err
	})
	require.NoError(l, err)
	if gone {
		l.void()
		return
	}
	require.Equal(l, payment.StatusAuthorized, r.Status)
	l.generation++
	l.askedAt = time.Time{}
	l.status, l.ref, l.expiresAt, l.left = payment.StatusAuthorized, r.GatewayRef, r.ExpiresAt, amount.MinorUnits()
}

func (l *life) capture() {
	amount := rapid.Int64Range(1, l.left).Draw(l.T, "amount")
	if least := leastUnits["EUR"]; rapid.Bool().Draw(l.T, "all") || amount < least || l.left-amount < least {
		amount = l.left // shares below the least capture join others
	}
	l.serial++
	key, left := l.key(fmt.Sprintf("capture/%d", l.serial)), l.left
	err := l.ask(capturePath, func(askedAt time.Time) error {
		_, err := l.gateway.Capture(l.Context(), payments.CaptureRequest{
			IdempotencyKey: key, AskedAt: askedAt, PaymentID: l.paymentID, GatewayRef: l.ref,
			Amount: money.FromMinorUnits(amount, "EUR"), Capturable: money.FromMinorUnits(left, "EUR"),
		})
		return err
	})
	if err != nil {
		require.ErrorIs(l, err, gatewayRefused)
		require.False(l, l.fake.Now().Before(l.expiresAt), "it is refused only once the authorisation has run out")
		l.left, l.status = 0, payment.StatusExpired
		return
	}
	l.left -= amount
	l.captured += amount
}

func (l *life) refund() {
	amount := rapid.Int64Range(1, l.captured-l.refunded).Draw(l.T, "amount")
	l.serial++
	key := l.key(fmt.Sprintf("refund/%d", l.serial))
	err := l.ask(refundPath, func(askedAt time.Time) error {
		_, err := l.gateway.Refund(l.Context(), payments.RefundRequest{
			IdempotencyKey: key, AskedAt: askedAt, PaymentID: l.paymentID, GatewayRef: l.ref, Amount: money.FromMinorUnits(amount, "EUR"),
		})
		return err
	})
	if errors.Is(err, gatewayRefused) && l.generation > 1 {
		return // it is more than one authorisation has captured
	}
	require.NoError(l, err)
	l.refunded += amount
}

// void ends the payment. What may still come of an unanswered request is sent once more afterwards.
func (l *life) void() {
	request := payments.VoidRequest{
		IdempotencyKey: l.key("void"), PaymentID: l.paymentID, GatewayRef: l.ref, Captured: money.FromMinorUnits(l.captured, "EUR"),
	}
	pending := l.status != payment.StatusAuthorized
	if pending {
		request.AuthorizeKey = l.key("authorize/" + strconv.Itoa(l.generation+1))
	}
	if l.askedAt.IsZero() {
		l.askedAt = l.fake.Now()
	}
	path := rapid.SampledFrom([]string{cancelPath, createPath, capturePath, refundPath}).Draw(l.T, "where it goes wrong")
	require.NoError(l, l.ask(path, func(askedAt time.Time) error {
		request.AskedAt = askedAt
		return l.gateway.Void(l.Context(), request)
	}))
	l.left, l.status = 0, payment.StatusVoided
	if pending {
		l.fake.Advance(rapid.SampledFrom([]time.Duration{0, time.Hour, 30 * time.Hour}).Draw(l.T, "late"))
		r, err := l.gateway.Authorize(l.Context(), payments.AuthorizeRequest{
			IdempotencyKey: request.AuthorizeKey, AskedAt: l.askedAt, PaymentID: l.paymentID, OrderID: l.orderID, Amount: eur("20.00"), Token: stripefake.CardVisa,
		})
		if err == nil {
			require.Equal(l, payment.StatusDeclined, r.Status)
		}
	}
}

// check compares Stripe with the stream.
func (l *life) check(*rapid.T) {
	a := l.fake.Account(l.paymentID.String())
	net := a.Captured - a.Refunded
	require.LessOrEqual(l, a.Authorized, l.generation+1)
	if l.once && l.captured > 0 && l.status != payment.StatusVoided {
		require.Equal(l, l.total-l.refunded, net, "the whole was taken at the first shipment")
		return
	}
	require.Equal(l, l.captured-l.refunded, net, "what the customer has paid")
	if l.status == payment.StatusAuthorized && l.fake.Now().Before(l.expiresAt) {
		require.Equal(l, l.left, a.Held, "what is reserved")
	}
	if l.status == payment.StatusVoided {
		require.Zero(l, a.Held, "nothing stays reserved")
	}
}

// TestWhateverFailsTheLedgersAgree lets payments live while requests and answers get lost, Stripe keeps
// its failures, and days pass between attempts. In the end, what the customer has paid and what is reserved
// is what the stream says.
func TestWhateverFailsTheLedgersAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		l := &life{
			T: t, once: rapid.Bool().Draw(t, "captures once"), paymentID: uuid.New(), orderID: uuid.New(),
			fake: stripefake.Start(stripefake.Options{
				Key: testKey, APIVersion: APIVersion, SearchLag: rapid.SampledFrom([]time.Duration{0, time.Minute, 5 * time.Minute}).Draw(t, "search lag"),
				AuthorizationLife: 30 * 24 * time.Hour,
			}),
		}
		defer l.fake.Close()
		var err error
		l.gateway, err = New(Options{Key: testKey, ReturnURL: "https://shop.example/", URL: l.fake.URL, Now: l.fake.Now})
		require.NoError(t, err)
		t.Repeat(map[string]func(*rapid.T){
			"": l.check,
			"authorize": func(t *rapid.T) {
				if l.status == payment.StatusAuthorized && l.fake.Now().After(l.expiresAt) && l.left > 0 && l.captured < l.total {
					l.status, l.left = payment.StatusExpired, 0
				}
				if l.status != "" && l.status != payment.StatusExpired {
					t.Skip("there is one already")
				}
				if l.total > 0 && l.total-l.captured < 50 {
					t.Skip("Stripe takes no less than 50 cents")
				}
				l.authorize()
			},
			"capture": func(t *rapid.T) {
				if l.left == 0 {
					t.Skip("nothing is reserved")
				}
				l.capture()
			},
			"refund": func(t *rapid.T) {
				if l.captured == l.refunded {
					t.Skip("nothing was taken")
				}
				l.refund()
			},
			"void": func(t *rapid.T) {
				if l.status == payment.StatusVoided {
					t.Skip("it is over")
				}
				l.void()
			},
			"pass time": func(t *rapid.T) {
				l.fake.Advance(rapid.SampledFrom([]time.Duration{time.Minute, 36 * time.Hour, 20 * 24 * time.Hour}).Draw(t, "time"))
			},
		})
	})
}
