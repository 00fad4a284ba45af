package codec

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"

	"github.com/coreos/go-oidc/v3/oidc"
)

// TokenLengthMin is the least length of a static token, in bytes.
const TokenLengthMin = 16

// errUnauthenticated says that a token is not one of ours. What else is wrong with it stays with us.
var errUnauthenticated = errors.New("the token is not valid")

// Authenticator checks the bearer token of a request. Its error is for the log, not for the caller.
type Authenticator func(ctx context.Context, token string) error

// StaticToken accepts one token: for development, and for scripts that have no login. The comparison
// takes the same time for every wrong one.
func StaticToken(token string) (Authenticator, error) {
	if len(token) < TokenLengthMin {
		return nil, fmt.Errorf("the codec server's token has %d bytes, want at least %d", len(token), TokenLengthMin)
	}
	want := sha256.Sum256([]byte(token))
	return func(_ context.Context, token string) error {
		got := sha256.Sum256([]byte(token))
		if subtle.ConstantTimeCompare(got[:], want[:]) != 1 {
			return errUnauthenticated
		}
		return nil
	}, nil
}

// OpenIDConnect accepts the access tokens that the Web UI gets when its users log in. These are signed JWTs (RFC
// 9068) of the issuer, for the audience, and not expired. It asks the issuer for its keys, now and whenever an
// unknown one turns up.
//
// Everybody who can get such a token may read every payload, so the audience should be one that only
// operators get.
func OpenIDConnect(ctx context.Context, issuer, audience string) (Authenticator, error) {
	if audience == "" {
		return nil, errors.New("the codec server needs an audience, or it would take tokens made for any other service")
	}
	provider, err := oidc.NewProvider(ctx, issuer)
	if err != nil {
		return nil, fmt.Errorf("ask %s for its configuration: %w", issuer, err)
	}
	verifier := provider.Verifier(&oidc.Config{ClientID: audience})
	return func(ctx context.Context, token string) error {
		if _, err := verifier.Verify(ctx, token); err != nil {
			return fmt.Errorf("%w: %w", errUnauthenticated, err)
		}
		return nil
	}, nil
}

// anyOf accepts what one of them accepts.
func anyOf(authenticators []Authenticator) Authenticator {
	return func(ctx context.Context, token string) error {
		var failed []error
		for _, a := range authenticators {
			err := a(ctx, token)
			if err == nil {
				return nil
			}
			failed = append(failed, err)
		}
		return errors.Join(failed...)
	}
}
