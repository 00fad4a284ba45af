package app

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/telemetry"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/privacy"
	"github.com/stretchr/testify/require"
)

// sealedInline seals under a master key without the database.
func sealedInline(t *testing.T, id string) domain.Sealed {
	t.Helper()
	away, err := pgxpool.New(t.Context(), "postgres://nobody@127.0.0.1:1/none")
	require.NoError(t, err)
	defer away.Close()
	s, err := privacy.NewVault(away, masterKey(t, id), privacy.Options{}).Seal(t.Context(), "cus_1", "secret")
	require.NoError(t, err)
	return s
}

func masterKey(t *testing.T, id string) *privacy.MasterKeys {
	t.Helper()
	keys, err := privacy.NewMasterKeys(privacy.MasterKey{ID: id, Key: bytes.Repeat([]byte(id[:1]), 32)})
	require.NoError(t, err)
	return keys
}

// A step is tried again only where another process can open what it got, because it has the key.
func TestWhatNoProcessCanOpenIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	v := sagaVault{privacy.NewVault(pool, masterKey(t, "ours"), privacy.Options{}), pool}
	sealed := sealedInline(t, "theirs")
	_, err := v.Reseal(t.Context(), "cus_1", sealed)
	require.ErrorIs(t, err, domain.ErrUnreadable)
	require.ErrorIs(t, v.Open(t.Context(), sealed, &json.RawMessage{}), domain.ErrUnreadable)
	require.ErrorContains(t, err, `"theirs"`)

	theirs := keyring.Key{ID: "theirs", Secret: bytes.Repeat([]byte("t"), 32), Encrypts: true}
	require.NoError(t, keyring.Check(t.Context(), pool, keyring.Master, []keyring.Key{theirs}))
	_, err = v.Reseal(t.Context(), "cus_1", sealed)
	require.ErrorIs(t, err, privacy.ErrMasterKeyUnknown)
	require.NotErrorIs(t, err, domain.ErrUnreadable)
	require.NoError(t, keyring.Retire(t.Context(), pool, keyring.Master, "theirs"))
	_, err = v.Reseal(t.Context(), "cus_1", sealed)
	require.ErrorIs(t, err, domain.ErrUnreadable, "a person has said that nothing needs the key")
}

// Fails where keys are wrapped under whatever key the shell of the command has: nobody could read anything any more.
func TestKeysAreNotWrappedUnderAKeyThatNoProcessHas(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	start := func(keys string) error {
		p := &platform{pool: pool, sealing: true, cfg: load(t, map[string]string{"ORDERLOOM_MASTER_KEYS": keys})}
		return p.checkKeys(t.Context())
	}
	rewrap := func(keys string) error {
		cfg := load(t, map[string]string{"ORDERLOOM_MASTER_KEYS": keys})
		cfg.Database.URL = config.Secret(url)
		return RewrapKeys(t.Context(), cfg, tel, func(int) {})
	}
	m1, m2 := keyText("m1", 1), keyText("m2", 2)
	require.NoError(t, start(m1))
	require.Equal(t, keyring.CodeKeyUnknown, domain.Code(rewrap(m2+","+m1)))
	require.Equal(t, keyring.CodeKeyMissing, domain.Code(rewrap(m2)))
	require.Equal(t, keyring.CodeKeyWrong, domain.Code(rewrap(keyText("m1", 9))))
	known, err := keyring.List(t.Context(), pool)
	require.NoError(t, err)
	require.Len(t, known, 1, "a command makes no key known")
	require.NoError(t, start(m2+","+m1))
	require.NoError(t, rewrap(m2+","+m1))
}

// A command that starts sagas has to encrypt what they are told, as they do.
func TestACommandWithoutThePayloadKeysIsRefused(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	k1 := keyText("k1", 3)
	worker := &platform{pool: pool, sealing: true, cfg: load(t, map[string]string{"ORDERLOOM_PAYLOAD_KEYS": k1})}
	require.NoError(t, worker.checkKeys(t.Context()))
	for keys, want := range map[string]bool{k1: true, "": false, keyText("k2", 4): false} {
		command := &platform{pool: pool, command: true, cfg: load(t, map[string]string{"ORDERLOOM_PAYLOAD_KEYS": keys})}
		if err := command.checkKeys(t.Context()); want {
			require.NoError(t, err)
		} else {
			require.ErrorIs(t, err, ErrUnfit)
		}
	}
}

// Fails where the command destroys a key and leaves by what the customer's contacts are found.
func TestErasingACustomerDropsWhatTheirOrdersAreFoundBy(t *testing.T) {
	t.Parallel()
	url := pgtest.Database(t)
	pool, err := pgxpool.New(t.Context(), url)
	require.NoError(t, err)
	defer pool.Close()
	for _, subject := range []string{"cus_1", "cus_2"} {
		sealed, err := privacy.NewVault(pool, masterKey(t, "ours"), privacy.Options{}).Seal(t.Context(), subject, "secret")
		require.NoError(t, err)
		_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.order_contacts (order_id, personal_key, index_key, email)
			VALUES (gen_random_uuid(), $1, 'i', 'mac')`, sealed.Key)
		require.NoError(t, err)
	}
	tel, err := telemetry.Setup(t.Context(), config.Telemetry{}, "test")
	require.NoError(t, err)
	cfg := load(t, nil)
	cfg.Database.URL = config.Secret(url)
	done, err := EraseCustomer(t.Context(), cfg, tel, "cus_1")
	require.NoError(t, err)
	require.Equal(t, 1, done.Destroyed)
	var left []string
	require.NoError(t, pool.QueryRow(t.Context(), "SELECT array_agg(personal_key) FROM orderloom.order_contacts").Scan(&left))
	require.Equal(t, []string{"cus_2:1"}, left)
}
