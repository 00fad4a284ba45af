package readmodel

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// Fails where those who wait for an order depend on whoever has asked for it first.
func TestWhoeverLoadsAnOrderMayLeave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f flights
		id := uuid.New()
		first, leave := context.WithCancel(t.Context())
		left := make(chan error, 1)
		go func() {
			_, err := f.do(first, id, func() (Shown, error) { <-first.Done(); return Shown{}, first.Err() })
			left <- err
		}()
		synctest.Wait()
		loads := 0
		found := make(chan error, 2)
		for range cap(found) {
			go func() {
				s, err := f.do(t.Context(), id, func() (Shown, error) { loads++; return Shown{OrderID: id}, nil })
				if err == nil && s.OrderID != id {
					err = errors.New("another order")
				}
				found <- err
			}()
		}
		impatient, hangUp := context.WithCancel(t.Context())
		gone := make(chan error, 1)
		go func() { _, err := f.do(impatient, id, nil); gone <- err }()
		synctest.Wait()
		hangUp()
		require.ErrorIs(t, <-gone, context.Canceled, "who waits may leave")
		leave()
		require.ErrorIs(t, <-left, context.Canceled)
		for range cap(found) {
			require.NoError(t, <-found)
		}
		require.Positive(t, loads)
		require.Empty(t, f.by)
	})
}

func TestAnErrorOfLoadingIsEverybodys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var f flights
		id, failure, fail := uuid.New(), errors.New("the database is away"), make(chan struct{})
		failed := make(chan error, 3)
		for range cap(failed) {
			go func() {
				_, err := f.do(t.Context(), id, func() (Shown, error) { <-fail; return Shown{}, failure })
				failed <- err
			}()
			synctest.Wait()
		}
		close(fail)
		for range cap(failed) {
			require.ErrorIs(t, <-failed, failure)
		}
	})
}
