package client

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// AuditEntry is one privileged call that is no event of an order, or what a caller was denied within a minute.
type AuditEntry struct {
	AuditID uuid.UUID `json:"audit_id"`
	At      time.Time `json:"at"`
	// Account and Actor are who called. Actor is "<role>/<id>", and "nobody" without a credential that is known.
	Account string `json:"account"`
	Actor   string `json:"actor"`
	// Action is the method and path of the operation, or the command.
	Action  string `json:"action"`
	Subject string `json:"subject,omitempty"`
	// Status is that of the answer; 0 while it is not known.
	Status int `json:"status,omitempty"`
	// Count is how often it was denied within the minute, and 1 for a call.
	Count     int    `json:"count"`
	RequestID string `json:"request_id,omitempty"`
}

// AuditPage is a page of the audit. NextCursor is empty on the last one.
type AuditPage struct {
	Entries    []AuditEntry `json:"entries"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

// AuditQuery asks for a page of the audit. The zero value asks for the newest entries.
type AuditQuery struct {
	Actor, Action          string
	CreatedFrom, CreatedTo time.Time
	Cursor                 string
	// Limit is at most 100; 0 is 20.
	Limit int
}

// ListAudit shows a page of the audit, the newest first. [Client.Audit] goes through all pages.
func (c *Client) ListAudit(ctx context.Context, q AuditQuery, options ...CallOption) (AuditPage, error) {
	var page AuditPage
	_, err := c.sendRequest(ctx, q.list(options), into(&page))
	return page, err
}

func (q AuditQuery) list(options []CallOption) *request {
	r := newRequest(http.MethodGet, "/api/v1/audit", nil, options)
	r.set("actor", q.Actor)
	r.set("action", q.Action)
	r.set("created_from", timeText(q.CreatedFrom))
	r.set("created_to", timeText(q.CreatedTo))
	setPage(r, q.Cursor, q.Limit)
	return r
}

// Audit goes through all entries that q chooses, page by page. It ends after the first error.
func (c *Client) Audit(ctx context.Context, q AuditQuery, options ...CallOption) iter.Seq2[AuditEntry, error] {
	return pages(q.Cursor, func(cursor string) ([]AuditEntry, string, error) {
		q.Cursor = cursor
		page, err := c.ListAudit(ctx, q, options...)
		return page.Entries, page.NextCursor, err
	})
}
