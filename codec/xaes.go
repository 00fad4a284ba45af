package codec

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"fmt"
)

// nonceBytes is the length of a nonce: 12 bytes choose a derived key, 12 are AES-GCM's.
const nonceBytes = 24

// tagBytes is how much longer a ciphertext is than its plaintext.
const tagBytes = 16

// xaes is XAES-256-GCM (https://c2sp.org/XAES-256-GCM): AES-256-GCM under a key derived from the
// secret and half of a nonce of 24 bytes.
//
// Plain AES-256-GCM with random nonces must stop at 2³² messages of one key (NIST SP 800-38D, 8.3). At some ten
// payloads an order that is a few weeks of a busy shop, and a rotation forgotten would open everything. With 192 bits
// of nonce nobody has to count.
type xaes struct {
	block  cipher.Block
	subkey [aes.BlockSize]byte // K1 of CMAC (NIST SP 800-38B, 6.1)
}

func newXAES(secret []byte) (*xaes, error) {
	block, err := aes.NewCipher(secret)
	if err != nil {
		return nil, fmt.Errorf("make an AES cipher: %w", err)
	}
	x := &xaes{block: block}
	block.Encrypt(x.subkey[:], x.subkey[:])
	var carry byte
	for i := len(x.subkey) - 1; i >= 0; i-- {
		high := x.subkey[i] >> 7
		x.subkey[i] = x.subkey[i]<<1 | carry
		carry = high
	}
	x.subkey[len(x.subkey)-1] ^= carry * 0x87
	return x, nil
}

// derive returns AES-256-GCM under the key that belongs to the first half of the nonce.
func (x *xaes) derive(nonce []byte) (cipher.AEAD, error) {
	var key [SecretBytes]byte
	for i := range 2 {
		half := key[i*aes.BlockSize : (i+1)*aes.BlockSize]
		half[1], half[2] = byte(i+1), 'X'
		copy(half[4:], nonce[:nonceBytes/2])
		subtle.XORBytes(half, half, x.subkey[:])
		x.block.Encrypt(half, half)
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("make an AES cipher: %w", err)
	}
	return cipher.NewGCM(block)
}

// seal appends the ciphertext of plaintext to dst, which may be plaintext[:0].
func (x *xaes) seal(dst, nonce, plaintext, additional []byte) ([]byte, error) {
	aead, err := x.derive(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Seal(dst, nonce[nonceBytes/2:], plaintext, additional), nil
}

// open appends the plaintext of ciphertext to dst. An error says that it was changed, or sealed by
// another key.
func (x *xaes) open(dst, nonce, ciphertext, additional []byte) ([]byte, error) {
	aead, err := x.derive(nonce)
	if err != nil {
		return nil, err
	}
	return aead.Open(dst, nonce[nonceBytes/2:], ciphertext, additional)
}
