package readmodel

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
)

// ChangesChannel is the channel on which the projector notifies of changes.
const ChangesChannel = "orderloom_order_changes"

// Limits of the change stream.
const (
	// changesKept is how many changes are remembered for those who follow.
	changesKept = 10_000
	// changesPage bounds one read.
	changesPage = 1000
	// changesPoll is how often the table is read without a notification. changesRecheck is how soon it is read again
	// after a notification whose change could not be read yet, because an older transaction was open.
	changesPoll    = time.Second
	changesRecheck = 20 * time.Millisecond
	// ChangesRetention is how long changes can be resumed from.
	ChangesRetention = 24 * time.Hour
)

// CodeTooOld is the code of the error when a position is no longer kept: whoever follows begins anew.
const CodeTooOld domain.ErrorCode = "too_old"

// Change says that the view of an order has changed.
type Change struct {
	// Position is where this change stands among all; [Changes.Follow] resumes after it.
	Position          string    `json:"-"`
	OrderID           uuid.UUID `json:"order_id"`
	CustomerID        string    `json:"customer_id"`
	Status            string    `json:"status"`
	PaymentStatus     string    `json:"payment_status"`
	FulfillmentStatus string    `json:"fulfillment_status"`
	Version           int64     `json:"version"`
	PaymentVersion    int64     `json:"payment_version"`
	ChangedAt         time.Time `json:"changed_at"`
	// Account and Channel are the order's; empty for none.
	Account string `json:"-"`
	Channel string `json:"-"`

	at position
}

// position orders changes by their transaction, then by their number.
type position struct {
	tx uint64
	id int64
}

func (p position) String() string { return fmt.Sprintf("%d-%d", p.tx, p.id) }

func (p position) before(o position) bool { return p.tx < o.tx || p.tx == o.tx && p.id < o.id }

func parsePosition(s string) (position, error) {
	tx, id, ok := strings.Cut(s, "-")
	var p position
	var err, idErr error
	p.tx, err = strconv.ParseUint(tx, 10, 64)
	p.id, idErr = strconv.ParseInt(id, 10, 64)
	if !ok || err != nil || idErr != nil || p.id < 0 {
		return position{}, domain.Invalid("last_event_id", "is not the position of a change")
	}
	return p, nil
}

// Changes follows what changes in order_views, for all subscribers of this process together, and tells a
// local cache of it.
type Changes struct {
	pool  *pgxpool.Pool
	cache *LocalCache
	log   *slog.Logger

	mu sync.Mutex
	// recent holds the last changes, oldest first; from is the position before the first of them, last that
	// of the last one.
	recent     []Change
	from, last position
	started    bool
	wake       chan struct{}
}

// NewChanges returns a follower of the views in pool. cache is nil when there is none in this process.
func NewChanges(pool *pgxpool.Pool, cache *LocalCache, log *slog.Logger) *Changes {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Changes{pool: pool, cache: cache, log: log, wake: make(chan struct{})}
}

// Run follows the changes until ctx ends. It keeps one connection.
func (c *Changes) Run(ctx context.Context) error {
	var complaint backoff.Complaint
	for ctx.Err() == nil {
		if err := c.listen(ctx); err != nil && ctx.Err() == nil {
			if complaint.Due(err) {
				c.log.WarnContext(ctx, "can't follow the changes of orders, trying again", "error", err)
			}
			_ = backoff.Pause(ctx, changesPoll)
		}
	}
	return nil
}

func (c *Changes) listen(ctx context.Context) error {
	pooled, err := c.pool.Acquire(ctx)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	// Taken out of the pool, so that nobody else gets a connection that listens.
	conn := pooled.Hijack()
	defer func() {
		ctx, cancel := drain.Timeout(ctx, time.Second)
		defer cancel()
		_ = conn.Close(ctx)
	}()
	if _, err := conn.Exec(ctx, "LISTEN "+pgx.Identifier{ChangesChannel}.Sanitize()); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	if err := c.begin(ctx, conn); err != nil {
		return err
	}
	for {
		got, err := c.read(ctx, conn)
		if err != nil {
			return err
		}
		if got == changesPage {
			continue
		}
		wait := changesPoll
		if got < 0 {
			wait = changesRecheck
		}
		waiting, cancel := context.WithTimeout(ctx, wait)
		_, err = conn.WaitForNotification(waiting)
		cancel()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return fmt.Errorf("wait for a notification: %w", err)
		}
	}
}

