package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/orderloom/orderloom/internal/config"
	"github.com/orderloom/orderloom/internal/testing/guide"
	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/orderloom/orderloom/keyring"
	"github.com/orderloom/orderloom/privacy"
	"github.com/stretchr/testify/require"
)

// asVariable lets this test's own program be another: the product, or what stands for its processes.
const asVariable = "ORDERLOOM_TEST_PROGRAM_AS"

func TestMain(m *testing.M) {
	switch os.Getenv(asVariable) {
	case "":
		os.Exit(m.Run())
	case "orderloom":
		main()
	case "processes":
		if err := startWithKeys(context.Background()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// startWithKeys does what a process does with its encryption keys when it starts.
func startWithKeys(ctx context.Context) error {
	cfg, err := config.Load(os.LookupEnv)
	if err != nil {
		return err
	}
	pool, err := pgxpool.New(ctx, string(cfg.Database.URL))
	if err != nil {
		return err
	}
	defer pool.Close()
	for purpose, keys := range map[keyring.Purpose][]config.MasterKey{
		keyring.Master: cfg.Privacy.MasterKeys, keyring.Index: cfg.Privacy.IndexKeys, keyring.Payload: cfg.Temporal.PayloadKeys,
	} {
		all := make([]keyring.Key, len(keys))
		for i, k := range keys {
			all[i] = keyring.Key{ID: k.ID, Secret: k.Key, Encrypts: i == 0}
		}
		if err := keyring.Check(ctx, pool, purpose, all); err != nil {
			return err
		}
	}
	return nil
}

// Every command of docs/rotate-keys.md does what it says, with processes that are replaced after each.
func TestEveryKeyIsRotatedAsTheDocumentSays(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	sealSomething(t, database, "m1", 1)
	program, err := os.Executable()
	require.NoError(t, err)
	guide.Run(t, "../../docs/rotate-keys.md", guide.Options{
		BlocksMin: 8, Patience: time.Minute,
		Environment: []string{
			"DATABASE_URL=" + database, "ORDERLOOM_LOG_LEVEL=error", "PROGRAM=" + program,
			"ORDERLOOM_MASTER_KEYS=m1:" + keyOf(1), "ORDERLOOM_INDEX_KEYS=i1:" + keyOf(2), "ORDERLOOM_PAYLOAD_KEYS=p1:" + keyOf(3),
		},
		Prelude: `orderloom() { ` + asVariable + `=orderloom "$PROGRAM" "$@"; }
replaced() { ` + asVariable + `=processes "$PROGRAM"; }
replaced`,
		After: "replaced",
	})
}

// keyOf is a key as a setting has it.
func keyOf(letter byte) string { return strings.Repeat(string('A'+rune(letter)), 42) + "A=" }

// sealSomething seals personal data of a customer under a master key.
func sealSomething(t *testing.T, database, id string, letter byte) {
	t.Helper()
	cfg, err := config.Load(func(name string) (string, bool) {
		if name == "ORDERLOOM_MASTER_KEYS" {
			return id + ":" + keyOf(letter), true
		}
		return "", false
	})
	require.NoError(t, err)
	k := cfg.Privacy.MasterKeys[0]
	keys, err := privacy.NewMasterKeys(privacy.MasterKey{ID: k.ID, Key: k.Key})
	require.NoError(t, err)
	pool, err := pgxpool.New(t.Context(), database)
	require.NoError(t, err)
	defer pool.Close()
	_, err = privacy.NewVault(pool, keys, privacy.Options{}).Seal(t.Context(), "a-customer", "Ada Lovelace")
	require.NoError(t, err)
}
