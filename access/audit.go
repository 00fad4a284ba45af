package access

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
)

// Limits of the audit.
const (
	// auditEvery is how often what was denied is written, and how often partitions are looked after.
	auditEvery = time.Minute
	// deniedMax bounds how many callers and actions are told apart within a minute. Others are counted together.
	deniedMax = 1000
	// AuditPageMax and AuditPageDefault are the sizes of pages.
	AuditPageMax     = 100
	AuditPageDefault = 20
	// auditTimeout bounds writing.
	auditTimeout = 5 * time.Second
)

// AuditEntry is one privileged call, or what a caller was denied within a minute.
type AuditEntry struct {
	AuditID uuid.UUID `json:"audit_id"`
	At      time.Time `json:"at"`
	// Account and Actor are who called: empty, and "nobody", for callers that are not known.
	Account string `json:"account"`
	Actor   string `json:"actor"`
	// Action is the method and path of the operation, or the command.
	Action string `json:"action"`
	// Subject is what it was about; empty for nothing in particular.
	Subject string `json:"subject,omitempty"`
	// Status is that of the answer; 0 while it is not known.
	Status int `json:"status,omitempty"`
	// Count is how often it was denied within the minute, and 1 for a call.
	Count     int    `json:"count"`
	RequestID string `json:"request_id,omitempty"`
}

// AuditQuery asks for a page of the audit, the newest first.
type AuditQuery struct {
	Actor, Action string
	From, To      time.Time
	// Cursor is that of the page before. Limit is at most [AuditPageMax]; 0 is [AuditPageDefault].
	Cursor string
	Limit  int
}

// nobody is the actor of calls without a credential that is known.
const nobody = "nobody"

// Audit keeps who has done what. It is safe for concurrent use.
type Audit struct {
	db        DB
	retention time.Duration
	log       *slog.Logger
	now       func() time.Time

	mu     sync.Mutex
	denied map[denial]int
}

type denial struct {
	account, actor, action string
	status                 int
}

// NewAudit returns the audit of a database, which is kept for a time.
func NewAudit(db DB, retention time.Duration, log *slog.Logger) *Audit {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Audit{db: db, retention: retention, log: log, now: time.Now, denied: map[denial]int{}}
}

// Begin records a privileged call before it is carried out, so that nothing is done without a record.
func (a *Audit) Begin(ctx context.Context, e AuditEntry) (AuditEntry, error) {
	e.AuditID, e.At, e.Count, e.Actor = uuid.New(), a.now().UTC().Truncate(time.Microsecond), 1, cmp.Or(e.Actor, nobody)
	_, err := a.db.Exec(ctx, `INSERT INTO orderloom.audit (audit_id, at, account, actor, action, subject, count, request_id)
		VALUES ($1, $2, $3, $4, $5, $6, 1, $7)`, e.AuditID, e.At, e.Account, e.Actor, e.Action, e.Subject, e.RequestID)
	return e, wrap("record a privileged call", err)
}

// End adds how a call was answered. Without it the record says that this is not known.
func (a *Audit) End(ctx context.Context, e AuditEntry, status int) {
	ctx, cancel := drain.Timeout(ctx, auditTimeout)
	defer cancel()
	if _, err := a.db.Exec(ctx, `UPDATE orderloom.audit SET status = $3 WHERE at = $1 AND audit_id = $2`, e.At, e.AuditID, status); err != nil {
		a.log.ErrorContext(ctx, "how a privileged call was answered could not be recorded", "audit_id", e.AuditID, "status", status, "error", err)
	}
}

// Deny counts a call that was denied. Nobody fills the database by being denied: one record a minute stands for all
// of a caller, an action and a status.
func (a *Audit) Deny(account, actor, action string, status int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	d := denial{account, cmp.Or(actor, nobody), action, status}
	if _, known := a.denied[d]; !known && len(a.denied) >= deniedMax {
		d = denial{"", "others", "", status}
	}
	a.denied[d]++
}

// Run writes what was denied, and looks after partitions, until ctx ends.
func (a *Audit) Run(ctx context.Context) error {
	var complaint backoff.Complaint
	for {
		if err := a.Maintain(ctx); err != nil && ctx.Err() == nil && complaint.Due(err) {
			a.log.WarnContext(ctx, "the audit could not be looked after, trying again later", "error", err)
		}
		if backoff.Pause(ctx, auditEvery) != nil {
			ending, cancel := drain.Timeout(ctx, auditTimeout)
			defer cancel()
			return a.flush(ending)
		}
	}
}

