package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
)

// APIKey is who may call. Only the hash of the key is known here.
type APIKey struct {
	// Name is the caller's name: it scopes Idempotency-Keys and stands as user_id in events.
	Name   string
	SHA256 [sha256.Size]byte
}

// ParseAPIKeys reads a list such as "shop:9f86d081…,backoffice:60303ae2…": names, and the SHA-256 of
// each key in hexadecimal. Two entries may share a name while a key is being replaced. An empty list
// is none.
func ParseAPIKeys(list string) ([]APIKey, error) {
	var keys []APIKey
	for i, entry := range strings.Split(list, ",") {
		if entry = strings.TrimSpace(entry); entry == "" {
			continue
		}
		name, sum, ok := strings.Cut(entry, ":")
		b, err := hex.DecodeString(sum)
		// The entry is not repeated in the error: someone may have put the key itself there.
		if !ok || err != nil || len(b) != sha256.Size || idProblem(name, 64) != "" {
			return nil, fmt.Errorf("entry %d must be a name of at most 64 characters, a colon, and a SHA-256 in hexadecimal", i+1)
		}
		keys = append(keys, APIKey{Name: name, SHA256: [sha256.Size]byte(b)})
	}
	return keys, nil
}

// authenticate returns the caller's name; empty when the API is open. It takes the same time for
// every wrong key. Errors: unauthenticated.
func (a *API) authenticate(h http.Header) (string, error) {
	if len(a.keys) == 0 {
		return "", nil
	}
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return "", newProblem(codeUnauthenticated, "no API key was sent")
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(key)))
	found := -1
	for i := range a.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], a.keys[i].SHA256[:]), i, found)
	}
	if found < 0 {
		return "", newProblem(codeUnauthenticated, "the API key is unknown")
	}
	return a.keys[found].Name, nil
}
