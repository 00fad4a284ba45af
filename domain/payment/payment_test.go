package payment_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

var (
	orderID = uuid.MustParse("6b3f1f04-52a9-5c7e-9d0a-3f2f0a1b2c3d")
	at      = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	expiry  = at.Add(7 * 24 * time.Hour)
)

func eur(cents int64) money.Money { return money.FromMinorUnits(cents, "EUR") }

func apply(p payment.Payment, events []domain.Event) payment.Payment {
	for _, e := range events {
		p = payment.Evolve(p, e)
	}
	return p
}

// must applies a decision that has to be allowed.
func must(t require.TestingT, p payment.Payment, decide func(payment.Payment) ([]domain.Event, error)) payment.Payment {
	events, err := decide(p)
	require.NoError(t, err)
	return apply(p, events)
}

func authorize(cents int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{
			OrderID: orderID, Amount: eur(cents), Status: payment.StatusAuthorized, GatewayRef: "pi_1", ExpiresAt: expiry, At: at,
		})
	}
}

func answer(status payment.Status) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Authorize(p, payment.RecordAuthorization{OrderID: orderID, Amount: eur(100), Status: status, At: at})
	}
}

func capture(id uuid.UUID, cents int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		return payment.Capture(p, payment.CapturePayment{CaptureID: id, Amount: eur(cents), At: at})
	}
}

func refund(id uuid.UUID, cents int64) func(payment.Payment) ([]domain.Event, error) {
	return func(p payment.Payment) ([]domain.Event, error) {
		p = p.Clone()
		events, err := payment.RequestRefund(p, payment.RefundPayment{RefundID: id, Amount: eur(cents), Reason: "returned", At: at})
		if err != nil {
			return nil, err
		}
		p = apply(p, events)
		r, _ := p.Refund(id)
		for _, a := range r.Attempts {
			paid, err := payment.AnswerRefund(p, payment.RefundAnswer{
				RefundID: id, Attempt: a.Attempt, Status: payment.RefundStatusPaid, GatewayRef: "re_" + id.String(), At: at,
			})
			if err != nil {
				return nil, err
			}
			events, p = append(events, paid...), apply(p, paid)
		}
		return events, nil
	}
}

func void(p payment.Payment) ([]domain.Event, error) {
	return payment.Void(p, payment.VoidPayment{OrderID: orderID, Reason: "order_cancelled", At: at}), nil
}

func expire(p payment.Payment) ([]domain.Event, error) { return payment.Expire(p, expiry), nil }

// Whatever is asked in whatever order, money is never captured beyond what was authorised, nor refunded beyond what
// was captured. Asking twice does nothing more.
func TestPaymentKeepsItsBooks(t *testing.T) {
	t.Parallel()
	ids := []uuid.UUID{uuid.New(), uuid.New(), uuid.New(), uuid.New()}
	rapid.Check(t, func(t *rapid.T) {
		var p payment.Payment
		captured, refunded := map[uuid.UUID]int64{}, map[uuid.UUID]int64{}
		var held int64 // at the gateway, authorised and neither captured nor let go
		lapsed := false
		id, cents := rapid.SampledFrom(ids), rapid.Int64Range(-1, 60)
		take := func(t *rapid.T, decide func(payment.Payment) ([]domain.Event, error)) []domain.Event {
			before, err := json.Marshal(p)
			require.NoError(t, err)
			events, err := decide(p)
			after, jsonErr := json.Marshal(p)
			require.NoError(t, jsonErr)
			require.JSONEq(t, string(before), string(after), "deciding changes nothing")
			if err != nil {
				require.NotEmpty(t, domain.Code(err))
				require.Empty(t, events)
				return nil
			}
			p = apply(p, events)
			again, err := decide(p)
			require.NoError(t, err)
			require.Empty(t, again, "a retried command does nothing")
			return events
		}
		t.Repeat(map[string]func(*rapid.T){
			"authorize": func(t *rapid.T) {
				if len(take(t, authorize(100))) > 0 {
					require.Zero(t, held, "never twice at once")
					require.True(t, lapsed || len(captured) == 0)
					held, lapsed = 100, false
				}
			},
			"require action": func(t *rapid.T) { take(t, answer(payment.StatusActionRequired)) },
			"expire": func(t *rapid.T) {
				if len(take(t, expire)) > 0 {
					held, lapsed = 0, true
				}
			},
			"void": func(t *rapid.T) {
				take(t, void)
				held, lapsed = 0, false
			},
			"capture": func(t *rapid.T) {
				c, n := id.Draw(t, "capture"), cents.Draw(t, "cents")
				if len(take(t, capture(c, n))) > 0 {
					require.NotContains(t, captured, c)
					captured[c] = n
					held -= n
				}
			},
			"refund": func(t *rapid.T) {
				r, n := id.Draw(t, "refund"), cents.Draw(t, "cents")
				if len(take(t, refund(r, n))) > 0 {
					require.NotContains(t, refunded, r)
					refunded[r] = n
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, sum(captured), p.Captured.MinorUnits())
				require.Equal(t, sum(refunded), p.Refunded.MinorUnits())
				require.Equal(t, held, p.Capturable().MinorUnits(), "what the gateway holds can be captured, and no more")
				require.GreaterOrEqual(t, held, int64(0))
				require.GreaterOrEqual(t, p.Refundable().MinorUnits(), int64(0))
				if len(captured) > 0 {
					want := payment.StatusCaptured
					if sum(captured) == sum(refunded) {
						want = payment.StatusRefunded
					}
					if p.Status != payment.StatusActionRequired {
						require.Equal(t, want, p.Status)
					}
				}
			},
		})
	})
}

