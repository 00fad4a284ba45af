package api

import (
	"context"
	"net/http"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/access"
	"github.com/orderloom/orderloom/domain"
	"github.com/stretchr/testify/require"
)

// fakeAudit keeps records in memory.
type fakeAudit struct {
	mu      sync.Mutex
	entries []access.AuditEntry
	denied  []access.AuditEntry
	query   access.AuditQuery
	err     error
}

func (f *fakeAudit) Begin(_ context.Context, e access.AuditEntry) (access.AuditEntry, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	e.AuditID, e.At, e.Count = uuid.New(), acceptedAt, 1
	if f.err == nil {
		f.entries = append(f.entries, e)
	}
	return e, f.err
}

func (f *fakeAudit) End(_ context.Context, e access.AuditEntry, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.entries {
		if f.entries[i].AuditID == e.AuditID {
			f.entries[i].Status = status
		}
	}
}

func (f *fakeAudit) Deny(account, actor, action string, status int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.denied = append(f.denied, access.AuditEntry{Account: account, Actor: actor, Action: action, Status: status})
}

func (f *fakeAudit) List(_ context.Context, q access.AuditQuery) ([]access.AuditEntry, string, error) {
	f.query = q
	if q.Cursor == "wrong" {
		return nil, "", domain.Invalids{domain.Invalid("cursor", "is not one that a list has returned")}
	}
	if q.Cursor == "next" { // there are two pages
		return nil, "", f.err
	}
	return f.entries, "next", f.err
}

func TestPrivilegedCallsAreRecorded(t *testing.T) {
	t.Parallel()
	audit := &fakeAudit{}
	b := setup(t, func(o *Options) { o.Authenticator, o.Audit = byRole(), audit })
	admin := []string{"Authorization", "Bearer admin"}
	require.Equal(t, http.StatusCreated, b.post(t, keyPath, goodKey, admin...).status)
	require.Equal(t, http.StatusNotFound, b.post(t, keyPath+"/"+someOrder.String()+"/revoke", `{}`, admin...).status)
	require.Equal(t, http.StatusCreated, b.post(t, "/api/v1/stock/receipts", goodReceipt, admin...).status)
	require.Equal(t, http.StatusCreated, b.post(t, ordersPath, goodOrder, admin...).status)
	require.Equal(t, http.StatusOK, b.get(t, keyPath, admin...).status)
	require.Len(t, audit.entries, 3, "an order's events are its audit, and who looks changes nothing")
	first := audit.entries[0]
	require.Equal(t, []any{"shop", "admin/admin-1", "POST /api/v1/keys", http.StatusCreated, ""},
		[]any{first.Account, first.Actor, first.Action, first.Status, first.Subject})
	require.Equal(t, someOrder.String(), audit.entries[1].Subject)
	require.Equal(t, http.StatusNotFound, audit.entries[1].Status)

	b.post(t, keyPath, goodKey, "Authorization", "Bearer storefront").problem(t, http.StatusForbidden, access.CodeForbidden)
	b.get(t, ordersPath, "Authorization", "Bearer wrong").problem(t, http.StatusUnauthorized, codeUnauthenticated)
	require.Equal(t, []access.AuditEntry{
		{Account: "shop", Actor: "storefront/storefront-1", Action: "POST /api/v1/keys", Status: http.StatusForbidden},
		{Action: "GET /api/v1/orders", Status: http.StatusUnauthorized},
	}, audit.denied)

	page := b.get(t, "/api/v1/audit?actor=admin%2Fadmin-1&limit=3", admin...)
	require.Equal(t, http.StatusOK, page.status, page.body)
	require.Contains(t, page.body, `"next_cursor":"next"`)
	require.Equal(t, access.AuditQuery{Actor: "admin/admin-1", Limit: 3}, audit.query)
	b.get(t, "/api/v1/audit?cursor=wrong", admin...).problem(t, http.StatusUnprocessableEntity, codeInvalid)

	audit.err = errAway
	b.post(t, "/api/v1/stock/receipts", goodReceipt, admin...).problem(t, http.StatusServiceUnavailable, codeUnavailable)
	require.Len(t, b.received, 1, "what can't be recorded is not done")
}
