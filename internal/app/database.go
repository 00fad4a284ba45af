package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/doctor"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/migrations"
)

// ErrUnfit is the error for a database that answers, and that this program can't work with until somebody changes
// something. One that refuses who we are is [ErrRefused].
var ErrUnfit = errors.New("this program can't work with the database of DATABASE_URL")

// lookTimeout bounds a look at the database when a process starts. One that does not answer is waited for later.
const lookTimeout = 3 * time.Second

// checkDatabase looks whether a program of this schema can work with the database, once it answers. Errors: ErrUnfit
// and ErrRefused; any other means that it did not answer.
func checkDatabase(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	return databaseServer(func(ctx context.Context) error {
		if err := checkEncoding(ctx, pool); err != nil {
			return err
		}
		if err := checkSessions(ctx, pool); err != nil {
			return err
		}
		return checkSchema(ctx, pool, log)
	}).ask(ctx)
}

// lookAtDatabase is [checkDatabase] for a process of the platform, which works with a store of its own mode. A command
// works with either.
func (p *platform) lookAtDatabase(ctx context.Context) error {
	if err := checkDatabase(ctx, p.pool, p.tel.Logger); err != nil || p.command {
		return err
	}
	look := func(ctx context.Context) error { return checkMode(ctx, p.pool, p.cfg.HTTP.Access.Mode) }
	return databaseServer(look).ask(ctx)
}

// checkSchema refuses a schema that lacks migrations. One with migrations that this program does not know is right:
// they only add.
func checkSchema(ctx context.Context, pool *pgxpool.Pool, log *slog.Logger) error {
	state, err := migrations.Inspect(ctx, pool)
	if err != nil {
		return refusedByPooler(err)
	}
	if len(state.Missing) > 0 {
		return fmt.Errorf("%w: its schema is older than the program and lacks %s: run \"orderloom migrate\"", ErrUnfit, migrations.Names(state.Missing))
	}
	if len(state.Newer) > 0 {
		log.WarnContext(ctx, "the schema is newer than this program", "migrations", migrations.Names(state.Newer))
	}
	return nil
}

// encodingWanted is the encoding of a database that has a place for every name and address.
const encodingWanted = "UTF8"

// checkEncoding refuses a database of another encoding. It can't be changed later, so it is refused before anything is
// made there.
func checkEncoding(ctx context.Context, pool *pgxpool.Pool) error {
	err := encodingFits(ctx, pool)
	if fault := (doctor.Fault{}); errors.As(err, &fault) {
		return fmt.Errorf("%w: %w", ErrUnfit, fault)
	}
	return refusedByPooler(err)
}

// encodingFits returns a [doctor.Fault] for a database of another encoding.
func encodingFits(ctx context.Context, pool *pgxpool.Pool) error {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	// The server says so by itself when a session begins.
	if encoding := conn.Conn().PgConn().ParameterStatus("server_encoding"); encoding != encodingWanted {
		return doctor.Fault{What: "its encoding is " + encoding, Remedy: "make a database with ENCODING '" + encodingWanted + "' TEMPLATE template0"}
	}
	return nil
}

// errShared refuses a pooler whose sessions are shared.
var errShared = fmt.Errorf("%w: it goes through a pooler that gives one session to several clients, such as PgBouncer with "+
	"pool_mode=transaction. Connect to PostgreSQL itself, or to a pool with pool_mode=session", ErrUnfit)

// poolerLooks is how often sessions are compared: another client of the pooler may come between.
const poolerLooks = 5

// checkSessions refuses a pooler that gives a session to several clients at once, as PgBouncer does in the modes
// transaction and statement. Locks and notifications belong to a session. They would get lost, or stay with somebody
// else's session.
//
// A pooler tells a client another process id than the server's own. Whether it shares sessions shows when two clients
// meet in one.
func checkSessions(ctx context.Context, pool *pgxpool.Pool) error {
	one, err := pool.Acquire(ctx)
	if err != nil {
		return refusedByPooler(err)
	}
	defer one.Release()
	process, err := processOf(ctx, one.Conn())
	if err != nil || process == one.Conn().PgConn().PID() {
		return err
	}
	two, err := pgx.ConnectConfig(ctx, pool.Config().ConnConfig)
	if err != nil {
		return refusedByPooler(err)
	}
	defer func() { _ = two.Close(context.WithoutCancel(ctx)) }()
	for range poolerLooks {
		if process, err = processOf(ctx, one.Conn()); err != nil {
			return err
		}
		other, err := processOf(ctx, two)
		if err != nil {
			return err
		}
		if process == other {
			return errShared
		}
	}
	return nil
}

// processOf returns the id of the server's process that answers on a connection.
func processOf(ctx context.Context, conn *pgx.Conn) (pid uint32, err error) {
	// The simple protocol, because a pooler may not know prepared statements.
	if err = conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeSimpleProtocol).Scan(&pid); err != nil {
		return 0, fmt.Errorf("ask for the process of the session: %w", err)
	}
	return pid, nil
}

