package webhooks

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Headers of a delivery, as Standard Webhooks names them.
const (
	HeaderID        = "Webhook-Id"
	HeaderTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature"
)

// Signature is a scheme of Standard Webhooks.
type Signature string

// The schemes.
const (
	// V1 is HMAC-SHA256 with a secret that both sides have.
	V1 Signature = "v1"
	// V1a is Ed25519: receivers have the public key alone, and can't forge what they check.
	V1a Signature = "v1a"
)

// What the keys begin with.
const (
	secretPrefix  = "whsec_"
	privatePrefix = "whsk_"
	publicPrefix  = "whpk_"
)

// Bytes of a secret of V1: how many one of ours has, and how many the specification takes.
const (
	secretBytes    = 32
	secretBytesMin = 24
	secretBytesMax = 64
)

// Key signs deliveries. Its text is "whsec_…" for V1, and "whsk_…" for V1a.
type Key struct {
	scheme Signature
	secret []byte
}

// NewKey draws a key.
func NewKey(scheme Signature) Key {
	if scheme == V1a {
		_, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			panic("webhooks: " + err.Error()) // it never fails
		}
		return Key{V1a, private}
	}
	secret := make([]byte, secretBytes)
	_, _ = rand.Read(secret) // never fails: crypto/rand ends the process instead
	return Key{V1, secret}
}

// ParseKey reads the text of a key.
func ParseKey(text string) (Key, error) {
	scheme, code := V1, strings.TrimPrefix(text, secretPrefix)
	if private, ok := strings.CutPrefix(text, privatePrefix); ok {
		scheme, code = V1a, private
	}
	b, err := base64.StdEncoding.DecodeString(code)
	switch {
	case err != nil:
		return Key{}, fmt.Errorf("a key of webhooks is %s or %s and base64", secretPrefix, privatePrefix)
	case scheme == V1a && len(b) != ed25519.PrivateKeySize:
		return Key{}, fmt.Errorf("an Ed25519 key has %d bytes, got %d", ed25519.PrivateKeySize, len(b))
	case scheme == V1 && (len(b) < secretBytesMin || len(b) > secretBytesMax):
		return Key{}, fmt.Errorf("a secret of webhooks has %d to %d bytes, got %d", secretBytesMin, secretBytesMax, len(b))
	}
	return Key{scheme, b}, nil
}

// Text is what [ParseKey] reads.
func (k Key) Text() string {
	if k.scheme == V1a {
		return privatePrefix + base64.StdEncoding.EncodeToString(k.secret)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(k.secret)
}

// Public is the "whpk_…" with which receivers check V1a; empty for V1.
func (k Key) Public() string {
	if k.scheme != V1a {
		return ""
	}
	public, _ := ed25519.PrivateKey(k.secret).Public().(ed25519.PublicKey)
	return publicPrefix + base64.StdEncoding.EncodeToString(public)
}

// String does not tell the key.
func (Key) String() string { return "[secret]" }

// Sign returns the signature of a delivery, such as "v1,…". Both the id and the time are signed with the body.
func (k Key) Sign(id string, at time.Time, body []byte) string {
	content := make([]byte, 0, len(id)+len(body)+24)
	content = append(append(content, id...), '.')
	content = append(strconv.AppendInt(content, at.Unix(), 10), '.')
	content = append(content, body...)
	var sum []byte
	if k.scheme == V1a {
		sum = ed25519.Sign(k.secret, content)
	} else {
		mac := hmac.New(sha256.New, k.secret)
		_, _ = mac.Write(content)
		sum = mac.Sum(nil)
	}
	return string(k.scheme) + "," + base64.StdEncoding.EncodeToString(sum)
}

// SignAll returns the header with the signatures of all keys, the current one first. A receiver takes the delivery by
// any of them.
func SignAll(keys []Key, id string, at time.Time, body []byte) string {
	signatures := make([]string, len(keys))
	for i, k := range keys {
		signatures[i] = k.Sign(id, at, body)
	}
	return strings.Join(signatures, " ")
}
