// Package plainvault is a vault for tests and recorded histories that seals nothing.
package plainvault

import (
	"context"
	"encoding/json"

	"github.com/orderloom/orderloom/domain"
)

// Vault leaves personal data as they are, under a key of the subject's.
type Vault struct{}

// Seal returns the JSON of a value.
func (Vault) Seal(_ context.Context, subject string, value any) (domain.Sealed, error) {
	data, err := json.Marshal(value)
	return domain.Sealed{Key: subject + ":1", Data: data}, err
}

// Open reads what [Vault.Seal] has returned. A *[json.RawMessage] gets the JSON itself.
func (Vault) Open(_ context.Context, s domain.Sealed, value any) error {
	if s.IsZero() {
		return nil
	}
	if text, ok := value.(*json.RawMessage); ok {
		*text = s.Data
		return nil
	}
	return json.Unmarshal(s.Data, value)
}

// Reseal returns data as they are.
func (Vault) Reseal(_ context.Context, _ string, s domain.Sealed) (domain.Sealed, error) {
	return s, nil
}
