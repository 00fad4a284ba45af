package access

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/failure"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// testBundle is a process with keys.
type testBundle struct {
	pool  *pgxpool.Pool
	table *Table
	keys  *Keys
	// away makes the database fail for the process.
	away atomic.Bool
	// later is how far the process's clock has gone.
	later atomic.Int64
	conns atomic.Pointer[pgx.Conn]
}

var errAway = failure.Passing(errors.New("the database is away"))

func setup(t *testing.T) *testBundle {
	t.Helper()
	b := &testBundle{pool: pgtest.Pool(t)}
	b.table = NewTable(b.pool, Test)
	b.keys = NewKeys(KeysOptions{Mode: Test, Static: []StaticKey{{Name: "office", SHA256: hashOf("s3cret")}}, Connect: func(ctx context.Context) (*pgx.Conn, error) {
		if b.away.Load() {
			return nil, errAway
		}
		conn, err := pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
		b.conns.Store(conn)
		return conn, err
	}})
	b.keys.now = func() time.Time { return time.Now().Add(time.Duration(b.later.Load())) }
	return b
}

// run lets the process look for keys until the test ends.
func (b *testBundle) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.keys.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// cut takes the database away from the process.
func (b *testBundle) cut(t *testing.T) {
	t.Helper()
	b.away.Store(true)
	pid := b.conns.Load().PgConn().PID()
	_, err := b.pool.Exec(t.Context(), `SELECT pg_terminate_backend($1)`, pid)
	require.NoError(t, err)
}

func (b *testBundle) newKey() NewKey {
	return NewKey{KeyID: uuid.New(), RequestHash: "h", Account: "shop", Name: "the shop", Role: Storefront, By: Anyone, At: time.Now()}
}

func (b *testBundle) create(t *testing.T, change ...func(*NewKey)) (Key, string) {
	t.Helper()
	k := b.newKey()
	for _, c := range change {
		c(&k)
	}
	made, secret, err := b.table.Create(t.Context(), k)
	require.NoError(t, err)
	require.NotEmpty(t, secret)
	return made, secret
}

func (b *testBundle) requireKnown(t *testing.T, secret string) *Caller {
	t.Helper()
	c, err := b.keys.Authenticate(t.Context(), secret)
	require.NoError(t, err)
	return c
}

func (b *testBundle) requireRefused(t *testing.T, secret string) {
	t.Helper()
	_, err := b.keys.Authenticate(t.Context(), secret)
	require.Equal(t, CodeUnauthenticated, domain.Code(err), "%v", err)
}

func TestAKeyIsGoodFromTheMomentWhenItIsMade(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	for range 3 {
		made, secret := b.create(t, func(k *NewKey) { k.Channels = []string{"web"} })
		c := b.requireKnown(t, secret)
		require.Equal(t, &Caller{Account: "shop", ID: made.KeyID.String(), Role: Storefront, Scopes: Storefront.Scopes(), Channels: []string{"web"}}, c)
		require.Same(t, c, b.requireKnown(t, secret), "a known key allocates nothing")
		require.Equal(t, "test_", secret[3:8])
		require.Equal(t, secret[len(secret)-4:], made.Hint)
	}
}

// Fails where a process keeps the version that a key had, or a revoked key can be given another one.
func TestAKeyIsGivenAnotherVersionOfTheAPI(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	made, secret := b.create(t, func(k *NewKey) { k.APIVersion = "2026-11-27" })
	require.Equal(t, "2026-11-27", made.APIVersion)
	require.Equal(t, "2026-11-27", b.requireKnown(t, secret).Version)
	pinned, again, err := b.table.Pin(t.Context(), made.KeyID, "2027-01-01", Anyone)
	require.NoError(t, err)
	require.False(t, again)
	require.Equal(t, "2027-01-01", pinned.APIVersion)
	require.Eventually(t, func() bool { return b.requireKnown(t, secret).Version == "2027-01-01" }, time.Second, 10*time.Millisecond)
	_, again, err = b.table.Pin(t.Context(), made.KeyID, "2027-01-01", Anyone)
	require.NoError(t, err)
	require.True(t, again)
	_, _, err = b.table.Pin(t.Context(), made.KeyID, "2026-11-27", &Caller{Account: "shop"})
	require.Equal(t, CodeForbidden, domain.Code(err))
	_, _, err = b.table.Pin(t.Context(), uuid.New(), "2026-11-27", Anyone)
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
	_, _, err = b.table.Revoke(t.Context(), made.KeyID, Anyone)
	require.NoError(t, err)
	_, _, err = b.table.Pin(t.Context(), made.KeyID, "2026-11-27", Anyone)
	require.Equal(t, CodeKeyRevoked, domain.Code(err))
}

