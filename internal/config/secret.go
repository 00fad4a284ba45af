package config

import (
	"fmt"
	"log/slog"
)

const hidden = "[secret]"

// Secret is a value that no log, error or dump may show. Convert it with string(s) to use it.
type Secret string

// String returns "[secret]", or "" for an empty one.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return hidden
}

// Format prints as [Secret.String] for every verb, also %#v and %x.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// LogValue hides the value from slog.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the value from encoders such as encoding/json.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// MasterKey is a key with an id: one that wraps the customers' data keys, or one that encrypts payloads.
// Key is 32 bytes (AES-256).
type MasterKey struct {
	ID  string
	Key []byte
}

// String returns the id and "[secret]".
func (k MasterKey) String() string { return k.ID + ":" + hidden }

// Format prints as [MasterKey.String] for every verb.
func (k MasterKey) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(k.String())) }

// LogValue hides the key from slog.
func (k MasterKey) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText hides the key from encoders such as encoding/json.
func (k MasterKey) MarshalText() ([]byte, error) { return []byte(k.String()), nil }
