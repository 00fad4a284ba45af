package api

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// idempotencyKeyMax bounds an Idempotency-Key.
const idempotencyKeyMax = 255

// namespace is the root of the ids that follow from Idempotency-Keys: the UUIDv5 of the DNS name
// "api.orderloom". Below it, orders, receipts and adjustments have one each, so that one key may
// serve for one of each.
var (
	namespace           = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("api.orderloom"))
	orderNamespace      = domain.DerivedID(namespace, "order")
	receiptNamespace    = domain.DerivedID(namespace, "stock receipt")
	adjustmentNamespace = domain.DerivedID(namespace, "stock adjustment")
	linesNamespace      = domain.DerivedID(namespace, "cancelled lines")
	amendNamespace      = domain.DerivedID(namespace, "amended address")
	returnNamespace     = domain.DerivedID(namespace, "return")
	refundNamespace     = domain.DerivedID(namespace, "refund")
)

// idempotencyKey returns the Idempotency-Key, empty without one. A wrong one is noted.
//
// The key is taken as it stands, with its quotes if it has some (the header's draft, at the IETF,
// wants them): two spellings are two keys.
func (x *exchange) idempotencyKey() string {
	values := x.Request.Header["Idempotency-Key"]
	if len(values) == 0 {
		return ""
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > idempotencyKeyMax {
		x.blame(inHeader, "Idempotency-Key", "must be one value of 1 to %d characters", idempotencyKeyMax)
		return ""
	}
	for _, c := range []byte(key) {
		if c <= ' ' || c > '~' {
			x.blame(inHeader, "Idempotency-Key", "must hold only visible ASCII characters, without white space")
			return ""
		}
	}
	return key
}

// keyedID returns the id that the caller's Idempotency-Key stands for, the same one for ever, and a
// random one without a key.
func (x *exchange) keyedID(space uuid.UUID, key string) uuid.UUID {
	if key == "" {
		return uuid.New()
	}
	return domain.DerivedID(space, x.caller+"\x00"+key)
}

// requestHash tells a retry from another request under the same key. It is over what the request
// means, not how it is written: white space, the order of members and the form of numbers don't
// count.
//
// The key is part of what is hashed. The hash is stored with the order for ever, and an address in it
// could otherwise be found by trying, long after it was erased; the key itself is stored nowhere.
func requestHash(key string, canonical []byte) string {
	if key == "" {
		key = uuid.NewString()
	}
	canonical = appendText(canonical, key)
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:])
}

// appendAddress appends all of an address.
func appendAddress(b []byte, a *order.Address) []byte {
	for _, s := range [...]string{a.Street, a.City, a.State, a.Zip, a.Country} {
		b = appendText(b, s)
	}
	return b
}

// appendText appends a text with its length before it, so that no two lists of texts look the same.
func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendInt(b []byte, n int) []byte { return binary.AppendVarint(b, int64(n)) }
