package httpx

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
)

// Authenticator tells who calls by what stands behind "Bearer". Errors: unauthenticated; any other says that it can't
// be told for the moment.
type Authenticator interface {
	Authenticate(ctx context.Context, credential string) (*access.Caller, error)
}

// authenticate returns who calls. Errors: unauthenticated; unavailable.
func (r *Router) authenticate(ctx context.Context, h http.Header) (*access.Caller, error) {
	if r.authenticator == nil {
		return access.Anyone, nil
	}
	scheme, credential, _ := strings.Cut(h.Get("Authorization"), " ")
	if credential = strings.TrimSpace(credential); !strings.EqualFold(scheme, "Bearer") || credential == "" {
		return nil, NewProblem(KindUnauthenticated, "no API key was sent")
	}
	caller, err := r.authenticator.Authenticate(ctx, credential)
	if err == nil {
		return caller, nil
	}
	if refusal := (*domain.Error)(nil); errors.As(err, &refusal) && refusal.Code == KindUnauthenticated.Code {
		return nil, NewProblem(KindUnauthenticated, refusal.Message)
	}
	return nil, NewProblem(KindUnavailable, "it can't be told for the moment who calls").Because(err)
}

// Forbidden returns the problem of a caller who lacks scopes.
func Forbidden(c *access.Caller, missing access.Scopes) *Problem {
	words := "the scope "
	if len(missing.List()) > 1 {
		words = "the scopes "
	}
	return NewProblem(KindForbidden, "this needs "+words+missing.String()+", which the role "+string(c.Role)+" does not have here").
		Extend("missing_scopes", missing.List())
}
