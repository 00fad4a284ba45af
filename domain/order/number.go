package order

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// crockford is Crockford's base 32: no I, L, O or U, which are misheard or misread.
const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// Number returns the order number that belongs to an order id: ORD- and three groups of four, such as
// ORD-7K3M-9Q2X-41TB. It has sixty bits of the id's SHA-256, which can still be read over the telephone. They keep
// ten million orders apart with odds of 20,000 to 1.
func Number(id uuid.UUID) string {
	sum := sha256.Sum256(id[:])
	bits := binary.BigEndian.Uint64(sum[:8])
	b := make([]byte, 0, len("ORD-XXXX-XXXX-XXXX"))
	b = append(b, "ORD"...)
	for i := range 12 {
		if i%4 == 0 {
			b = append(b, '-')
		}
		b = append(b, crockford[bits>>(59-5*i)&31])
	}
	return string(b)
}
