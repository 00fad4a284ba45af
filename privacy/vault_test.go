package privacy_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/privacy"
	"github.com/stretchr/testify/require"
)

func master(ids ...string) *privacy.MasterKeys {
	var keys []privacy.MasterKey
	for _, id := range ids {
		keys = append(keys, privacy.MasterKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
	}
	m, err := privacy.NewMasterKeys(keys...)
	if err != nil {
		panic(err)
	}
	return m
}

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

var ada = order.Recipient{ShippingAddress: order.Address{Line1: "Dorset Street 1", City: "London", Zip: "W1", Country: "GB"}}

func opened(t *testing.T, v *privacy.Vault, s domain.Sealed) order.Recipient {
	t.Helper()
	var r order.Recipient
	require.NoError(t, v.Open(t.Context(), s, &r))
	return r
}

// unreachable returns a pool whose database refuses connections.
func unreachable(t *testing.T) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none?connect_timeout=1")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

func TestWhatIsSealedCanBeOpened(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	v := privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing})
	s, err := v.Seal(t.Context(), "ada:1", ada)
	require.NoError(t, err)
	var text json.RawMessage
	require.NoError(t, v.Open(t.Context(), s, &text))
	written, err := json.Marshal(ada)
	require.NoError(t, err)
	require.Equal(t, string(written), string(text), "as it was sealed")
	require.Equal(t, "ada:1:1", s.Key)
	require.NotContains(t, string(s.Data), "Dorset")
	require.Equal(t, ada, opened(t, v, s))
	require.Equal(t, ada, opened(t, privacy.NewVault(pool, master("b", "a"), privacy.Options{Forget: privacy.ForgetNothing}), s), "another process, after a rotation")

	again, err := v.Seal(t.Context(), "ada:1", ada)
	require.NoError(t, err)
	require.Equal(t, s.Key, again.Key)
	require.NotEqual(t, s.Data, again.Data)
	same, err := v.Reseal(t.Context(), "ada:1", s)
	require.NoError(t, err)
	require.Equal(t, s, same)
	var nothing order.Recipient
	require.NoError(t, v.Open(t.Context(), domain.Sealed{}, &nothing))
	require.Zero(t, nothing)
}

func TestErasureHoldsEverywhere(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	var c clock
	here, there := privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing}), privacy.NewVault(pool, master("a"), privacy.Options{Now: c.Now, Forget: privacy.ForgetNothing})
	s, err := here.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	other, err := here.Seal(t.Context(), "bob", ada)
	require.NoError(t, err)
	require.Equal(t, ada, opened(t, there, s))

	done, err := here.Erase(t.Context(), "ada")
	require.NoError(t, err)
	require.Equal(t, 1, done.Destroyed)
	again, err := here.Erase(t.Context(), "ada")
	require.NoError(t, err, "twice is as good as once")
	require.Equal(t, privacy.Erasure{At: done.At}, again, "and says that nothing was left")
	_, err = here.Erase(t.Context(), "nobody")
	require.Equal(t, domain.CodeNotFound, domain.Code(err))
	var r order.Recipient
	require.ErrorIs(t, here.Open(t.Context(), s, &r), privacy.ErrErased)
	require.Zero(t, r)
	require.LessOrEqual(t, privacy.CacheTTL, time.Minute)
	c.pass(privacy.CacheTTL + time.Second)
	require.ErrorIs(t, there.Open(t.Context(), s, &r), privacy.ErrErased, "other processes notice in time")
	require.Equal(t, ada, opened(t, here, other))

	back, err := here.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	require.Equal(t, "ada:2", back.Key, "a customer who comes back has a new key")
	require.Equal(t, ada, opened(t, there, back))
	require.ErrorIs(t, here.Open(t.Context(), s, &r), privacy.ErrErased)

	var wrapped int
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT count(wrapped) FROM orderloom.customer_keys WHERE subject = 'ada' AND generation = 1").Scan(&wrapped))
	require.Zero(t, wrapped)
}

func TestSealingGoesOnWithoutTheDatabase(t *testing.T) {
	t.Parallel()
	down := privacy.NewVault(unreachable(t), master("a"), privacy.Options{Forget: privacy.ForgetNothing})
	s, err := down.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	require.Equal(t, "inline", s.Key)
	require.Equal(t, ada, opened(t, down, s))

	up := privacy.NewVault(pgtest.Pool(t), master("b", "a"), privacy.Options{Forget: privacy.ForgetNothing})
	resealed, err := up.Reseal(t.Context(), "ada", s)
	require.NoError(t, err)
	require.Equal(t, "ada:1", resealed.Key)
	require.Equal(t, ada, opened(t, up, resealed))
	_, err = up.Erase(t.Context(), "ada")
	require.NoError(t, err)
	var r order.Recipient
	require.ErrorIs(t, up.Open(t.Context(), resealed, &r), privacy.ErrErased)
	_, err = down.Reseal(t.Context(), "ada", s)
	require.Error(t, err)
}

func TestAMasterKeyIsRotated(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	before := privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing})
	s, err := before.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	during := privacy.NewVault(pool, master("b", "a"), privacy.Options{Forget: privacy.ForgetNothing})
	n, err := during.Rewrap(t.Context(), 10)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	n, err = during.Rewrap(t.Context(), 10)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, ada, opened(t, privacy.NewVault(pool, master("b"), privacy.Options{Forget: privacy.ForgetNothing}), s))
	var r order.Recipient
	require.ErrorIs(t, privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing}).Open(t.Context(), s, &r), privacy.ErrMasterKeyUnknown)
}

func TestTamperedDataAreRefused(t *testing.T) {
	t.Parallel()
	v := privacy.NewVault(pgtest.Pool(t), master("a"), privacy.Options{Forget: privacy.ForgetNothing})
	s, err := v.Seal(t.Context(), "ada", ada)
	require.NoError(t, err)
	_, err = v.Seal(t.Context(), "bob", ada)
	require.NoError(t, err)
	var r order.Recipient
	for _, bad := range []domain.Sealed{
		{Key: "bob:1", Data: s.Data}, {Key: s.Key, Data: s.Data[1:]}, {Key: s.Key}, {Key: "inline", Data: s.Data}, {Key: "inline"}, {Key: "x", Data: s.Data},
	} {
		require.ErrorIs(t, v.Open(t.Context(), bad, &r), domain.ErrUnreadable)
	}
	require.Equal(t, domain.CodeInvalid, domain.Code(second(v.Seal(t.Context(), "", ada))))
	require.Equal(t, domain.CodeInvalid, domain.Code(second(v.Seal(t.Context(), "a\x00", ada))))
}

func second(_ domain.Sealed, err error) error { return err }

func TestOneKeyForManyAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			v := privacy.NewVault(pool, master("a"), privacy.Options{Forget: privacy.ForgetNothing})
			s, err := v.Seal(t.Context(), "ada", ada)
			if err != nil || s.Key != "ada:1" {
				t.Errorf("sealed under %s: %v", s.Key, err)
			}
		})
	}
	wg.Wait()
}

func TestMasterKeysAreChecked(t *testing.T) {
	t.Parallel()
	good := bytes.Repeat([]byte("k"), 32)
	for _, keys := range [][]privacy.MasterKey{nil, {{ID: "a", Key: good[:16]}}, {{Key: good}}, {{ID: "a", Key: good}, {ID: "a", Key: good}}} {
		_, err := privacy.NewMasterKeys(keys...)
		require.Error(t, err)
	}
}
