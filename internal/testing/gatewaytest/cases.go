package gatewaytest

import (
	"bytes"
	"context"
	"sync"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

func authorisesOnce(b *bundle) {
	first, err := b.authorize(b.Context(), b.Approved, eur("100.00"))
	require.NoError(b, err)
	require.Equal(b, payment.StatusAuthorized, first.Status)
	require.NotEmpty(b, first.GatewayRef)
	require.True(b, first.ExpiresAt.After(b.Now()), "it holds for some time")
	again, err := b.authorize(b.Context(), b.Approved, eur("100.00"))
	require.NoError(b, err)
	require.Equal(b, first, again)
	b.holds("100.00", "0.00", "0.00")
}

func authorisesOnceConcurrently(b *bundle) {
	var wg sync.WaitGroup
	errs := make([]error, 2)
	for i := range errs {
		wg.Go(func() { _, errs[i] = b.authorize(b.Context(), b.Approved, eur("100.00")) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			require.ErrorIs(b, err, payments.ErrNoAnswer)
		}
	}
	untilAnswered(b, func(ctx context.Context) (payments.AuthorizeResult, error) {
		return b.authorize(ctx, b.Approved, eur("100.00"))
	})
	b.holds("100.00", "0.00", "0.00")
}

func declines(b *bundle) {
	for range 2 {
		result, err := b.authorize(b.Context(), b.Declined, eur("100.00"))
		require.NoError(b, err, "a decline is an answer")
		require.Equal(b, payment.StatusDeclined, result.Status)
		require.Equal(b, b.DeclineCode, result.DeclineCode)
	}
	b.holds("0.00", "0.00", "0.00")
}

func declinesNoAmount(b *bundle) {
	for _, m := range []money.Money{eur("0.00"), eur("-1.00")} {
		other := b.another()
		result, err := other.authorize(b.Context(), b.Approved, m)
		require.NoError(b, err)
		require.Equal(b, payment.StatusDeclined, result.Status, m)
		other.holds("0.00", "0.00", "0.00")
	}
}

func letsTheCustomerConfirm(b *bundle) {
	for _, approve := range []bool{true, false} {
		other := b.another()
		result, err := other.authorize(b.Context(), b.NeedsAction, eur("100.00"))
		require.NoError(b, err)
		require.Equal(b, payment.StatusActionRequired, result.Status)
		require.NotEmpty(b, result.ActionURL)
		other.holds("0.00", "0.00", "0.00")
		b.Confirm(other.paymentID, result.GatewayRef, approve)
		if approve {
			other.holds("100.00", "0.00", "0.00")
			other.captured(result.GatewayRef, "1", "100.00", "100.00")
			other.holds("0.00", "100.00", "0.00")
		} else {
			other.holds("0.00", "0.00", "0.00")
		}
	}
}

func capturesInParts(b *bundle) {
	ref := b.authorized()
	first := b.captured(ref, "1", "40.00", "100.00")
	require.Equal(b, first, b.captured(ref, "1", "40.00", "100.00"), "the same key is the same capture")
	b.holds("60.00", "40.00", "0.00")
	again, err := b.Gateway.Capture(b.Context(), payments.CaptureRequest{
		IdempotencyKey: b.key(Capture, "1"), AskedAt: b.askedAt, PaymentID: b.paymentID, GatewayRef: ref, Amount: eur("30.00"), Capturable: eur("100.00"),
	})
	require.NoError(b, err)
	require.Equal(b, "40.00", again.Amount.Text(), "it tells what the key has captured")
	b.holds("60.00", "40.00", "0.00")
	b.captured(ref, "2", "40.00", "60.00")
	b.holds("20.00", "80.00", "0.00")
	b.captured(ref, "3", "20.00", "20.00")
	b.holds("0.00", "100.00", "0.00")
}

func refusesCaptures(b *bundle) {
	ref := b.authorized()
	for _, c := range []payments.CaptureRequest{
		{Amount: eur("100.01"), Capturable: eur("100.00")},
		{Amount: eur("0.00"), Capturable: eur("100.00")},
		{Amount: eur("-1.00"), Capturable: eur("100.00")},
		{Amount: money.Must("100.00", "USD"), Capturable: money.Must("100.00", "USD")},
		{Amount: eur("100.00"), Capturable: eur("100.00"), GatewayRef: "unknown"},
	} {
		c.IdempotencyKey, c.AskedAt, c.PaymentID = b.key(Capture, c.Amount.String()+c.GatewayRef), b.askedAt, b.paymentID
		if c.GatewayRef == "" {
			c.GatewayRef = ref
		}
		_, err := b.Gateway.Capture(b.Context(), c)
		require.ErrorIs(b, err, refusedByGateway, "%s of %s", c.Amount, c.GatewayRef)
	}
	b.holds("100.00", "0.00", "0.00")
	b.captured(ref, "all", "100.00", "100.00")
	_, _ = b.capture(b.Context(), ref, "more", "1.00", "1.00") // whatever it answers, nothing more is taken
	b.holds("0.00", "100.00", "0.00")
}

func refusesCapturesOfWhatHasRunOut(b *bundle) {
	result, err := b.authorize(b.Context(), b.Approved, eur("100.00"))
	require.NoError(b, err)
	late := result.ExpiresAt.Add(time.Hour)
	if b.Advance != nil {
		b.Advance(late.Sub(b.Now()))
	}
	_, err = b.Gateway.Capture(b.Context(), payments.CaptureRequest{
		IdempotencyKey: b.key(Capture, "late"), AskedAt: late, PaymentID: b.paymentID, GatewayRef: result.GatewayRef,
		Amount: eur("100.00"), Capturable: eur("100.00"),
	})
	require.ErrorIs(b, err, refusedByGateway)
}

func refundsInParts(b *bundle) {
	ref := b.authorized()
	b.captured(ref, "1", "100.00", "100.00")
	first := b.refunded(ref, "1", "10.00")
	require.Equal(b, first, b.refunded(ref, "1", "10.00"), "the same key is the same refund")
	b.holds("0.00", "100.00", "10.00")
	require.NotEqual(b, first, b.refunded(ref, "2", "10.00"), "another key is another refund")
	b.holds("0.00", "100.00", "20.00")
	b.refunded(ref, "3", "80.00")
	b.holds("0.00", "100.00", "100.00")
}

func refusesRefunds(b *bundle) {
	ref := b.authorized()
	_, err := b.refund(b.Context(), ref, "early", eur("1.00"))
	require.ErrorIs(b, err, refusedByGateway, "nothing is captured")
	b.captured(ref, "1", "100.00", "100.00")
	for _, m := range []money.Money{eur("100.01"), eur("0.00"), eur("-1.00"), money.Must("1.00", "USD")} {
		_, err := b.refund(b.Context(), ref, m.String(), m)
		require.ErrorIs(b, err, refusedByGateway, m)
	}
	_, err = b.refund(b.Context(), "unknown", "elsewhere", eur("1.00"))
	require.ErrorIs(b, err, refusedByGateway)
	b.holds("0.00", "100.00", "0.00")
}

func voids(b *bundle) {
	ref := b.authorized()
	b.captured(ref, "1", "40.00", "100.00")
	for range 2 {
		require.NoError(b, b.void(b.Context(), ref, eur("40.00")))
		b.holds("0.00", "40.00", "0.00")
	}
	b.refunded(ref, "1", "40.00")
	b.holds("0.00", "40.00", "40.00")
}

func voidsNothing(b *bundle) {
	result, err := b.authorize(b.Context(), b.Declined, eur("100.00"))
	require.NoError(b, err)
	untilVoided(b, func(ctx context.Context) error { return b.void(ctx, result.GatewayRef, money.Money{}) })

	other := b.another()
	ref := other.authorized()
	other.captured(ref, "1", "100.00", "100.00")
	require.NoError(b, other.void(b.Context(), ref, eur("100.00")), "all is captured")
	other.holds("0.00", "100.00", "0.00")
}

func voidsBeforeTheRequest(b *bundle) {
	untilVoided(b, b.voidUnanswered)
	result, err := b.authorize(b.Context(), b.Approved, eur("100.00"))
	if err != nil {
		require.ErrorIs(b, err, payments.ErrNoAnswer)
	} else {
		require.Equal(b, payment.StatusDeclined, result.Status)
	}
	b.holds("0.00", "0.00", "0.00")
}

func voidsWhatWaits(b *bundle) {
	result, err := b.authorize(b.Context(), b.NeedsAction, eur("100.00"))
	require.NoError(b, err)
	require.NoError(b, b.void(b.Context(), result.GatewayRef, money.Money{}))
	b.Confirm(b.paymentID, result.GatewayRef, true)
	b.holds("0.00", "0.00", "0.00")
}

// A capture whose answer never came is not in the stream, so what it took goes back.
func voidsAnUnheardCapture(b *bundle) {
	ref := b.authorized()
	b.captured(ref, "1", "30.00", "100.00")
	b.captured(ref, "unheard", "20.00", "70.00")
	for range 2 {
		require.NoError(b, b.void(b.Context(), ref, eur("30.00")))
		b.holds("0.00", "30.00", "0.00")
	}
}

func answersTheSameLater(b *bundle) {
	ref := b.authorized()
	capture := b.captured(ref, "1", "40.00", "100.00")
	refund := b.refunded(ref, "1", "10.00")
	if b.Advance != nil {
		b.Advance(25 * time.Hour)
	}
	require.Equal(b, ref, b.authorized())
	require.Equal(b, capture, b.captured(ref, "1", "40.00", "100.00"))
	require.Equal(b, refund, b.refunded(ref, "1", "10.00"))
	b.holds("60.00", "40.00", "10.00")
}

func givesNoAnswerFirst(b *bundle) {
	for _, o := range b.Breakable {
		for _, effect := range []bool{false, true} {
			other := b.another()
			token, ref := b.Approved, ""
			if o != Authorize {
				ref = other.authorized()
			}
			if o == Refund {
				other.captured(ref, "1", "100.00", "100.00")
			}
			if given := b.Break(o, effect); given != "" {
				token = given
			}
			switch o {
			case Authorize:
				result := untilAnswered(other, func(ctx context.Context) (payments.AuthorizeResult, error) {
					return other.authorize(ctx, token, eur("100.00"))
				})
				require.Equal(b, payment.StatusAuthorized, result.Status)
				other.holds("100.00", "0.00", "0.00")
			case Capture:
				untilAnswered(other, func(ctx context.Context) (string, error) { return other.capture(ctx, ref, "1", "40.00", "100.00") })
				other.holds("60.00", "40.00", "0.00")
			case Void:
				untilVoided(other, func(ctx context.Context) error { return other.void(ctx, ref, money.Money{}) })
				other.holds("0.00", "0.00", "0.00")
			case Refund:
				untilAnswered(other, func(ctx context.Context) (string, error) { return other.refund(ctx, ref, "1", eur("30.00")) })
				other.holds("0.00", "100.00", "30.00")
			}
		}
	}
}

func voidsAnUnheardAuthorisation(b *bundle) {
	require.True(b, b.canBreak(Authorize), "the answer to an authorisation can always get lost")
	token := b.Approved
	if given := b.Break(Authorize, true); given != "" {
		token = given
	}
	ctx, cancel := context.WithTimeout(b.Context(), firstPatience)
	defer cancel()
	_, err := b.authorize(ctx, token, eur("100.00"))
	require.ErrorIs(b, err, payments.ErrNoAnswer)
	untilVoided(b, b.voidUnanswered)
	b.holds("0.00", "0.00", "0.00")
}

func takesAnEndedContext(b *bundle) {
	ref := b.authorized()
	ctx, cancel := context.WithCancel(b.Context())
	cancel()
	_, authorizeErr := b.another().authorize(ctx, b.Approved, eur("100.00"))
	_, captureErr := b.capture(ctx, ref, "1", "40.00", "100.00")
	_, refundErr := b.refund(ctx, ref, "1", eur("10.00"))
	for _, err := range []error{authorizeErr, captureErr, b.void(ctx, ref, eur("40.00"))} {
		if err != nil {
			require.ErrorIs(b, err, payments.ErrNoAnswer)
		}
	}
	if captureErr != nil { // then nothing may be captured, and a refund may be refused
		require.Error(b, refundErr)
	}
}

func keepsALedger(b *bundle) {
	ref := b.authorized()
	b.captured(ref, "1", "40.00", "100.00")
	other := b.another()
	other.authorized()

	e, ok := b.entry()
	require.True(b, ok)
	require.Equal(b, b.orderID, e.OrderID)
	require.Contains(b, e.Refs, ref)
	_, ok = other.entry()
	require.True(b, ok)
	_, ok = b.another().entry()
	require.False(b, ok, "it lists only what it knows")
	for _, err := range b.Gateway.Ledger(b.Context(), b.askedAt.Add(-time.Minute), b.Now().Add(time.Minute)) {
		require.NoError(b, err)
		break // a reader may stop
	}
}

func reports(b *bundle) {
	if b.Webhook == nil {
		return // it reports nothing
	}
	result, err := b.authorize(b.Context(), b.NeedsAction, eur("100.00"))
	require.NoError(b, err)
	b.Confirm(b.paymentID, result.GatewayRef, true)
	body, header := b.Report()
	update, err := b.Webhook.Parse(body, header, b.Now())
	require.NoError(b, err)
	require.NotEmpty(b, update.ID)
	require.Equal(b, b.paymentID, update.PaymentID)
	require.Equal(b, b.orderID, update.OrderID)
	require.Equal(b, result.GatewayRef, update.GatewayRef)
	require.Equal(b, payments.EventAuthorized, update.Kind)
	require.Equal(b, "100.00 EUR", update.Amount.String())
	again, err := b.Webhook.Parse(body, header, b.Now())
	require.NoError(b, err)
	require.Equal(b, update, again, "a report may come twice")
}

func refusesFalseReports(b *bundle) {
	if b.Webhook == nil {
		return // it reports nothing
	}
	result, err := b.authorize(b.Context(), b.NeedsAction, eur("100.00"))
	require.NoError(b, err)
	b.Confirm(b.paymentID, result.GatewayRef, true)
	body, header := b.Report()
	refused := domain.Refuse(payments.CodeSignature, "")
	_, err = b.Webhook.Parse(bytes.ToUpper(body), header, b.Now())
	require.ErrorIs(b, err, refused, "another body")
	_, err = b.Webhook.Parse(body, nil, b.Now())
	require.ErrorIs(b, err, refused, "no signature")
	for _, away := range []time.Duration{time.Hour, -time.Hour} {
		_, err = b.Webhook.Parse(body, header, b.Now().Add(away))
		require.ErrorIs(b, err, refused, "a recorded report")
	}
}

func keepsPaymentsApart(b *bundle) {
	other := b.another()
	ref, otherRef := b.authorized(), other.authorized()
	require.NotEqual(b, ref, otherRef)
	b.captured(ref, "1", "100.00", "100.00")
	require.NoError(b, other.void(b.Context(), otherRef, money.Money{}))
	b.holds("0.00", "100.00", "0.00")
	other.holds("0.00", "0.00", "0.00")
}

func honoursTheFirstAmount(b *bundle) {
	b.authorized()
	_, _ = b.authorize(b.Context(), b.Approved, eur("70.00")) // it may answer as before, or say that something is wrong
	b.holds("100.00", "0.00", "0.00")
}

func staysCancelled(b *bundle) {
	ref := b.authorized()
	require.NoError(b, b.void(b.Context(), ref, money.Money{}))
	_, err := b.capture(b.Context(), ref, "1", "100.00", "100.00")
	require.ErrorIs(b, err, refusedByGateway)
	_, _ = b.authorize(b.Context(), b.Approved, eur("100.00")) // it may repeat its first answer, as of the key
	b.holds("0.00", "0.00", "0.00")
}
