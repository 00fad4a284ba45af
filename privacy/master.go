package privacy

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
)

// KeyWrapper wraps data keys under a master key. A key management service can be one.
type KeyWrapper interface {
	// Current is the id of the master key that Wrap uses.
	Current() string
	// Wrap encrypts a data key. The label is authenticated with it.
	Wrap(ctx context.Context, label string, key []byte) (masterKey string, wrapped []byte, err error)
	// Unwrap is the inverse, for any master key that is still known. Errors: [ErrMasterKeyUnknown].
	Unwrap(ctx context.Context, masterKey, label string, wrapped []byte) ([]byte, error)
}

// keyBytes is the size of all keys: AES-256.
const keyBytes = 32

var (
	// ErrErased is returned for data whose key was destroyed.
	ErrErased = domain.ErrErased
	// ErrMasterKeyUnknown is returned when a data key is wrapped by a master key that this process was not
	// given.
	ErrMasterKeyUnknown = failure.Passing(errors.New("the master key is not known"))
)

// MasterKey is a master key from the configuration.
type MasterKey struct {
	ID  string
	Key []byte // 32 bytes
}

// MasterKeys wraps with keys that the process was given. The first is the current one; the others are
// there to read what was wrapped before a rotation.
type MasterKeys struct {
	current string
	ciphers map[string]cipher.AEAD
}

// NewMasterKeys returns a wrapper with these keys, at least one.
func NewMasterKeys(keys ...MasterKey) (*MasterKeys, error) {
	if len(keys) == 0 {
		return nil, errors.New("at least one master key is needed")
	}
	m := &MasterKeys{current: keys[0].ID, ciphers: make(map[string]cipher.AEAD, len(keys))}
	for _, k := range keys {
		if k.ID == "" || len(k.ID) > 255 {
			return nil, errors.New("a master key needs an id of 1 to 255 bytes")
		}
		if _, twice := m.ciphers[k.ID]; twice {
			return nil, fmt.Errorf("master key %s is given twice", k.ID)
		}
		c, err := newCipher(k.Key)
		if err != nil {
			return nil, fmt.Errorf("master key %s: %w", k.ID, err)
		}
		m.ciphers[k.ID] = c
	}
	return m, nil
}

// Current is the id of the first key.
func (m *MasterKeys) Current() string { return m.current }

// Wrap encrypts under the first key.
func (m *MasterKeys) Wrap(_ context.Context, label string, key []byte) (masterKey string, wrapped []byte, err error) {
	return m.current, seal(m.ciphers[m.current], label, key), nil
}

// Unwrap decrypts under any of the keys.
func (m *MasterKeys) Unwrap(_ context.Context, masterKey, label string, wrapped []byte) ([]byte, error) {
	c, ok := m.ciphers[masterKey]
	if !ok {
		return nil, &UnknownKeyError{ID: masterKey}
	}
	return open(c, label, wrapped)
}

func newCipher(key []byte) (cipher.AEAD, error) {
	if len(key) != keyBytes {
		return nil, fmt.Errorf("a key has %d bytes, got %d", keyBytes, len(key))
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal returns nonce and ciphertext. label is authenticated and not kept.
func seal(c cipher.AEAD, label string, plain []byte) []byte {
	out := make([]byte, c.NonceSize(), c.NonceSize()+len(plain)+c.Overhead())
	_, _ = rand.Read(out) // never fails: crypto/rand ends the process instead
	return c.Seal(out, out, plain, []byte(label))
}

func open(c cipher.AEAD, label string, sealed []byte) ([]byte, error) {
	if len(sealed) < c.NonceSize() {
		return nil, fmt.Errorf("%w: they are too short", domain.ErrUnreadable)
	}
	plain, err := c.Open(nil, sealed[:c.NonceSize()], sealed[c.NonceSize():], []byte(label))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", domain.ErrUnreadable, err)
	}
	return plain, nil
}

// NoMasterKeys is a wrapper without any key, for a vault that seals and opens nothing.
type NoMasterKeys struct{}

// Current implements [KeyWrapper].
func (NoMasterKeys) Current() string { return "" }

// Wrap implements [KeyWrapper].
func (NoMasterKeys) Wrap(context.Context, string, []byte) (masterKey string, wrapped []byte, err error) {
	return "", nil, ErrMasterKeyUnknown
}

// Unwrap implements [KeyWrapper].
func (NoMasterKeys) Unwrap(_ context.Context, masterKey, _ string, _ []byte) ([]byte, error) {
	return nil, &UnknownKeyError{ID: masterKey}
}

// UnknownKeyError is [ErrMasterKeyUnknown] with the id of that key.
type UnknownKeyError struct{ ID string }

// Error names the key.
func (e *UnknownKeyError) Error() string {
	return fmt.Sprintf("%v: %q", ErrMasterKeyUnknown, domain.Clip(e.ID))
}

// Unwrap returns [ErrMasterKeyUnknown].
func (e *UnknownKeyError) Unwrap() error { return ErrMasterKeyUnknown }