// protocolViolation is the SQLSTATE with which PgBouncer refuses a setting of the session that it does not know.
const protocolViolation = "08P01"

// statementsMixed are the SQLSTATEs of a prepared statement that a session lacks, or has already: another client of the
// pooler was there.
var statementsMixed = []string{"26000", "42P05"}

// refusedByPooler says what to do when a pooler refuses how this program connects, or mixes up its sessions.
func refusedByPooler(err error) error {
	pg := (*pgconn.PgError)(nil)
	switch {
	case !errors.As(err, &pg):
		return err
	case slices.Contains(statementsMixed, pg.Code):
		return fmt.Errorf("%w: %w", errShared, err)
	case pg.Code == protocolViolation:
		return fmt.Errorf("%w: %w. A pooler must have pool_mode=session and ignore_startup_parameters=statement_timeout", ErrUnfit, err)
	}
	return err
}

// keysEvery is how often a process looks whether it has all encryption keys that are in use. Others may have begun to
// use one that it lacks.
const keysEvery = time.Minute

// watchDatabase waits for the database of a process that has started before it. From then on it looks at the encryption
// keys. It returns an error when the program can't work with the database or with its keys.
func (p *platform) watchDatabase(ctx context.Context) error {
	if err := databaseServer(p.lookAtDatabase).await(ctx, p.tel.Logger); err != nil {
		return err
	}
	for ctx.Err() == nil {
		if err := p.checkKeys(ctx); errors.Is(err, ErrUnfit) {
			return err
		}
		_ = backoff.Pause(ctx, keysEvery)
	}
	return nil
}

// checkKeys looks whether this process has all encryption keys that are in use, and the right ones. Errors: ErrUnfit;
// any other means that the database did not answer.
func (p *platform) checkKeys(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	for purpose, keys := range encryptionKeys(p.cfg) {
		var err error
		switch {
		case purpose == keyring.Index:
			// A projector alone goes on without the index's keys. An API that lacks one would find too little.
			if p.finding || p.indexing && len(keys) > 0 {
				err = keyring.Check(ctx, p.pool, purpose, keys)
			}
		case p.sealing:
			err = keyring.Check(ctx, p.pool, purpose, keys)
		case p.command && purpose == keyring.Payload:
			err = keyring.Match(ctx, p.pool, purpose, keys)
		}
		if domain.Code(err) != "" {
			return fmt.Errorf("%w: %w", ErrUnfit, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// encryptionKeys returns the keys of a process, by what they are for.
func encryptionKeys(cfg config.Config) map[keyring.Purpose][]keyring.Key {
	return map[keyring.Purpose][]keyring.Key{
		keyring.Master:  keysOf(cfg.Privacy.MasterKeys, true),
		keyring.Payload: keysOf(cfg.Temporal.PayloadKeys, cfg.Temporal.EncryptPayloads),
		keyring.Index:   keysOf(cfg.Privacy.IndexKeys, true),
	}
}

// keysOf returns the keys of a setting. With encrypts, the first of them makes what is new.
func keysOf(keys []config.MasterKey, encrypts bool) []keyring.Key {
	all := make([]keyring.Key, len(keys))
	for i, k := range keys {
		all[i] = keyring.Key{ID: k.ID, Secret: k.Key, Encrypts: encrypts && i == 0}
	}
	return all
}

// spill makes PostgreSQL write a temporary file, which needs room on its disk as new rows do. It leaves nothing behind.
const spill = `SELECT count(*) FROM generate_series(1, 10000)`

// writable asks PostgreSQL whether it takes writes: a standby, a server that is set to read only and one whose disk is
// full answer too.
func writable(pool *pgxpool.Pool) func(context.Context) error {
	return func(ctx context.Context) error {
		var standby, readOnly bool
		err := pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
			q := &pgx.Batch{}
			q.Queue(`SELECT pg_is_in_recovery(), current_setting('transaction_read_only')::boolean`).QueryRow(func(row pgx.Row) error {
				return row.Scan(&standby, &readOnly)
			})
			q.Queue(`SELECT set_config('work_mem', '64kB', true)`)
			q.Queue(spill)
			return tx.SendBatch(ctx, q).Close()
		})
		var answer *pgconn.PgError
		switch {
		case standby:
			return doctor.Fault{What: "it is a standby, and takes no writes", Remedy: "let DATABASE_URL name the primary, or promote this one"}
		case readOnly:
			return doctor.Fault{What: "it is read-only, and takes no writes", Remedy: endsReadOnly}
		case errors.As(err, &answer) && answer.Code == diskFull:
			return doctor.Fault{What: "its disk is full: " + answer.Error(), Remedy: makesRoom}
		}
		return err
	}
}
