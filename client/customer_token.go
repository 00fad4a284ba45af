package client

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// SignCustomerToken returns a token with which the browser or the app of one customer sees and cancels their own
// orders, and nothing else. A shop's server signs it with the private key whose public half it has registered
// ([NewKey], role customer); keyID is that of the registered key. Lifetime is at most an hour.
//
// It goes where [WithAPIKey] takes a key. The key of the shop itself must never leave its server.
func SignCustomerToken(keyID uuid.UUID, private ed25519.PrivateKey, customerID string, issuedAt time.Time, lifetime time.Duration) (string, error) {
	head, err := json.Marshal(map[string]any{"alg": "EdDSA", "typ": "JWT", "kid": keyID})
	if err != nil {
		return "", err
	}
	body, err := json.Marshal(map[string]any{
		"aud": "orderloom", "sub": customerID, "iat": issuedAt.Unix(), "exp": issuedAt.Add(lifetime).Unix(),
	})
	if err != nil {
		return "", err
	}
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode(head) + "." + encode(body)
	return signed + "." + encode(ed25519.Sign(private, []byte(signed))), nil
}
