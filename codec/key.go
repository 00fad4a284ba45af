package codec

import (
	"fmt"
	"log/slog"
	"slices"
)

// Limits of keys.
const (
	// SecretBytes is the length of a key's secret.
	SecretBytes = 32
	keysMax     = 64
	keyIDMax    = 64
)

// Key is an AES-256 key with a name.
type Key struct {
	// ID stands in the clear beside each payload that the key encrypted; never give it to another secret.
	ID string
	// Secret is [SecretBytes] random bytes.
	Secret []byte
}

// String returns the id; the secret is never printed.
func (k Key) String() string { return k.ID + ":[secret]" }

// Format prints as [Key.String] for every verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue hides the secret from slog.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText hides the secret from encoders such as encoding/json.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func check(keys []Key) error {
	if len(keys) == 0 || len(keys) > keysMax {
		return fmt.Errorf("payload keys: there are %d, want from 1 to %d", len(keys), keysMax)
	}
	for i, k := range keys {
		switch {
		case k.ID == "" || len(k.ID) > keyIDMax:
			return fmt.Errorf("payload keys: the id of key %d must have from 1 to %d bytes", i+1, keyIDMax)
		case len(k.Secret) != SecretBytes:
			return fmt.Errorf("payload keys: %s has %d bytes, want %d", k.ID, len(k.Secret), SecretBytes)
		case slices.ContainsFunc(keys[:i], func(other Key) bool { return other.ID == k.ID }):
			return fmt.Errorf("payload keys: %s is there twice", k.ID)
		}
	}
	return nil
}
