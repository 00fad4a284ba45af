package orphans

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/orderloom/orderloom/domain"
	"github.com/orderloom/orderloom/domain/order"
)

// Orphan is an order whose saga does not fit its events.
type Orphan struct {
	Order order.Order
	// Cause says what is wrong, for people.
	Cause string
	// Surplus is true when the order has ended, owes nothing, and has an open saga all the same. Otherwise it needs a
	// saga and has none.
	Surplus bool
}

// Find yields the orders that need a saga and have no open one, and those that have ended and still have one.
//
// An order needs a saga while it is open, and afterwards as long as it owes money, a refund or stock. An order that
// can't be looked at is yielded with its error, and the next one follows.
func (f *Finder) Find(ctx context.Context) iter.Seq2[Orphan, error] { return f.find(ctx, false) }

// find is [Finder.Find]. In turn, it looks up a part of the orders only, and trusts Temporal's list for the others.
func (f *Finder) find(ctx context.Context, inTurn bool) iter.Seq2[Orphan, error] {
	return func(yield func(Orphan, error) bool) {
		l := &looking{Finder: f, inTurn: inTurn, before: time.Now().Add(-f.o.Every), yield: yield, ended: map[uuid.UUID]bool{}}
		_ = l.open(ctx) && l.owing(ctx) && l.surplus(ctx)
	}
}

// looking is one look. Its methods report false when nothing more is wanted.
type looking struct {
	*Finder
	inTurn bool
	before time.Time
	yield  func(Orphan, error) bool
	// ended are the ended orders that were yielded, so that each is yielded once.
	ended map[uuid.UUID]bool
}

func (l *looking) fail(err error) bool { return l.yield(Orphan{}, err) }

// open finds open orders, and cancelled ones whose money is held.
func (l *looking) open(ctx context.Context) bool {
	count := 0
	for after := uuid.Nil; ; {
		page, err := l.o.Views.OpenOrders(ctx, l.before, after, pageSize)
		if err != nil {
			return l.fail(err)
		}
		count += len(page)
		without, err := l.withoutSaga(ctx, page)
		if err != nil {
			return l.fail(err)
		}
		for _, id := range without {
			if _, ok := l.examine(ctx, id); !ok {
				return false
			}
		}
		if len(page) < pageSize {
			l.noteListed(count)
			return true
		}
		after = page[len(page)-1]
	}
}

// withoutSaga returns those of the orders that have no saga. Temporal's list may go on showing an execution that is
// gone. So a part of the orders is looked up one by one, another part at each look. Two looks have looked up all of
// them, up to partsMin times lookedUpMax open orders.
func (l *looking) withoutSaga(ctx context.Context, orders []uuid.UUID) ([]uuid.UUID, error) {
	if !l.inTurn {
		return l.o.Sagas.WithoutSaga(ctx, orders, false)
	}
	l.mu.Lock()
	parts := max(partsMin, (l.listed+lookedUpMax-1)/lookedUpMax)
	turn := l.looks % parts
	l.mu.Unlock()
	var trusted, doubted []uuid.UUID
	for _, id := range orders {
		if int(id[len(id)-1])%parts == turn {
			doubted = append(doubted, id)
		} else {
			trusted = append(trusted, id)
		}
	}
	without, err := l.o.Sagas.WithoutSaga(ctx, trusted, true)
	if err != nil {
		return nil, err
	}
	more, err := l.o.Sagas.WithoutSaga(ctx, doubted, false)
	return append(without, more...), err
}

func (f *Finder) noteListed(count int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.listed = count
}

// examine yields an order without a saga, if it needs one by its events: the view may be behind.
func (l *looking) examine(ctx context.Context, id uuid.UUID) (needed, goOn bool) {
	if l.ended[id] {
		return true, true
	}
	o, cause, err := l.needs(ctx, id)
	switch {
	case err != nil:
		return true, l.yield(Orphan{Order: order.Order{ID: id}}, fmt.Errorf("load order %s: %w", id, err))
	case cause == "":
		return false, true
	}
	if o.Status.Ended() {
		l.ended[id] = true
	}
	return true, l.yield(Orphan{Order: o, Cause: cause}, nil)
}

// needs says why an order needs a saga by its events; empty when it does not. The view may be behind. Or it may be
// ahead, of a store that was restored: such an order is no saga's.
func (f *Finder) needs(ctx context.Context, id uuid.UUID) (o order.Order, cause string, err error) {
	o, err = f.o.History.Order(ctx, id)
	switch {
	case domain.Code(err) == domain.CodeNotFound:
		f.o.Logger.WarnContext(ctx, "a view shows an order that has no events", "order_id", id.String())
		return o, "", nil
	case err != nil:
		return o, "", err
	case !o.Status.Ended():
		return o, "has no saga", nil
	}
	owes, err := f.o.History.Owes(ctx, o)
	if owes != "" {
		cause = "owes " + owes + " and has no saga"
	}
	return o, cause, err
}

// surplus finds orders that have ended, owe nothing, and have an open saga all the same.
func (l *looking) surplus(ctx context.Context) bool {
	for token := []byte(nil); ; {
		open, next, err := l.o.Sagas.OpenSagas(ctx, token)
		if err != nil {
			return l.fail(err)
		}
		ended, err := l.o.Views.EndedOrders(ctx, open, l.before)
		if err != nil {
			return l.fail(err)
		}
		gone, err := l.o.Sagas.WithoutSaga(ctx, ended, false)
		if err != nil {
			return l.fail(err)
		}
		for _, id := range ended {
			if !slices.Contains(gone, id) && !l.examineEnded(ctx, id) {
				return false
			}
		}
		if token = next; len(token) == 0 {
			return true
		}
	}
}

// examineEnded yields an order with a saga that it does not need by its events.
func (l *looking) examineEnded(ctx context.Context, id uuid.UUID) bool {
	o, cause, err := l.needs(ctx, id)
	switch {
	case err != nil:
		return l.yield(Orphan{Order: order.Order{ID: id}}, fmt.Errorf("load order %s: %w", id, err))
	case cause != "" || o.ID == uuid.Nil:
		return true
	}
	return l.yield(Orphan{Order: o, Cause: "has ended and still has a saga", Surplus: true}, nil)
}
