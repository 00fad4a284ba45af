package httpx

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/go-json-experiment/json"
	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
)

// KeyedID returns the id that the Idempotency-Key of the caller's account stands for, the same one for ever, and a
// random one without a key. Space keeps the ids of different things apart.
func (x *Exchange) KeyedID(space uuid.UUID) uuid.UUID {
	key := x.IdempotencyKey()
	if key == "" {
		return uuid.New()
	}
	owner := x.Account()
	if x.Caller != nil && x.Caller.CustomerID != "" { // keys that customers choose are apart from the shop's
		owner += "\x00customer\x00" + x.Caller.CustomerID
	}
	return domain.DerivedID(space, owner+"\x00"+key)
}

// Fingerprint is [Fingerprint] under the request's Idempotency-Key. Without a key, no two are the same.
func (x *Exchange) Fingerprint(body any) (string, error) {
	key := x.IdempotencyKey()
	if key == "" {
		key = uuid.NewString()
	}
	return Fingerprint(key, body)
}

// fingerprintVersion changes when the form of what is hashed does, so that no hash of another form is taken for one
// of this form.
const fingerprintVersion = "request/2"

// Fingerprint tells a retry from another request under the same key. It is over what the request means. How that is
// written does not count: white space, the order of members, escapes, the form of numbers.
//
// Body is the decoded request, with its defaults. All of it counts, so no member can be forgotten.
//
// The key is part of what is hashed, and is stored nowhere. The hash is stored for ever. Without the key, an address in
// it could be found by trying, long after it was erased.
func Fingerprint(key string, body any) (string, error) {
	text, err := json.Marshal(body, json.Deterministic(true))
	if err != nil {
		return "", fmt.Errorf("hash the request: %w", err)
	}
	h := sha256.New()
	for _, part := range [][]byte{[]byte(fingerprintVersion), text, []byte(key)} {
		// With its length before each part, no two lists of parts look the same.
		_, _ = h.Write(binary.AppendUvarint(nil, uint64(len(part)))) // a hash never fails
		_, _ = h.Write(part)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
