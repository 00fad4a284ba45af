package eventstore

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/failure"
)

const (
	// attemptTimeout bounds one round trip; a connection that is silent for longer is given up.
	attemptTimeout = 30 * time.Second
	connectTimeout = 10 * time.Second
)

// postgres appends over one connection of its own. Four were no faster and cost nearly twice the CPU; and
// so appends wait for no read, and reads for no append.
type postgres struct {
	pool    *pgxpool.Pool
	conn    *pgx.Conn
	encoder encoder
	ids     eventIDs
	// The last sequence for which there are surely partitions enough.
	prepared int64
	// unconfirmed is set while the store's epoch is not confirmed, by whoever in this process learns of it.
	unconfirmed atomic.Bool
	seen        seen
	// asked is when the store was asked last whether it is confirmed.
	asked time.Time
}

func newPostgres(pool *pgxpool.Pool) *postgres { return &postgres{pool: pool} }

// session is what the connection needs. The planner settings keep one plan for all calls: from the ids in the call,
// in their order, to the rows by their index. That holds however small a table once looked.
var session = map[string]string{
	"application_name":                    "orderloom eventstore",
	"default_transaction_isolation":       "read committed",
	"enable_bitmapscan":                   "off",
	"enable_hashjoin":                     "off",
	"enable_mergejoin":                    "off",
	"enable_seqscan":                      "off",
	"idle_in_transaction_session_timeout": "10s",
	"jit":                                 "off",
	"plan_cache_mode":                     "force_generic_plan",
	"statement_timeout":                   "0",
	"synchronous_commit":                  "on",
}

const appendStatement = "orderloom_append"

func (p *postgres) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if p.conn != nil && !p.conn.IsClosed() {
		return nil
	}
	p.conn = nil
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	conn, err := connect(ctx, p.pool)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	if err = p.greet(ctx, conn); err == nil {
		_, err = conn.PgConn().Prepare(ctx, appendStatement, appendSQL, appendArguments)
	}
	if err == nil {
		err = p.ids.load(ctx, conn)
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return fmt.Errorf("prepare: %w", err)
	}
	p.conn, p.prepared = conn, 0
	return nil
}

