package gatewaytest

import (
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	"github.com/stretchr/testify/require"
)

// find asks the gateway where the payment stands.
func (b *bundle) find() payments.LedgerEntry {
	b.Helper()
	entry, err := b.Gateway.Find(b.Context(), payments.FindRequest{PaymentID: b.paymentID})
	require.NoError(b, err)
	return entry
}

// events returns what ledger and query say alike of one kind.
func (b *bundle) events(kind payments.EventKind) []payments.Event {
	b.Helper()
	of := func(e payments.LedgerEntry) []payments.Event {
		return slices.DeleteFunc(slices.Clone(e.Events), func(e payments.Event) bool { return e.Kind != kind })
	}
	found := of(b.find())
	listed, ok := b.entry()
	require.True(b, ok)
	require.Equal(b, found, of(listed), "the ledger tells the same as the query")
	for _, e := range found {
		require.Equal(b, b.paymentID, e.PaymentID)
		require.Equal(b, b.orderID, e.OrderID)
		require.NotEmpty(b, e.GatewayRef)
		require.NotEmpty(b, e.Ref)
	}
	return found
}

func saysWhereAPaymentStands(b *bundle) {
	for _, c := range []struct {
		token  string
		status payment.Status
		code   string
	}{
		{b.Approved, payment.StatusAuthorized, ""},
		{b.Declined, payment.StatusDeclined, b.DeclineCode},
		{b.NeedsAction, payment.StatusActionRequired, ""},
	} {
		other := b.another()
		asked, err := other.authorize(b.Context(), c.token, eur("100.00"))
		require.NoError(b, err)
		found := other.find()
		require.Equal(b, other.paymentID, found.PaymentID)
		require.Equal(b, other.orderID, found.OrderID)
		require.Equal(b, asked, found.Authorization.AuthorizeResult)
		require.Equal(b, c.status, found.Authorization.Status)
		require.Equal(b, c.code, found.Authorization.DeclineCode)
		require.Equal(b, eur("100.00"), found.Authorization.Amount)
		byRef, err := b.Gateway.Find(b.Context(), payments.FindRequest{GatewayRef: asked.GatewayRef})
		require.NoError(b, err)
		require.Equal(b, found, byRef, "by reference")
	}
	ref := b.authorized()
	require.NoError(b, b.void(b.Context(), ref, money.Money{}))
	require.Equal(b, payment.StatusVoided, b.find().Authorization.Status)
}

func saysNothingOfStrangers(b *bundle) {
	b.authorized()
	for _, r := range []payments.FindRequest{{PaymentID: uuid.New()}, {GatewayRef: "unknown"}} {
		entry, err := b.Gateway.Find(b.Context(), r)
		require.NoError(b, err)
		require.Zero(b, entry)
	}
}

// What the customer has confirmed is seen, although the same request was answered otherwise before.
func answersByWhatIsSo(b *bundle) {
	asked, err := b.authorize(b.Context(), b.NeedsAction, eur("100.00"))
	require.NoError(b, err)
	b.Confirm(b.paymentID, asked.GatewayRef, true)
	found := b.find().Authorization
	require.Equal(b, payment.StatusAuthorized, found.Status)
	require.Equal(b, asked.GatewayRef, found.GatewayRef)
	require.True(b, found.ExpiresAt.After(b.Now()))
}

func saysWhatItCanMove(b *bundle) {
	limits, taken := b.Capabilities.Limits("EUR")
	require.True(b, taken)
	require.True(b, limits.Authorizes(eur("100.00")))
	require.Positive(b, b.Capabilities.AuthorizationLife)
	_, taken = b.Capabilities.Limits("no currency")
	require.False(b, taken)
	// The least that it says is what it does.
	least := eur("0.01")
	for _, d := range []money.Money{{Amount: limits.Step, Currency: "EUR"}, {Amount: limits.AuthorizeMin, Currency: "EUR"}} {
		if d.Cmp(least) > 0 {
			least = d
		}
	}
	result, err := b.authorize(b.Context(), b.Approved, least)
	require.NoError(b, err)
	require.Equal(b, payment.StatusAuthorized, result.Status)
	b.captured(result.GatewayRef, "1", least.Text(), least.Text())
	b.holds("0.00", least.Text(), "0.00")
}

