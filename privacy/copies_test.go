package privacy

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/orderloom/orderloom/internal/testing/pgtest"
	"github.com/stretchr/testify/require"
)

// A key that was made after the backup comes back, and one that was destroyed after it is destroyed again.
func TestKeysAreTakenBackFromTheirCopies(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	master, err := NewMasterKeys(MasterKey{ID: "m1", Key: make([]byte, 32)})
	require.NoError(t, err)
	vault := NewVault(pool, master, Options{Forget: ForgetNothing})
	newest := map[string]Copy{}
	copyOut := func() (n int) {
		n, err := vault.CopyOut(t.Context(), 10, false, func(_ context.Context, copies []Copy) error {
			for _, c := range copies {
				newest[c.Name()] = c
			}
			return nil
		})
		require.NoError(t, err)
		return n
	}
	erased, err := vault.Seal(t.Context(), "erased", "secret")
	require.NoError(t, err)
	require.Equal(t, 1, copyOut())
	require.Zero(t, copyOut(), "each change is copied once")
	var backup string
	require.NoError(t, pool.QueryRow(t.Context(), `SELECT json_agg(k)::text FROM orderloom.customer_keys k`).Scan(&backup))

	made, err := vault.Seal(t.Context(), "made", "street")
	require.NoError(t, err)
	_, err = vault.Erase(t.Context(), "erased")
	require.NoError(t, err)
	_, err = vault.CopyOut(t.Context(), 10, false, func(context.Context, []Copy) error { return errors.New("Kafka is away") })
	require.ErrorContains(t, err, "Kafka is away")
	require.Equal(t, 2, copyOut())
	_, err = pool.Exec(t.Context(), `DELETE FROM orderloom.customer_keys`)
	require.NoError(t, err)
	_, err = pool.Exec(t.Context(), `INSERT INTO orderloom.customer_keys SELECT * FROM json_populate_recordset(NULL::orderloom.customer_keys, $1)`, backup)
	require.NoError(t, err)

	restored := NewVault(pool, master, Options{Forget: ForgetNothing})
	var text string
	require.NoError(t, restored.Open(t.Context(), erased, &text), "the backup brings it back")
	copies := []Copy{newest["erased:1"], newest["made:1"]}
	for _, dry := range []bool{true, false} {
		e, n, err := restored.TakeBack(t.Context(), copies, dry)
		require.NoError(t, err)
		require.Equal(t, []int{1, 1}, []int{e, n})
	}
	require.ErrorIs(t, restored.Open(t.Context(), erased, &text), ErrErased)
	require.NoError(t, restored.Open(t.Context(), made, &text))
	require.Equal(t, "street", text)
	e, n, err := restored.TakeBack(t.Context(), copies, false)
	require.NoError(t, err)
	require.Equal(t, []int{0, 0}, []int{e, n}, "it may be repeated")
}

// An erasure waits for a copy of the key that is under way, so that its own copy is the newest. Fails without FOR
// UPDATE in CopyOut.
func TestAnErasureIsCopiedAfterTheKey(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	master, err := NewMasterKeys(MasterKey{ID: "m1", Key: make([]byte, 32)})
	require.NoError(t, err)
	vault := NewVault(pool, master, Options{Forget: ForgetNothing})
	_, err = vault.Seal(t.Context(), "c", "secret")
	require.NoError(t, err)
	erased := make(chan error, 1)
	_, err = vault.CopyOut(t.Context(), 10, false, func(context.Context, []Copy) error {
		go func() {
			_, err := vault.Erase(t.Context(), "c")
			erased <- err
		}()
		select {
		case err := <-erased:
			return errors.Join(errors.New("it has not waited"), err)
		case <-time.After(300 * time.Millisecond):
			return nil
		}
	})
	require.NoError(t, err)
	require.NoError(t, <-erased)
	var newest []Copy
	_, err = vault.CopyOut(t.Context(), 10, false, func(_ context.Context, copies []Copy) error {
		newest = copies
		return nil
	})
	require.NoError(t, err)
	require.Len(t, newest, 1)
	require.Nil(t, newest[0].Wrapped)
}

// After the copies were lost, all are made again, that of a destroyed key too.
func TestAllKeysAreCopiedAgain(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	master, err := NewMasterKeys(MasterKey{ID: "m1", Key: make([]byte, 32)})
	require.NoError(t, err)
	vault := NewVault(pool, master, Options{Forget: ForgetNothing})
	for _, subject := range []string{"a", "b", "c"} {
		_, err := vault.Seal(t.Context(), subject, "secret")
		require.NoError(t, err)
	}
	_, err = vault.Erase(t.Context(), "b")
	require.NoError(t, err)
	for range 2 {
		n, err := vault.CopyOut(t.Context(), 10, false, func(context.Context, []Copy) error { return nil })
		require.NoError(t, err)
		require.Equal(t, 3, n)
		require.NoError(t, CopyAgain(t.Context(), pool))
	}
}

// Fails where keys that another process is copying are skipped: an event could be published before the key that it
// needs.
func TestKeysThatOthersAreCopyingAreWaitedFor(t *testing.T) {
	t.Parallel()
	pool := pgtest.Pool(t)
	master, err := NewMasterKeys(MasterKey{ID: "m1", Key: make([]byte, 32)})
	require.NoError(t, err)
	vault := NewVault(pool, master, Options{Forget: ForgetNothing})
	_, err = vault.Seal(t.Context(), "ada", "street")
	require.NoError(t, err)
	sending, sent := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := vault.CopyOut(t.Context(), 10, false, func(context.Context, []Copy) error {
			close(sending)
			<-sent
			return nil
		})
		ended <- err
	}()
	<-sending
	n, err := vault.CopyOut(t.Context(), 10, false, func(context.Context, []Copy) error { return nil })
	require.NoError(t, err)
	require.Zero(t, n, "left to the other one")
	waited := make(chan int, 1)
	go func() {
		n, _ := vault.CopyOut(t.Context(), 10, true, func(context.Context, []Copy) error { return nil })
		waited <- n
	}()
	require.Eventually(t, func() bool { // PostgreSQL tells that it waits
		var waits bool
		require.NoError(t, pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE '%customer_keys%FOR UPDATE')`).Scan(&waits))
		return waits
	}, 10*time.Second, 10*time.Millisecond)
	require.Empty(t, waited)
	close(sent)
	require.NoError(t, <-ended)
	require.Zero(t, <-waited, "the other one has copied it")
}
