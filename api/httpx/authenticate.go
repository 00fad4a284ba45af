package httpx

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
)

// Authenticator tells who calls by what stands behind "Bearer". Errors: unauthenticated; any other says that it can't
// be told for the moment.
type Authenticator interface {
	Authenticate(ctx context.Context, credential string) (*access.Caller, error)
}

// Knower is an [Authenticator] that knows some credentials without any work. An address that has failed too often is
// let in with those alone.
type Knower interface {
	Known(credential string) (*access.Caller, bool)
}

// authenticate returns who calls. Errors: unauthenticated; too_many_failures; unavailable.
func (r *Router) authenticate(ctx context.Context, request *http.Request) (*access.Caller, error) {
	if r.authenticator == nil {
		return access.Anyone, nil
	}
	scheme, credential, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if credential = strings.TrimSpace(credential); !strings.EqualFold(scheme, "Bearer") {
		credential = ""
	}
	if k, ok := r.authenticator.(Knower); ok && credential != "" {
		if caller, known := k.Known(credential); known {
			return caller, nil
		}
	}
	address := r.clientAddress(request)
	if wait := r.failures.Wait(address); wait > 0 {
		p := NewProblem(KindTooManyFailures, "this address has sent too many wrong credentials")
		p.RetryAfter = max(wait, time.Second)
		return nil, p
	}
	caller, err := r.check(ctx, credential)
	if p := (*Problem)(nil); errors.As(err, &p) && p.Code == KindUnauthenticated.Code {
		r.failures.Fail(address)
	}
	return caller, err
}

// check asks whose credential this is.
func (r *Router) check(ctx context.Context, credential string) (*access.Caller, error) {
	if credential == "" {
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
