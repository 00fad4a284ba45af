package httpx

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// APIKey is who may call. Only the hash of the key is known here.
type APIKey struct {
	// Name is the caller's name: it scopes Idempotency-Keys and stands as user_id in events.
	Name   string
	SHA256 [sha256.Size]byte
}

// authenticate returns the caller's name; empty when the API is open. It takes the same time for
// every wrong key. Errors: unauthenticated.
func (r *Router) authenticate(h http.Header) (string, error) {
	if len(r.keys) == 0 {
		return "", nil
	}
	scheme, key, _ := strings.Cut(h.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || key == "" {
		return "", NewProblem(KindUnauthenticated, "no API key was sent")
	}
	sum := sha256.Sum256([]byte(strings.TrimSpace(key)))
	found := -1
	for i := range r.keys {
		found = subtle.ConstantTimeSelect(subtle.ConstantTimeCompare(sum[:], r.keys[i].SHA256[:]), i, found)
	}
	if found < 0 {
		return "", NewProblem(KindUnauthenticated, "the API key is unknown")
	}
	return r.keys[found].Name, nil
}
