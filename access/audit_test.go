package access

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

func TestAPrivilegedCallIsRecordedBeforeItIsCarriedOut(t *testing.T) {
	t.Parallel()
	a := NewAudit(pgtest.Pool(t), time.Hour, nil)
	begun, err := a.Begin(t.Context(), AuditEntry{Account: "office", Actor: "admin/k-1", Action: "POST /api/v1/keys", RequestID: "r1"})
	require.NoError(t, err)
	page, next, err := a.List(t.Context(), AuditQuery{})
	require.NoError(t, err)
	require.Empty(t, next)
	require.Equal(t, []AuditEntry{begun}, page, "how it ends is not known")
	a.End(t.Context(), begun, http.StatusCreated)
	page, _, err = a.List(t.Context(), AuditQuery{Actor: "admin/k-1", Action: "POST /api/v1/keys", From: begun.At, To: begun.At.Add(time.Second)})
	require.NoError(t, err)
	begun.Status = http.StatusCreated
	require.Equal(t, []AuditEntry{begun}, page)
	page, _, err = a.List(t.Context(), AuditQuery{Actor: "admin/k-2"})
	require.NoError(t, err)
	require.Empty(t, page)
}

// An attacker can't fill the database by being denied.
func TestWhatIsDeniedIsCountedByTheMinute(t *testing.T) {
	t.Parallel()
	a := NewAudit(pgtest.Pool(t), time.Hour, nil)
	for range 5000 {
		a.Deny("", "", "GET /api/v1/orders", http.StatusUnauthorized)
	}
	a.Deny("shop", "storefront/k-1", "POST /api/v1/keys", http.StatusForbidden)
	for i := range 3 * deniedMax {
		a.Deny("shop", fmt.Sprint("storefront/", i), "POST /api/v1/keys", http.StatusForbidden)
	}
	require.NoError(t, a.Maintain(t.Context()))
	counts, rows := map[string]int{}, 0
	for q := (AuditQuery{Limit: AuditPageMax}); ; {
		page, next, err := a.List(t.Context(), q)
		require.NoError(t, err)
		for _, e := range page {
			counts[e.Actor] += e.Count
			rows++
		}
		if q.Cursor = next; next == "" {
			break
		}
	}
	require.LessOrEqual(t, rows, deniedMax+1)
	require.Equal(t, 5000, counts[nobody])
	total := 0
	for _, n := range counts {
		total += n
	}
	require.Equal(t, 5001+3*deniedMax, total, "none is lost")
	_, _, err := a.List(t.Context(), AuditQuery{Cursor: "x"})
	require.Equal(t, domain.CodeInvalid, domain.Code(err))
}

func TestMonthsBeyondTheRetentionAreDropped(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	a := NewAudit(pool, 40*24*time.Hour, nil)
	_, err := pool.Exec(t.Context(), `CREATE TABLE orderloom.audit_202001 PARTITION OF orderloom.audit
		FOR VALUES FROM ('2020-01-01 00:00Z') TO ('2020-02-01 00:00Z')`)
	require.NoError(t, err)
	old := a.now
	a.now = func() time.Time { return time.Date(2020, 1, 15, 0, 0, 0, 0, time.UTC) }
	_, err = a.Begin(t.Context(), AuditEntry{Action: "old"})
	require.NoError(t, err)
	a.now = func() time.Time { return time.Date(2020, 3, 1, 0, 0, 0, 0, time.UTC) }
	require.NoError(t, a.Maintain(t.Context()))
	page, _, err := a.List(t.Context(), AuditQuery{})
	require.NoError(t, err)
	require.Len(t, page, 1, "its month ended less than 40 days ago")
	a.now = old
	require.NoError(t, a.Maintain(t.Context()))
	require.NoError(t, a.Maintain(t.Context()))
	page, _, err = a.List(t.Context(), AuditQuery{})
	require.NoError(t, err)
	require.Empty(t, page)
	_, err = a.Begin(t.Context(), AuditEntry{Action: "new"})
	require.NoError(t, err)
}

func TestAProcessThatStopsWritesWhatWasDenied(t *testing.T) {
	t.Parallel()
	a := NewAudit(pgtest.Pool(t), time.Hour, nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	a.Deny("", "", "GET /api/v1/orders", http.StatusUnauthorized)
	stop()
	require.NoError(t, <-ended)
	page, _, err := a.List(t.Context(), AuditQuery{})
	require.NoError(t, err)
	require.Len(t, page, 1)
}

// No time of the calendar keeps the audit from being read, and none that a caller makes up reaches the database.
func TestTheAuditIsReadAtAnyTime(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := NewAudit(b.pool, time.Hour, nil)
	page, _, err := a.List(t.Context(), AuditQuery{From: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC), To: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)})
	require.NoError(t, err)
	require.Empty(t, page)
	for _, forged := range []string{"2026-01-01T00:00:00+23:59", "infinity"} {
		_, _, err := a.List(t.Context(), AuditQuery{Cursor: base64.RawURLEncoding.EncodeToString([]byte(forged + " 3f0f2c5e-5d0a-5b8e-9d53-6f2f9a0f7c11"))})
		require.Equal(t, domain.CodeInvalid, domain.Code(err), forged)
	}
}
