package gatewaytest

import (
	"time"

	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// Somebody has captured a part by hand. A gateway may have let go of the rest then. Never more is taken than was
// authorised, and a void keeps what the caller knows of.
func capturesBesideOthers(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	b.Elsewhere.Capture(b.paymentID, ref, eur("25.00"))
	require.Equal(b, "25.00", amount(b.find().Balance.Captured))
	known := eur("25.00")
	for range 2 {
		if _, err := b.capture(b.Context(), ref, "1", "40.00", "75.00"); err != nil {
			require.ErrorIs(b, err, refusedByGateway)
		} else {
			known = eur("65.00")
		}
		require.Equal(b, known, b.find().Balance.Captured)
	}
	for range 2 {
		require.NoError(b, b.void(b.Context(), ref, known))
		entry := b.find()
		require.Equal(b, [3]string{"0.00", known.Text(), "0.00"},
			[3]string{amount(entry.Balance.Held), amount(entry.Balance.Captured), amount(entry.Balance.Refunded)})
	}
}

// The caller of a void has not heard of what somebody has captured by hand: the customer gets it back, once.
func givesBackWhatOthersCaptured(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	b.Elsewhere.Capture(b.paymentID, ref, eur("25.00"))
	for range 2 {
		require.NoError(b, b.void(b.Context(), ref, money.Money{}))
		b.holds("0.00", "0.00", "0.00")
		b.forget()
	}
}

// What a void gives back was never captured, as far as anybody knows: it is no refund of anybody's. It goes back once,
// also when the gateway has forgotten the key.
func givesBackAnExcessOnce(b *bundle) {
	ref := b.authorized()
	b.captured(ref, "1", "30.00", "100.00")
	b.captured(ref, "unheard", "20.00", "70.00")
	for range 3 {
		require.NoError(b, b.void(b.Context(), ref, eur("30.00")))
		b.holds("0.00", "30.00", "0.00")
		require.Empty(b, b.events(payments.EventRefunded), "nobody has refunded anything")
		b.forget()
	}
	b.refunded(ref, "1", "30.00")
	b.holds("0.00", "30.00", "30.00")
	_, err := b.refund(b.Context(), ref, "2", eur("0.50"))
	require.ErrorIs(b, err, refusedByGateway, "all has gone back")
}

// An authorisation ends by itself. What was captured of it stays, and the end is told once, with what was let go.
func tellsTheEndsOfAuthorisations(b *bundle) {
	if b.Advance == nil {
		return
	}
	whole, part := b.another(), b.another()
	wholeRef, partRef := whole.authorized(), part.authorized()
	part.captured(partRef, "1", "40.00", "100.00")
	taken, _ := part.entry()
	b.Advance(b.Capabilities.AuthorizationLife + time.Hour)

	for _, c := range []struct {
		*bundle
		ref, captured, released string
	}{{whole, wholeRef, "0.00", "100.00"}, {part, partRef, "40.00", "60.00"}} {
		if c.bundle == part && taken.TakenAtOnce {
			continue // nothing of it was left to end
		}
		ended := append(c.events(payments.EventExpired), c.events(payments.EventVoided)...) // a rest is let go, for whatever reason
		require.Len(c, ended, 1)
		require.Equal(c, eur(c.released), ended[0].Amount)
		require.Equal(c, c.ref, ended[0].GatewayRef)
		c.holds("0.00", c.captured, "0.00")
		_, err := c.capture(c.Context(), c.ref, "late", "10.00", "60.00")
		require.ErrorIs(c, err, refusedByGateway)
		require.NoError(c, c.void(c.Context(), c.ref, eur(c.captured)), "there is nothing to let go")
		c.holds("0.00", c.captured, "0.00")
		second := c.again("2", b.Approved, c.captured, c.ref, "")
		c.holds("60.00", c.captured, "0.00")
		require.NotEqual(c, c.ref, second.GatewayRef)
	}
}

// forget lets the gateway forget its keys, if it does.
func (b *bundle) forget() {
	if b.ForgetKeys != nil {
		b.ForgetKeys()
	}
}
