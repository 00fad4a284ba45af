package stripe

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/money"
	"github.com/orderloom/orderloom/payments"
	"github.com/orderloom/orderloom/payments/stripe/stripefake"
	"github.com/stretchr/testify/require"
)

const (
	secret    = "whsec_current"
	oldSecret = "whsec_old"
)

// parse parses a webhook that is signed now.
func parse(body []byte, now time.Time) (payments.Event, error) {
	w, err := NewWebhook(secret)
	if err != nil {
		return payments.Event{}, err
	}
	return w.Parse(body, http.Header{SignatureHeader: {stripefake.Sign(body, now, secret)}}, now)
}

// news parses the webhooks of the events of these types, in order.
func (b *testBundle) news(types ...string) []payments.Event {
	b.Helper()
	var updates []payments.Event
	for _, e := range b.fake.Events(types...) {
		u, err := parse(e.Body, b.fake.Now())
		require.NoError(b, err)
		require.Equal(b, e.ID, u.ID)
		updates = append(updates, u)
	}
	return updates
}

func TestWebhooksTellWhatBecameOfAPayment(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	r, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	b.fake.Confirm(r.GatewayRef, true)
	_, err = b.capture(r.GatewayRef, "1", "40.00", "100.00")
	require.NoError(t, err)
	var said []payments.EventKind
	for _, u := range b.news() {
		if u.Kind != "" {
			said = append(said, u.Kind)
			u.ID = ""
			require.Equal(t, payments.Event{
				Kind: payments.EventAuthorized, PaymentID: b.paymentID, OrderID: b.orderID, GatewayRef: r.GatewayRef, Ref: r.GatewayRef,
				Amount: eur("100.00"), At: b.fake.Now(),
			}, u)
		}
	}
	require.Equal(t, []payments.EventKind{payments.EventAuthorized}, said, "a capture is no news about the authorisation")
}

func TestWebhooksTellDeclinesAndEnds(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	r, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	b.fake.Confirm(r.GatewayRef, false)
	u := b.news("payment_intent.payment_failed")
	require.Equal(t, payments.EventDeclined, u[0].Kind)
	require.Equal(t, "authentication_failed", u[0].Code)

	b = setup(t, stripefake.Options{})
	require.NoError(t, b.void(b.mustAuthorize(stripefake.CardVisa), money.Money{}))
	require.Equal(t, payments.EventVoided, b.news("payment_intent.canceled")[0].Kind)

	b = setup(t, stripefake.Options{})
	b.mustAuthorize(stripefake.CardVisa)
	b.fake.Advance(8 * 24 * time.Hour)
	require.Equal(t, payments.EventExpired, b.news("payment_intent.canceled")[0].Kind)
}

func TestTheEchoOfOurOwnRequestIsNoNews(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	_, err := b.authorize(stripefake.CardStolen)
	require.NoError(t, err)
	b = b.another()
	b.mustAuthorize(stripefake.CardVisa)
	require.Len(t, b.news("payment_intent.payment_failed", "payment_intent.amount_capturable_updated"), 2)
	for _, u := range b.news() {
		require.Empty(t, u.Kind)
	}
}

func TestWebhooksThatDoNotConcernUsSayNothing(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"a customer":       `{"id":"evt_1","type":"customer.created","data":{"object":{"id":"cus_1"}}}`,
		"no metadata":      `{"id":"evt_1","type":"payment_intent.canceled","data":{"object":{"id":"pi_1","metadata":{}}}}`,
		"other metadata":   `{"id":"evt_1","type":"payment_intent.canceled","data":{"object":{"id":"pi_1","metadata":{"order_id":"42","payment_id":"x"}}}}`,
		"an error of null": `{"id":"evt_1","type":"payment_intent.canceled","data":{"object":{"id":"pi_1","last_payment_error":null}}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			u, err := parse([]byte(body), time.Now())
			require.NoError(t, err)
			require.Equal(t, payments.Event{ID: "evt_1"}, u)
		})
	}
}

func TestWebhooksThatAreNoEventsAreRefused(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"nothing":        ``,
		"a list":         `[]`,
		"no id":          `{}`,
		"an intent of 7": `{"id":"evt_1","type":"payment_intent.canceled","data":{"object":7}}`,
		"no data":        `{"id":"evt_1","type":"payment_intent.canceled"}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := parse([]byte(body), time.Now())
			require.Error(t, err)
			require.Equal(t, payments.CodeNotAnEvent, domain.Code(err))
		})
	}
}

