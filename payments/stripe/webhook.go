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
// Events of other API versions are read too: only fields that have not changed for years are looked at. The event has
// no kind when it concerns no money, or a payment that is not ours. It has none for the echo of a request of ours
// either: its sender has the answer, or asks until it has.
func (w *Webhook) Parse(body []byte, header http.Header, now time.Time) (payments.Event, error) {
	if err := verify(body, header.Get(SignatureHeader), w.secrets, now); err != nil {
		return payments.Event{}, err
	}
	var report struct {
		ID      string `json:"id"`
		Type    string `json:"type"`
		Created int64  `json:"created"`
		Data    struct {
			Object json.RawMessage `json:"object"`
		} `json:"data"`
		Request requestOf `json:"request"`
	}
	if err := json.Unmarshal(body, &report); err != nil || report.ID == "" || report.Type == "" {
		return payments.Event{}, domain.Refuse(payments.CodeNotAnEvent, "the body is signed and is no event of Stripe's")
	}
	none := payments.Event{ID: report.ID}
	read, known := readers[api.EventType(report.Type)]
	if !known {
		return none, nil
	}
	var o object
	if err := json.Unmarshal(report.Data.Object, &o); err != nil {
		return payments.Event{}, domain.Refuse(payments.CodeNotAnEvent, "the body is signed and its %s has no object that can be read", domain.Clip(report.Type))
	}
	e := o.event(read)
	if e.Kind == "" || e.GatewayRef == "" || e.PaymentID != uuid.Nil && strings.HasPrefix(string(report.Request), e.PaymentID.String()+"/") {
		return none, nil
	}
	e.ID, e.At = report.ID, time.Unix(report.Created, 0).UTC()
	return e, nil
}

// requestOf is the idempotency key of the request that an event is the echo of. Before the API version 2017-05-25 an
// event only had the request's id, as a string (https://docs.stripe.com/upgrades#2017-05-25).
type requestOf string

// UnmarshalJSON implements [json.Unmarshaler].
func (r *requestOf) UnmarshalJSON(b []byte) error {
	var request struct {
		IdempotencyKey string `json:"idempotency_key"`
	}
	if len(b) > 0 && b[0] == '{' {
		if err := json.Unmarshal(b, &request); err != nil {
			return err
		}
	}
	*r = requestOf(request.IdempotencyKey)
	return nil
}

// object is what we read of the intent, charge, refund or dispute in an event.
type object struct {
	ID                 string            `json:"id"`
	Object             string            `json:"object"`
	PaymentIntent      reference         `json:"payment_intent"`
	Status             string            `json:"status"`
	Reason             string            `json:"reason"`
	FailureReason      string            `json:"failure_reason"`
	Currency           string            `json:"currency"`
	Amount             int64             `json:"amount"`
	AmountReceived     int64             `json:"amount_received"`
	AmountCaptured     int64             `json:"amount_captured"`
	AmountRefunded     int64             `json:"amount_refunded"`
	CancellationReason string            `json:"cancellation_reason"`
	Metadata           map[string]string `json:"metadata"`
	LastPaymentError   struct {
		Code        string `json:"code"`
		DeclineCode string `json:"decline_code"`
	} `json:"last_payment_error"`
}

// reference is an id, which Stripe writes alone or within the object that it belongs to.
type reference string

// UnmarshalJSON implements [json.Unmarshaler].
func (r *reference) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '{' {
		var whole struct {
			ID string `json:"id"`
		}
		err := json.Unmarshal(b, &whole)
		*r = reference(whole.ID)
		return err
	}
	return json.Unmarshal(b, (*string)(r))
}

// reader fills in what an object means after one type of event.
type reader func(o object, e *payments.Event)

