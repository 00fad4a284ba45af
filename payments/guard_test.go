package payments_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/breaker"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// outage is a gateway that answers with err, after a while.
type outage struct {
	calls atomic.Int32
	err   error
	lasts time.Duration
	// ends is when it answers without an error; zero is never.
	ends time.Time
}

func (o *outage) answer(ctx context.Context) error {
	o.calls.Add(1)
	select {
	case <-ctx.Done():
		return payments.NoAnswer(ctx.Err())
	case <-time.After(o.lasts):
	}
	if !o.ends.IsZero() && !time.Now().Before(o.ends) {
		return nil
	}
	return o.err
}

func (o *outage) Authorize(ctx context.Context, _ payments.AuthorizeRequest) (payments.AuthorizeResult, error) {
	return payments.AuthorizeResult{GatewayRef: "ref"}, o.answer(ctx)
}

func (o *outage) Capture(ctx context.Context, _ payments.CaptureRequest) (payments.CaptureResult, error) {
	return payments.CaptureResult{Ref: "ref"}, o.answer(ctx)
}

func (o *outage) Void(ctx context.Context, _ payments.VoidRequest) error { return o.answer(ctx) }

func (o *outage) Refund(ctx context.Context, _ payments.RefundRequest) (payments.RefundResult, error) {
	return payments.RefundResult{Ref: "ref"}, o.answer(ctx)
}

func (o *outage) Find(ctx context.Context, _ payments.FindRequest) (payments.LedgerEntry, error) {
	return payments.LedgerEntry{Refs: []string{"ref"}}, o.answer(ctx)
}

// ledger is an outage of a gateway that has a ledger.
type ledger struct{ *outage }

func (l ledger) Ledger(ctx context.Context, _, _ time.Time) iter.Seq2[payments.LedgerEntry, error] {
	return func(yield func(payments.LedgerEntry, error) bool) {
		if yield(payments.LedgerEntry{}, nil) {
			if err := l.answer(ctx); err != nil {
				yield(payments.LedgerEntry{}, err)
			}
		}
	}
}

// TestAGatewayThatIsAwayIsHardlyAsked lets 500 orders come to a gateway within two minutes of outage. Each asks again
// when it is told to.
func TestAGatewayThatIsAwayIsHardlyAsked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const orders, lasts = 500, 2 * time.Minute
		away := &outage{err: payments.NoAnswer(errors.New("connection refused"))}
		g := payments.Guard(away, breaker.New(payments.BreakerSettings()), nil)
		away.ends = time.Now().Add(lasts)
		var paid atomic.Int32
		var latest atomic.Int64
		for i := range orders {
			go func() {
				for time.Sleep(time.Duration(i) * lasts / orders); ; { //nolint:forbidigo // the clock is the test's
					_, err := g.Authorize(t.Context(), payments.AuthorizeRequest{})
					var turnedAway *payments.TurnedAwayError
					switch {
					case err == nil:
						paid.Add(1)
						latest.Store(max(latest.Load(), int64(time.Since(away.ends))))
						return
					case errors.As(err, &turnedAway):
						time.Sleep(turnedAway.RetryAfter) //nolint:forbidigo // as above
					default:
						time.Sleep(time.Second) //nolint:forbidigo // as above
					}
				}
			}()
		}
		time.Sleep(lasts) //nolint:forbidigo // as above
		during := away.calls.Load()
		o := payments.BreakerSettings()
		require.LessOrEqual(t, int(during), o.Failures+o.Probes*int(lasts/o.Rest+1), "the gateway is asked by probes alone")
		require.Zero(t, paid.Load())
		time.Sleep(2 * time.Minute) //nolint:forbidigo // as above
		require.EqualValues(t, orders, paid.Load(), "all are paid without anybody's help")
		require.LessOrEqual(t, time.Duration(latest.Load()), 90*time.Second)
		t.Logf("%d calls while it was away, the last order was paid %s after it was back", during, time.Duration(latest.Load()))
	})
}

// TestWhatOpensTheBreakerOfAGateway asks often, with each kind of answer.
func TestWhatOpensTheBreakerOfAGateway(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err      error
		lasts    time.Duration
		patience time.Duration
		opens    bool
	}{
		"an answer":                           {nil, 0, time.Minute, false},
		"a refusal":                           {domain.Refuse(payments.CodeGatewayRefused, "no"), 0, time.Minute, false},
		"credentials that are refused":        {payments.NoAnswer(payments.ErrCredentials), 0, time.Minute, false},
		"no answer":                           {payments.NoAnswer(errors.New("connection refused")), 0, time.Minute, true},
		"an error of another kind":            {errors.New("broken"), 0, time.Minute, true},
		"slow, for those who wait for little": {nil, 10 * time.Second, 2 * time.Second, false},
		"slow, for those who wait":            {nil, 10 * time.Second, 30 * time.Second, false},
		"hanging":                             {nil, time.Hour, 30 * time.Second, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := breaker.New(payments.BreakerSettings())
				g := payments.Guard(&outage{err: c.err, lasts: c.lasts}, b, nil)
				var all sync.WaitGroup
				for range payments.BreakerSettings().Failures {
					all.Go(func() {
						ctx, cancel := context.WithTimeout(t.Context(), c.patience)
						defer cancel()
						_, _ = g.Capture(ctx, payments.CaptureRequest{})
					})
					time.Sleep(time.Second) //nolint:forbidigo // the clock is the test's
				}
				all.Wait()
				require.Equal(t, c.opens, b.Err() != nil)
			})
		})
	}
}

func TestEveryCallOfAGatewayIsGuarded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		answers := ledger{&outage{}}
		b := breaker.New(payments.BreakerSettings())
		g := payments.Guard(answers, b, nil)
		calls := map[string]func() error{
			"authorize": func() error { _, err := g.Authorize(t.Context(), payments.AuthorizeRequest{}); return err },
			"capture":   func() error { _, err := g.Capture(t.Context(), payments.CaptureRequest{}); return err },
			"void":      func() error { return g.Void(t.Context(), payments.VoidRequest{}) },
			"refund":    func() error { _, err := g.Refund(t.Context(), payments.RefundRequest{}); return err },
			"find":      func() error { _, err := g.Find(t.Context(), payments.FindRequest{}); return err },
			"ledger": func() error {
				listed := 0
				for _, err := range g.(payments.LedgerReader).Ledger(t.Context(), time.Time{}, time.Time{}) {
					if err != nil {
						return err
					}
					listed++
				}
				if listed != 1 {
					return fmt.Errorf("it lists %d entries", listed)
				}
				return nil
			},
		}
		for name, call := range calls {
			require.NoError(t, call(), name)
		}
		require.EqualValues(t, len(calls), answers.calls.Load())
		answers.err = payments.NoAnswer(errors.New("connection refused"))
		for b.Err() == nil {
			require.ErrorIs(t, calls["ledger"](), payments.ErrNoAnswer)
		}
		before := answers.calls.Load()
		for name, call := range calls {
			var turnedAway *payments.TurnedAwayError
			require.ErrorAs(t, call(), &turnedAway, name)
			require.ErrorIs(t, turnedAway, answers.err)
			require.ErrorIs(t, turnedAway, payments.ErrNoAnswer)
		}
		require.Equal(t, before, answers.calls.Load())
		_, reads := payments.Guard(answers.outage, b, nil).(payments.LedgerReader)
		require.False(t, reads, "a gateway without a ledger gets none")
	})
}
