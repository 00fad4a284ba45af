package stripe

import (
	"crypto/hmac"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/payments"
	api "github.com/stripe/stripe-go/v85"
	"github.com/stripe/stripe-go/v85/webhook"
)

// SignatureHeader is the header that carries a webhook's signature.
const SignatureHeader = "Stripe-Signature"

const (
	// signatureLife is how far a webhook's time may be from ours, as Stripe's libraries have it. A
	// recorded request is worth nothing afterwards.
	signatureLife = webhook.DefaultTolerance
	// signaturesMax bounds the signatures of one webhook: one for each secret that is valid at the time.
	signaturesMax = 16
)

// Webhook implements [payments.Webhook] for Stripe's events.
type Webhook struct {
	// secrets are those of the endpoint, each of which is enough.
	secrets []string
}

var _ payments.Webhook = (*Webhook)(nil)

// NewWebhook returns the reader of an endpoint's webhooks. The endpoint has several secrets while they
// are rotated: Stripe then signs with the old and the new one.
func NewWebhook(secrets ...string) (*Webhook, error) {
	if len(secrets) == 0 || slices.Contains(secrets, "") {
		return nil, errors.New("stripe needs the signing secret of its webhook")
	}
	return &Webhook{secrets: slices.Clone(secrets)}, nil
}

// Parse implements [payments.Webhook]. Any of the secrets is enough.
//
// Events of other API versions are read too: only fields that have not changed for years are looked at.
// The update has no status when the event concerns no authorisation, or a payment that is not ours. It
// has none for the echo of a request of ours either: its sender has the answer, or asks until it has.
func (w *Webhook) Parse(body []byte, header http.Header, now time.Time) (payments.Update, error) {
	if err := verify(body, header.Get(SignatureHeader), w.secrets, now); err != nil {
		return payments.Update{}, err
	}
	var event struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		Data struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
		Request struct {
			IdempotencyKey string `json:"idempotency_key"`
		} `json:"request"`
	}
	if err := json.Unmarshal(body, &event); err != nil || event.ID == "" {
		return payments.Update{}, domain.Invalid("", "is no event of Stripe's")
	}
	update := payments.Update{EventID: event.ID}
	if !strings.HasPrefix(event.Type, "payment_intent.") {
		return update, nil
	}
	var intent intentNews
	if err := json.Unmarshal(event.Data.Object, &intent); err != nil {
		return payments.Update{}, domain.Invalid("data.object", "is no payment intent")
	}
	news := intent.update(update, api.EventType(event.Type))
	if news.PaymentID != uuid.Nil && strings.HasPrefix(event.Request.IdempotencyKey, news.PaymentID.String()+"/") {
		return update, nil
	}
	return news, nil
}

// intentNews is what we read of an intent in an event.
type intentNews struct {
	ID                 string            `json:"id"`
	Status             string            `json:"status"`
	AmountReceived     int64             `json:"amount_received"`
	CancellationReason string            `json:"cancellation_reason"`
	Metadata           map[string]string `json:"metadata"`
	LastPaymentError   struct {
		Code        string `json:"code"`
		DeclineCode string `json:"decline_code"`
	} `json:"last_payment_error"`
}

// update fills in what the news means.
func (i intentNews) update(u payments.Update, event api.EventType) payments.Update {
	orderID, err := uuid.Parse(i.Metadata[metaOrder])
	if err != nil {
		return u
	}
	paymentID, err := uuid.Parse(i.Metadata[metaPayment])
	if err != nil {
		return u
	}
	u.OrderID, u.PaymentID, u.GatewayRef = orderID, paymentID, i.ID
	switch event {
	case api.EventTypePaymentIntentAmountCapturableUpdated:
		// It comes after each capture too, when it says nothing about the authorisation.
		if i.Status == string(api.PaymentIntentStatusRequiresCapture) && i.AmountReceived == 0 {
			u.Status = payment.StatusAuthorized
		}
	case api.EventTypePaymentIntentPaymentFailed:
		u.Status, u.DeclineCode = payment.StatusDeclined, neutral(i.LastPaymentError.DeclineCode, i.LastPaymentError.Code)
	case api.EventTypePaymentIntentCanceled:
		if u.Status = payment.StatusVoided; i.CancellationReason == reasonExpired || i.CancellationReason == reasonAutomatic {
			u.Status = payment.StatusExpired
		}
	}
	return u
}

// verify checks a signature (https://docs.stripe.com/webhooks#verify-manually): t=<seconds>,v1=<hex>,…
func verify(body []byte, signature string, secrets []string, now time.Time) error {
	var at time.Time
	var given [][]byte
	for pair := range strings.SplitSeq(signature, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(pair), "=")
		switch name {
		case "t":
			seconds, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return domain.Refuse(payments.CodeSignature, "the webhook's signature has no time")
			}
			at = time.Unix(seconds, 0)
		case "v1":
			if mac, err := hex.DecodeString(value); err == nil && len(given) < signaturesMax {
				given = append(given, mac)
			}
		}
	}
	if at.IsZero() || len(given) == 0 {
		return domain.Refuse(payments.CodeSignature, "the webhook is not signed")
	}
	if age := now.Sub(at); age > signatureLife || age < -signatureLife {
		return domain.Refuse(payments.CodeSignature, "the webhook was signed at another time")
	}
	for _, secret := range secrets {
		if secret == "" {
			continue // anybody can sign with it
		}
		expected := webhook.ComputeSignature(at, body, secret)
		for _, mac := range given {
			if hmac.Equal(mac, expected) {
				return nil
			}
		}
	}
	return domain.Refuse(payments.CodeSignature, "the webhook is signed by somebody else")
}