func TestAWebhookNeedsSecrets(t *testing.T) {
	t.Parallel()
	for name, secrets := range map[string][]string{"none": nil, "an empty one": {secret, ""}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := NewWebhook(secrets...)
			require.ErrorContains(t, err, "stripe needs the signing secret of its webhook")
		})
	}
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	body := []byte(`{"id":"evt_1","type":"customer.created"}`)
	now := time.Unix(1_800_000_000, 0)
	sign := stripefake.Sign(body, now, secret)
	for name, c := range map[string]struct {
		body    []byte
		header  string
		secrets []string
		good    bool
	}{
		"good":                            {body, sign, []string{secret}, true},
		"good, four minutes old":          {body, stripefake.Sign(body, now.Add(-4*time.Minute), secret), []string{secret}, true},
		"our secret is rotated":           {body, stripefake.Sign(body, now, oldSecret), []string{secret, oldSecret}, true},
		"Stripe's secret is rolled":       {body, stripefake.Sign(body, now, oldSecret, secret), []string{secret}, true},
		"with spaces":                     {body, fmt.Sprintf("t=%d, v1=%s", now.Unix(), sign[len("t=1800000000,v1="):len(sign)-len(",v0=00")]), []string{secret}, true},
		"six minutes old":                 {body, stripefake.Sign(body, now.Add(-6*time.Minute), secret), []string{secret}, false},
		"from the future":                 {body, stripefake.Sign(body, now.Add(6*time.Minute), secret), []string{secret}, false},
		"another secret":                  {body, stripefake.Sign(body, now, "whsec_other"), []string{secret, oldSecret}, false},
		"a secret that was taken away":    {body, stripefake.Sign(body, now, oldSecret), []string{secret}, false},
		"another body":                    {bytes.ToUpper(body), sign, []string{secret}, false},
		"another time than was signed":    {body, "t=1800000001" + sign[len("t=1800000000"):], []string{secret}, false},
		"no signature":                    {body, "", []string{secret}, false},
		"no v1":                           {body, "t=1800000000,v0=00", []string{secret}, false},
		"no time":                         {body, sign[len("t=1800000000,"):], []string{secret}, false},
		"no number":                       {body, "t=now,v1=00", []string{secret}, false},
		"no hex":                          {body, "t=1800000000,v1=zz", []string{secret}, false},
		"no secret, as with a typo":       {body, stripefake.Sign(body, now, ""), []string{""}, false},
		"no secrets at all":               {body, stripefake.Sign(body, now, ""), nil, false},
		"a thousand guesses and the real": {body, fmt.Sprintf("t=%d%s,%s", now.Unix(), string(bytes.Repeat([]byte(",v1=00"), 1000)), sign), []string{secret}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := (&Webhook{secrets: c.secrets}).Parse(c.body, http.Header{SignatureHeader: {c.header}}, now)
			if c.good {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, domain.Refuse("invalid_signature", ""))
		})
	}
}

// Accounts of before 2017 get events whose request is a string.
func TestEventsOfOldVersionsAreRead(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	payments3DS, err := b.authorize(stripefake.Card3DS)
	require.NoError(t, err)
	require.True(t, b.fake.Confirm(payments3DS.GatewayRef, true))
	for name, request := range map[string]string{"a string": `"req_1"`, "null": `null`, "an empty object": `{}`} {
		t.Run(name, func(t *testing.T) {
			var body map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(b.fake.Events("payment_intent.amount_capturable_updated")[0].Body, &body))
			body["request"], body["api_version"] = json.RawMessage(request), json.RawMessage(`"2016-07-06"`)
			old, err := json.Marshal(body)
			require.NoError(t, err)
			e, err := parse(old, b.fake.Now())
			require.NoError(t, err)
			require.Equal(t, payments.EventAuthorized, e.Kind)
			require.Equal(t, payments3DS.GatewayRef, e.GatewayRef)
		})
	}
}

// What people do in the dashboard is reported; what we have asked for is not.
func TestWebhooksTellWhatWasDoneElsewhere(t *testing.T) {
	t.Parallel()
	b := setup(t, stripefake.Options{})
	ref := b.mustAuthorize(stripefake.CardVisa)
	_, err := b.capture(ref, "1", "40.00", "100.00")
	require.NoError(t, err)
	_, err = b.refund(ref, "1", "10.00")
	require.NoError(t, err)
	for _, e := range b.news() {
		require.Empty(t, e.Kind)
	}
	said := len(b.fake.Events())
	require.True(t, b.fake.CaptureElsewhere(ref, 2_500))
	theirs := b.fake.RefundElsewhere(ref, 500)
	var told []payments.Event
	for _, e := range b.news()[said:] {
		if e.Kind != "" {
			e.ID = ""
			told = append(told, e)
		}
	}
	at := b.fake.Now()
	charge := told[0].Ref
	require.Equal(t, []payments.Event{
		{Kind: payments.EventCaptured, PaymentID: b.paymentID, OrderID: b.orderID, GatewayRef: ref, Ref: charge, Amount: eur("65.00"), At: at},
		{Kind: payments.EventRefunded, GatewayRef: ref, Ref: theirs, Amount: eur("5.00"), At: at},
		{Kind: payments.EventRefunded, PaymentID: b.paymentID, OrderID: b.orderID, GatewayRef: ref, Amount: eur("15.00"), At: at},
	}, told)
}
