package access

import (
	"crypto/rand"
	"crypto/sha256"
	"hash/crc32"
	"math/big"
	"strings"

	"github.com/orderloom/orderloom/domain"
)

// Mode tells deployments that move money from those for trying.
type Mode string

// The modes.
const (
	Live Mode = "live"
	Test Mode = "test"
)

// A key is "ol_", the mode, "_", 32 random characters (190 bits) and 6 characters of checksum, each of 0-9, A-Z, a-z.
// Scanners recognise it by its beginning, and tell it from an example by its checksum. So does a caller's typo never
// cost a look into the database.
const (
	keyBegin    = "ol_"
	randomChars = 32
	sumChars    = 6
	alphabet    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// hash is what is stored of a key. A key has 190 random bits, so nothing slower than SHA-256 is needed: nobody can try
// them all.
type hash [sha256.Size]byte

func hashOf(key string) hash { return sha256.Sum256([]byte(key)) }

// newSecret draws a key.
func newSecret(mode Mode) string {
	var b strings.Builder
	b.WriteString(keyBegin + string(mode) + "_")
	for range randomChars {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(alphabet))))
		if err != nil {
			panic("access: " + err.Error()) // it never fails
		}
		b.WriteByte(alphabet[n.Int64()])
	}
	return b.String() + checksum(b.String())
}

// checksum returns the CRC-32 (IEEE) of the rest of a key, the most significant character first.
func checksum(text string) string {
	sum := crc32.ChecksumIEEE([]byte(text))
	var out [sumChars]byte
	for i := len(out) - 1; i >= 0; i-- {
		out[i] = alphabet[sum%uint32(len(alphabet))]
		sum /= uint32(len(alphabet))
	}
	return string(out[:])
}

// CodeUnauthenticated refuses a request whose credential is missing or worth nothing.
const CodeUnauthenticated domain.ErrorCode = "unauthenticated"

// checkForm refuses what can't be a key of this mode, whatever keys there are. Error: unauthenticated.
func checkForm(key string, mode Mode) error {
	rest, begins := strings.CutPrefix(key, keyBegin)
	of, random, cut := strings.Cut(rest, "_")
	switch {
	case !begins || !cut || Mode(of) != Live && Mode(of) != Test:
		return domain.Refuse(CodeUnauthenticated, "the API key is unknown")
	case len(random) != randomChars+sumChars || checksum(key[:len(key)-sumChars]) != key[len(key)-sumChars:]:
		return domain.Refuse(CodeUnauthenticated, "the API key is incomplete or mistyped: its checksum is wrong")
	case Mode(of) != mode:
		return domain.Refuse(CodeUnauthenticated, "this is a %s key, and this platform has %s keys", of, mode)
	}
	return nil
}

// hint is the end of a key, by which people recognise it.
func hint(key string) string { return key[len(key)-4:] }
