package payment_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/domain/pricing"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// gatewayRefund is a refund as the gateway of the test keeps it.
type gatewayRefund struct {
	ref    string
	source string
	cents  int64
	failed bool
}

// refundModel is a payment, and the gateway that it is at.
type refundModel struct {
	p payment.Payment
	// captured is what the gateway has taken, by its own payments.
	captured map[string]int64
	// made are the refunds that the gateway has accepted, by idempotency key, or by reference for those made elsewhere.
	made map[string]*gatewayRefund
	// lines are what was captured for each line of the order.
	lines   map[uuid.UUID]int64
	foreign int
}

func (m *refundModel) left(source string) int64 {
	left := m.captured[source]
	for _, r := range m.made {
		if r.source == source && !r.failed {
			left -= r.cents
		}
	}
	return left
}

func (m *refundModel) refunded() (n int64) {
	for _, r := range m.made {
		if !r.failed {
			n += r.cents
		}
	}
	return n
}

func (m *refundModel) taken() (n int64) {
	for _, c := range m.captured {
		n += c
	}
	return n
}

// take decides, applies what was decided, and asserts that deciding once more adds nothing.
func (m *refundModel) take(t *rapid.T, decide func(payment.Payment) ([]domain.Event, error)) error {
	events, err := decide(m.p)
	if err != nil {
		require.NotEmpty(t, domain.Code(err))
		require.Empty(t, events)
		return err
	}
	m.p = apply(m.p.Clone(), events)
	again, err := decide(m.p)
	require.NoError(t, err)
	require.Empty(t, again, "what is told twice counts once")
	return nil
}

// Refunds are owed, asked for, refused, fail later, or are made at the gateway by others, in any order. Never more goes
// back than was captured, in total and by line. The books say what the gateway has done.
func TestRefundsKeepTheBooksAndTheGatewayAgreed(t *testing.T) {
	t.Parallel()
	ids := make([]uuid.UUID, 6)
	lines := make([]uuid.UUID, 3)
	for i := range ids {
		ids[i] = domain.DerivedID(orderID, fmt.Sprintf("refund/%d", i))
	}
	for i := range lines {
		lines[i] = domain.DerivedID(orderID, fmt.Sprintf("line/%d", i))
	}
	rapid.Check(t, func(t *rapid.T) {
		m := &refundModel{captured: map[string]int64{}, made: map[string]*gatewayRefund{}, lines: map[uuid.UUID]int64{}}
		m.captureAll(t, lines)
		id, cents := rapid.SampledFrom(ids), rapid.Int64Range(-1, 120)
		t.Repeat(map[string]func(*rapid.T){
			"owe": func(t *rapid.T) {
				c := payment.OweRefund{RefundID: id.Draw(t, "refund"), Amount: eur(0), Reason: "return", At: at}
				for _, l := range lines[:rapid.IntRange(0, len(lines)).Draw(t, "lines")] {
					n := rapid.Int64Range(0, 120).Draw(t, "owed")
					c.Lines = append(c.Lines, payment.OwedLine{LineID: l, Amount: eur(n), Captured: pricing.Plain(eur(m.lines[l]))})
					c.Amount = c.Amount.Add(eur(n))
				}
				if len(c.Lines) == 0 {
					c.Amount = eur(cents.Draw(t, "cents"))
				}
				before := m.p.Refundable()
				require.NoError(t, m.take(t, func(p payment.Payment) ([]domain.Event, error) { return payment.Owe(p, c), nil }))
				require.LessOrEqual(t, before.Sub(m.p.Refundable()).Cmp(before), 0, "capped by what is refundable")
			},
			"request": func(t *rapid.T) {
				c := payment.RefundPayment{RefundID: id.Draw(t, "refund"), Amount: eur(cents.Draw(t, "cents")), Reason: "late", At: at}
				known, _ := m.p.Refund(c.RefundID)
				if rapid.Bool().Draw(t, "retry") {
					c.After = len(known.Attempts)
				}
				free := m.p.Refundable()
				err := m.take(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RequestRefund(p, c) })
				if known.RefundID == uuid.Nil && err == nil {
					require.LessOrEqual(t, c.Amount.Cmp(free), 0, "reserved before the gateway is asked")
				}
			},
			"ask the gateway": func(t *rapid.T) { m.askGateway(t) },
			"fails later": func(t *rapid.T) {
				if r := m.anyMade(t); r != nil {
					r.failed = true
					m.tell(t, r, payment.RefundStatusFailed)
				}
			},
			"told again": func(t *rapid.T) {
				if r := m.anyMade(t); r != nil && !r.failed {
					m.tell(t, r, rapid.SampledFrom([]payment.RefundStatus{payment.RefundStatusPending, payment.RefundStatusPaid}).Draw(t, "status"))
				}
			},
			"refund elsewhere": func(t *rapid.T) {
				source := rapid.SampledFrom([]string{"pi_1", "pi_2"}).Draw(t, "source")
				if n := cents.Draw(t, "cents"); n > 0 && n <= m.left(source) {
					m.foreign++
					r := &gatewayRefund{ref: fmt.Sprintf("re_foreign_%d", m.foreign), source: source, cents: n}
					m.made[r.ref] = r
					m.tell(t, r, payment.RefundStatusPaid)
				}
			},
			"": func(t *rapid.T) { m.check(t, lines) },
		})
	})
}

