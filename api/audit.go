package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/api/httpx"
	"github.com/orderloom/orderloom/domain"
)

var _ Audit = (*access.Audit)(nil)

// Audit keeps privileged calls that are no event of an order, and what was denied.
type Audit interface {
	httpx.Auditor
	// List returns a page, the newest first. Errors: [domain.Invalids].
	List(ctx context.Context, q access.AuditQuery) (page []access.AuditEntry, next string, err error)
}

// audited are the paths below which each change is recorded.
var audited = []string{"/api/v1/keys", "/api/v1/stock/", "/api/v1/locations", endpointsPath}

// recorded lets a route that changes something besides orders be recorded.
func recorded(r httpx.Route) httpx.Route {
	for _, path := range audited {
		r.Audited = r.Audited || r.Method == http.MethodPost && strings.HasPrefix(r.Path, path)
	}
	return r
}

// listAudit shows a page of the audit, the newest first: GET /api/v1/audit.
func (a *API) listAudit(ctx context.Context, x *httpx.Exchange) error {
	page, next, err := a.audit.List(ctx, access.AuditQuery{
		Actor: x.QueryText("actor"), Action: x.QueryText("action"), From: x.QueryTime("created_from"), To: x.QueryTime("created_to"),
		Cursor: x.QueryText("cursor"), Limit: int(x.QueryInt("limit")),
	})
	switch {
	case domain.Code(err) == domain.CodeInvalid:
		return httpx.InvalidQuery(err)
	case err != nil:
		return err
	}
	x.Writer.Header().Set("Cache-Control", "no-store")
	return x.JSON(http.StatusOK, auditBody{Entries: page, NextCursor: next})
}

type auditBody struct {
	Entries    []access.AuditEntry `json:"entries"`
	NextCursor string              `json:"next_cursor,omitempty"`
}
