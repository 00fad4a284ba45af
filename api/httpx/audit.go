package httpx

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/orderloom/orderloom/access"
)

// Auditor records who has done what.
type Auditor interface {
	// Begin records a call before it is carried out, and End how it was answered.
	Begin(ctx context.Context, e access.AuditEntry) (access.AuditEntry, error)
	End(ctx context.Context, e access.AuditEntry, status int)
	// Deny counts a call that its caller may not make.
	Deny(account, actor, action string, status int)
}

// admit tells who calls, and lets in who may. Errors: unauthenticated; too_many_failures; forbidden; unavailable.
func (r *Router) admit(ctx context.Context, x *Exchange) (err error) {
	if x.Caller, err = r.authenticate(ctx, x.Request); err != nil {
		p := (*Problem)(nil)
		x.denied = errors.As(err, &p) && p.Status < http.StatusInternalServerError
		return err
	}
	if missing := x.operation.scopes.Without(x.Caller.Scopes); missing != 0 {
		x.denied = true
		return Forbidden(x.Caller, missing)
	}
	return nil
}

// record records an audited request before it is carried out. Error: unavailable.
func (r *Router) record(ctx context.Context, x *Exchange, route Route) error {
	if !route.Audited || r.auditor == nil {
		return nil
	}
	var about []string
	for _, p := range x.Params {
		about = append(about, p.Value)
	}
	entry, err := r.auditor.Begin(ctx, access.AuditEntry{
		Account: x.Caller.Account, Actor: string(x.Caller.Actor()), Action: route.Method + " " + route.Path,
		Subject: strings.Join(about, " "), RequestID: x.RequestID,
	})
	if err != nil {
		return fmt.Errorf("record the request: %w", err)
	}
	x.record = &entry
	return nil
}

// tellAuditor tells how a request was answered that was recorded, and of one that was denied.
func (r *Router) tellAuditor(ctx context.Context, x *Exchange, route Route, status int) {
	switch {
	case r.auditor == nil:
	case x.record != nil:
		r.auditor.End(ctx, *x.record, status)
	case x.denied:
		account, who := "", ""
		if x.Caller != nil {
			account, who = x.Caller.Account, string(x.Caller.Actor())
		}
		r.auditor.Deny(account, who, methodOf(route, x.Request)+" "+route.Path, status)
	}
}