func TestNothingOfASecretIsStored(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, secret := b.create(t)
	var found bool
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM orderloom.api_keys k WHERE k::text LIKE '%' || $1 || '%')`,
		secret[8:20]).Scan(&found))
	require.False(t, found)
}

func TestARevokedKeyIsRefusedWithinASecond(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	made, secret := b.create(t)
	b.requireKnown(t, secret)
	_, again, err := b.table.Revoke(t.Context(), made.KeyID, Anyone)
	require.NoError(t, err)
	require.False(t, again)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), secret)
		return domain.Code(err) == CodeUnauthenticated
	}, time.Second, 10*time.Millisecond)
	revoked, again, err := b.table.Revoke(t.Context(), made.KeyID, Anyone)
	require.NoError(t, err)
	require.True(t, again)
	require.NotNil(t, revoked.RevokedAt)
	_, _, err = b.table.Rotate(t.Context(), Rotation{KeyID: made.KeyID, RequestID: uuid.New(), By: Anyone})
	require.Equal(t, CodeKeyRevoked, domain.Code(err))
}

// Whatever somebody changes in the table by hand counts as well.
func TestAKeyThatIsDeletedByHandIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	_, secret := b.create(t)
	b.requireKnown(t, secret)
	_, err := b.pool.Exec(t.Context(), `DELETE FROM orderloom.api_keys`)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), secret)
		return domain.Code(err) == CodeUnauthenticated
	}, time.Second, 10*time.Millisecond)
}

func TestKnownKeysHoldForFiveMinutesWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	_, secret := b.create(t)
	_, unknown := b.create(t)
	b.requireKnown(t, secret)
	_, err := b.pool.Exec(t.Context(), `DELETE FROM orderloom.api_keys WHERE hint = $1`, unknown[len(unknown)-4:])
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), unknown)
		return domain.Code(err) == CodeUnauthenticated
	}, 5*time.Second, 10*time.Millisecond)
	b.cut(t)
	b.later.Store(int64(HoldsFor - time.Minute))
	b.requireKnown(t, secret)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), unknown)
		return errors.Is(err, ErrUnavailable)
	}, 5*time.Second, 10*time.Millisecond, "whether it is a key can't be told, so it is not said to be none")
	b.later.Store(int64(HoldsFor + time.Minute))
	_, err = b.keys.Authenticate(t.Context(), secret)
	require.ErrorIs(t, err, ErrUnavailable)
	require.Empty(t, domain.Code(err))
	require.Equal(t, "static-office", b.requireKnown(t, "s3cret").ID, "the settings' keys need no database")
	b.requireRefused(t, secret+"x")
	b.away.Store(false)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), secret)
		return err == nil
	}, 5*time.Second, 10*time.Millisecond)
}

func TestAProcessThatHasNeverSeenTheDatabaseDoesNotKnowWhatIsAKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.away.Store(true)
	_, secret := b.create(t)
	b.run(t)
	_, err := b.keys.Authenticate(t.Context(), secret)
	require.ErrorIs(t, err, ErrUnavailable)
	b.requireRefused(t, "ol_test_"+secret[8:len(secret)-1]+"!")
	require.Equal(t, Admin, b.requireKnown(t, "s3cret").Role)
}

func TestARotatedKeyIsTheSameCallerAndItsFormerSecretHoldsForAWhile(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	made, first := b.create(t)
	before := *b.requireKnown(t, first)
	r := Rotation{KeyID: made.KeyID, RequestID: uuid.New(), Overlap: time.Hour, By: Anyone}
	rotated, second, err := b.table.Rotate(t.Context(), r)
	require.NoError(t, err)
	require.NotEqual(t, first, second)
	require.WithinDuration(t, time.Now().Add(time.Hour), *rotated.PreviousUntil, time.Minute)
	require.Equal(t, before, *b.requireKnown(t, second))
	require.Equal(t, before, *b.requireKnown(t, first))

	again, none, err := b.table.Rotate(t.Context(), r)
	require.NoError(t, err)
	require.Empty(t, none, "the same request again")
	require.Equal(t, rotated, again)

	b.later.Store(int64(2 * time.Hour)) // and no look since
	_, err = b.keys.Authenticate(t.Context(), first)
	require.Error(t, err)
	b.later.Store(0)

	r.RequestID, r.Overlap = uuid.New(), 0
	_, third, err := b.table.Rotate(t.Context(), r)
	require.NoError(t, err)
	b.requireKnown(t, third)
	b.requireRefused(t, first)
	require.Eventually(t, func() bool {
		_, err := b.keys.Authenticate(t.Context(), second)
		return domain.Code(err) == CodeUnauthenticated
	}, time.Second, 10*time.Millisecond)
}

func TestAKeyEndsWhenItExpires(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	_, secret := b.create(t, func(k *NewKey) { k.ExpiresAt = time.Now().Add(time.Minute) })
	b.requireKnown(t, secret)
	b.later.Store(int64(2 * time.Minute))
	b.requireRefused(t, secret)
}

func TestTheEndOfTheKeyThatEndsFirstIsKnown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.run(t)
	lasting, secret := b.create(t)
	b.requireKnown(t, secret)
	require.Zero(t, b.keys.NextExpiry(), "no key ends")
	_, second, err := b.table.Rotate(t.Context(), Rotation{KeyID: lasting.KeyID, RequestID: uuid.New(), Overlap: time.Minute, By: Anyone})
	require.NoError(t, err)
	b.requireKnown(t, second)
	require.Zero(t, b.keys.NextExpiry(), "a secret that was replaced is no end of its key")
	soon := time.Now().Add(2 * time.Hour)
	for _, at := range []time.Time{soon.Add(time.Hour), soon} {
		_, secret = b.create(t, func(k *NewKey) { k.ExpiresAt = at })
		b.requireKnown(t, secret)
	}
	require.WithinDuration(t, soon, b.keys.NextExpiry(), time.Second)
	b.later.Store(int64(150 * time.Minute))
	require.WithinDuration(t, soon.Add(time.Hour), b.keys.NextExpiry(), time.Second, "one that has ended is over")
}

func TestTheLastUseIsWrittenOnceForManyRequests(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- b.keys.Run(ctx) }()
	made, secret := b.create(t)
	for range 1000 {
		b.requireKnown(t, secret)
	}
	k, err := b.table.Get(t.Context(), made.KeyID)
	require.NoError(t, err)
	require.Nil(t, k.LastUsedAt, "not at once")
	cancel() // a process that stops writes what it has not yet
	require.NoError(t, <-ended)
	k, err = b.table.Get(t.Context(), made.KeyID)
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), *k.LastUsedAt, time.Minute)
	var version int64
	require.NoError(t, b.pool.QueryRow(t.Context(), `SELECT version FROM orderloom.access_version`).Scan(&version))
	require.EqualValues(t, 2, version, "a use is no change of the key")
}

func TestNobodyGivesOrTakesScopesThatTheyDoNotHave(t *testing.T) {
	t.Parallel()
	b := setup(t)
	admin, _ := b.create(t, func(k *NewKey) { k.Role = Admin })
	rapid.Check(t, func(rt *rapid.T) {
		by := &Caller{ID: "x", Account: "shop", Role: Support, Scopes: ScopesOf(append(rapid.SliceOfDistinct(rapid.SampledFrom(AllScopes), rapid.ID[Scope]).Draw(rt, "has"), KeysAdmin)...)}
		k := b.newKey()
		k.By, k.Role = by, rapid.SampledFrom([]Role{Storefront, Support, Finance, Metrics}).Draw(rt, "role")
		k.Scopes = rapid.SliceOfNDistinct(rapid.SampledFrom(AllScopes), 1, -1, rapid.ID[Scope]).Draw(rt, "wants")
		made, _, err := b.table.Create(t.Context(), k)
		if !by.Scopes.Has(ScopesOf(k.Scopes...) | k.Role.Scopes()) {
			require.Equal(rt, CodeForbidden, domain.Code(err))
		} else {
			require.NoError(rt, err)
			require.True(rt, by.Scopes.Has(ScopesOf(made.Scopes...)))
		}
		if !by.Scopes.Has(all) {
			_, _, err = b.table.Rotate(t.Context(), Rotation{KeyID: admin.KeyID, RequestID: uuid.New(), By: by})
			require.Equal(rt, CodeForbidden, domain.Code(err))
			_, _, err = b.table.Revoke(t.Context(), admin.KeyID, by)
			require.Equal(rt, CodeForbidden, domain.Code(err))
		}
	})
}

func TestAKeyIsMadeOnceForARequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	k := b.newKey()
	made, secret, err := b.table.Create(t.Context(), k)
	require.NoError(t, err)
	require.NotEmpty(t, secret)
	again, none, err := b.table.Create(t.Context(), k)
	require.NoError(t, err)
	require.Equal(t, made, again)
	require.Empty(t, none)
	k.RequestHash = "another"
	_, _, err = b.table.Create(t.Context(), k)
	require.Equal(t, domain.CodeIdempotencyKeyReused, domain.Code(err))
	_, err = b.table.Get(t.Context(), uuid.New())
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
	list, err := b.table.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []Key{made}, list)
}

func TestWhatIsWrongWithANewKeyIsNamed(t *testing.T) {
	t.Parallel()
	for field, change := range map[string]func(*NewKey){
		"account":    func(k *NewKey) { k.Account = "A" },
		"name":       func(k *NewKey) { k.Name = " " },
		"role":       func(k *NewKey) { k.Role = "king" },
		"scopes[0]":  func(k *NewKey) { k.Scopes = []Scope{"all"} },
		"scopes":     func(k *NewKey) { k.Scopes = []Scope{} },
		"channels":   func(k *NewKey) { k.Role, k.Channels = Support, []string{"web"} },
		"expires_at": func(k *NewKey) { k.ExpiresAt = k.At },
	} {
		t.Run(field, func(t *testing.T) {
			t.Parallel()
			k := (&testBundle{}).newKey()
			change(&k)
			var bad domain.Invalids
			require.ErrorAs(t, k.Check(), &bad)
			require.Equal(t, field, bad[0].Field)
		})
	}
}

// A key that is to see few orders never sees all because a list came out empty.
func TestAKeyOfNoChannelIsRefused(t *testing.T) {
	t.Parallel()
	k := (&testBundle{}).newKey()
	k.Channels = []string{}
	require.ErrorContains(t, k.Check(), "channels")
	k.Channels = nil
	require.NoError(t, k.Check())
}

// A typing mistake is told from a key that does not exist, and costs no look into the database.
func TestAMistypedKeyIsKnownByItsChecksum(t *testing.T) {
	t.Parallel()
	k := NewKeys(KeysOptions{Mode: Live, Connect: func(context.Context) (*pgx.Conn, error) {
		panic("it asks the database")
	}})
	rapid.Check(t, func(rt *rapid.T) {
		secret := []byte(newSecret(Live))
		require.NoError(rt, checkForm(string(secret), Live))
		require.ErrorContains(rt, checkForm(newSecret(Test), Live), "this is a test key")
		at := rapid.IntRange(0, len(secret)-1).Draw(rt, "at")
		other := rapid.SampledFrom([]byte(alphabet+"_-")).Draw(rt, "other")
		if secret[at] == other {
			return
		}
		secret[at] = other
		_, err := k.Authenticate(t.Context(), string(secret))
		require.Equal(rt, CodeUnauthenticated, domain.Code(err))
	})
}

func TestACallerSeesItsOwnOrdersUnlessItsScopesAreWider(t *testing.T) {
	t.Parallel()
	shop := &Caller{Account: "shop", Role: Storefront, Scopes: Storefront.Scopes()}
	web := &Caller{Account: "shop", Role: Storefront, Scopes: Storefront.Scopes(), Channels: []string{"web"}}
	customer := &Caller{Account: "shop", Role: Customer, Scopes: Customer.Scopes(), CustomerID: "c1"}
	support := &Caller{Account: "office", Role: Support, Scopes: Support.Scopes()}
	for _, c := range []struct {
		account, channel, customer string
		seenBy                     []*Caller
	}{
		{"shop", "web", "c1", []*Caller{shop, web, customer, support}},
		{"shop", "", "c1", []*Caller{shop, customer, support}},
		{"shop", "pos", "c2", []*Caller{shop, support}},
		{"market", "web", "c1", []*Caller{support}},
		{"", "", "c1", []*Caller{support}},
	} {
		var seen []*Caller
		for _, who := range []*Caller{shop, web, customer, support} {
			if who.Sees(c.account, c.channel, c.customer) {
				seen = append(seen, who)
			}
		}
		require.Equal(t, c.seenBy, seen, "%+v", c)
	}
}