// captureAll captures money from two of the gateway's payments, for the lines of an order.
func (m *refundModel) captureAll(t *rapid.T, lines []uuid.UUID) {
	for i, source := range []string{"pi_1", "pi_2"} {
		m.p = payment.Evolve(m.p, payment.PaymentAuthorized{
			PaymentID: payment.ID(orderID), OrderID: orderID, Amount: eur(300), GatewayRef: source, AuthorizedAt: at, ExpiresAt: expiry,
		})
		for j := range lines {
			n := rapid.Int64Range(1, 50).Draw(t, "captured")
			m.p = must(t, m.p, capture(domain.DerivedID(lines[j], source), n))
			m.captured[source], m.lines[lines[j]] = m.captured[source]+n, m.lines[lines[j]]+n
		}
		if i == 0 {
			m.p = apply(m.p, payment.Expire(m.p, expiry.Add(time.Hour)))
		}
	}
}

// askGateway asks for an attempt whose outcome is not known in the books, under its key. The gateway makes it once,
// and refuses what it can't. Its answer may be lost.
func (m *refundModel) askGateway(t *rapid.T) {
	for _, r := range m.p.Refunds {
		for _, a := range r.Attempts {
			if a.Status != payment.RefundStatusRequested {
				continue
			}
			key := payment.RefundKey(m.p.ID, r.RefundID, a.Attempt)
			answer := payment.RefundAnswer{RefundID: r.RefundID, Attempt: a.Attempt, Status: payment.RefundStatusFailed, Cause: "refused", At: at}
			made := m.made[key]
			if made == nil && a.Amount.MinorUnits() <= m.left(a.Source) && rapid.IntRange(0, 3).Draw(t, "accepts") > 0 {
				made = &gatewayRefund{ref: "re_" + key, source: a.Source, cents: a.Amount.MinorUnits()}
				m.made[key] = made
			}
			if made != nil && !made.failed {
				answer.GatewayRef, answer.Status = made.ref, rapid.SampledFrom(
					[]payment.RefundStatus{payment.RefundStatusPending, payment.RefundStatusPaid}).Draw(t, "status")
			}
			if made == nil || rapid.IntRange(0, 3).Draw(t, "answered") > 0 {
				require.NoError(t, m.take(t, func(p payment.Payment) ([]domain.Event, error) { return payment.AnswerRefund(p, answer) }))
			}
			return
		}
	}
}

func (m *refundModel) anyMade(t *rapid.T) *gatewayRefund {
	var keys []string
	for _, r := range m.p.Refunds {
		for _, a := range r.Attempts {
			for _, key := range []string{payment.RefundKey(m.p.ID, r.RefundID, a.Attempt), a.GatewayRef} {
				if m.made[key] != nil {
					keys = append(keys, key)
				}
			}
		}
	}
	if len(keys) == 0 {
		return nil
	}
	return m.made[rapid.SampledFrom(keys).Draw(t, "made")]
}

// tell is a report of the gateway about one of its refunds, which names the key that it was asked for under.
func (m *refundModel) tell(t *rapid.T, r *gatewayRefund, status payment.RefundStatus) {
	c := payment.RefundAnswer{GatewayRef: r.ref, Status: status, Amount: eur(r.cents), Source: r.source, Cause: "lost_or_stolen_card", At: at}
	for key, made := range m.made {
		if made == r {
			c.RefundID, c.Attempt, _ = payment.ParseRefundKey(m.p.ID, key)
		}
	}
	require.NoError(t, m.take(t, func(p payment.Payment) ([]domain.Event, error) { return payment.RecordGatewayRefund(p, c) }))
}

func (m *refundModel) check(t *rapid.T, lines []uuid.UUID) {
	require.LessOrEqual(t, m.p.Refunded.MinorUnits(), m.taken(), "never more refunded than captured")
	require.GreaterOrEqual(t, m.p.Refundable().MinorUnits(), int64(0))
	byLine := map[uuid.UUID]int64{}
	known := int64(0) // what the gateway has refunded, as far as its answer came
	for _, r := range m.p.Refunds {
		if r.Owed {
			sum := int64(0)
			for _, l := range r.Lines {
				byLine[l.LineID] += l.Amount.MinorUnits()
				sum += l.Amount.MinorUnits()
			}
			require.True(t, len(r.Lines) == 0 || sum == r.Amount.MinorUnits(), "the lines sum up to what is owed")
		}
		require.LessOrEqual(t, r.Live().Cmp(r.Amount), 0, "never more asked for than is owed")
		for _, a := range r.Attempts {
			if made := m.made[payment.RefundKey(m.p.ID, r.RefundID, a.Attempt)]; made != nil && a.Status == payment.RefundStatusRequested && !made.failed {
				known += made.cents
			}
		}
		switch r.Status() {
		case payment.RefundStatusPaid, payment.RefundStatusPending:
			require.True(t, r.Remaining().IsZero())
		case payment.RefundStatusFailed:
			require.NotEmpty(t, r.Cause())
		}
	}
	require.Equal(t, m.refunded(), m.p.Refunded.MinorUnits()+known, "the books say what the gateway has done")
	for _, l := range lines {
		require.LessOrEqual(t, byLine[l], m.lines[l], "no line gets back more than was captured for it")
	}
}
