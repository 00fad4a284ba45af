package keyring_test

import (
	"sync"
	"testing"

	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/keyring"
	"github.com/stretchr/testify/require"
)

func key(id string, seed byte, encrypts bool) keyring.Key {
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = seed
	}
	return keyring.Key{ID: id, Secret: secret, Encrypts: encrypts}
}

// A rotation goes process by process, so processes with fewer and with more keys have to work beside each other.
func TestKeysAreInUseFromTheFirstEncryptionUntilTheyAreRetired(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	check := func(keys ...keyring.Key) error { return keyring.Check(t.Context(), pool, keyring.Payload, keys) }
	require.NoError(t, check(), "encryption is optional")
	require.NoError(t, check(key("k1", 1, true)))
	require.NoError(t, check(key("k1", 1, true)), "it may be repeated")

	require.NoError(t, check(key("k1", 1, true), key("k2", 2, false)), "the first round of a rotation")
	require.NoError(t, check(key("k1", 1, true)), "nothing is encrypted with the second key yet")
	require.NoError(t, check(key("k2", 2, true), key("k1", 1, false)), "the second round")

	err := check(key("k1", 1, true))
	require.Equal(t, keyring.CodeKeyMissing, domain.Code(err))
	require.ErrorContains(t, err, `the payload key "k2" has been in use since`)
	require.Equal(t, keyring.CodeKeyMissing, domain.Code(check()))
	require.Equal(t, keyring.CodeKeyMissing, domain.Code(check(key("k2", 2, true))), "k1 is needed until it is retired")

	require.NoError(t, keyring.Retire(t.Context(), pool, keyring.Payload, "k1"))
	require.NoError(t, keyring.Retire(t.Context(), pool, keyring.Payload, "k1"), "it may be repeated")
	require.NoError(t, check(key("k2", 2, true)))
	require.NoError(t, check(key("k1", 1, true), key("k2", 2, false)), "a key that was retired is used again")
	require.Equal(t, keyring.CodeKeyMissing, domain.Code(check(key("k2", 2, true))))
	require.Equal(t, domain.CodeNotFound, domain.Code(keyring.Retire(t.Context(), pool, keyring.Payload, "k9")))
	require.NoError(t, keyring.Check(t.Context(), pool, keyring.Master, []keyring.Key{key("k1", 9, true)}), "another purpose has its own ids")
}

func TestAWrongKeyIsRefusedAndChangesNothing(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	check := func(keys ...keyring.Key) error { return keyring.Check(t.Context(), pool, keyring.Master, keys) }
	require.NoError(t, check(key("m1", 1, true)))
	for range 2 {
		err := check(key("m1", 2, true))
		require.Equal(t, keyring.CodeKeyWrong, domain.Code(err))
		require.NotContains(t, err.Error(), string(key("m1", 2, true).Secret))
	}
	err := check(key("m1", 2, true), key("m2", 3, false))
	require.ErrorContains(t, err, `"m1" is another`)
	require.NoError(t, check(key("m1", 1, true)))
	require.NoError(t, check(key("m2", 3, true), key("m1", 1, false)))
	err = check(key("m3", 4, true))
	require.ErrorContains(t, err, `"m1" has been in use`)
	require.ErrorContains(t, err, `"m2" has been in use`)
}

func TestKeysAreComparedByManyProcessesAtOnce(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := keyring.Check(t.Context(), pool, keyring.Payload, []keyring.Key{key("k1", byte(1+i%2), true)})
			if err != nil && domain.Code(err) != keyring.CodeKeyWrong {
				t.Errorf("check: %v", err)
			}
		})
	}
	all.Wait()
	known, err := keyring.List(t.Context(), pool)
	require.NoError(t, err)
	require.Len(t, known, 1)
	require.True(t, known[0].InUse())
}
