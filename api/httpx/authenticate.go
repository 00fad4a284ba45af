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
// be told.
type Authenticator interface {
	Authenticate(ctx context.Context, credential string) (*access.Caller, error)
}

// Knower is an [Authenticator] that knows some credentials without any work. An address that has failed too often is
// let in with those alone.
type Knower interface {
	Known(credential string) (*access.Caller, bool)
}

// authenticate returns who calls. Errors: unauthenticated; too_many_failures; rate_limited; overloaded; unavailable.
func (r *Router) authenticate(ctx context.Context, request *http.Request) (*access.Caller, error) {
	if r.authenticator == nil {
		return access.Anyone, nil
	}
	credential := credentialOf(request)
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
	if credential != "" { // it may take a look at the database, or at an issuer
		party := access.Network(address).String()
		if err := r.checks.Take(party); err != nil {
			return nil, err
		}
		defer r.checks.Give(party)
	}
	caller, err := r.check(ctx, credential)
	if p := (*Problem)(nil); errors.As(err, &p) && p.Code == KindUnauthenticated.Code {
		r.failures.Fail(address)
	}
	return caller, err
}

// AdmittedEvery is how often an answer without an end asks anew whether its caller is still let in. Together with the
// time after which a process knows of a key that is revoked, that is less than a second.
const AdmittedEvery = 400 * time.Millisecond

// Admitted reports whether the caller would still be let in: the credential may have been revoked, or have expired.
// While that can't be told, it counts as good. It is for answers without an end, which ask every [AdmittedEvery].
func (x *Exchange) Admitted(ctx context.Context) bool {
	r := x.router
	if r.authenticator == nil {
		return true
	}
	credential := credentialOf(x.Request)
	if k, ok := r.authenticator.(Knower); ok {
		if caller, known := k.Known(credential); known {
			return x.operation.scopes.Without(caller.Scopes) == 0
		}
	}
	caller, err := r.check(ctx, credential)
	if p := (*Problem)(nil); errors.As(err, &p) {
		return p.Code != KindUnauthenticated.Code
	}
	return x.operation.scopes.Without(caller.Scopes) == 0
}

// Readmit is for requests that have waited. Error: unauthenticated, for a caller who would not be let in any more.
func (x *Exchange) Readmit(ctx context.Context) error {
	if !x.Admitted(ctx) {
		return NewProblem(KindUnauthenticated, "the credential has ended meanwhile")
	}
	return nil
}

// credentialOf is what stands behind "Bearer"; empty without. Of two headers, others on the way may have looked at
// either, so none of them counts.
func credentialOf(request *http.Request) string {
	sent := request.Header["Authorization"]
	if len(sent) != 1 {
		return ""
	}
	scheme, credential, _ := strings.Cut(sent[0], " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(credential)
}

// check asks whose credential this is.
func (r *Router) check(ctx context.Context, credential string) (*access.Caller, error) {
	if credential == "" {
		return nil, NewProblem(KindUnauthenticated, "no API key was sent, or more than one")
	}
	caller, err := r.authenticator.Authenticate(ctx, credential)
	if err == nil {
		return caller, nil
	}
	if refusal := (*domain.Error)(nil); errors.As(err, &refusal) && refusal.Code == KindUnauthenticated.Code {
		return nil, NewProblem(KindUnauthenticated, refusal.Message)
	}
	p := AsProblem(err)
	if p.Code == KindUnavailable.Code {
		p.Detail = "it can't be told for the moment who calls"
	}
	return nil, p
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