// connect makes a connection with the pool's configuration and the store's session settings.
func connect(ctx context.Context, pool *pgxpool.Pool) (*pgx.Conn, error) {
	pooled := pool.Config()
	config := pooled.ConnConfig
	if pooled.BeforeConnect != nil {
		if err := pooled.BeforeConnect(ctx, config); err != nil {
			return nil, err
		}
	}
	if config.RuntimeParams == nil {
		config.RuntimeParams = make(map[string]string)
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	if pooled.AfterConnect != nil {
		err = pooled.AfterConnect(ctx, conn)
	}
	if err == nil {
		batch := &pgx.Batch{} // after the settings of the pool
		for name, value := range session {
			batch.Queue("SELECT set_config($1, $2, false)", name, value)
		}
		err = conn.SendBatch(ctx, batch).Close()
	}
	if err != nil {
		_ = conn.Close(context.WithoutCancel(ctx))
		return nil, err
	}
	return conn, nil
}

// close lets go of the connection.
func (p *postgres) close(ctx context.Context) {
	if p.conn != nil {
		_ = p.conn.Close(ctx) // the server notices by itself, whatever went wrong
	}
}

const appendSQL = `SELECT status, version, positions FROM orderloom.append(
	$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`

var binaryFormat = []int16{1}

// append is one statement, which is its own transaction, unless the events' ids have to be looked for in older
// partitions.
func (p *postgres) append(ctx context.Context, groups []*group) error {
	release := p.bounded(ctx)
	defer release()
	ctx = context.WithoutCancel(ctx)
	if p.unconfirmed.Load() {
		if err := p.askAgain(ctx); err != nil {
			return err
		}
	}
	if p.ids.behind() && time.Since(p.ids.loaded) >= reloadEvery {
		if err := p.ids.load(ctx, p.conn); err != nil {
			return err
		}
	}
	suspects := p.ids.suspects(groups)
	held := p.conn.PgConn().TxStatus() != 'I'
	if !held && !p.ids.behind() && len(suspects) == 0 {
		err := p.send(ctx, groups, p.ids.reach)
		if !beyondReach(err) {
			return err
		}
		p.ids.last = p.ids.reach
		if err := p.ids.load(ctx, p.conn); err != nil {
			return err
		}
		suspects = p.ids.suspects(groups)
	}
	if held {
		return p.sendAndLook(ctx, groups, suspects)
	}
	if _, err := p.conn.Exec(ctx, "BEGIN"); err != nil {
		return err
	}
	err := p.sendAndLook(ctx, groups, suspects)
	if endErr := p.end(ctx, err == nil); err == nil {
		err = endErr
	}
	return err
}

// sendAndLook appends within a transaction and looks for the events' ids in older partitions.
func (p *postgres) sendAndLook(ctx context.Context, groups []*group, suspects [][16]byte) error {
	if err := p.send(ctx, groups, math.MaxInt64); err != nil {
		return err
	}
	return p.ids.refuse(ctx, p.conn, groups, suspects)
}

// send calls the function, which refuses events that would get a number of reach or above.
func (p *postgres) send(ctx context.Context, groups []*group, reach int64) error {
	slots := sorted(groups)
	result := p.conn.PgConn().ExecPrepared(ctx, appendStatement, p.encoder.arguments(groups, slots, reach), binaryFormat, binaryFormat).Read()
	if result.Err != nil {
		return p.orUsedID(ctx, result.Err, groups)
	}
	row := result.Rows[0]
	positions := decodeInt8s(row[2])
	settle(groups, slots, decodeInt2s(row[0]), decodeInt8s(row[1]), positions)
	if len(positions) > 0 {
		last := positions[len(positions)-1]
		p.ids.last = max(p.ids.last, last)
		p.seen.sequence = max(p.seen.sequence, last)
		if last > p.prepared {
			p.prepare(ctx, last)
		}
	}
	return nil
}

// usedID finds the id in what the server says of a violated index, in whatever language.
var usedID = regexp.MustCompile(`\(event_id\)=\(([0-9a-f-]{36})\)`)

// orUsedID returns a usedIDError where that is what happened. The server tells the id only to a role that
// may read the partition itself; for others it is looked up.
func (p *postgres) orUsedID(ctx context.Context, err error, groups []*group) error {
	var answer *pgconn.PgError
	if !errors.As(err, &answer) || answer.Code != "23505" || !strings.HasSuffix(answer.ConstraintName, "_event_id") {
		return err
	}
	used := &usedIDError{cause: err}
	if found := usedID.FindStringSubmatch(answer.Detail); found != nil {
		used.id = uuid.MustParse(found[1])
	} else if p.conn.PgConn().TxStatus() == 'I' {
		var ids [][16]byte
		for _, g := range groups {
			for _, e := range g.events {
				ids = append(ids, e.ID)
			}
		}
		const sql = "SELECT event_id FROM orderloom.events WHERE event_id = ANY ($1) LIMIT 1"
		_ = p.conn.QueryRow(context.WithoutCancel(ctx), sql, ids).Scan(&used.id) // without it, the call fails all the same
	}
	return used
}

// partitionsCheckEvery is after how many events the partitions ahead are counted again. There are always
// millions of numbers ahead, so failing now and then does no harm.
const partitionsCheckEvery = 100_000

func (p *postgres) prepare(ctx context.Context, last int64) {
	if p.conn.PgConn().TxStatus() != 'I' {
		return
	}
	if p.prepared > 0 { // on a new connection it was just done
		_, _ = p.conn.Exec(ctx, "SELECT orderloom.ensure_partitions()") // the next append tells when it failed
		_ = p.ids.load(ctx, p.conn)                                     // so that those of detached partitions are forgotten; again next time
	}
	p.prepared = last + partitionsCheckEvery
}

// bounded gives the connection up when it is silent for too long, or when ctx ends. A deadline on the
// socket costs less than a context that pgx has to watch.
func (p *postgres) bounded(ctx context.Context) (release func()) {
	socket := p.conn.PgConn().Conn()
	_ = socket.SetDeadline(time.Now().Add(attemptTimeout)) // fails only on a closed socket, as the next use will
	stop := context.AfterFunc(ctx, func() { _ = socket.SetDeadline(time.Unix(1, 0)) })
	return func() {
		stop()
		_ = socket.SetDeadline(time.Time{})
	}
}

// sorted returns all streams of all groups in the order of their ids, in which every process locks them.
func sorted(groups []*group) []slot {
	var slots []slot
	for i, g := range groups {
		for j := range g.streams {
			slots = append(slots, slot{group: i, stream: j})
		}
	}
	slices.SortFunc(slots, func(a, b slot) int {
		x, y := groups[a.group].streams[a.stream].id.ID, groups[b.group].streams[b.stream].id.ID
		return bytes.Compare(x[:], y[:])
	})
	return slots
}

// settle fills in the outcomes. No statuses means that everything was appended.
func settle(groups []*group, slots []slot, statuses []int16, versions, positions []int64) {
	for i, sl := range slots {
		s := &groups[sl.group].streams[sl.stream]
		if statuses == nil {
			s.status, s.version = statusAppended, s.expected+int64(s.count)
		} else {
			s.status, s.version = status(statuses[i]), versions[i]
		}
	}
	n := 0
	for _, g := range groups {
		for j := range g.events {
			if n < len(positions) {
				g.events[j].position = positions[n]
			}
			n++
		}
	}
}

func (p *postgres) load(ctx context.Context, wants []want) ([]history, error) {
	release := p.bounded(ctx)
	defer release()
	return loadHistories(context.WithoutCancel(ctx), p.conn, wants)
}

func (p *postgres) versions(ctx context.Context, streams []StreamID) ([]int64, error) {
	release := p.bounded(ctx)
	defer release()
	var e encoder
	ids := e.array(len(streams), pgtype.UUIDOID, false, func(b []byte, i int) []byte { return appendUUID(b, streams[i].ID) })
	const sql = `SELECT array_agg(coalesce(s.version, 0) ORDER BY w.ord)
		FROM unnest($1::uuid[]) WITH ORDINALITY AS w(id, ord)
		LEFT JOIN orderloom.streams s ON s.aggregate_id = w.id`
	statement, err := p.conn.Prepare(context.WithoutCancel(ctx), "orderloom_versions", sql)
	if err != nil {
		return nil, err
	}
	result := p.conn.PgConn().ExecPrepared(context.WithoutCancel(ctx), statement.Name, [][]byte{ids}, binaryFormat, binaryFormat).Read()
	if result.Err != nil {
		return nil, result.Err
	}
	return decodeInt8s(result.Rows[0][0]), nil
}

// lock takes the lock of all appends before the rows, as an append does. So nobody who holds rows waits for it.
func (p *postgres) lock(ctx context.Context, streams []StreamID, exclusive bool) error {
	release := p.bounded(ctx)
	defer release()
	ids := make([][16]byte, len(streams))
	for i, s := range streams {
		ids[i] = s.ID
	}
	const sql = `SELECT FROM orderloom.streams WHERE aggregate_id = ANY ($1) ORDER BY aggregate_id FOR UPDATE`
	begin := "BEGIN"
	switch {
	case exclusive:
		begin = lockAppends
	case len(streams) > 0:
		begin = lockAppendsShared
	}
	if err := p.conn.PgConn().Exec(context.WithoutCancel(ctx), begin).Close(); err != nil {
		return err
	}
	_, err := p.conn.Exec(context.WithoutCancel(ctx), sql, ids)
	return err
}

// lockAppends and lockAppendsShared begin a transaction with the lock that orderloom.append takes.
const (
	lockAppends       = "BEGIN; SELECT pg_advisory_xact_lock(7308613, 1)"
	lockAppendsShared = "BEGIN; SELECT pg_advisory_xact_lock_shared(7308613, 1)"
)

func (p *postgres) unlock(ctx context.Context, commit bool) error {
	if p.conn == nil || p.conn.IsClosed() {
		return net.ErrClosed
	}
	if p.conn.PgConn().TxStatus() == 'I' {
		return nil
	}
	release := p.bounded(ctx)
	defer release()
	return p.end(context.WithoutCancel(ctx), commit)
}

// end ends the open transaction.
func (p *postgres) end(ctx context.Context, commit bool) error {
	statement := "ROLLBACK"
	if commit {
		statement = "COMMIT"
	}
	tag, err := p.conn.Exec(ctx, statement)
	if err == nil && commit && tag.String() != "COMMIT" {
		return fmt.Errorf("the transaction ended with %s", tag)
	}
	return err
}

// retryable reports whether err may go away by itself. That is a broken or refused connection, a server that starts,
// stops or is full, or a deadlock. A missing partition counts too: it gets made on the way.
func (p *postgres) retryable(err error) bool {
	var used *usedIDError
	if errors.Is(err, context.Canceled) || errors.As(err, &used) || errors.Is(err, ErrUnconfirmed) {
		return false
	}
	var answer *pgconn.PgError
	if !errors.As(err, &answer) {
		return true // no answer of the server at all
	}
	if strings.HasPrefix(answer.Code, "25") { // a server that has become read-only, for example: another connection may find the right one
		p.discard()
		return true
	}
	if answer.Code == "23514" && answer.TableName == "events" { // no partition for the row: a new connection begins with making some
		p.discard()
		return true
	}
	return failure.Of(err) == failure.Passes
}

func (p *postgres) discard() {
	if p.conn != nil {
		_ = p.conn.PgConn().Conn().Close() // the server rolls back what is open
		p.conn = nil
	}
}