func sum(amounts map[uuid.UUID]int64) (n int64) {
	for _, a := range amounts {
		n += a
	}
	return n
}

func TestCloneSharesNothing(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 10))
	clone := p.Clone()
	must(t, must(t, clone, capture(uuid.New(), 10)), refund(uuid.New(), 5))
	require.Len(t, p.Captures, 1)
	require.Empty(t, p.Refunds)
}

func TestIDFollowsFromTheOrder(t *testing.T) {
	t.Parallel()
	// Stored data depends on it: Python's uuid5(order, "payment").
	require.Equal(t, "ef165fa0-c4fa-5698-9e25-d4c06a10b611", payment.ID(orderID).String())
}

func TestSnapshotReadsBack(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40)), refund(uuid.New(), 10))
	b, err := json.Marshal(p)
	require.NoError(t, err)
	var read payment.Payment
	require.NoError(t, json.Unmarshal(b, &read))
	again, err := json.Marshal(read)
	require.NoError(t, err)
	require.JSONEq(t, string(b), string(again))
	require.Equal(t, int64(60), read.Capturable().MinorUnits())
}

func TestReconcileNamesDifferences(t *testing.T) {
	t.Parallel()
	p := must(t, must(t, payment.Payment{}, authorize(100)), capture(uuid.New(), 40))
	require.Empty(t, payment.Reconcile(p, payment.GatewayBalance{Held: eur(60), Captured: eur(40), Refunded: eur(0)}, at))
	events := payment.Reconcile(p, payment.GatewayBalance{Held: eur(0), Captured: eur(100), Refunded: eur(0)}, at)
	require.Len(t, events, 2)
	require.Equal(t, "captured", events[1].(payment.PaymentDifferenceFound).What)
	after := apply(p.Clone(), events)
	require.Len(t, after.Differences, 2)
	ledger := payment.GatewayBalance{Held: eur(0), Captured: eur(100), Refunded: eur(0)}
	require.Empty(t, payment.Reconcile(after, ledger, at.Add(time.Hour)), "it is known")
	ledger.Captured = eur(90)
	require.Len(t, payment.Reconcile(after, ledger, at), 1, "it has become another one")

	for _, e := range payment.Reconcile(p, payment.GatewayBalance{}, at) {
		found := e.(payment.PaymentDifferenceFound)
		require.Equal(t, "0.00 EUR", found.Gateway.String(), "a gateway that knows no payment holds nothing in its currency")
	}
	ledger = payment.GatewayBalance{Held: eur(60), Captured: eur(40), Refunded: eur(0)}
	mended := apply(after.Clone(), payment.Reconcile(after, ledger, at))
	require.Empty(t, mended.Differences, "it is mended")
	mended.Differences = nil
	require.Equal(t, p, mended, "a difference changes nothing else: a person looks into it")
}

func Example() {
	var p payment.Payment
	p = payment.Evolve(p, payment.PaymentAuthorized{PaymentID: payment.ID(orderID), OrderID: orderID, Amount: money.Must("59.70", "EUR")})
	shipment := uuid.New()
	events, err := payment.Capture(p, payment.CapturePayment{CaptureID: shipment, Amount: money.Must("19.90", "EUR")})
	for _, e := range events {
		p = payment.Evolve(p, e)
	}
	fmt.Println(p.Status, p.Captured, "of", p.Authorized, err)
	_, err = payment.RequestRefund(p, payment.RefundPayment{RefundID: uuid.New(), Amount: money.Must("20.00", "EUR")})
	fmt.Println(domain.Code(err))
	// Output:
	// captured 19.90 EUR of 59.70 EUR <nil>
	// refund_exceeds_capture
}

var long = strings.Repeat("x", 3000)
