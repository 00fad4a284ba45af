package client

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Headers of a delivery, as Standard Webhooks (https://www.standardwebhooks.com) names them.
const (
	// WebhookIDHeader has an id that stays the same however often a delivery is sent: that of its event.
	WebhookIDHeader = "Webhook-Id"
	// WebhookTimestampHeader has when it was sent, in seconds of Unix.
	WebhookTimestampHeader = "Webhook-Timestamp"
	// WebhookSignatureHeader has one signature or several, with spaces between them.
	WebhookSignatureHeader = "Webhook-Signature"
)

// WebhookTolerance is how far the time of a delivery may be from the receiver's clock by default.
const WebhookTolerance = 5 * time.Minute

// Errors of [WebhookVerifier.Verify].
var (
	// ErrWebhookHeaders says that a header of Standard Webhooks is missing or can't be read.
	ErrWebhookHeaders = errors.New("the headers of the webhook are missing or can't be read")
	// ErrWebhookTime says that a delivery is too old, or from the future: it may be one that somebody has recorded.
	ErrWebhookTime = errors.New("the time of the webhook is too far from now")
	// ErrWebhookSignature says that no signature is by a key that the receiver has.
	ErrWebhookSignature = errors.New("the webhook has no signature by a known key")
)

// WebhookVerifier tells whether a delivery comes from the platform, and is not one of long ago. It is safe for
// concurrent use.
type WebhookVerifier struct {
	keys      []webhookKey
	tolerance time.Duration
	now       func() time.Time
}

// webhookKey is a secret of v1, or a public key of v1a.
type webhookKey struct {
	scheme string
	key    []byte
}

// NewWebhookVerifier returns a verifier that takes deliveries by any of these keys: secrets ("whsec_…") and public keys
// ("whpk_…"). With two of them, a receiver takes deliveries by the former and the new one while it is replaced.
func NewWebhookVerifier(keys ...string) (*WebhookVerifier, error) {
	if len(keys) == 0 {
		return nil, errors.New("a verifier of webhooks needs a key")
	}
	v := &WebhookVerifier{tolerance: WebhookTolerance, now: time.Now}
	for i, text := range keys {
		scheme, code := "v1", strings.TrimPrefix(text, "whsec_")
		if public, ok := strings.CutPrefix(text, "whpk_"); ok {
			scheme, code = "v1a", public
		}
		key, err := base64.StdEncoding.DecodeString(code)
		if err != nil || len(key) == 0 || scheme == "v1a" && len(key) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("key %d is neither a secret (whsec_…) nor a public key (whpk_…) of webhooks", i+1)
		}
		v.keys = append(v.keys, webhookKey{scheme, key})
	}
	return v, nil
}

// WithTolerance returns a verifier with the same keys that takes deliveries as far from now as d.
func (v *WebhookVerifier) WithTolerance(d time.Duration) *WebhookVerifier {
	other := *v
	other.tolerance = d
	return &other
}

// Verify checks a delivery by its headers and its body. The body has to be as it came, byte by byte. Errors:
// [ErrWebhookHeaders], [ErrWebhookTime], [ErrWebhookSignature].
func (v *WebhookVerifier) Verify(header http.Header, body []byte) error {
	id, stamp, signatures := header.Get(WebhookIDHeader), header.Get(WebhookTimestampHeader), header.Get(WebhookSignatureHeader)
	seconds, err := strconv.ParseInt(stamp, 10, 64)
	if id == "" || signatures == "" || err != nil {
		return ErrWebhookHeaders
	}
	if off := v.now().Sub(time.Unix(seconds, 0)).Abs(); off > v.tolerance {
		return fmt.Errorf("%w: %s", ErrWebhookTime, off.Round(time.Second))
	}
	content := append([]byte(id+"."+strconv.FormatInt(seconds, 10)+"."), body...)
	list := strings.Fields(signatures)
	for _, signature := range list[:min(len(list), webhookSignaturesMax)] {
		scheme, code, _ := strings.Cut(signature, ",")
		given, err := base64.StdEncoding.DecodeString(code)
		if err != nil {
			continue
		}
		for _, k := range v.keys {
			if k.scheme == scheme && k.fits(content, given) {
				return nil
			}
		}
	}
	return ErrWebhookSignature
}

// webhookSignaturesMax is how many signatures of a delivery are looked at. Anybody can send a header with thousands,
// each of which would cost as much as the body is long.
const webhookSignaturesMax = 16

func (k webhookKey) fits(content, signature []byte) bool {
	if k.scheme == "v1a" {
		return ed25519.Verify(k.key, content, signature)
	}
	mac := hmac.New(sha256.New, k.key)
	_, _ = mac.Write(content)
	return hmac.Equal(mac.Sum(nil), signature)
}

// Webhook is a delivery.
type Webhook struct {
	// Type is that of the event, or [WebhookTest].
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	// EndpointID is the endpoint that it was sent to.
	EndpointID     uuid.UUID `json:"endpoint_id"`
	PayloadVersion string    `json:"payload_version"`
	// Cursor is the place of the event in the feed: [EventQuery.Cursor] goes on after it.
	Cursor string `json:"cursor"`
	// PreviousEventID is the event of the same order before this one, of those that the endpoint gets; the zero id for
	// its first one. A receiver that does not have that event is missing it.
	PreviousEventID uuid.UUID `json:"previous_event_id"`
	// Event is what has happened. A thin one has no Data. A test has no event.
	Event Event `json:"data"`
}

// WebhookTest is the type of a delivery that somebody has asked for to try an endpoint.
const WebhookTest = "webhook.test"

// Read verifies a delivery and returns it. Errors: as [WebhookVerifier.Verify]; a body that can't be read.
func (v *WebhookVerifier) Read(header http.Header, body []byte) (Webhook, error) {
	var w Webhook
	if err := v.Verify(header, body); err != nil {
		return w, err
	}
	if err := json.Unmarshal(body, &w); err != nil {
		return w, fmt.Errorf("read the webhook: %w", err)
	}
	return w, nil
}
