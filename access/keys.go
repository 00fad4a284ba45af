package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/backoff"
	"github.com/orderloom/orderloom/internal/drain"
	"github.com/orderloom/orderloom/internal/failure"
)

// Times of what a process knows of keys.
const (
	// LookEvery is how often a process looks whether a key has changed: one statement that reads one row.
	LookEvery = 500 * time.Millisecond
	// HoldsFor is how long known keys hold while the database can't be asked.
	HoldsFor = 5 * time.Minute
	// lookTimeout bounds a look. A connection that takes longer is given up.
	lookTimeout = 2 * time.Second
	// lookPause is how soon one look may follow another that somebody waits for.
	lookPause = 20 * time.Millisecond
	// askTimeout bounds how long a request waits for a look, because its key is not known.
	askTimeout = 3 * time.Second
	// usedEvery is how often the last uses of keys are written, all in one statement.
	usedEvery = time.Minute
)

// ErrUnavailable says that it can't be told for the moment whether a key is good.
var ErrUnavailable = failure.Passing(errors.New("keys can't be checked for the moment"))

// StaticKey is a key that the settings tell of. It does not need the database.
type StaticKey struct {
	// Name is the account, and tells callers apart.
	Name   string
	SHA256 [32]byte
	// Role is [Admin] when empty.
	Role Role
}

// KeysOptions say which keys a process takes.
type KeysOptions struct {
	Mode Mode
	// Static are keys besides those in the database.
	Static []StaticKey
	// Connect makes a connection to the database for [Keys.Run]; nil knows the static keys alone.
	Connect func(ctx context.Context) (*pgx.Conn, error)
	// Logger is told when keys can't be read; nil is nobody.
	Logger *slog.Logger
}

// Keys tells callers by their keys. It is safe for concurrent use.
type Keys struct {
	mode    Mode
	static  map[hash]*Caller
	connect func(ctx context.Context) (*pgx.Conn, error)
	log     *slog.Logger
	now     func() time.Time

	known atomic.Pointer[snapshot]
	// seenAt is the begin of the last look that has succeeded, in nanoseconds of Unix; 0 before the first.
	seenAt atomic.Int64

	mu   sync.Mutex
	next *look // not begun yet
	wake chan struct{}
}

// snapshot is all keys that hold, by the hashes of their secrets.
type snapshot struct {
	version int64
	keys    map[hash]*entry
	// signers are the keys of the role customer, by their ids.
	signers map[uuid.UUID]*signer
	ids     map[uuid.UUID]*use
}

// entry is one secret of a key.
type entry struct {
	caller *Caller
	// until is when the secret ends; zero for never.
	until time.Time
	use   *use
}

// use is when a key was last used, in seconds of Unix.
type use struct{ at, written atomic.Int64 }

// look is one look into the database. Done is closed when it is over.
type look struct {
	done chan struct{}
	err  error
}

// NewKeys returns the keys of a process. Those in the database are known once [Keys.Run] has read them.
func NewKeys(o KeysOptions) *Keys {
	k := &Keys{mode: o.Mode, static: map[hash]*Caller{}, connect: o.Connect, log: o.Logger, now: time.Now, wake: make(chan struct{}, 1)}
	if k.log == nil {
		k.log = slog.New(slog.DiscardHandler)
	}
	for _, s := range o.Static {
		role := s.Role
		if role == "" {
			role = Admin
		}
		k.static[s.SHA256] = &Caller{Account: s.Name, ID: "static-" + s.Name, Role: role, Scopes: role.Scopes()}
	}
	k.known.Store(&snapshot{keys: map[hash]*entry{}})
	k.next = &look{done: make(chan struct{})}
	return k
}

// Authenticate returns whose key this is. A key that is known costs no statement. For another one, the database is
// asked once more, together with all others that wait: it may have been made a moment ago.
//
// Errors: unauthenticated; [ErrUnavailable] while the database does not answer, and any other when it can't be asked.
// Then it is never unauthenticated for what may be a key.
func (k *Keys) Authenticate(ctx context.Context, key string) (*Caller, error) {
	sum := hashOf(key)
	if c, ok := k.static[sum]; ok {
		return c, nil
	}
	if err := checkForm(key, k.mode); err != nil {
		return nil, err
	}
	if e, ok := k.known.Load().keys[sum]; ok {
		return k.admit(e)
	}
	if k.connect == nil {
		return nil, domain.Refuse(CodeUnauthenticated, "the API key is unknown")
	}
	if err := k.lookAgain(ctx); err != nil {
		return nil, notAsked(err)
	}
	if e, ok := k.known.Load().keys[sum]; ok {
		return k.admit(e)
	}
	return nil, domain.Refuse(CodeUnauthenticated, "the API key is unknown")
}