// Maintain makes partitions ahead of need, drops those beyond the retention, and writes what was denied.
func (a *Audit) Maintain(ctx context.Context) error {
	var dropped int
	err := a.db.QueryRow(ctx, `SELECT orderloom.audit_maintain($1)`, a.now().Add(-a.retention)).Scan(&dropped)
	if dropped > 0 {
		a.log.InfoContext(ctx, "months of the audit beyond its retention are dropped", "partitions", dropped)
	}
	return errors.Join(wrap("look after the partitions of the audit", err), a.flush(ctx))
}

// flush writes what was denied. What can't be written is counted on.
func (a *Audit) flush(ctx context.Context) error {
	a.mu.Lock()
	denied := a.denied
	a.denied = map[denial]int{}
	a.mu.Unlock()
	if len(denied) == 0 {
		return nil
	}
	at := a.now().UTC().Truncate(time.Minute)
	var accounts, actors, actions []string
	var statuses, counts []int
	for d, n := range denied {
		accounts, actors, actions = append(accounts, d.account), append(actors, d.actor), append(actions, d.action)
		statuses, counts = append(statuses, d.status), append(counts, n)
	}
	_, err := a.db.Exec(ctx, `INSERT INTO orderloom.audit (audit_id, at, account, actor, action, subject, status, count, request_id)
		SELECT gen_random_uuid(), $1, d.account, d.actor, d.action, '', d.status, d.count, ''
		FROM unnest($2::text[], $3::text[], $4::text[], $5::int[], $6::int[]) AS d (account, actor, action, status, count)`,
		at, accounts, actors, actions, statuses, counts)
	if err == nil {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for d, n := range denied {
		if _, known := a.denied[d]; known || len(a.denied) < deniedMax {
			a.denied[d] += n
		}
	}
	return wrap("write what was denied", err)
}

// List returns a page of the audit, the newest first, and the cursor of the next one. Error: [domain.Invalids].
func (a *Audit) List(ctx context.Context, q AuditQuery) (page []AuditEntry, next string, err error) {
	limit := cmp.Or(q.Limit, AuditPageDefault)
	before, id, err := readCursor(q.Cursor)
	if err != nil {
		return nil, "", err
	}
	rows, err := a.db.Query(ctx, `SELECT audit_id, at, account, actor, action, subject, coalesce(status, 0), count, request_id FROM orderloom.audit
		WHERE ($1 = '' OR actor = $1) AND ($2 = '' OR action = $2) AND at >= $3::timestamptz AND at < $4::timestamptz AND (at, audit_id) < ($5::timestamptz, $6::uuid)
		ORDER BY at DESC, audit_id DESC LIMIT $7`,
		q.Actor, q.Action, timeOr(q.From, pgtype.NegativeInfinity), timeOr(q.To, pgtype.Infinity), timeOr(before, pgtype.Infinity), id, limit+1)
	if err != nil {
		return nil, "", wrap("read the audit", err)
	}
	page, err = pgx.CollectRows(rows, pgx.RowToStructByPos[AuditEntry])
	if err != nil {
		return nil, "", wrap("read the audit", err)
	}
	for i := range page {
		page[i].At = page[i].At.UTC()
	}
	if len(page) > limit {
		page = page[:limit]
		last := page[limit-1]
		next = writeCursor(last.At, last.AuditID)
	}
	return page, next, nil
}

// timeOr returns a time for PostgreSQL, or an infinite one without it.
func timeOr(t time.Time, otherwise pgtype.InfinityModifier) pgtype.Timestamptz {
	if t.IsZero() {
		return pgtype.Timestamptz{InfinityModifier: otherwise, Valid: true}
	}
	return pgtype.Timestamptz{Time: t, Valid: true}
}

// writeCursor writes where a page has ended.
func writeCursor(at time.Time, id uuid.UUID) string {
	return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s %s", at.UTC().Format(time.RFC3339Nano), id))
}

// readCursor returns what a page begins below; the zero time for the first one. What [writeCursor] would have written
// otherwise is refused.
func readCursor(cursor string) (at time.Time, id uuid.UUID, err error) {
	if cursor == "" {
		return time.Time{}, uuid.Max, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(cursor)
	stamp, name, _ := strings.Cut(string(text), " ")
	if err == nil {
		at, err = time.Parse(time.RFC3339Nano, stamp)
	}
	if err == nil {
		id, err = uuid.Parse(name)
	}
	if err != nil || writeCursor(at, id) != cursor {
		return time.Time{}, uuid.Nil, domain.Invalids{domain.Invalid("cursor", "is not one that a list has returned")}
	}
	return at, id, nil
}