// readers are the types of events that say something about money.
var readers = map[api.EventType]reader{
	api.EventTypePaymentIntentAmountCapturableUpdated: func(o object, e *payments.Event) {
		// It comes after each capture too, when it says nothing about the authorisation.
		if o.Status == string(api.PaymentIntentStatusRequiresCapture) && o.AmountReceived == 0 {
			e.Kind = payments.EventAuthorized
		}
	},
	api.EventTypePaymentIntentPaymentFailed: func(o object, e *payments.Event) {
		e.Kind, e.Code = payments.EventDeclined, neutral(o.LastPaymentError.DeclineCode, o.LastPaymentError.Code)
	},
	api.EventTypePaymentIntentCanceled: func(o object, e *payments.Event) {
		e.Kind, e.Code = payments.EventVoided, o.CancellationReason
		if o.CancellationReason == reasonExpired || o.CancellationReason == reasonAutomatic {
			e.Kind = payments.EventExpired
		}
	},
	api.EventTypeChargeCaptured:               capturedElsewhere,
	api.EventTypeChargeRefunded:               refundedElsewhere,
	api.EventTypeRefundCreated:                readRefund,
	api.EventTypeRefundUpdated:                readRefund,
	api.EventTypeRefundFailed:                 readRefund,
	api.EventTypeChargeRefundUpdated:          readRefund,
	api.EventTypeChargeDisputeCreated:         dispute(payments.EventDisputeOpened),
	api.EventTypeChargeDisputeFundsWithdrawn:  dispute(payments.EventDisputeWithdrawn),
	api.EventTypeChargeDisputeFundsReinstated: dispute(payments.EventDisputeReinstated),
	api.EventTypeChargeDisputeClosed: func(o object, e *payments.Event) {
		e.Kind, e.Code = endOfDispute(api.DisputeStatus(o.Status)), o.Reason
	},
}

// capturedElsewhere reads a charge: its amounts are sums over all captures.
func capturedElsewhere(o object, e *payments.Event) {
	e.Kind, e.Amount = payments.EventCaptured, fromStripe(o.AmountCaptured, o.Currency)
}

// refundedElsewhere reads a charge, whose amount is the sum of all refunds, and which does not name the last one. Of a
// charge that nothing was captured of, the authorisation was let go. The sum may count what was released after a
// capture, so it is at most what was captured.
func refundedElsewhere(o object, e *payments.Event) {
	if o.AmountCaptured == 0 {
		e.Kind, e.Ref, e.Amount = payments.EventVoided, e.GatewayRef, fromStripe(o.AmountRefunded, o.Currency)
		return
	}
	e.Kind, e.Ref, e.Amount = payments.EventRefunded, "", fromStripe(min(o.AmountRefunded, o.AmountCaptured), o.Currency)
}

func readRefund(o object, e *payments.Event) {
	if e.Kind, e.Key = kindOfRefund(api.RefundStatus(o.Status)), o.Metadata[metaRequest]; o.Reason == string(api.RefundReasonExpiredUncapturedCharge) {
		e.Kind, e.Ref = payments.EventExpired, e.GatewayRef
		return
	}
	if e.Kind == payments.EventRefundFailed {
		e.Code = firstWord(o.FailureReason, o.Status)
	}
}

func dispute(kind payments.EventKind) reader {
	return func(o object, e *payments.Event) { e.Kind, e.Code = kind, o.Reason }
}

// event returns what an object means. It has no kind for an intent or a charge that is not ours.
func (o object) event(read reader) payments.Event {
	e := payments.Event{
		PaymentID: idOf(o.Metadata, metaPayment), OrderID: idOf(o.Metadata, metaOrder), GatewayRef: string(o.PaymentIntent), Ref: o.ID,
		Amount: fromStripe(o.Amount, o.Currency),
	}
	ours := e.PaymentID != uuid.Nil && e.OrderID != uuid.Nil
	switch o.Object {
	case "payment_intent":
		if e.GatewayRef = o.ID; !ours {
			return payments.Event{}
		}
	case "charge":
		if !ours {
			return payments.Event{}
		}
	default: // a refund or a dispute may name its intent only
	}
	read(o, &e)
	return e
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