// notAsked is the error of a look that has failed: [ErrUnavailable], unless nobody knows that it passes.
func notAsked(err error) error {
	if failure.Of(err) == failure.Lasts {
		return fmt.Errorf("look for the key: %w", err)
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

// Known returns whose key this is where that is known without a look. Known is false for any other credential.
func (k *Keys) Known(key string) (*Caller, bool) {
	sum := hashOf(key)
	if c, ok := k.static[sum]; ok {
		return c, true
	}
	e, ok := k.known.Load().keys[sum]
	if !ok {
		return nil, false
	}
	c, err := k.admit(e)
	return c, err == nil
}

// admit lets a secret in that has not ended, as long as what is known of it is not too old.
func (k *Keys) admit(e *entry) (*Caller, error) {
	now := k.now()
	if !e.until.IsZero() && !now.Before(e.until) {
		return nil, domain.Refuse(CodeUnauthenticated, "the API key has expired")
	}
	if age := now.Sub(time.Unix(0, k.seenAt.Load())); age > HoldsFor {
		return nil, fmt.Errorf("%w: the database was last asked %s ago", ErrUnavailable, age.Round(time.Second))
	}
	// Written once a second, because all processors share it.
	if s := now.Unix(); e.use.at.Load() < s {
		e.use.at.Store(s)
	}
	return e.caller, nil
}

// lookAgain waits for a look that has begun after it was called.
func (k *Keys) lookAgain(ctx context.Context) error {
	k.mu.Lock()
	next := k.next
	k.mu.Unlock()
	select {
	case k.wake <- struct{}{}:
	default: // somebody has asked already
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	select {
	case <-next.done:
		return next.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run keeps what is known up to date until ctx ends. It keeps one connection, so that requests which hold all others
// don't delay it.
func (k *Keys) Run(ctx context.Context) error {
	var complaint backoff.Complaint
	for ctx.Err() == nil {
		err := k.follow(ctx)
		if ctx.Err() == nil && complaint.Due(err) {
			k.log.WarnContext(ctx, "the keys of the API can't be read, trying again", "error", err)
		}
		k.begin().end(err)
		_ = backoff.Pause(ctx, LookEvery)
	}
	return nil
}

// begin takes the look for which everybody waits who has asked before.
func (k *Keys) begin() *look {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.next
	k.next = &look{done: make(chan struct{})}
	return l
}

func (l *look) end(err error) {
	l.err = err
	close(l.done)
}

// follow looks at the keys over one connection until that fails.
func (k *Keys) follow(ctx context.Context) error {
	connecting, cancel := context.WithTimeout(ctx, lookTimeout)
	conn, err := k.connect(connecting)
	cancel()
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() {
		ending, cancel := drain.Timeout(ctx, lookTimeout)
		defer cancel()
		if ctx.Err() != nil {
			_ = k.writeUses(ending, conn) // the last uses are not worth a wait
		}
		_ = conn.Close(ending)
	}()
	written := time.Now()
	timer := time.NewTimer(LookEvery)
	defer timer.Stop()
	for {
		l := k.begin()
		err := k.lookOnce(ctx, conn)
		l.end(err)
		if err != nil {
			return err
		}
		if time.Since(written) >= usedEvery {
			if err := k.writeUses(ctx, conn); err != nil {
				return err
			}
			written = time.Now()
		}
		if err := backoff.Pause(ctx, lookPause); err != nil {
			return err
		}
		timer.Reset(LookEvery - lookPause)
		select {
		case <-k.wake:
		case <-timer.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// lookOnce reads the keys when they have changed.
func (k *Keys) lookOnce(ctx context.Context, conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	begun := k.now()
	var version int64
	if err := conn.QueryRow(ctx, `SELECT version FROM orderloom.access_version`).Scan(&version); err != nil {
		return fmt.Errorf("look whether keys have changed: %w", err)
	}
	if known := k.known.Load(); known.version != version {
		// What changes meanwhile is read under the older version, and once more at the next look.
		loaded, err := load(ctx, conn, known)
		if err != nil {
			return fmt.Errorf("read the keys: %w", err)
		}
		loaded.version = version
		k.known.Store(loaded)
	}
	k.seenAt.Store(begun.UnixNano())
	return nil
}

// load reads all keys that hold. When they were last used is taken over from before.
func load(ctx context.Context, conn *pgx.Conn, before *snapshot) (*snapshot, error) {
	rows, err := conn.Query(ctx, `SELECT key_id, account, role, scopes, channels, hash, expires_at, previous_hash, previous_until, public_key, api_version
		FROM orderloom.api_keys WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())`)
	if err != nil {
		return nil, err
	}
	s := &snapshot{keys: map[hash]*entry{}, signers: map[uuid.UUID]*signer{}, ids: map[uuid.UUID]*use{}}
	var id uuid.UUID
	var account, version string
	var role Role
	var scopes []Scope
	var channels []string
	var sum, previous, public []byte
	var expires, previousUntil *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &account, &role, &scopes, &channels, &sum, &expires, &previous, &previousUntil, &public, &version}, func() error {
		c := &Caller{Account: account, ID: id.String(), Role: role, Scopes: effective(role, scopes), Channels: channels, Version: version}
		u := before.ids[id]
		if u == nil {
			u = &use{}
		}
		s.ids[id] = u
		e := entry{caller: c, use: u}
		if expires != nil {
			e.until = *expires
		}
		if public != nil {
			s.signers[id] = &signer{entry: e, key: slices.Clone(public)}
		}
		if len(sum) == len(hash{}) {
			s.keys[hash(sum)] = &e
		}
		if len(previous) == len(hash{}) && previousUntil != nil {
			former := e
			if former.until.IsZero() || previousUntil.Before(former.until) {
				former.until = *previousUntil
			}
			s.keys[hash(previous)] = &former
		}
		return nil
	})
	return s, err
}

// writeUses writes when keys were last used that were used since it was last written.
func (k *Keys) writeUses(ctx context.Context, conn *pgx.Conn) error {
	known := k.known.Load()
	var ids []uuid.UUID
	var times []time.Time
	for id, u := range known.ids {
		if at := u.at.Load(); at > u.written.Load() {
			ids, times = append(ids, id), append(times, time.Unix(at, 0))
			u.written.Store(at)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := conn.Exec(ctx, `UPDATE orderloom.api_keys k SET last_used_at = u.at FROM unnest($1::uuid[], $2::timestamptz[]) u (id, at)
		WHERE k.key_id = u.id AND (k.last_used_at IS NULL OR k.last_used_at < u.at)`, ids, times)
	return wrap("write when keys were last used", err)
}
