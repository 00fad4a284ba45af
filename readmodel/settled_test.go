package readmodel_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
	"github.com/orderloom/orderloom/domain/payment"
	"github.com/orderloom/orderloom/internal/testing/eventtest"
	"github.com/orderloom/orderloom/readmodel"
	"github.com/stretchr/testify/require"
)

// lives returns the events of each order and its payment, in order.
func lives(seed uint64, n int) (ids []uuid.UUID, of map[uuid.UUID][]domain.Envelope) {
	events := eventtest.Lives(seed, n)
	of = map[uuid.UUID][]domain.Envelope{}
	for _, id := range orders(events) {
		ids = append(ids, id)
		for _, e := range events {
			if e.AggregateID == id || e.AggregateID == payment.ID(id) {
				of[id] = append(of[id], e)
			}
		}
	}
	return ids, of
}

func TestSettledIsToldAtOnceWhenAnOrderIsConfirmedOrDeclinedOrNeedsItsCustomer(t *testing.T) {
	t.Parallel()
	ids, of := lives(7, 40)
	ends := map[string]int{}
	for _, id := range ids {
		synctest.Test(t, func(t *testing.T) {
			begun := time.Now()
			store := eventtest.NewStore()
			r := readmodel.NewReader(nil, readmodel.Options{Events: store})
			settled := make(chan readmodel.Shown, 1)
			go func() {
				v, err := r.Settled(t.Context(), id, true)
				if err != nil {
					t.Error(err)
				}
				settled <- v
			}()
			synctest.Wait()
			for _, e := range of[id] {
				store.Add(e)
				synctest.Wait()
				if len(settled) == 1 {
					break
				}
			}
			require.Zero(t, time.Since(begun), "told, not polled")
			require.LessOrEqual(t, store.Loads(), 2*2, "it looks at the order and its payment after the payment's event and the order's second")
			v := viewOf(t, <-settled)
			require.True(t, v.IsSettled())
			ends[string(v.Status)+" "+v.PaymentStatus]++
		})
	}
	require.Positive(t, ends["confirmed authorized"])
	require.Positive(t, ends["created action_required"])
	require.Positive(t, ends["cancelled declined"])
	require.Len(t, ends, 3, "%v", ends)
}

func TestSettledFindsWhatAnotherProcessHasAppended(t *testing.T) {
	t.Parallel()
	ids, of := lives(8, 1)
	synctest.Test(t, func(t *testing.T) {
		store := eventtest.NewStore()
		r := readmodel.NewReader(nil, readmodel.Options{Events: deaf{store}})
		time.AfterFunc(time.Second, func() { store.Add(of[ids[0]]...) })
		begun := time.Now()
		v, err := r.Settled(t.Context(), ids[0], true)
		require.NoError(t, err)
		require.True(t, viewOf(t, v).IsSettled())
		require.LessOrEqual(t, time.Since(begun), 1500*time.Millisecond)
	})
}

func TestSettledLooksAtOnceAtAnOrderThatIsNotFresh(t *testing.T) {
	t.Parallel()
	ids, of := lives(9, 1)
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		r := readmodel.NewReader(nil, readmodel.Options{Events: eventtest.NewStore(of[ids[0]]...)})
		v, err := r.Settled(t.Context(), ids[0], false)
		require.NoError(t, err)
		require.True(t, viewOf(t, v).IsSettled())
		require.Zero(t, time.Since(begun))
	})
}

func TestSettledReturnsWhatIsKnownWhenTheTimeIsOver(t *testing.T) {
	t.Parallel()
	ids, of := lives(10, 1)
	id := ids[0]
	synctest.Test(t, func(t *testing.T) {
		store := eventtest.NewStore()
		r := readmodel.NewReader(nil, readmodel.Options{Events: store})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Settled(ctx, id, true)
		require.Equal(t, readmodel.CodeNotFound, domain.Code(err))

		store.Add(of[id][0])
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begun := time.Now()
		v, err := r.Settled(ctx, id, true)
		require.NoError(t, err)
		require.Equal(t, order.StatusCreated, viewOf(t, v).Status)
		require.Equal(t, time.Second, time.Since(begun))
	})
}

func TestSettledSaysWhenTheEventsCannotBeRead(t *testing.T) {
	t.Parallel()
	broken := errors.New("connection refused")
	r := readmodel.NewReader(nil, readmodel.Options{Events: failing{eventtest.NewStore(), broken}})
	_, err := r.Settled(t.Context(), uuid.New(), false)
	require.ErrorIs(t, err, broken)
}

func TestAHeldOrderIsSettledUntilItIsReviewed(t *testing.T) {
	t.Parallel()
	v := readmodel.NewOrderView(uuid.New())
	require.False(t, v.IsSettled(), "nothing is known of it")
	v.Status, v.Held = order.StatusCreated, "amount"
	require.True(t, v.IsSettled())
	v.Held = ""
	require.False(t, v.IsSettled())
}

// deaf is a store that hears nothing of appends.
type deaf struct{ *eventtest.Store }

// Watch implements [readmodel.EventSource].
func (deaf) Watch(map[uuid.UUID]int64) (appended <-chan struct{}, stop func()) { return nil, func() {} }

// failing is a store that can't be read.
type failing struct {
	*eventtest.Store
	err error
}

// Load implements [readmodel.EventSource].
func (f failing) Load(context.Context, string, uuid.UUID, int64) ([]domain.Envelope, error) {
	return nil, f.err
}