// begin sets the position to the present end, at the first time.
func (c *Changes) begin(ctx context.Context, conn *pgx.Conn) error {
	c.mu.Lock()
	started := c.started
	c.mu.Unlock()
	if started {
		return nil
	}
	var tx string
	if err := conn.QueryRow(ctx, "SELECT pg_snapshot_xmin(pg_current_snapshot())::text").Scan(&tx); err != nil {
		return fmt.Errorf("find the end of the changes: %w", err)
	}
	n, err := strconv.ParseUint(tx, 10, 64)
	if err != nil {
		return fmt.Errorf("find the end of the changes: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	// All below this transaction are there to be seen now.
	c.from = position{tx: n}
	c.last, c.started = c.from, true
	return nil
}

// read takes in the next changes. It returns how many, or -1 when there are some that can't be read yet.
func (c *Changes) read(ctx context.Context, conn *pgx.Conn) (int, error) {
	c.mu.Lock()
	after := c.last
	c.mu.Unlock()
	changes, err := queryChanges(ctx, conn, after)
	if err != nil {
		return 0, err
	}
	if len(changes) == 0 {
		hidden, err := lastChange(ctx, conn)
		if err != nil {
			return 0, err
		}
		if after.before(hidden) {
			return -1, nil // the cache is not up to date as long as they are not known
		}
		c.cache.touch(time.Now())
		return 0, nil
	}
	versions := make([]OrderVersion, len(changes))
	for i, ch := range changes {
		versions[i] = OrderVersion{OrderID: ch.OrderID, Version: ch.Version, PaymentVersion: ch.PaymentVersion}
	}
	c.cache.Invalidate(ctx, versions)
	c.cache.touch(time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recent = append(c.recent, changes...)
	c.last = changes[len(changes)-1].at
	if extra := len(c.recent) - changesKept; extra > 0 {
		c.from = c.recent[extra-1].at
		c.recent = append([]Change(nil), c.recent[extra:]...)
	}
	close(c.wake)
	c.wake = make(chan struct{})
	return len(changes), nil
}

// lastChange returns the position of the last change that can be seen, also one that may still be undercut.
func lastChange(ctx context.Context, conn *pgx.Conn) (p position, err error) {
	var tx string
	// Asked whether there is one after a position, PostgreSQL expects to find it soon and reads the whole table.
	err = conn.QueryRow(ctx, `SELECT tx::text, id FROM orderloom.order_changes ORDER BY order_changes.tx DESC, id DESC LIMIT 1`).Scan(&tx, &p.id)
	if errors.Is(err, pgx.ErrNoRows) {
		return position{}, nil
	}
	if err == nil {
		p.tx, err = strconv.ParseUint(tx, 10, 64)
	}
	if err != nil {
		return position{}, fmt.Errorf("look for the last change: %w", err)
	}
	return p, nil
}

// queryChanges reads changes after a position, none of a transaction that could still be undercut.
func queryChanges(ctx context.Context, db Querier, after position) ([]Change, error) {
	// Without the comparison with pg_snapshot_xmin a change that commits late would be passed over.
	rows, err := db.Query(ctx, `SELECT tx::text, id, order_id, version, payment_version, customer_id, status, payment_status, fulfillment_status, changed_at,
			coalesce(account, ''), coalesce(channel, '')
		FROM orderloom.order_changes WHERE (tx, id) > ($1::xid8, $2) AND tx < pg_snapshot_xmin(pg_current_snapshot())
		ORDER BY order_changes.tx, id LIMIT $3`, strconv.FormatUint(after.tx, 10), after.id, changesPage)
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	changes, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Change, error) {
		var c Change
		var tx string
		err := row.Scan(&tx, &c.at.id, &c.OrderID, &c.Version, &c.PaymentVersion, &c.CustomerID, &c.Status, &c.PaymentStatus,
			&c.FulfillmentStatus, &c.ChangedAt, &c.Account, &c.Channel)
		if err == nil {
			c.at.tx, err = strconv.ParseUint(tx, 10, 64)
		}
		c.Position, c.ChangedAt = c.at.String(), c.ChangedAt.UTC()
		return c, err
	})
	if err != nil {
		return nil, fmt.Errorf("read changes: %w", err)
	}
	return changes, nil
}

// Follow calls handle with every change after a position, in order, until ctx ends or handle fails. An empty
// position begins with what changes from now on. Errors: invalid for a position that makes no sense;
// too_old for one that is no longer kept; what handle returns; ctx's.
func (c *Changes) Follow(ctx context.Context, after string, handle func(Change) error) error {
	at, err := c.position(ctx, after)
	if err != nil {
		return err
	}
	for {
		changes, wake, from := c.since(at)
		if wake == nil { // further back than what is remembered
			if changes, err = queryChanges(ctx, c.pool, at); err != nil {
				return err
			}
			if len(changes) == 0 { // nor is there anything up to what is remembered
				at = from
				continue
			}
		}
		for _, ch := range changes {
			if err := handle(ch); err != nil {
				return err
			}
			at = ch.at
		}
		if len(changes) > 0 {
			continue
		}
		select {
		case <-wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// position returns where to begin.
func (c *Changes) position(ctx context.Context, after string) (position, error) {
	if after == "" {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.last, nil
	}
	at, err := parsePosition(after)
	if err != nil {
		return position{}, err
	}
	// The row of the position itself is kept at least as long as all after it.
	var kept bool
	err = c.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM orderloom.order_changes WHERE id = $1 AND tx = $2::xid8)`,
		at.id, strconv.FormatUint(at.tx, 10)).Scan(&kept)
	switch {
	case err != nil:
		return position{}, fmt.Errorf("look for the position: %w", err)
	case !kept:
		return position{}, domain.Refuse(CodeTooOld, "changes are kept for %s: read the orders anew", ChangesRetention)
	}
	return at, nil
}

// since returns the changes after a position and the channel that is closed with the next one. The channel is nil when
// the position lies further back than from, where what is remembered begins.
func (c *Changes) since(at position) (changes []Change, wake <-chan struct{}, from position) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at.before(c.from) {
		return nil, nil, c.from
	}
	i := len(c.recent)
	for i > 0 && at.before(c.recent[i-1].at) {
		i--
	}
	return append([]Change(nil), c.recent[i:]...), c.wake, c.from
}

// PruneChanges forgets changes that are older than [ChangesRetention], at most 10,000 at once, and returns
// how many. The projector calls it from time to time.
func PruneChanges(ctx context.Context, pool *pgxpool.Pool) (int64, error) {
	tag, err := pool.Exec(ctx, `DELETE FROM orderloom.order_changes WHERE id IN (
		SELECT id FROM orderloom.order_changes WHERE changed_at < now() - $1::interval ORDER BY id LIMIT 10000)`, ChangesRetention)
	if err != nil {
		return 0, fmt.Errorf("prune changes: %w", err)
	}
	return tag.RowsAffected(), nil
}