// A caller who can't say when it asked first says the zero time.
func movesOnceWithoutKeys(b *bundle) {
	b.askedAt = b.Now()
	ref := b.authorized()
	b.captured(ref, "1", "40.00", "100.00")
	b.refunded(ref, "1", "10.00")
	listedFrom := b.askedAt
	if b.ForgetKeys != nil {
		b.ForgetKeys()
	}
	b.askedAt = time.Time{}
	require.Equal(b, ref, b.authorized())
	b.captured(ref, "1", "40.00", "100.00")
	b.refunded(ref, "1", "10.00")
	b.askedAt = listedFrom
	b.holds("60.00", "40.00", "10.00")
}

func tellsCapturesElsewhere(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	ours := b.key(Capture, "1")
	b.captured(ref, "1", "40.00", "100.00")
	if e, _ := b.entry(); e.TakenAtOnce {
		return // there is nothing left to capture
	}
	b.Elsewhere.Capture(b.paymentID, ref, eur("25.00"))
	byKey := map[string]string{}
	for _, e := range b.events(payments.EventCaptured) {
		byKey[e.Key] = e.Amount.Text()
		require.Equal(b, e.Key == "", e.Elsewhere())
	}
	require.Equal(b, map[string]string{ours: "40.00", "": "25.00"}, byKey)
	require.Equal(b, "65.00", b.find().Balance.Captured.Text())
}

func tellsVoidsElsewhere(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	b.Elsewhere.Void(b.paymentID, ref)
	require.Equal(b, payment.StatusVoided, b.find().Authorization.Status)
	voided := b.events(payments.EventVoided)
	require.Len(b, voided, 1)
	require.Equal(b, eur("100.00"), voided[0].Amount)
	b.holds("0.00", "0.00", "0.00")
}

func tellsRefundsElsewhere(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	b.captured(ref, "1", "100.00", "100.00")
	ours := b.refunded(ref, "1", "10.00")
	theirs := b.Elsewhere.Refund(b.paymentID, ref, eur("20.00"))
	elsewhere := map[string]bool{}
	for _, e := range b.events(payments.EventRefunded) {
		elsewhere[e.Ref+" "+e.Amount.Text()] = e.Elsewhere()
	}
	require.Equal(b, map[string]bool{ours + " 10.00": false, theirs + " 20.00": true}, elsewhere)
	b.holds("0.00", "100.00", "30.00")

	b.Elsewhere.FailRefund(ours)
	failed := b.events(payments.EventRefundFailed)
	require.Len(b, failed, 1)
	require.Equal(b, ours, failed[0].Ref)
	require.NotEmpty(b, failed[0].Code)
	b.holds("0.00", "100.00", "20.00")
	_, err := b.refund(b.Context(), ref, "1", eur("10.00"))
	if err != nil { // its answer may be kept for as long as the key is
		require.ErrorIs(b, err, refusedByGateway)
	}
	b.holds("0.00", "100.00", "20.00")
	b.refunded(ref, "again", "10.00")
	b.holds("0.00", "100.00", "30.00")
}

func tellsDisputes(b *bundle) {
	if b.Elsewhere == nil {
		return
	}
	ref := b.authorized()
	b.captured(ref, "1", "100.00", "100.00")
	b.Elsewhere.Dispute(b.paymentID, ref, eur("100.00"))
	for _, kind := range []payments.EventKind{payments.EventDisputeOpened, payments.EventDisputeWithdrawn, payments.EventDisputeLost} {
		events := b.events(kind)
		require.Len(b, events, 1, kind)
		require.Equal(b, eur("100.00"), events[0].Amount)
		require.NotEmpty(b, events[0].Code)
	}
	b.holds("0.00", "100.00", "0.00")
}
